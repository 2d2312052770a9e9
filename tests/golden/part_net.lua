-- part_net.lua: makes a net of its own, and hands out a tensor of it.
local code = input(8, "sound"):dense(3)
return { net = net("coder", code), code = code }
