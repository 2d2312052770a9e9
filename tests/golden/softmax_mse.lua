local x = input(8)
local scores = x:dense(3)
return net("slow", scores:softmax(), { loss = "mse" })
