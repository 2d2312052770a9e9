local width = 7
assert(width % 2 == 0)
