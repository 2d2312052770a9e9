-- prelu.lua: ReLU keeps its gradient on half the line; PReLU learns the slope of the other half, one for
-- each unit.
-- Task: which digit is on an 8 x 8 picture. Data: UCI digits, pixels 0..16.
-- Expect: like digits.lua, and after training slopes (prelu1.weight) that moved away from where they
-- began, 0.25.
local x = input(64)
local h = x:affine(1 / 16):dense(32):prelu():dense(32):prelu()
return net("prelu_net", h:dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.005, epochs = 40, batch = 32,
})
