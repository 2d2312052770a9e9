-- tanh_twin.lua: sigmoid_twin.lua, written with tanh and rescaled: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
-- Task: which of three irises has these four measures. Data: iris, 150 flowers.
-- Expect: the same outputs from the same weights: mlpc tanh_twin.lua --weights sigmoid_twin.safetensors.
-- The rescaling costs nothing: constants are folded into the layers around them.
local function sigmoid_by_tanh(h)
    return (h / 2):tanh() / 2 + 0.5
end

local x = input(4)
local h = x:mlp({ 16, 16 }, sigmoid_by_tanh)
return net("tanh_twin", h:dense(3):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.02, epochs = 300, batch = 16,
})
