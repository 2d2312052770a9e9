local x = input(8)
local h = x:dense(16):relu()
h = h:dense(1):relu()
return net("thin", h:dense(16):relu():dense(8))
