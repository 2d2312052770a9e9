return net("int", input(2):dense(1))
