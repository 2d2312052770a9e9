local x = input(8)
return net("loss", x:dense(3):sigmoid(), { loss = "cross_entropy" })
