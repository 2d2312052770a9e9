-- linear_stack.lua: the stack that collapses: without an activation 10 -> 5 -> 10 is one linear map, of
-- rank 5 at most.
-- Task: none; the compiler's warnings are the point. Data: none.
-- Expect: two warnings, linear-stack and rank-bottleneck. A ReLU behind the first layer silences both.
local x = input(10)
local h = x:dense(5)
return net("linear_stack", h:dense(10))
