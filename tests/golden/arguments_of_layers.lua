local x = input(4)
local h = x:relu(5)
h = h:leaky_relu("0.1")
h = h:leaky_relu(0.1, 0.2)
h = h:elu { b = 1 }
h = h:elu { a = "1" }
h = h:prelu { share = true }
h = h:prelu { shared = 1 }
h = h:sign(true)
h = h:sign { ste = 1 }
h = h:softmax { 1 }
h = h:batchnorm(1e-3, 2)
h = h:dense(3, 5)
h = h:dense(3, {}, 5)
return net("arguments", h)
