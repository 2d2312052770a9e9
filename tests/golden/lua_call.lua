local t = { layers = 3 }
t.layers(5)
