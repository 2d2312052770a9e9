local n = net("early", input(2):dense(1))
return n:relu()
