local n = net("one", input(2):dense(1))
return n, 2
