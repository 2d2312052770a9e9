local x = input(1 << 20)
return net("wide", x .. x)
