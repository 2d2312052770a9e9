local x = input(10)
local h = x:dense(5)
local y = h:dense(10)
return net("pca", y)
