#!/bin/sh
# cortex_m4.sh BUILD: portable code for a Cortex-M4 takes at most 1.3 times the instructions of loops written by hand
# (cortex_m4_hand.S), and gives the same bits; counted one by one under qemu-arm.
. "$(dirname "$0")/begin.sh"
for tool in arm-none-eabi-gcc qemu-arm; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; finish; exit; }
done
"$CC" -std=c11 -O1 -o tensors "$root/tests/e2e/tensors.c" -lm || exit 1

cat >main.c <<'C'
#include "net.h"
void hand_dense(const float *x, const float *w, const float *b, float *y, int in, int out, int relu);
extern const float w1[], b1[], w2[], b2[];
float x[IN], h[MID], y[OUT], z[OUT];
void *memcpy(void *to, const void *from, size_t n);
void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
/* 0: nothing, 1: mlpc's, 2: by hand, 3: both, the bits compared. */
__attribute__((noreturn)) void _start(void)
{
    register int r0 __asm__("r0") = 0, r7 __asm__("r7") = 1;
    int status = 0;
    for (int i = 0; i < IN; i++)
        x[i] = (float)((i * 37) % 19 - 9) * 0.125f;
    if (WHAT & 1)
        net(x, y);
    if (WHAT & 2) {
        hand_dense(x, w1, b1, h, IN, MID, 1);
        hand_dense(h, w2, b2, z, MID, OUT, 0);
    }
    for (int i = 0; WHAT == 3 && i < OUT; i++)
        status |= y[i] != z[i];
    r0 = status;
    __asm__ volatile("svc 0" : : "r"(r0), "r"(r7));
    for (;;)
        ;
}
C

# table NAME: the numbers of net.c's table NET_NAME as a table of the name given.
table() {
    awk -v from="net_$1\\[" -v to="$2" '
        $0 ~ from && /= *[{]/ { on = 1; sub(/^.*[{]/, ""); printf "const float %s[] = {", to }
        on { print } on && /}/ { exit }' net.c
}

# count WHAT: instructions of that program.
count() {
    arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard $level -ffreestanding -fno-builtin -nostdlib \
        -DIN=$in -DMID=$mid -DOUT=$out -DWHAT=$1 -I. -o run main.c net.c tables.c "$root/tests/e2e/cortex_m4_hand.S" -lgcc || return 1
    rm -f trace
    qemu-arm -singlestep -d exec,nochain -D trace ./run || return 1
    grep -c '^Trace' trace
}

# shape IN MID OUT
shape() {
    in=$1 mid=$2 out=$3
    echo "return net(\"net\", input($in):dense($mid):relu():dense($out))" >net.lua
    ./tensors net.st dense1.weight:F32:${mid}x$in:noise@all dense1.bias:F32:$mid dense2.weight:F32:${out}x$mid:noise@all \
        dense2.bias:F32:$out
    "$MLPC" net.lua --weights net.st --target=portable -o net.c || exit 1
    { table dense1_w w1; table dense1_b b1; table dense2_w w2; table dense2_b b2; } >tables.c
    sed -i 's/^const float \([a-z0-9]*\)/extern const float \1[]; const float \1/' tables.c
    for level in -O2 -Os; do
        none=$(count 0) && ours=$(count 1) && hand=$(count 2) && count 3 >both || none=
        if [ -z "$none" ]; then
            bad "$in-$mid-$out $level: does not run, or other bits than by hand"
            continue
        fi
        ours=$((ours - none)) hand=$((hand - none))
        echo "seen: Cortex-M4 $in-$mid-$out $level: $ours instructions, by hand $hand"
        if [ $((ours * 10)) -le $((hand * 13)) ]; then ok; else bad "$in-$mid-$out $level: too many"; fi
    done
}

shape 64 64 10
shape 128 32 7
finish
