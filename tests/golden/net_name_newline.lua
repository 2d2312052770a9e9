return net("a\nb", input(2):dense(1))
