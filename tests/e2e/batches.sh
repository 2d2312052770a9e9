#!/bin/bash
# batches.sh BUILD: nets of the bench give a sample the same bits in every batch, on one thread and on two, whatever the
# instruction set (by default of one net only). NETS and SETS say which; tests/long has all of them.
cd "$(dirname "$0")/../.." || exit 1
build=$1
mlpc=$PWD/$build/mlpc
nets=${NETS:-b2_8_1 b64_64_10 b256x16 b8x1024}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
good=0 bad=0

check() { # NET FLAGS
    local upper samples=200
    upper=$(echo "$1" | tr a-z A-Z)
    case $1 in b8x1024 | b1024*) samples=110 ;; esac
    # shellcheck disable=SC2086,SC2046
    gcc $2 -fopenmp -w -DHEADER="\"$1.h\"" -DNAME="$1" -DUPPER="$upper" -DSAMPLES=$samples -I"$work" -o "$work/run" \
        $(grep -q BATCH_SCRATCH "$work/$1.h" && echo -DSCRATCH) "$work/$1.c" tests/e2e/batches.c || { bad=$((bad + 1)); return; }
    for threads in 1 2; do
        if out=$(OMP_NUM_THREADS=$threads "$work/run"); then
            good=$((good + 1))
        else
            echo "FAIL $1, $2, $threads threads: $out"
            bad=$((bad + 1))
        fi
    done
}

for net in $nets; do
    script=tests/bench/nets/$net.lua
    [ "$net" = ad ] && script=models/ad.lua
    "$mlpc" "$script" --weights none --prefix "$net" -o "$work/$net.c" || bad=$((bad + 1))
    # inference and first weights only: the gradient's code would take the compiler most of its time
    sets=$SETS
    [ "$net" = b64_64_10 ] && sets=all # tiles of three, of six and of eight rows
    for flags in "-O2 -march=native" ${sets:+"-O2" "-O2 -mavx2 -mfma"}; do
        check "$net" "$flags"
    done
done
echo "$good passed, $bad failed"
[ $bad = 0 ]
