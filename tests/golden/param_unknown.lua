local width = param("width", 16)
local deep = param("deep", true)
return net("p", input(2):dense(width))
