local x = input(16)
local a = x:mlp()
local b = x:mlp({})
local c = x:mlp({ 4, "five" }, "relu")
local d = x:mlp({ 4 }, "rellu")
local e = x:mlp({ 4 }, 5)
local f = x:mlp({ 4 }, function() return 5 end)
local g = x:mlp({ 4 }, "relu", { batchnrom = true })
local h = x:hourglass()
local i = x:hourglass { width = 8, depth = 2 }
local j = x:hourglass { width = 8, depth = 0, waist = 2 }
local k = x:hourglass { width = 8, depth = 1, waist = 2, wasit = 3 }
local l = x:hourglass { width = 0, depth = 1, waist = 2 }
return net("shapes", a)
