local x = input(8)
return net("loss", x:dense(1):sigmoid(), { loss = "cross_entropy" })
