return net("std", input(2):dense(1))
