local x = input(4
