local x = input(4)
return net("opts", x:dense(3), {
    los = "mse", optimizer = "adamm", lr = -1, epochs = 2.5, batch = "all", seed = -1, momentum = 2, labels = { "a", "b" },
    budget = { flash = "64X", rom = 5, ram = true }, schedule = 3, [1] = 2,
})
