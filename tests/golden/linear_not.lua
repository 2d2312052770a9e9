-- None of these is a linear stack.
local x = input(8)
local h = x:dense(8):relu()
for _ = 1, 3 do h = h + h:dense(8):relu():dense(8) end
local p = x:dense(8) * x:dense(8)
local l = x:dense(8):layernorm():dense(8)
local z = x:dense(8)
local both = (z + z:dense(8):tanh()):relu():dense(8)
return net("fine", h:dense(3) .. p:dense(3) .. l .. both)
