local x = input(4)
local a = x + nil
local b = "5" * x
local c = x / x
local d = 1 / x
local e = x / 0
local f = x ^ 2
local g = x % 2
local h = x // 2
local i = x .. 5
local j = "s" .. x
local k = x * 1e39
local l = x + 0 / 0
local m = {} - x
return net("joins", a + b)
