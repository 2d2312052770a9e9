-- Weights within the first cache, and an activation for each 64 of them; softmax stands behind the outputs, as it does.
local act = param("act", "tanh")
local h = input(64):dense(64)
if act == "softmax" then
    return net("b64_64_10", h:relu():dense(10):softmax())
end
return net("b64_64_10", h[act](h):dense(10))
