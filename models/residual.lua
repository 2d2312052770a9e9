-- residual.lua: blocks that add what they find to what they were given, so that the gradient has a way
-- around each.
-- Task: which digit is on an 8 x 8 picture. Data: UCI digits, pixels 0..16.
-- Expect: like digits.lua, at a depth (13 dense layers) where a straight net is harder to train.
local blocks, width = param("blocks", 6), param("width", 32)

local function block(h)
    return h + h:dense(width):relu():dense(width)
end

local h = input(64):affine(1 / 16):dense(width):relu()
for _ = 1, blocks do
    h = block(h)
end
return net("residual", h:relu():dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.002, epochs = 40, batch = 32,
})
