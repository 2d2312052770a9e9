local x = input(4)
local h = x
    :dense(8)
    :relu()
    :dense(
        6
    )
local g = relu(
    dense(h, 5)
)
local a = h:dense(5)
    + g
    * 2
local b = a
    :mlp({ 4,
           3 }, "tanh")
local f = b.dense
local c = f(b, 3)
local d = -c
    .. b:slice(1, 2)
return net("lines",
    d:dense(2)
     :softmax())
