local x = input(4)
return net("opts", x:dense(3), { labels = "a, b, c", budget = 5, loss = "cross-entropy" })
