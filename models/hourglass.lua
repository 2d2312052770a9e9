-- hourglass.lua: wide, narrow in the middle, wide again: an autoencoder.
-- Task: rebuild an 8 x 8 picture from a few numbers. Data: UCI digits, pixels 0..16, which are also the
-- targets.
-- Expect: a smaller error than the best linear map through the same waist (-D act=none: the compiler
-- warns that this is one linear map, and of what rank): 4.4 against 6.3. With relu it is more: of eight
-- units in the waist some die, and nothing gets past a dead one.
local waist, act = param("waist", 8), param("act", "tanh")
local x = input(64)
local h = x:affine(1 / 16):hourglass { width = 64, depth = 1, waist = waist, act = act ~= "none" and act }
return net("hourglass_net", h:dense(64):affine(16), {
    loss = "mse", optimizer = "adam", lr = 0.002, epochs = 100, batch = 32,
})
