-- A net of 2.7 MB: beyond the second cache.
return net("b784_512_512_10", input(784):mlp({ 512, 512 }, "relu"):dense(10), { loss = "mse", optimizer = param("optimizer", "sgd") })
