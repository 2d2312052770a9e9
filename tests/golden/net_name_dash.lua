return net("my-net", input(2):dense(1))
