#!/bin/sh
# examples.sh BUILD: builds and runs every example from a copy, as a user would, and checks what it prints.
. "$(dirname "$0")/begin.sh"
cd "$root" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL

# prints WHAT WANTED COMMAND...: the command succeeds and prints exactly that to standard output.
prints() {
    what=$1 wanted=$2
    shift 2
    if got=$("$@" 2>"$dir/log") && [ "$got" = "$wanted" ]; then
        ok
    else
        echo "got:    $got" >>"$dir/log"
        echo "wanted: $wanted" >>"$dir/log"
        bad "$what"
        show "$dir/log"
    fi
}

# again WHAT yes|no FILE COMMAND...: whether the command makes FILE anew. A new file comes by rename: another inode.
again() {
    what=$1 wanted=$2 file=$3
    shift 3
    before=$(ls -i "$file")
    check "$what" "$@"
    after=$(ls -i "$file")
    [ "$before" = "$after" ] && made=no || made=yes
    if [ "$made" = "$wanted" ]; then ok; else bad "$what: made anew: $made"; fi
}

cp -R examples/plain_c examples/single_header examples/cmake examples/lua_module examples/train_in_c "$dir"
module=$(cd "$1" && pwd)
strict='-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Werror'

cd "$dir/plain_c" || exit 1
rm -f iris iris.c iris.h
check 'plain_c: make' make "MLPC=$MLPC" "CFLAGS=$strict"
prints 'plain_c: a setosa' 'setosa        99.8 %
versicolor     0.2 %
virginica      0.0 %' ./iris 5.1 3.5 1.4 0.2
prints 'plain_c: a versicolor' 'setosa         0.1 %
versicolor    99.6 %
virginica      0.2 %' ./iris 5.9 3.0 4.2 1.5
prints 'plain_c: a virginica' 'setosa         0.0 %
versicolor     0.1 %
virginica     99.9 %' ./iris 6.3 3.3 6.0 2.5
if ./iris 1 2 three 4 >"$dir/log" 2>&1; then bad 'plain_c: a word is no length'; else ok; fi
again 'plain_c: nothing changed' no iris.c make "MLPC=$MLPC" "CFLAGS=$strict"
touch iris.safetensors
again 'plain_c: new weights' yes iris.c make "MLPC=$MLPC" "CFLAGS=$strict"
touch iris.lua
again 'plain_c: a new script' yes iris.c make "MLPC=$MLPC" "CFLAGS=$strict"
# The README shows this very run.
if grep -q 'versicolor    99.6 %' README.md; then ok; else bad 'plain_c: README.md shows another result'; fi

cd "$dir/single_header" || exit 1
rm -f adder adder_cpp parity.h majority.h
check 'single_header: make' make "MLPC=$MLPC" "CFLAGS=$strict" \
    'CXXFLAGS=-std=c++11 -Wall -Wextra -Wpedantic -Wconversion -Werror'
for program in ./adder ./adder_cpp; do
    prints "single_header: $program" '1234 + 4321 = 5555' $program 1234 4321
    prints "single_header: $program carries through" '65535 + 1 = 65536' $program 65535 1
    prints "single_header: $program of nothing" '0 + 0 = 0' $program 0 0
done
# Bare, a header only declares: two files of one program include it, one with the code.
cat >one.c <<'C'
#include "parity.h"
#include "parity.h"
int odd(const float *x);
int odd(const float *x)
{
    float y[PARITY_OUT];
    parity(x, y);
    return y[0] > 0.5f;
}
C
cat >two.c <<'C'
#define PARITY_IMPLEMENTATION
#include "parity.h"
int odd(const float *x);
int main(void)
{
    const float ones[3] = {1, 1, 1}, none[3] = {0, 0, 0};
    return odd(ones) && !odd(none) ? 0 : 1;
}
C
# shellcheck disable=SC2086
check 'single_header: two files of one program' ${CC:-cc} $strict -o both one.c two.c
check 'single_header: and they run' ./both

