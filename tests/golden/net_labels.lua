local x = input(4)
return net("opts", x:dense(3), { labels = { "a", "two\nlines", 3 } })
