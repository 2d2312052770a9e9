-- digits.lua: a small classifier of real pictures, 64 -> 64 -> 10.
-- Task: which digit is on an 8 x 8 picture. Data: UCI digits, 1,797 pictures, pixels 0..16.
-- Expect: at least 0.97 of pictures it has not seen right.
-- The scaling of the pixels belongs to the net: the C takes them as they are, and the compiler folds it
-- into dense1.
local x = input(64)
local h = x:affine(1 / 16):dense(64):relu()
return net("digits", h:dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.005, epochs = 40, batch = 32,
})
