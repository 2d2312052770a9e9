-- wide.lua: one hidden layer, wide enough, comes as near to any continuous function as one likes.
-- Task: y = sin(x) on -pi..pi. Data: rows x,y of your own making.
-- Expect: the error falls as the width grows: mlpc sweep wide.lua --data sine.csv -D width=2,4,8,16,32.
-- Nobody would do it this way where a deeper net of the same size does better: see deep.lua.
local width = param("width", 16)
local x = input(1)
return net("wide", x:dense(width):tanh():dense(1), {
    loss = "mse", optimizer = "adam", lr = 0.01, epochs = 1000,
})
