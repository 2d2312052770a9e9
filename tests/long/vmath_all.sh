#!/bin/sh
# vmath_all.sh BUILD: every vector function over all 2^32 floats against its bound, with and without fused multiply-add, and
# with AVX-512, which has ways of its own, where the machine has it. Hours on a small machine: MLPC_FUNCTIONS="exp tanh" picks some.
cd "$(dirname "$0")/../.." || exit 1
out=$1/tests/vmath_all
mkdir -p "$(dirname "$out")"
passed=0 failed=0
own=$(grep -qm 1 avx512f /proc/cpuinfo && echo -mavx512f)
for flags in '-mavx2 -mfma' '-DMLP_PLAIN' $own; do
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off $flags -pthread -Iruntime tests/long/vmath_all.c -o "$out" -lm || exit 1
    # shellcheck disable=SC2086
    if "$out" ${MLPC_FUNCTIONS:-}; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
