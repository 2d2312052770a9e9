-- The feed-forward half of a transformer block: 33 MB.
return net("b1024_4096_1024", input(1024):dense(4096):relu():dense(1024), { loss = "mse", optimizer = param("optimizer", "sgd") })
