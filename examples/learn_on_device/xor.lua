-- xor.lua: the smallest net that needs a hidden layer, to be trained where it runs.
return net("xor_net", input(2):dense(8):tanh():dense(1):sigmoid(), { optimizer = "adam" })
