local x = input(8)
local h = x
for _ = 1, 5 do
    h = h:dense(8):tanh()
end
h = h:dense(8):sigmoid()
return net("deep", h:dense(1):sigmoid())
