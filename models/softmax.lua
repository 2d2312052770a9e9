-- softmax.lua: a softmax classifier: one linear layer, its scores turned into probabilities of classes.
-- Task: which of three irises has these four measures. Data: iris, 150 flowers.
-- Expect: about 0.95 right: setosa stands apart, the other two meet, and the borders between classes are
-- straight.
local x = input(4)
return net("softmax_net", x:dense(3):softmax(), {
    loss = "cross_entropy", optimizer = "adam", lr = 0.05, epochs = 300, batch = 16,
    labels = { "setosa", "versicolor", "virginica" },
})
