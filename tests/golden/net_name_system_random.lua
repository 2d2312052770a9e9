return net("random", input(2):dense(1))
