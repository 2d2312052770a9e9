local x = input(8)
return net("steps", (x:sign():dense(4):sign { ste = true }):dense(1))
