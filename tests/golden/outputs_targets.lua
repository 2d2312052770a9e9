local x = input(4, "value_T")
return net("outs", { policy = x:dense(1), value = x:dense(3) })
