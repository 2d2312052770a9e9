local x = input(2)
return x:dense(1)
