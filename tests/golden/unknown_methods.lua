local x = input(4)
local h = x:rellu()
h = h:Dense(5)
h = h:linear(5)
h = h:batch_norm()
h = h:concat(x)
h = h:conv2d(3)
local w = x.width
local one = x[1]
x.name = "input"
return net("methods", h)
