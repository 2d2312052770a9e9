local x = input(100)
return net("big", x:dense(200):relu():dense(50), { budget = { flash = "64K", ram = 700, macs = 20000 } })
