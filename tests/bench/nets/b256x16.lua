-- Sixteen square layers of 256: 4 MB, deep rather than wide.
local x = input(256)
for _ = 1, 16 do x = x:dense(256):relu() end
return net("b256x16", x)
