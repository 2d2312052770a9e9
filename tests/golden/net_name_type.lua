return net("size_t", input(2):dense(1))
