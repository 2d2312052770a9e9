-- Three in a row, four with normalisation, four with a way around, and the output's own.
local x = input(8)
local a, b, c, d = x, x, x, x
for _ = 1, 3 do a = a:dense(8):sigmoid() end
for _ = 1, 4 do b = b:dense(8):batchnorm():tanh() end
for _ = 1, 4 do c = c + c:dense(8):tanh() end
for _ = 1, 2 do d = d:dense(8):tanh():dense(8):tanh():dense(8):relu() end
return net("fine", { a = a:dense(8):sigmoid(), b = b:dense(1), c = c:relu():dense(1), d = d:dense(1) })
