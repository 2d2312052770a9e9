local x = input(4)
local h = x:dense(3, { name = "dense2" })
h = h:dense(3)
return net("names", h)
