-- sandbox.lua: what of Lua's library a script sees. Runs once in a fresh state, before any script.
--
-- A script may loop, but the count hook that ends it cannot look into a function written in C. So the library functions
-- that can be made to work for minutes in one call (patterns, rep, sort, move) are done in Lua here. Random numbers
-- begin at one seed and pairs walks tables in one order: the same input gives the same net.

local host = ... -- pcall, print and BYTES_MAX, from the C side
local byte, char, sub, format, find_native = string.byte, string.char, string.sub, string.format, string.find
local concat, tointeger, ipairs, next, rawget = table.concat, math.tointeger, ipairs, next, rawget
local type, tostring, error, select = type, tostring, error, select
local BYTES_MAX = host.BYTES_MAX

-- Arguments as the C library takes them: a number will do for a string.
local function text(v, n, name)
    if type(v) == "string" then return v end
    if type(v) == "number" then return tostring(v) end
    error(format("bad argument #%d to '%s' (string expected, got %s)", n, name, v == nil and "no value" or type(v)), 0)
end

local function integer(v, default, n, name)
    if v == nil and default then return default end
    local i = tointeger(v)
    if i then return i end
    local got = type(v) == "number" and "number has no integer representation"
        or "number expected, got " .. (v == nil and "no value" or type(v))
    error(format("bad argument #%d to '%s' (%s)", n, name, got), 0)
end

---------------------------------------------------------------------------------------------------------------------
-- Patterns. One is parsed into items, then matched by backtracking, item by item. A set of characters ("%a", "[^x-z]")
-- is asked from the C library, one character at a time, and remembered.

local sets = {} -- source of a set -> { [byte] = true or false }

local function set_of(source)
    local set = sets[source]
    if set then return set end
    if #source == 1 and source ~= "." then
        set = { [byte(source)] = true }
    else
        set = setmetatable({}, { __index = function(self, b)
            local inside = find_native(char(b), source) ~= nil
            self[b] = inside
            return inside
        end })
    end
    sets[source] = set
    return set
end

