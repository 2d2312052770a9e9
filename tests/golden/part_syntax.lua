-- part_syntax.lua: does not parse.
local function f(x)
    return x +
end
