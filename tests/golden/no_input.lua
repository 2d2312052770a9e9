return net("nothing", relu(dense(nil, 4)))
