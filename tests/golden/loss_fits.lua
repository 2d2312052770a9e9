local x = input(8)
return net("fits", x:dense(3), { loss = "cross_entropy", labels = { "a", "b", "c" }, lr = 0.1, epochs = 10 })
