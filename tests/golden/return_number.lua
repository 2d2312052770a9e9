local x = input(2)
return 42
