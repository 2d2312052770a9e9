local x = input(4)
local h = = x:dense(3)
return net("n", h)
