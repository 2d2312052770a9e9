local x = input(4, "obs")
local h = x:dense(8)
print(x, h, #h, 1.5, nil)
for name, value in pairs { b = 1, a = 2, 3 } do print(name, value) end
local n = net("printed", { policy = h, value = x:dense(1) })
print(n)
return n
