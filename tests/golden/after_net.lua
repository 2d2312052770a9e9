local x = input(2)
local h = x:dense(3)
local n = net("early", h)
local late = h:relu() + x
local other = input(5)
return n
