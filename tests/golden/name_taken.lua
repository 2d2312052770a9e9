local x = input(4, "obs")
local h = x:dense(3, { name = "fc" })
h = h:relu { name = "fc" }
h = h:dense(3, { name = "obs" })
h = h:dense(3, { name = "dense4" })
h = h:dense(3)
return net("names", h)
