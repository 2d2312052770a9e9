return net("main", input(2):dense(1))
