local x = input(784)
local h = x:dense(256):relu()
return net("fashion", h:dense(10):softmax(), { loss = "cross_entropy" })
