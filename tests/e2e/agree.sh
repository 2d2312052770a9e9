#!/bin/sh
# agree.sh BUILD [long]: random nets to C, the C through every compiler there is, what comes out against the reference
# evaluator within the bound of single precision (agree_nets.c writes, agree_run.c runs); then what a file promises
# besides: headers, single headers, C++, names, warnings. long: more nets, each through every compiler.
cd "$(dirname "$0")/../.." || exit 1

strict='-Wall -Wextra -Wpedantic -Wconversion -Wdouble-promotion -Wshadow -Wmissing-declarations -Werror'
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'

# The command of a compiler by the name that this test has for it.
command_of() {
    case $1 in
    gcc) echo "gcc -std=c99 -O2" ;;
    gcc_native) echo "gcc -std=c99 -O3 -march=native" ;;
    gcc_gnu) echo "gcc -std=gnu11 -O3 -march=native" ;; # may fuse products into sums
    gcc_avx2) echo "gcc -std=c99 -O2 -mavx2 -mfma" ;;
    gcc_avx2_unfused) echo "gcc -std=c99 -O2 -mavx2 -mno-fma" ;;
    gcc_plain) echo "gcc -std=c99 -O2" ;;
    gcc_plain_native) echo "gcc -std=gnu99 -O3 -march=native" ;;
    gcc_small) echo "gcc -std=c99 -Os" ;;
    gcc_sanitized) echo "gcc -std=c99 -O1 -g $sanitize" ;;
    clang) echo "clang -std=c99 -O2" ;;
    clang_native) echo "clang -std=c99 -O3 -march=native" ;;
    clang_avx2) echo "clang -std=c99 -O2 -mavx2 -mfma" ;;
    clang_sanitized) echo "clang -std=c99 -O1 -g $sanitize" ;;
    gxx) echo "g++ -x c++ -std=c++11 -O2" ;;
    gxx_native) echo "g++ -x c++ -std=c++17 -O3 -march=native" ;;
    clangxx) echo "clang++ -x c++ -std=c++11 -O2" ;;
    tcc) echo "tcc" ;;
    aarch64) echo "aarch64-linux-gnu-gcc -std=c99 -O2" ;;
    esac
}

# Compiles one net: agree.sh --compile WORK COMPILER NET. What the compiler says goes to a file; it should say nothing.
if [ "$1" = --compile ]; then
    at=$2/$3/$4
    plain=
    case $3 in *plain*) plain=-D$(echo "$4" | tr '[:lower:]' '[:upper:]')_PLAIN ;; esac
    # shellcheck disable=SC2046,SC2086
    $(command_of "$3") $strict $plain -I "$2" -c "$2/$4.c" -o "$at.o" >"$at.log" 2>&1 || echo "failed" >>"$at.log"
    exit 0
fi

build=$1
length=${2:-short}
work=$build/tests/agree.work
nets=$build/tests/agree
rm -rf "$work"
mkdir -p "$work/again"
passed=0 failed=0 note=

good() { passed=$((passed + 1)); }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# Whether a compiler is there and its programs run here.
works() {
    # shellcheck disable=SC2046
    set -- "$1" $(command_of "$1")
    command -v "$2" >/dev/null || return 1
    case $1 in
    *avx2*) grep -q ' avx2.* fma\| fma.* avx2' /proc/cpuinfo ;;
    aarch64) command -v qemu-aarch64 >/dev/null ;;
    *) : ;;
    esac
}

# ---- nets and compilers ------------------------------------------------------------------------------------------------

# net SEED KIND: the compiler goes round with the seed, and, slower, the form with it, so that each compiler gets all.
net() {
    round=$(($1 / 9))
    form=$(echo baked argument file | cut -d ' ' -f $((round % 3 + 1)))
    target=simd
    [ $(((round / 3 + $1) % 4)) = 0 ] && target=portable
    type=f32
    [ $form = baked ] && [ $(((round / 3) % 2)) = 1 ] && type=$(echo bf16 f16 i8 | cut -d ' ' -f $(($1 % 3 + 1)))
    "$nets" "$work" "n$1" "$1" "$2" "$form" "$target" $type || bad "n$1 was not made"
}

compilers=
for c in gcc gcc_native gcc_avx2 gcc_plain clang clang_native gxx clangxx gcc_sanitized; do
    if works $c; then compilers="$compilers $c"; else note="$note, skipped $c"; fi
