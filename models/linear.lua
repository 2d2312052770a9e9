-- linear.lua: one linear separator, the smallest net there is.
-- Task: XOR of two inputs. Data: the four rows 0,0,0  0,1,1  1,0,1  1,1,0.
-- Expect: never more than 3 of 4 right (75 %), however long it learns: no straight line has 0,1 and 1,0
-- on one side and 0,0 and 1,1 on the other. xor_product.lua and xor.lua are the two ways out.
local x = input(2)
return net("linear", x:dense(1):sigmoid(), {
    loss = "binary_cross_entropy", optimizer = "adam", lr = 0.05, epochs = 500, batch = 4,
})
