-- flowers.lua: which of three irises, from four lengths. Compiled without weights: main.c learns them.
local x = input(4)
return net("flowers", x:dense(16):tanh():dense(3):softmax(), { loss = "cross_entropy", optimizer = "adam" })
