local x = input(6)
local a = x:dense(8)
local b = x:dense(4)
return net("n1", a + b)
