return net("uint", input(2):dense(1))
