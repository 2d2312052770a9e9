-- wave.lua: one hidden layer draws a curve: sin(x) from -pi to pi.
-- Task: 1 number to 1 number. Data: 401 points of the sine. Expect: off by less than 0.001 everywhere in between.
return net("wave", input(1):dense(12):tanh():dense(1), { loss = "mse" })
