local w, on, act, s = param("w", 4), param("on", false), param("act", "relu"), param("s", 0.5)
print(w, math.type(w), on, act, s)
local h = input(2):dense(w)
if on then h = h[act](h) end
return net("p", h * s)
