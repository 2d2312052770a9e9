-- digits.lua: handwritten digits of 8 x 8 pixels, 0..16, to be trained where it runs.
local pixels = input(64, "pixels")
return net("digits", pixels:affine(1 / 16, 0):dense(48):relu():dense(10):softmax(), { optimizer = "momentum", momentum = 0.9 })
