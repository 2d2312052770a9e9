-- Eight square layers of 1024.
return net("b8x1024", input(1024):mlp({ 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024 }, "relu"))
