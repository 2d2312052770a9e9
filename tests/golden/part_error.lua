-- part_error.lua: fails when it runs.
local t = nil
return t.field