done
if [ "$length" = long ]; then
    for c in gcc_gnu gcc_avx2_unfused gcc_plain_native gcc_small clang_avx2 clang_sanitized gxx_native aarch64; do
        if works $c; then compilers="$compilers $c"; else note="$note, skipped $c"; fi
    done
fi
works tcc || note="$note, skipped tcc"

# The lists: COMPILER.nets holds the nets that it gets. tcc gets all, since it costs nothing.
first=${MLPC_SEED:-1}
if [ "$length" = long ]; then count=${MLPC_COUNT:-90} wide=400; else count=54 wide=20; fi
# shellcheck disable=SC2086
set -- $compilers
for seed in $(seq "$first" $((first + count - 1))); do
    net "$seed" small
    if [ "$length" = long ]; then
        for c in "$@"; do echo "n$seed" >>"$work/$c.nets"; done
    else
        c=$(echo "$@" | cut -d ' ' -f $((seed % $# + 1)))
        echo "n$seed" >>"$work/$c.nets"
    fi
    works tcc && echo "n$seed" >>"$work/tcc.nets"
done
# Buffers beyond the stack: the caller's.
for seed in $(seq $((first + 200000)) $((first + 200008))); do
    net "$seed" long
    echo "n$seed" >>"$work/clang_native.nets"
    works tcc && echo "n$seed" >>"$work/tcc.nets"
done
# Nets that a compiler once had something to say of.
for seed in 5006; do
    net $seed small
    works gcc && echo "n$seed" >>"$work/gcc.nets"
done
for seed in $(seq $((first + 100000)) $((first + 100000 + wide - 1))); do
    kind=any
    [ $((seed % 5)) = 0 ] && kind=wide
    net "$seed" $kind
    works tcc && echo "n$seed" >>"$work/tcc.nets"
    [ "$length" = long ] && [ $((seed % 20)) = 5 ] && echo "n$seed" >>"$work/gcc_native.nets"
done
works tcc && compilers="$compilers tcc"

for c in $compilers; do
    mkdir -p "$work/$c"
    sed "s|^|$c |" "$work/$c.nets"
done >"$work/jobs"
xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 2 sh "$0" --compile "$work" <"$work/jobs"

# list NETS...: nets.inc for agree_run.c on stdout.
list() {
    for n in "$@"; do echo "#include \"$n.inc\""; done
    printf '#define NETS'
    for n in "$@"; do printf ' NET_%s' "$n"; done
    echo
}

for c in $compilers; do
    objects=''
    names=''
    while read -r n; do
        if [ -s "$work/$c/$n.log" ]; then
            bad "$c says of $n.c:"
            head -n 12 "$work/$c/$n.log"
        fi
        if [ -f "$work/$c/$n.o" ]; then
            objects="$objects $work/$c/$n.o"
            names="$names $n"
        fi
    done <"$work/$c.nets"
    # shellcheck disable=SC2086
    list $names >"$work/$c/nets.inc"
    command=$(command_of "$c")
    tail_of=
    case $c in *xx*) tail_of='-x none' ;; esac
    runner=
    [ "$c" = aarch64 ] && runner='qemu-aarch64 -L /usr/aarch64-linux-gnu'
    # shellcheck disable=SC2086
    if $command -I "$work/$c" -I "$work" -o "$work/$c/run" tests/e2e/agree_run.c $tail_of $objects -lm &&
        $runner "$work/$c/run" "$work" >"$work/$c/out"; then
        good
    else
        bad "$c"
    fi
    printf '%-18s' "$c"
    tail -n 20 "$work/$c/out"
done

# ---- what a file promises besides --------------------------------------------------------------------------------------

# says COMMAND...: must succeed and say nothing.
says() {
    if "$@" >"$work/log" 2>&1 && [ ! -s "$work/log" ]; then
        good
    else
        bad "$*"
        head -n 12 "$work/log"
    fi
}

# The header alone and twice; header and source as one text; in C and in C++: a net of each form.
for n in n$first n$((first + 9)) n$((first + 18)) n$((first + 27)); do
    printf '#include "%s.h"\n#include "%s.h"\nint both(void);\nint both(void) { return 0; }\n' "$n" "$n" >"$work/twice.c"
    printf '#include "%s.h"\n#include "%s.c"\n' "$n" "$n" >"$work/joined.c"
    for source in twice joined; do
        for c in gcc clang gxx clangxx; do
            # shellcheck disable=SC2046,SC2086
            works $c && says $(command_of $c) $strict -fsyntax-only -I "$work" "$work/$source.c"
        done
        works tcc && says tcc -Wall -Werror -I "$work" -c "$work/$source.c" -o "$work/joined.o"
    done
done

# Not optimised, whatever the instruction set: what must be a constant is one.
for n in n$first n$((first + 9)) n$((first + 18)) n$((first + 27)); do
    for set in -O0 '-O0 -mavx2 -mfma' '-O0 -march=native'; do
        for c in gcc clang; do
            # shellcheck disable=SC2086
            works $c && says $c -std=c99 $set $strict -I "$work" -c "$work/$n.c" -o "$work/joined.o"
        done
    done
done

# Three nets in one program as single headers, all written out in one source file; in C and in C++.
for k in 1 2 3; do
    "$nets" "$work" "s$k" $((first + k)) small "$(echo baked argument file | cut -d ' ' -f $k)" simd f32 single ||
        bad "s$k was not made"
done
printf '#define S%d_IMPLEMENTATION\n#include "s%d.h"\n' 1 1 2 2 3 3 >"$work/single.c"
mkdir -p "$work/single"
list s1 s2 s3 >"$work/single/nets.inc"
for c in gcc gxx tcc; do
    works $c || continue
    tail_of=
    [ $c = gxx ] && tail_of='-x none'
    # shellcheck disable=SC2046,SC2086
    says $(command_of $c) $strict -I "$work" -c "$work/single.c" -o "$work/single/$c.o"
    # shellcheck disable=SC2046,SC2086
    if $(command_of $c) -I "$work/single" -I "$work" -o "$work/single/run" tests/e2e/agree_run.c $tail_of \
        "$work/single/$c.o" -lm && "$work/single/run" "$work" >"$work/single/out"; then
        good
    else
        bad "single headers, $c"
        tail -n 20 "$work/single/out"
    fi
done

# No global variable, no name but the net's, nothing asked of a library (compilers may call mem* on their own).
for c in gcc clang; do
    for n in $(head -n 5 "$work/$c.nets" 2>/dev/null); do
        symbols=$(nm "$work/$c/$n.o" | awk -v n="$n" '
            $(NF - 1) == "U" && $NF !~ /^(memcpy|memset|memmove|memcmp)$/ { print "needs " $NF }
            $(NF - 1) ~ /^[BbDdC]$/ { print "variable " $NF }
            $(NF - 1) ~ /^[TRGS]$/ && $NF != n && index($NF, n "_") != 1 { print "defines " $NF }')
        if [ -z "$symbols" ]; then good; else bad "$c, $n: $symbols"; fi
    done
done

# Nets that learn, small ones and one whose samples are packed: compilers that see through all of it find nothing to warn of.
for widths in "64 64 10" "8 8 4" "300 66 3"; do
    # shellcheck disable=SC2086
    set -- $widths
    echo "return net('learns', input($1):dense($2):tanh():dense($3), { loss = 'mse' })" >"$work/learns.lua"
    says "$build/mlpc" "$work/learns.lua" --train -o "$work/learns.c"
    for c in gcc gcc_native gcc_avx2 clang_native gxx_native tcc; do
        # shellcheck disable=SC2046,SC2086
        works $c && says $(command_of $c) $strict -I "$work" -c "$work/learns.c" -o "$work/learns.o"
    done
done

# The same script twice gives the same bytes, whatever process writes them.
for n in $(head -n 9 "$work/jobs" | cut -d ' ' -f 2); do cp "$work/$n.c" "$work/$n.h" "$work/again/"; done
for seed in $(find "$work/again" -name "*.c" | sed "s|.*/n||; s|[.]c||"); do
    net "$seed" small
    says cmp "$work/n$seed.c" "$work/again/n$seed.c"
    says cmp "$work/n$seed.h" "$work/again/n$seed.h"
done

made=$(find "$work" -maxdepth 1 -name '*.dat' | wc -l)
cat "$work"/*/out | awk -v made="$made" -v note="$note" '
    / nets, / { compared += $1; values += $3; if ($6 + 0 > worst) worst = $6 + 0; if ($11 + 0 > most) most = $11 + 0 }
    END { printf "seen: %d nets, %d times compiled, %d values: worst %.3f of the bound, largest difference %.2g%s\n",
                 made, compared, values, worst, most, note }'
rm -f "$work"/*/*.o "$work"/*/run
echo "$passed passed, $failed failed"
[ $failed = 0 ]
