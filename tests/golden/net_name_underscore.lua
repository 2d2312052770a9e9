return net("_net", input(2):dense(1))
