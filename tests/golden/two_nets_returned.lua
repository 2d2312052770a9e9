local x = input(2)
return net("a", x:dense(1)), net("b", x:dense(2))
