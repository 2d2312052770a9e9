local a, b = input(4, "a"), input(5, "b")
local h = a:dense(3) .. b:dense(3)
return net("two", h:dense(8))
