local x = input(4)
return net("outs", {})
