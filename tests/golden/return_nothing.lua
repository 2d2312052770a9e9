local x = input(2)
local h = x:dense(1)

-- and that was all
