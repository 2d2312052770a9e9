local x = input(8)
return net("steps", x:dense(4):sign():dense(1))
