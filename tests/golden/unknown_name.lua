local x = input(4)
return net("names", dens(x, 8):relu())
