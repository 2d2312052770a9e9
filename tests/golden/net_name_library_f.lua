return net("tanhf", input(2):dense(1))
