-- prompt.lua: what the prompt does in Lua: shows values, completes words, tells what there is.

local host = ... -- number(v), members(v), files(prefix), help(topic), and tensor_methods
local type, tostring, next, rawget, ipairs, pairs = type, tostring, next, rawget, ipairs, pairs
local format, sub, match, find, rep, gsub = string.format, string.sub, string.match, string.find, string.rep, string.gsub
local concat, sort, pack = table.concat, table.sort, table.pack
local math_type, huge, getmetatable, select = math.type, math.huge, getmetatable, select
local globals, write = _G, io.write

---------------------------------------------------------------------------------------------------------------------
-- Values

local DEPTH, ITEMS, WIDTH = 6, 200, 100

-- A net's numbers are single precision: those that are show as few digits as bring them back.
local function number_text(v)
    if v ~= v then return "nan" end -- without the sign that machines differ in
    if math_type(v) == "integer" or v == huge or v == -huge then return tostring(v) end
    return host.number(v)
end

local function key_text(k)
    if type(k) == "string" and match(k, "^[%a_][%w_]*$") then return k end
    return "[" .. (type(k) == "string" and format("%q", k) or tostring(k)) .. "]"
end

local function before(a, b)
    local ta, tb = type(a), type(b)
    if ta ~= tb then return ta < tb end
    if ta == "number" or ta == "string" then return a < b end
    return tostring(a) < tostring(b)
end

local value_text

-- {1, 2, name = "x"}; on lines of their own where one would be too long.
local function table_text(t, depth, seen)
    if seen[t] then return "{...: a table within itself}" end
    if depth > DEPTH then return "{...}" end
    seen[t] = true
    local parts, keys, n = {}, {}, 0
    for i = 1, #t do
        if i > ITEMS then break end
        parts[i] = value_text(rawget(t, i), depth + 1, seen)
    end
    for k in next, t do
        if not (math_type(k) == "integer" and k >= 1 and k <= #t) then
            n = n + 1
            keys[n] = k
            if n > 10 * ITEMS then break end
        end
    end
    sort(keys, before)
    for i, k in ipairs(keys) do
        if i > ITEMS then break end
        parts[#parts + 1] = key_text(k) .. " = " .. value_text(rawget(t, k), depth + 1, seen)
    end
    local more = (#t > ITEMS and #t - ITEMS or 0) + (n > ITEMS and n - ITEMS or 0)
    if more > 0 then parts[#parts + 1] = format("... %d more", more) end
    seen[t] = nil
    local line = "{" .. concat(parts, ", ") .. "}"
    if #line + 2 * depth <= WIDTH and not find(line, "\n", 1, true) then return line end
    local indent = "\n" .. rep("    ", depth + 1)
    local plain = true
    for _, p in ipairs(parts) do plain = plain and #p < 24 end
    if not plain then return "{" .. indent .. concat(parts, "," .. indent) .. "\n" .. rep("    ", depth) .. "}" end
    local lines, current = {}, ""
    for _, p in ipairs(parts) do -- short values: as many a line as there is room for
        if #current + #p + 2 > WIDTH - 4 * depth - 4 then
            lines[#lines + 1], current = current, ""
        end
        current = current == "" and p or current .. ", " .. p
    end
    lines[#lines + 1] = current
    return "{" .. indent .. concat(lines, "," .. indent) .. "\n" .. rep("    ", depth) .. "}"
end

value_text = function(v, depth, seen)
    local kind = type(v)
    if kind == "number" then return number_text(v) end
    if kind == "string" then return depth > 0 and gsub(format("%q", v), "\n", "n") or v end
    if kind == "table" then
        local meta = getmetatable(v)
        if meta == nil or type(meta) == "table" and rawget(meta, "__tostring") == nil then
            return table_text(v, depth, seen)
        end
    end
    return tostring(v)
end

local function show(...)
    local values = pack(...)
    for i = 1, values.n do
        local text = value_text(values[i], 0, {})
        write(text, sub(text, -1) == "\n" and "" or "\n")
    end
end

---------------------------------------------------------------------------------------------------------------------
-- Completion

local KEYWORDS = {
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
    "or", "repeat", "return", "then", "true", "until", "while",
}

-- What can stand behind v and the sign, without calling anything of the user's.
local function members(v, sign)
    local kind = type(v)
    if kind == "string" then return string end
    if kind == "userdata" then
        local methods, fields = host.members(v)
        if sign == "." and fields then return fields end
        return methods
    end
    if kind ~= "table" then return nil end
    local all, t = {}, v
    for _ = 1, 8 do
        for k in next, t do all[k] = true end
        local meta = getmetatable(t)
        t = type(meta) == "table" and rawget(meta, "__index")
        if type(t) ~= "table" then break end
    end
    return all
end

local function lookup(path)
    local v = globals
    for name in string.gmatch(path, "[%a_][%w_]*") do
        if type(v) ~= "table" then return nil end
        v = rawget(v, name)
    end
    return v
end

-- complete(line): where the last word begins, and a list of what it can become.
local function complete(line)
    local list, seen = {}, {}
    local word = match(line, "[%w_]*$")
    local from = #line - #word
    local function add(name, tail)
        if type(name) == "string" and sub(name, 1, #word) == word and not seen[name] and match(name, "^[%a_][%w_]*$") then
            seen[name] = true
            list[#list + 1] = name .. (tail or "")
        end
    end
    local quote, file = match(line, "([\"'])([^\"']*)$")
    local _, quotes = gsub(line, "[\"']", "")
    if quote and quotes % 2 == 1 then
        list = host.files(file)
        return #line - #file, list
    end
    local sign = sub(line, from, from)
    if sign == "." or sign == ":" then
        local path = match(sub(line, 1, from - 1), "[%a_][%w_%.]*$")
        local v = path and lookup(path)
        local all = v ~= nil and members(v, sign)
        if v == nil and match(sub(line, 1, from - 1), "[%)%}\"']$") then all = host.tensor_methods end -- input(2):de
        for k in next, all or {} do add(k) end
    elseif match(word, "^%d") or word == "" and from > 0 and sub(line, from, from) ~= " " and sub(line, from, from) ~= "(" then
        return from, list
    else
        for k in next, globals do add(k) end
        for _, k in ipairs(KEYWORDS) do add(k) end
    end
    sort(list)
    return from, list
end

---------------------------------------------------------------------------------------------------------------------
-- Help

-- help, help(), help "dense", help(relu): a text when it is shown, called or not.
local help = setmetatable({}, {
    __tostring = function() return host.help() end,
    __call = function(_, topic) return host.help(topic) end,
    __name = "help",
})

return { show = show, complete = complete, help = help }
