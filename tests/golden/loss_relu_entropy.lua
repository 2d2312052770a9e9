local x = input(8)
return net("loss", x:dense(3):relu(), { loss = "cross_entropy" })
