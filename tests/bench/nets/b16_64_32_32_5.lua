-- A controller: four thin layers, each waiting for the one before.
return net("b16_64_32_32_5", input(16):mlp({ 64, 32, 32 }, "relu"):dense(5), { loss = "mse", optimizer = param("optimizer", "sgd") })
