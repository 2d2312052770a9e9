return net("2layers", input(2):dense(1))
