-- vanishing.lua: sigmoid upon sigmoid: flat outside about -2..2, a slope of 1/4 at best, and eight of
-- them in a row.
-- Task: which digit is on an 8 x 8 picture. Data: UCI digits, pixels 0..16.
-- Expect: the warning saturating-depth, and a training that hardly moves; deep.lua learns the same with
-- ReLU.
local h = input(64):affine(1 / 16)
for _ = 1, 8 do
    h = h:dense(32):sigmoid()
end
return net("vanishing", h:dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "sgd", lr = 0.1, epochs = 40, batch = 32,
})