cd "$dir/cmake" || exit 1
rm -rf build
check 'cmake: configure' cmake -B build "-DMLPC=$MLPC" "-DCMAKE_C_FLAGS=$strict"
check 'cmake: build' cmake --build build
check 'cmake: run' build/wave
again 'cmake: nothing changed' no build/wave.c cmake --build build
touch wave.lua
again 'cmake: a new script' yes build/wave.c cmake --build build
touch wave.safetensors
again 'cmake: new weights' yes build/wave.c cmake --build build
again 'cmake: and then nothing' no build/wave.c cmake --build build
# A script that is wrong stops the build and leaves the C of before.
echo 'oops()' >wave.lua
if cmake --build build >"$dir/log" 2>&1; then bad 'cmake: a wrong script'; else ok; fi
if grep -q 'wave.lua:1: error' "$dir/log" && [ -s build/wave.c ]; then ok; else bad 'cmake: a wrong script is named'; fi

cd "$dir/train_in_c" || exit 1
check 'train_in_c: make' make "MLPC=$MLPC" "CFLAGS=-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror $SANITIZE" \
    "MLP=-I$root/runtime $module/libmlp.a -lz -lm -lpthread"
check 'train_in_c: it learns' ./flowers "$root/models/iris.csv"
right=$(sed -n 's/^epoch 200: .*, \([0-9]*\)\..*/\1/p' "$dir/log")
if [ "${right:-0}" -ge 90 ]; then ok; else bad "train_in_c: ${right:-no} % right"; fi
if ./flowers none.csv >"$dir/log" 2>&1; then bad 'train_in_c: no data'; else ok; fi
if grep -q '^none.csv: cannot open' "$dir/log"; then ok; else bad 'train_in_c: the file is named'; fi

cd "$dir/lua_module" || exit 1
if [ -n "$SANITIZE" ]; then
    echo 'lua_module skipped: lua5.4 is built without the sanitizers'
else
    check 'lua_module: make' make "MODULE=$module"
    for line in 'learnt in 1000 epochs from 161 samples, loss below 0.0001: true' 'sin  30 = 0.5' 'sin  90 = 1.0' \
        'sin 150 = 0.5' 'sin 210 = -0.5' 'sine: 2 values, the input takes 1' 'wrote sine.safetensors, sine.c and sine.h'; do
        if grep -qx -- "$line" "$dir/log"; then ok; else bad "lua_module: no line '$line'"; fi
    done
    # shellcheck disable=SC2086
    check 'lua_module: its C' ${CC:-cc} $strict -c sine.c
    # The module lives in the host's Lua: warnings are its warnings, and it ends with it, twice in one process too.
    cat >hosted.lua <<'LUA'
local function fresh()
    package.loaded.mlpc = nil
    return require "mlpc"
end
warn "@on"
local mlpc = fresh()
mlpc.net("stack", mlpc.input(4):dense(2):dense(4))
local ok, why = pcall(function() return mlpc.input(2):dens(3) end)
print(why)
print(select(2, pcall(load("return (...).input(2) + (...).input(3)", "=typed"), mlpc)))
for i = 1, 300 do mlpc.net("n" .. i, mlpc.input(10):dense(10):relu())(({ 1, 2, 3, 4, 5, 6, 7, 8, 9, i })) end
print(coroutine.wrap(function() return #mlpc.net("co", mlpc.input(1):dense(2)){ 1 } end)())
print(mlpc._VERSION, getmetatable(mlpc.input(1)))
LUA
    check 'lua_module: in a host' env "LUA_CPATH=$module/?.so;;" lua5.4 hosted.lua
    for line in "hosted.lua:8: a tensor has no method 'dens'; did you mean 'dense'?" \
        "typed:1: '+' needs equal widths: input[0-9]* has 2 (typed:1), input[0-9]* has 3 (typed:1)" '2' \
        'Lua warning: hosted.lua:7: .*linear map.*'; do
        if grep -qx -- "$line" "$dir/log"; then ok; else bad "lua_module: no line '$line'"; fi
    done
fi

# What `make demo` runs; the compiler is named from the root, as there.
mkdir -p "$dir/build" && ln -s "$MLPC" "$dir/build/mlpc"
check 'the demo: builds and runs' "$root/examples/demo/demo.sh" "$dir/build"
cp "$dir/log" "$dir/demo.log"
check 'the demo: the published score' grep -q 'they differ by .*(the same to 1e-4)' "$dir/demo.log"

finish
