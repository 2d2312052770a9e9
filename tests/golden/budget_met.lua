local x = input(100)
return net("big", x:dense(200):relu():dense(50), { budget = { flash = "128 KB", ram = 800, macs = 30000 } })
