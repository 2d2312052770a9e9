-- parity.lua: is the number of ones odd? XOR of three bits, which no single linear separator can do: it needs a hidden layer.
-- Task: 3 bits to the sum bit of a full adder. Data: all 8 cases. Expect: 8 of 8 on either side of 0.5.
return net("parity", input(3):dense(4):tanh():dense(1):sigmoid(), { loss = "binary_cross_entropy" })
