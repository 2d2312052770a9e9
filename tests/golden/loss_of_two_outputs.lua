local x = input(8)
local h = x:dense(16):relu()
return net("two", { policy = h:dense(4):softmax(), value = h:dense(1):tanh() }, { loss = "cross_entropy" })
