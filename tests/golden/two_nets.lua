local x = input(2)
local a = net("a", x:dense(1))
local b = net("b", x:dense(2))
return b
