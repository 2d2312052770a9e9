-- two_heads.lua: two inputs, a common body, two outputs: an actor and its critic.
-- Task: choose one of four moves, and say how good the state is. Data: none here; it is trained inside
-- its game, through the C that mlpc writes: void two_heads(const float *state, const float *goal, float
-- *policy, float *value).
-- Expect: policy adds up to 1, value lies in -1..1.
local state, goal = input(12, "state"), input(3, "goal")
local body = (state .. goal):mlp({ 64, 64 }, "relu")
local policy = body:dense(4, { name = "actor" }):softmax()
local value = body:dense(1, { name = "critic" }):tanh()
return net("two_heads", { policy = policy, value = value })
