#!/bin/bash
# batches.sh BUILD: nets of the bench give a sample the same bits in every batch, on one thread and on two, whatever the
# instruction set (by default of one net only). NETS (b64_64_10.softmax: with that activation) and SETS say which; tests/long has
# all of them.
. "$(dirname "$0")/begin.sh"
cd "$root" || exit 1
nets=${NETS:-b2_8_1 b64_64_10 b64_64_10.softmax b256x16 b8x1024}

runs() { # NET FLAGS
    local upper samples=200
    upper=$(echo "$1" | tr a-z A-Z)
    case $1 in b8x1024 | b1024*) samples=110 ;; esac
    # shellcheck disable=SC2086,SC2046
    gcc $2 -fopenmp -w -DHEADER="\"$1.h\"" -DNAME="$1" -DUPPER="$upper" -DSAMPLES=$samples -I"$dir" -o "$dir/run" \
        $(grep -q BATCH_SCRATCH "$dir/$1.h" && echo -DSCRATCH) "$dir/$1.c" tests/e2e/batches.c || { bad "$1, $2: does not compile"; return; }
    for threads in 1 2; do
        if out=$(OMP_NUM_THREADS=$threads "$dir/run"); then
            ok
        else
            bad "$1, $2, $threads threads: $out"
        fi
    done
}

for name in $nets; do
    net=${name%%.*} act=$([[ $name = *.* ]] && echo "-D act=${name#*.}")
    script=tests/bench/nets/$net.lua
    [ "$net" = ad ] && script=models/ad.lua
    # shellcheck disable=SC2086
    "$MLPC" "$script" $act --weights none --prefix "$net" -o "$dir/$net.c" || bad "$net: does not compile"
    # inference and first weights only: the gradient's code would take the compiler most of its time
    sets=$SETS
    [ "$net" = b64_64_10 ] && sets=all # tiles of three, of six and of eight rows
    for flags in "-O2 -march=native" ${sets:+"-O2" "-O2 -mavx2 -mfma"}; do
        runs "$net" "$flags"
    done
done
finish
