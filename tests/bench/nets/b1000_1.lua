-- One number from a thousand.
return net("b1000_1", input(1000):dense(1))
