-- Handwritten digits: weights in the second cache.
return net("b784_256_10", input(784):dense(256):relu():dense(10), { loss = "mse", optimizer = param("optimizer", "sgd") })
