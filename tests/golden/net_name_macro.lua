return net("linux", input(2):dense(1))
