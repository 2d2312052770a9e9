local x = input(2)
return net("spare", x:dense(1))
