local x = input(4)
local h = x:dense(8)
return net("names", hh:relu())
