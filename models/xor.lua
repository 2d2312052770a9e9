-- xor.lua: XOR with a hidden layer.
-- Task: XOR of two inputs. Data: the four rows 0,0,0  0,1,1  1,0,1  1,1,0.
-- Expect: all 4 right. The hidden units bend the plane so that one line separates what no line could
-- before.
local hidden = param("hidden", 8) -- try -D hidden=2: enough in theory, and it often gets stuck
local x = input(2)
return net("xor_net", x:dense(hidden):tanh():dense(1):sigmoid(), {
    loss = "binary_cross_entropy", optimizer = "adam", lr = 0.05, epochs = 500, batch = 4,
})
