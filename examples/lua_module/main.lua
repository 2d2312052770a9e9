-- main.lua: a Lua program with a net in it: learns a sine from samples, draws it, and leaves C behind.
local mlpc = require "mlpc"

local samples = {}
for k = -80, 80 do
    local x = k / 20
    samples[#samples + 1] = { x, math.sin(x) }
end

local x = mlpc.input(1, "angle")
local sine = mlpc.net("sine", x:dense(16):tanh():dense(16):tanh():dense(1), { loss = "mse" })

local result = sine:train(samples, { epochs = 1000, lr = 0.01, schedule = "cosine", quiet = true })
io.write(string.format("learnt in %d epochs from %d samples, loss below 0.0001: %s\n", result.epochs, #samples,
    result.loss < 1e-4))

for _, degrees in ipairs { 30, 90, 150, 210 } do
    io.write(string.format("sin %3d = %.1f\n", degrees, sine { math.rad(degrees) }))
end

local ok, why = pcall(sine, { 1, 2 })
io.write(ok and "?" or why:match("sine: .*"), "\n")

sine:save("sine.safetensors")
sine:c("sine.c")
io.write("wrote sine.safetensors, sine.c and sine.h\n")
