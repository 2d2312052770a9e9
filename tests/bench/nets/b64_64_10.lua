-- Weights within the first cache, and a tanh for each of them 64.
return net("b64_64_10", input(64):dense(64):tanh():dense(10))
