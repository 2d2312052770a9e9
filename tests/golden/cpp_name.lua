local x = input(2)
return net("xor", x:dense(8):tanh():dense(1):sigmoid(), { loss = "mse" })
