local function layer(x, width)
    return x:dense(width)
end

local function block(x, width) return layer(x, width):relu() end

local x = input(4)
local h = block(x, 8)
h = h:mlp({ 5, 6 }, function(t)
    return t:leaky_relu(0.2)
end)
for width = 3, 4 do
    h = block(h, width)
end
return net("lines", h)
