return net("", input(2):dense(1))
