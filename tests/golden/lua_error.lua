local function check(width)
    if width > 100 then error("too wide: " .. width, 2) end
end

check(10)
check(1000)
