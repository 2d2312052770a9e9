local x = input(4)
return net("opts", x:dense(3), "mse", 5)
