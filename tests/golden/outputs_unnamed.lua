local x = input(4)
return net("outs", { x:dense(1), x:dense(2) })
