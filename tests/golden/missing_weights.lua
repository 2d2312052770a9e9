local x = input(2)
return net("lacking", x:dense(1))
