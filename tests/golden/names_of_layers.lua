local x = input(4)
local h = x:dense(3, { name = "fc-1" })
h = h:dense(3, { name = "1st" })
h = h:dense(3, { name = "int" })
h = h:dense(3, { name = "template" })
h = h:dense(3, { name = "_fc" })
h = h:dense(3, { name = "" })
h = h:dense(3, { name = ("long"):rep(16) })
h = h:relu { name = "größe" }
h = h:relu { name = "a\0b" }
return net("names", h)