-- The index behind the set that begins at i.
local function set_end(p, i)
    local c = byte(p, i)
    if c == 37 then -- %
        if i == #p then error("malformed pattern (ends with '%')", 0) end
        return i + 2
    elseif c ~= 91 then -- [
        return i + 1
    end
    i = i + 1
    if byte(p, i) == 94 then i = i + 1 end -- ^
    local first = true
    while true do
        local k = byte(p, i)
        if not k then error("malformed pattern (missing ']')", 0) end
        if k == 93 and not first then return i + 1 end
        i = i + (k == 37 and i < #p and 2 or 1)
        first = false
    end
end

local REPEATS = { [42] = "*", [43] = "+", [45] = "-", [63] = "?" }

local function parse(p, i)
    local items, n, opened, stack = {}, 0, 0, {}
    while i <= #p do
        local c = byte(p, i)
        local item
        if c == 40 then -- (
            opened = opened + 1
            if opened > 32 then error("too many captures", 0) end
            local position = byte(p, i + 1) == 41
            item = { kind = position and "position" or "open", capture = opened }
            if not position then stack[#stack + 1] = opened end
            i = i + (position and 2 or 1)
        elseif c == 41 then -- )
            if #stack == 0 then error("invalid pattern capture", 0) end
            item = { kind = "close", capture = stack[#stack] }
            stack[#stack] = nil
            i = i + 1
        elseif c == 36 and i == #p then -- $
            item, i = { kind = "end" }, i + 1
        elseif c == 37 and byte(p, i + 1) == 98 then -- %b
            if i + 3 > #p then error("malformed pattern (missing arguments to '%b')", 0) end
            item, i = { kind = "balance", from = byte(p, i + 2), to = byte(p, i + 3) }, i + 4
        elseif c == 37 and byte(p, i + 1) == 102 then -- %f
            if byte(p, i + 2) ~= 91 then error("missing '[' after '%f' in pattern", 0) end
            local after = set_end(p, i + 2)
            item, i = { kind = "frontier", set = set_of(sub(p, i + 2, after - 1)) }, after
        elseif c == 37 and find_native(sub(p, i + 1, i + 1), "^%d") then
            local k = byte(p, i + 1) - 48
            local open = k < 1 or k > opened
            for _, o in ipairs(stack) do open = open or o == k end
            if open then error(format("invalid capture index %%%d in pattern", k), 0) end
            item, i = { kind = "back", capture = k }, i + 2
        else
            local after = set_end(p, i)
            item = { kind = "set", set = set_of(sub(p, i, after - 1)), rep = REPEATS[byte(p, after)] }
            i = after + (item.rep and 1 or 0)
        end
        n = n + 1
        items[n] = item
    end
    if #stack > 0 then error("unfinished capture", 0) end
    items.captures = opened
    return items
end

-- The end of a match of items[k...] at s[i...], or nil. from[c], to[c]: capture c; to is false for a position.
local match_at

-- As many as possible, then fewer.
local function match_most(s, i, items, k, set, least, from, to)
    local n = 0
    while true do
        local b = byte(s, i + n)
        if not b or not set[b] then break end
        n = n + 1
    end
    while n >= least do
        local e = match_at(s, i + n, items, k + 1, from, to)
        if e then return e end
        n = n - 1
    end
end

-- As few as possible, then more.
local function match_least(s, i, items, k, set, from, to)
    while true do
        local e = match_at(s, i, items, k + 1, from, to)
        if e then return e end
        local b = byte(s, i)
        if not b or not set[b] then return nil end
        i = i + 1
    end
end

local function balance_end(s, i, a, z)
    if byte(s, i) ~= a then return nil end
    local depth = 1
    for e = i + 1, #s do
        local b = byte(s, e)
        if b == z then
            depth = depth - 1
            if depth == 0 then return e + 1 end
        elseif b == a then
            depth = depth + 1
        end
    end
end

match_at = function(s, i, items, k, from, to)
    while true do
        local item = items[k]
        if not item then return i end
        local kind = item.kind
        if kind == "set" then
            local rep, set = item.rep, item.set
            local b = byte(s, i)
            if rep == "*" then return match_most(s, i, items, k, set, 0, from, to) end
            if rep == "+" then return match_most(s, i, items, k, set, 1, from, to) end
            if rep == "-" then return match_least(s, i, items, k, set, from, to) end
            local here = b and set[b]
            if rep == "?" and here then
                local e = match_at(s, i + 1, items, k + 1, from, to)
                if e then return e end
            elseif not rep then
                if not here then return nil end
                i = i + 1
            end
        elseif kind == "open" or kind == "position" then
            from[item.capture], to[item.capture] = i, false
        elseif kind == "close" then
            local c = item.capture
            local old = to[c]
            to[c] = i - 1
            local e = match_at(s, i, items, k + 1, from, to)
            if not e then to[c] = old end
            return e
        elseif kind == "end" then
            return i == #s + 1 and i or nil
        elseif kind == "balance" then
            i = balance_end(s, i, item.from, item.to)
            if not i then return nil end
        elseif kind == "frontier" then
            if item.set[byte(s, i - 1) or 0] or not item.set[byte(s, i) or 0] then return nil end
        else -- back
            local c = item.capture
            local again = to[c] and sub(s, from[c], to[c]) or error("a position capture cannot be matched again", 0)
            if sub(s, i, i + #again - 1) ~= again then return nil end
            i = i + #again
        end
        k = k + 1
    end
end

local function capture(s, from, to, c)
    if to[c] then return sub(s, from[c], to[c]) end
    return from[c]
end

local function captures(s, from, to, c, n)
    if c <= n then return capture(s, from, to, c), captures(s, from, to, c + 1, n) end
end

-- What a match from i to e - 1 gives: its captures, or the whole when there are none.
local function results(s, i, e, items, from, to)
    if items.captures == 0 then return sub(s, i, e - 1) end
    return captures(s, from, to, 1, items.captures)
end

local function start(s, init, name)
    local i = integer(init, 1, 3, name)
    return i > 0 and i or i == 0 and 1 or i < -#s and 1 or #s + i + 1
end

-- The first match at or after i: its beginning, its end, the items and the captures.
local function search(s, p, i)
    local anchored = byte(p, 1) == 94
    local items, from, to = parse(p, anchored and 2 or 1), {}, {}
    repeat
        local e = match_at(s, i, items, 1, from, to)
        if e then return i, e, items, from, to end
        i = i + 1
    until anchored or i > #s + 1
end

local function find(s, p, init, plain)
    s, p = text(s, 1, "find"), text(p, 2, "find")
    local i = start(s, init, "find")
    if i > #s + 1 then return nil end
    if plain or not find_native(p, "[%^%$%*%+%?%.%(%)%[%]%%%-]") then
        if (#s - i) * #p > 1e8 then error("find: the strings are too long", 0) end
        return find_native(s, p, i, true)
    end
    local b, e, items, from, to = search(s, p, i)
    if b then return b, e - 1, captures(s, from, to, 1, items.captures) end
    return nil
end

local function match(s, p, init)
    s, p = text(s, 1, "match"), text(p, 2, "match")
    local i = start(s, init, "match")
    if i > #s + 1 then return nil end
    local b, e, items, from, to = search(s, p, i)
    if b then return results(s, b, e, items, from, to) end
    return nil
end

local function gmatch(s, p, init)
    s, p = text(s, 1, "gmatch"), text(p, 2, "gmatch")
    local i, last, items = start(s, init, "gmatch"), nil, parse(p, 1)
    return function()
        while i <= #s + 1 do
            local from, to = {}, {}
            local b, e = i, match_at(s, i, items, 1, from, to)
            if e and e ~= last then -- an empty match right behind the last one is not another
                i, last = e, e
                return results(s, b, e, items, from, to)
            end
            i = i + 1
        end
    end
end

-- What stands in place of a match that runs from i to e - 1.
local function replacement(s, i, e, items, from, to, by)
    local kind, value = type(by), nil
    if kind == "string" then
        local out, n, j = {}, 0, 1
        while j <= #by do
            local at = find_native(by, "%", j, true) or #by + 1
            n = n + 1
            out[n] = sub(by, j, at - 1)
            if at <= #by then
                local c = sub(by, at + 1, at + 1)
                n = n + 1
                if c == "%" then
                    out[n] = "%"
                elseif c == "0" then
                    out[n] = sub(s, i, e - 1)
                elseif find_native(c, "^%d") then
                    local k = byte(c) - 48
                    if k > items.captures and not (k == 1 and items.captures == 0) then
                        error(format("invalid capture index %%%d in replacement string", k), 0)
                    end
                    out[n] = items.captures == 0 and sub(s, i, e - 1) or capture(s, from, to, k)
                else
                    error("invalid use of '%' in replacement string", 0)
                end
            end
            j = at + 2
        end
        return concat(out)
    elseif kind == "table" then
        value = by[(results(s, i, e, items, from, to))]
    else
        value = by(results(s, i, e, items, from, to))
    end
    if not value then return sub(s, i, e - 1) end
    if type(value) ~= "string" and type(value) ~= "number" then
        error("invalid replacement value (a " .. type(value) .. ")", 0)
    end
    return value
end

local function gsub(s, p, by, most)
    s, p = text(s, 1, "gsub"), text(p, 2, "gsub")
    if type(by) == "number" then by = tostring(by) end
    if type(by) ~= "string" and type(by) ~= "table" and type(by) ~= "function" then
        error("bad argument #3 to 'gsub' (string/function/table expected, got "
            .. (by == nil and "no value" or type(by)) .. ")", 0)
    end
    most = integer(most, #s + 1, 4, "gsub")
    local anchored = byte(p, 1) == 94
    local items = parse(p, anchored and 2 or 1)
    local out, n, i, last, count = {}, 0, 1, nil, 0
    while count < most do
        local from, to = {}, {}
        local e = match_at(s, i, items, 1, from, to)
        n = n + 1
        if e and e ~= last then
            count = count + 1
            out[n] = replacement(s, i, e, items, from, to, by)
            i, last = e, e
        elseif i <= #s then
            out[n] = sub(s, i, i)
            i = i + 1
        else
            n = n - 1
            break
        end
        if anchored then break end
    end
    out[n + 1] = sub(s, i)
    return concat(out), count
end

---------------------------------------------------------------------------------------------------------------------
-- The rest of what could run long, or differ from run to run.

local rep_native = string.rep
local function rep(s, n, between)
    s, n, between = text(s, 1, "rep"), integer(n, nil, 2, "rep"), between and text(between, 3, "rep") or ""
    local one = #s + #between
    if n < 1 or one == 0 then return "" end
    if n > BYTES_MAX // one then error(format("rep: a string of more than %d MB", BYTES_MAX >> 20), 0) end
    return rep_native(s, n, between)
end

local sort_native = table.sort
local function ascending(a, b) return a < b end
local function sort(t, before) return sort_native(t, before or ascending) end

local function move(from, first, last, at, to)
    to = to or from
    if type(from) ~= "table" or type(to) ~= "table" then error("bad argument to 'move' (table expected)", 0) end
    first, last = integer(first, nil, 2, "move"), integer(last, nil, 3, "move")
    at = integer(at, nil, 4, "move")
    if at > first and at <= last and to == from then
        for i = last, first, -1 do to[at + (i - first)] = from[i] end
    else
        for i = first, last do to[at + (i - first)] = from[i] end
    end
    return to
end

local KIND_ORDER = { number = 1, string = 2, boolean = 3 }
local function key_before(a, b)
    local ka, kb = KIND_ORDER[type(a)] or 4, KIND_ORDER[type(b)] or 4
    if ka ~= kb then return ka < kb end
    if ka == 3 then return b and not a end
    return ka < 3 and a < b
end

-- pairs in order: 1, 2, 3, ..., then other numbers, then strings. What is set to nil on the way is left out.
local function ordered_pairs(t)
    if type(t) ~= "table" then
        error("bad argument #1 to 'pairs' (table expected, got " .. (t == nil and "nil" or type(t)) .. ")", 0)
    end
    local rows, keys, n = #t, {}, 0
    for k in next, t do
        local row = tointeger(k)
        if type(k) ~= "number" or not row or row < 1 or row > rows then
            n = n + 1
            keys[n] = k
        end
    end
    sort_native(keys, key_before)
    local i = 0
    return function()
        while i < rows + n do
            i = i + 1
            local k = i <= rows and i or keys[i - rows]
            local v = rawget(t, k)
            if v ~= nil then return k, v end
        end
    end, t, nil
end

local seed_native = math.randomseed
seed_native(0)
math.randomseed = function(seed) seed_native(integer(seed, 0, 1, "randomseed")) end

string.dump, string.find, string.match, string.gmatch, string.gsub, string.rep = nil, find, match, gmatch, gsub, rep
table.sort, table.move = sort, move

return {
    math = math, table = table, string = string, utf8 = utf8,
    ipairs = ipairs, pairs = ordered_pairs, select = select, type = type, tostring = tostring, tonumber = tonumber,
    assert = assert, error = error, pcall = host.pcall, print = host.print,
}
