local part = require "part_blocks"
local again = require "part_blocks"
assert(part == again)
local x = input(4)
local h = part.block(x, 8)
h = part.tail(h, 3)
h = part.wrong(h)
return net("lines", h)
