return net("exp", input(2):dense(1))
