-- dsl.lua: the sugar of the net language, shapes made of layers. Each function returned here becomes a plain function
-- and a method of tensors; the nodes that it makes carry the line of the user's call.

local host = ... -- layers, error (reports at the user's line and returns), describe, near, is_tensor, spoilt
local layers, report, describe, near = host.layers, host.error, host.describe, host.near
local is_tensor, spoilt = host.is_tensor, host.spoilt
local type, ipairs, pairs, select, format = type, ipairs, pairs, select, string.format
local concat, sort = table.concat, table.sort
local math_type = math.type

local ACTIVATIONS = {
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "hard_sigmoid", "hard_tanh",
    "softplus", "softsign", "sign", "exp", "softmax", "log_softmax",
}
local is_activation = {}
for _, name in ipairs(ACTIVATIONS) do is_activation[name] = true end

-- The function behind act: the name of an activation, a function of a tensor, or false for none. nil after a report.
local function activation(what, act)
    if act == nil then return layers.relu end
    if act == false then return function(h) return h end end
    if type(act) == "function" then return act end
    if type(act) == "string" then
        if is_activation[act] then return layers[act] end
        report(format("%s: there is no activation '%.40s'%s", what, act, near(act, ACTIVATIONS)))
    else
        report(format("%s: the activation must be a name like \"relu\", a function or false, got %s", what,
            describe(act)))
    end
end

local function check_tensor(what, x)
    if is_tensor(x) then return true end
    report(format("%s: what it works on must be a tensor, got %s", what, describe(x)))
end

-- Complains about options that nobody reads.
local function check_options(what, o, known)
    local unknown = {}
    for k in pairs(o) do
        local found = false
        for _, name in ipairs(known) do found = found or name == k end
        if not found then unknown[#unknown + 1] = type(k) == "string" and format("%.40s", k) or describe(k) end
    end
    sort(unknown)
    for _, k in ipairs(unknown) do
        report(format("%s: there is no option '%s'%s (known: %s)", what, k, near(k, known), concat(known, ", ")))
    end
end

-- dense, and around it what the options ask for: batchnorm (its eps, or true), the activation, dropout (its p).
local function block(what, h, width, act, o)
    h = layers.dense(h, width)
    if o.batchnorm then h = o.batchnorm == true and layers.batchnorm(h) or layers.batchnorm(h, o.batchnorm) end
    local made = act(h)
    if not is_tensor(made) then
        report(format("%s: the activation must return a tensor, it returned %s", what, describe(made)))
        made = h
    end
    if o.dropout then made = layers.dropout(made, o.dropout) end
    return made
end

-- x:mlp({256, 128, 64}, "relu", {batchnorm = 1e-3, dropout = 0.1}): one block for each width.
local function mlp(x, widths, act, o)
    if not check_tensor("mlp", x) then return spoilt() end
    act = activation("mlp", act)
    if type(widths) ~= "table" or #widths == 0 then
        report(format("mlp: the widths must be a table like {256, 128, 64}, got %s",
            type(widths) == "table" and "an empty one" or describe(widths)))
        return spoilt()
    end
    if o ~= nil and type(o) ~= "table" then
        report(format("mlp: the options must be a table, got %s", describe(o)))
        o = nil
    end
    o = o or {}
    check_options("mlp", o, { "batchnorm", "dropout" })
    for _, width in ipairs(widths) do x = block("mlp", x, width, act or layers.relu, o) end
    return x
end

local HOURGLASS = "x:hourglass{width = 128, depth = 4, waist = 8, act = \"relu\"}"

-- x:hourglass{width = 128, depth = 4, waist = 8, act = "relu"}: depth blocks of the width, the waist, and depth blocks.
local function hourglass(x, o, extra)
    if not check_tensor("hourglass", x) then return spoilt() end
    if type(o) ~= "table" or extra ~= nil then
        report(format("hourglass: takes one table: %s", HOURGLASS))
        return spoilt()
    end
    check_options("hourglass", o, { "width", "depth", "waist", "act", "batchnorm", "dropout" })
    local act = activation("hourglass", o.act) or layers.relu
    local complete = true
    for _, key in ipairs { "width", "waist" } do
        if o[key] == nil then
            report(format("hourglass: %s is missing: write %s", key, HOURGLASS))
            complete = false
        end
    end
    local depth = o.depth
    if math_type(depth) ~= "integer" and not (math_type(depth) == "float" and depth % 1 == 0) or depth < 1 then
        report(format("hourglass: depth must be a whole number of at least 1, got %s", describe(depth)))
        complete = false
    end
    if not complete then return spoilt() end
    for i = 1, 2 * depth + 1 do
        x = block("hourglass", x, i == depth + 1 and o.waist or o.width, act, o)
        if select(2, is_tensor(x)) then return x end -- said once is enough
    end
    return x
end

return { mlp = mlp, hourglass = hourglass }
