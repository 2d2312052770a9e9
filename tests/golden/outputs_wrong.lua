local x = input(4, "obs")
return net("outs", { obs = x:dense(1), policy = 5, ["a b"] = x:dense(2), value = x:dense(3), Value = x:dense(3),
    double = x:dense(4) })
