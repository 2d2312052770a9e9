local x = input(4)
local h = x.dense(8)
h = h.relu()
return net("dots", h)
