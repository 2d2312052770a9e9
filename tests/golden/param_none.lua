return net("p", input(2):dense(3))
