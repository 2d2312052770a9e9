local x = input(8)
return net("loss", x:dense(3):softmax(), { loss = "binary_cross_entropy" })
