#!/bin/sh
# demo.sh BUILD: a trained net to C, the C to a program, the program over a real sound; every command is shown.
set -e
cd "$(dirname "$0")/../.."
build=$1
out=$build/demo
CC=${CC:-cc}
strict='-std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wmissing-prototypes -Werror'
mkdir -p "$out"

show() {
    echo "\$ $*"
    "$@"
}

echo "The MLPerf Tiny anomaly detector, 640-128-128-128-128-8-128-128-128-128-640, trained:"
show "$build/mlpc" models/ad.lua -o "$out/ad.c"
# shellcheck disable=SC2086
show $CC $strict -O3 -march=native -c "$out/ad.c" -o "$out/ad.o"
show $CC -O2 -std=c99 -I"$out" examples/demo/main.c "$out/ad.o" -lm -o "$out/demo"

# 200 frames of 128 bands; a window is 5 frames in a row, so window i begins at frame i.
rm -f "$out/windows.f32"
i=0
while [ $i -lt 196 ]; do
    tail -c +$((i * 512 + 1)) examples/demo/frames.f32 | head -c 2560 >>"$out/windows.f32"
    i=$((i + 1))
done
"$build/mlpc" reference models/ad.lua --weights models/ad.safetensors <"$out/windows.f32" >"$out/reference.f64"

echo "196 windows of a toy car's sound:"
show "$out/demo" "$out/windows.f32" "$out/reference.f64"
echo "Sizes in bytes:"
printf '  %-24s%s\n' "ad.c" "$(wc -c <"$out/ad.c")" "ad.h" "$(wc -c <"$out/ad.h")" \
    "weights (safetensors)" "$(wc -c <models/ad.safetensors)" \
    "compiled code and tables" "$(size "$out/ad.o" | awk 'NR == 2 { print $1 " text, " $2 " data, " $3 " bss" }')"
