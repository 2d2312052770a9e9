local x = input(4)
io.write("hello")
return net("names", x:dense(2))
