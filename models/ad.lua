-- ad.lua: the MLPerf Tiny anomaly-detection autoencoder: wide, narrow in the middle, wide again.
-- Task: rebuild 5 frames of a machine's sound (128 mel bands each); what it cannot rebuild is out of the ordinary.
-- Data: ToyADMOS toy cars (DCASE 2020 task 2); trained weights in ad.safetensors (ad.LICENSE says whose they are).
-- Expect: the mean squared difference over one sound file is its anomaly score; `make demo` gets the published 9.491290.
local x = input(640)
local h = x
for _, width in ipairs { 128, 128, 128, 128, 8, 128, 128, 128, 128 } do
    h = h:dense(width):batchnorm(1e-3):relu()
end
return net("ad", h:dense(640), { loss = "mse" })
