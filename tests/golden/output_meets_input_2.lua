local x = input(4)
return net("outs", { x = x:dense(1), v = x:dense(2) })
