-- xor_product.lua: two linear separators, multiplied.
-- Task: XOR of two inputs. Data: the four rows 0,0,0  0,1,1  1,0,1  1,1,0.
-- Expect: all 4 right. Each factor is one line across the plane; the product is positive where both
-- agree, and two lines can agree on 0,1 and 1,0 alone. No hidden layer, 6 parameters.
local x = input(2)
local one = x:dense(1):tanh()
local other = x:dense(1):tanh()
return net("xor_product", one * other, {
    loss = "mse", optimizer = "adam", lr = 0.05, epochs = 1000, batch = 4,
})
