-- Every backward node, two losses and a penalty.
local x = input(6)
local z = input(4, "z")
local h = x:dense(8):batchnorm():relu():dropout(0.2)
local a = h:slice(1, 4) * (z - h:slice(5, 8):sigmoid())
local b = (a .. h):dense(5):prelu():layernorm()
local c = b + b:dense(5):gelu()
local q = (c * 2 + 1):dense(3):log_softmax() * c:dense(3):softmax()
return net("learning", { policy = c:dense(3):softmax(), worth = q }, { l2 = 0.01 })
