-- The shape of ad.lua to learn: wide, narrow in the middle, wide again.
local h = input(640):hourglass({ width = 128, depth = 4, waist = 8, act = "relu" })
return net("b640_8_640", h:dense(640), { loss = "mse", optimizer = param("optimizer", "sgd") })
