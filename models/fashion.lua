-- fashion.lua: one wide hidden layer, 784 -> 256 -> 10, 203,530 parameters.
-- Task: which of ten kinds of clothing is on a 28 x 28 picture. Data: Fashion-MNIST, pixels divided by
-- 255.
-- Expect: 0.89 of the test pictures right after 10 epochs. The falling rate matters: at a constant one the
-- last epoch is as good as chance has it, 0.882 to 0.884.
local width = param("width", 256) -- mlpc -D width=512 fashion.lua
local x = input(784)
local h = x:dense(width):relu()
return net("fashion", h:dense(10):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.001, batch = 128, epochs = 10,
    schedule = "cosine",
    labels = {
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    },
})
