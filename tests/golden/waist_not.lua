-- Products and sums of single units, single outputs and single inputs are no waist.
local x, t = input(8, "x"), input(1, "time")
local p = x:dense(1):tanh() * x:dense(1):tanh()
local s = t:dense(4):relu()
return net("fine", { product = p:dense(3), alone = x:dense(1), later = s })
