-- sigmoid_twin.lua: a net with sigmoid; tanh_twin.lua is the same function written with tanh.
-- Task: which of three irises has these four measures. Data: iris, 150 flowers.
-- Expect: given one file of weights the twins agree to the last rounding, because sigmoid(x) = tanh(x /
-- 2) / 2 + 1 / 2.
local x = input(4)
local h = x:dense(16):sigmoid():dense(16):sigmoid()
return net("sigmoid_twin", h:dense(3):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.02, epochs = 300, batch = 16,
})
