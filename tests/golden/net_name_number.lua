return net(5, input(2):dense(1))
