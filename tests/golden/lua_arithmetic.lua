local x = input(4)
local h = x:dense(2 * widht)
