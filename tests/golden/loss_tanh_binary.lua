local x = input(8)
return net("loss", x:dense(1):tanh(), { loss = "binary_cross_entropy" })
