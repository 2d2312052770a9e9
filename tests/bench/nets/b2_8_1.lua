-- The smallest useful net: a call costs nanoseconds, all of them latency.
return net("b2_8_1", input(2):dense(8):tanh():dense(1):sigmoid(), { loss = "mse", optimizer = param("optimizer", "sgd") })
