local x = input(4)
return net("n, x:dense(3))
