local ok, why = pcall(require, "../secret")
print(why)
print(select(2, pcall(require, "/etc/passwd")))
print(select(2, pcall(require, "")))
print(select(2, pcall(require, 5)))
print(select(2, pcall(require, "a.b")))
require "sub/part"
