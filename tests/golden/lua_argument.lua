local x = input(4)
local s = ("x"):rep({})
