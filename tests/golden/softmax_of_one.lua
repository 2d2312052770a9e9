local x = input(8)
return net("always", x:dense(1):softmax())
