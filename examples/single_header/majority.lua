-- majority.lua: are two or three of three bits set? One linear separator is enough.
-- Task: 3 bits to the carry bit of a full adder. Data: all 8 cases. Expect: 8 of 8 on either side of 0.5.
return net("majority", input(3):dense(1):sigmoid(), { loss = "binary_cross_entropy" })
