-- deep.lua: deep and straight: many layers of one width, a shape better written as a loop than by hand.
-- Task: which digit is on an 8 x 8 picture. Data: UCI digits, pixels 0..16.
-- Expect: like digits.lua. The picture is easy, the depth shows that ReLU lets gradients through: with
-- -D act=sigmoid the compiler warns of the depth, and the net learns slowly or not at all.
local depth, width, act = param("depth", 6), param("width", 32), param("act", "relu")
local h = input(64):affine(1 / 16)
for _ = 1, depth do
    h = h:mlp({ width }, act)
end
return net("deep", h:dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.002, epochs = 40, batch = 32,
})
