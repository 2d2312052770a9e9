-- Every method and every plain function, with its numbers.
local x = input(6, "obs")
local h = x:dense(8, { bias = false, init = "glorot", name = "fc1" }):batchnorm(1e-3):layernorm { eps = 1e-4 }:dropout(0.25)
h = h:relu():leaky_relu(0.2):prelu():prelu { shared = true, a = 0.1 }:elu(0.5):selu():gelu():silu()
h = h:sigmoid():tanh():hard_sigmoid():hard_tanh():softplus():softsign():sign { ste = true }:exp { name = "e" }
h = h:affine(2, -1):affine({ 1, 2, 3, 4, 5, 6, 7, 8 })
h = softmax(log_softmax(relu(dense(h, 8))))
local j = (h + 1 - h) * h * 2 / 4 - 3
j = 1 - j
local c = -j .. x .. h:slice(2, -2):slice(-1)
return net("all", { policy = c:slice(3):softmax(), value = c:slice(-2, -2) })
