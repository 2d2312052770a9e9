local other = require "part_net"
local y = other.code:dense(4)
return net("mine", y)
