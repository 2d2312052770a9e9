local x = input(4, "y")
return net("outs", x:dense(1))
