-- For `luarocks make` in this folder. libtcc, zlib and pkg-config must be there (Debian: make packages).
rockspec_format = "3.0"
package = "mlpc"
version = "0.1.0-1"
source = { url = "file://mlpc-0.1.0.tar.gz" }
description = {
    summary = "Multilayer perceptrons: described in Lua, trained, run at once, compiled to standalone C",
    license = "MIT",
}
dependencies = { "lua ~> 5.4" }
build = {
    type = "make",
    build_target = "build/mlpc.so",
    install_pass = false,
    install = { lib = { mlpc = "build/mlpc.so" } },
}
