return net("class", input(2):dense(1))
