local x = input(4)
if x < 3 then print(x) end
