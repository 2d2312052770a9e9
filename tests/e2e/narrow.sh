#!/bin/sh
# narrow.sh BUILD: weights in fewer bytes through the real command: what the report says, what is refused, and that the C answers
# as the report says. (agree.sh compares the numbers of random nets with the reference.)
. "$(dirname "$0")/begin.sh"
"$CC" -std=c11 -O1 -o tensors "$root/tests/e2e/tensors.c" -lm || exit 1

# mlpc STATUS TEXT ARGUMENT...: ends with that status and says TEXT; a failure leaves no file.
mlpc() {
    status=$1 text=$2
    shift 2
    rm -f x.c x.h
    "$MLPC" "$@" >out 2>err
    got=$?
    check "mlpc $*: status $got, says $(cat err)" [ $got = "$status" ]
    check "mlpc $*: '$text' in: $(cat err)" grep -qF -e "$text" err
    [ "$status" = 0 ] || check "mlpc $*: no file" [ ! -e x.c ]
}

echo 'local x = input(8) return net("net", x:dense(20):relu():dense(3))' >net.lua
./tensors net.safetensors dense1.weight:F32:20x8:noise@all dense1.bias:F32:20 dense2.weight:F32:3x20:noise@all \
    dense2.bias:F32:3 || exit 1
echo '1,2,3,4,5,6,7,8
-1,0.5,0,0.25,0,0,1,1
0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8' >rows.csv
sed 's/$/,2/' rows.csv >labelled.csv

for type in bf16 f16 i8; do
    for target in simd portable; do
        mlpc 0 'largest difference on the 3 rows of rows.csv: ' net.lua --target=$target --weights-type=$type \
            --calibrate rows.csv -o x.c
        check "$type: the head says how it was made" grep -q -e "--weights-type=$type --calibrate rows.csv" x.c
        check "$type: the head says the largest difference" grep -q '^ \* largest difference on the 3 rows of rows.csv' x.c
        check "$type: and the bytes" grep -q "^ \* weights of dense layers as $type: tables of [0-9]* bytes, of [0-9]* as f32" x.c
        check "$type: compiles" "$CC" -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -c x.c -o x.o
        difference=$(sed -n 's/^ \* largest difference.*csv: \([^,]*\),.*/\1/p' x.c)
        cat >main.c <<'C'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "x.h"
int main(int argc, char **argv)
{
    float x[8], y[NET_OUT], worst = 0, want;
    FILE *rows = fopen("rows.csv", "r"), *f32 = fopen("f32.csv", "r");
    for (int r = 0; r < 3; r++) {
        for (int k = 0; k < 8; k++)
            if (fscanf(rows, k ? ",%f" : "%f", &x[k]) != 1)
                return 2;
        net(x, y);
        for (int k = 0; k < NET_OUT; k++) {
            if (fscanf(f32, k ? ",%f" : "%f", &want) != 1)
                return 3;
            worst = fmaxf(worst, fabsf(y[k] - want));
        }
    }
    printf("%g, reported %s\n", worst, argv[argc - 1]); /* float32 itself is good for 1e-5 here */
    return fabs(worst - strtod(argv[1], NULL)) > 1e-5 + 0.005 * worst || worst == 0;
}
C
        "$MLPC" run net.lua rows.csv -o f32.csv 2>/dev/null
        sed -i '/[a-z]/d' f32.csv
        check "$type $target links" "$CC" -o main main.c x.o -lm
        check "$type $target: the C differs by what is reported" ./main "$difference"
    done
done

# The same numbers in a raw file: the same bits, also where an epilogue finds its own numbers and the scales there.
echo 'local x = input(8) return net("net", x:dense(20):prelu():dense(17):tanh():dense(3))' >file.lua
./tensors file.safetensors dense1.weight:F32:20x8:noise@all dense1.bias:F32:20:noise@all prelu1.weight:F32:20:noise@all \
    dense2.weight:F32:17x20:noise@all dense2.bias:F32:17:noise@all dense3.weight:F32:3x17:noise@all dense3.bias:F32:3 || exit 1
cat >file.c <<'C'
#include <stdio.h>
#include "x.h"
#ifdef NET_FILE
#define P p,
#else
#define P
#endif
int main(void)
{
    float x[50 * 8], y[50 * NET_OUT];
#ifdef NET_FILE
    static float p[NET_PARAMS];
    FILE *f = fopen("x.weights", "rb");
    if (!f || fread(p, sizeof *p, NET_PARAMS, f) != NET_PARAMS || fgetc(f) != EOF)
        return 1;
#endif
    for (int i = 0; i < 50 * 8; i++)
        x[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
    net_batch(P 50, x, y);
    for (int i = 0; i < 50 * NET_OUT; i++)
        printf("%a\n", y[i]);
    return 0;
}
C
for type in bf16 f16 i8; do
    for target in simd portable; do
        mlpc 0 "as $type: tables of" file.lua --target=$target --weights-type=$type -o x.c
        check "$type $target: tables" sh -c "'$CC' -O2 -o main file.c x.c -lm && ./main >tables"
        mlpc 0 "as $type: tables of" file.lua --target=$target --weights-type=$type --weights-as=file -o x.c
        check "$type $target: the file is smaller than the floats" [ "$(wc -c <x.weights)" -lt 2900 ]
        check "$type $target: compiles" "$CC" -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wcast-align -Werror -c x.c -o x.o
        check "$type $target: a file" sh -c "'$CC' -O2 -DNET_FILE -o main file.c x.c -lm && ./main >file"
        check "$type $target: the same bits from the file as from tables" cmp tables file
    done
done

# i8 where the machine multiplies bytes (else this is the rule of the test above): several blocks of inputs, panels of every count,
# inputs of all sizes. The same bits in a batch as alone; NaN and infinities as in plain C; and near plain C, which sums floats: each
# of 2050 inputs is rounded at 2^-23 of the largest, and so are the sums of plain C, for weights and outputs about 1.
echo 'local x = input(2050) return net("wide", x:dense(16 * 11 + 5):dense(70):tanh():dense(33))' >wide.lua
./tensors wide.safetensors dense1.weight:F32:181x2050:noise@all dense1.bias:F32:181:noise@all dense2.weight:F32:70x181:noise@all \
    dense2.bias:F32:70:noise@all dense3.weight:F32:33x70:noise@all dense3.bias:F32:33 || exit 1
cat >wide.c <<'C'
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "x.h"
int main(void)
{
    static float x[9 * WIDE_IN], y[9 * WIDE_OUT], one[WIDE_OUT];
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < WIDE_IN; k++)
            x[i * WIDE_IN + k] = i == 7 ? 0.0f : ldexpf((float)(k * 37 % 101) / 5000.0f - 0.01f, i == 8 ? -130 : (i * k) % 3);
    for (int k = 0; k < WIDE_IN; k += 50) /* next to a power of two: as many digits as there can be */
        x[6 * WIDE_IN + k] = k % 100 ? -0x1.fffffep-5f : 0x1.fffffep-5f;
    x[2 * WIDE_IN + 2049] = NAN;
    x[5 * WIDE_IN + 3] = -INFINITY;
    wide_batch(9, x, y);
    for (int i = 0; i < 9; i++) {
        wide(x + i * WIDE_IN, one);
        if (memcmp(one, y + i * WIDE_OUT, sizeof one) != 0)
            printf("sample %d alone differs\n", i);
    }
    for (int i = 0; i < 9 * WIDE_OUT; i++)
        if (isnan(y[i]))
            puts("nan");
        else
            printf("%.9g\n", y[i]);
    return 0;
}
C
mlpc 0 'as i8: tables of' wide.lua --weights-type=i8 --target=portable -o x.c
check 'i8: plain C' sh -c "'$CC' -O2 -o main wide.c x.c -lm && ./main >plain"
mlpc 0 'as i8: tables of' wide.lua --weights-type=i8 -o x.c
check 'i8: the head says what is in fixed point' grep -q 'multiplies bytes' x.c
for flags in -O2 '-O1 -march=native' '-O3 -march=native'; do
    check "i8 $flags: compiles without a warning" "$CC" $flags -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
        -Wdouble-promotion -Wcast-align -Werror -c x.c -o x.o
    check "i8 $flags: answers" sh -c "'$CC' $flags -o main wide.c x.o -lm && ./main >fast"
    check "i8 $flags: near plain C" awk 'NR == FNR { want[FNR] = $1; lines++; next }
        $1 != want[FNR] && ($1 == "nan" || want[FNR] == "nan" || ($1 - want[FNR]) ^ 2 > 4e-9) { print FNR ": " $1 ", " want[FNR]; bad = 1 }
        END { exit bad || lines != FNR || lines != 9 * 33 }' plain fast
done
mlpc 0 'largest difference on the 3 rows of labelled.csv: ' net.lua --weights-type=i8 --calibrate labelled.csv -o x.c
mlpc 1 'none.csv' net.lua --weights-type=i8 --calibrate none.csv -o x.c
mlpc 2 'needs weights' net.lua --weights none --weights-type=i8 -o x.c
mlpc 2 'is for inference' net.lua --train --weights-type=f16 -o x.c
mlpc 2 'say --weights-type' net.lua --calibrate rows.csv -o x.c
mlpc 2 "not 'i4'" net.lua --weights-type=i4 -o x.c
cp rows.csv data.c
mlpc 2 'it is the data of --calibrate' net.lua --weights-type=i8 --calibrate data.c -o data.c
check 'the data is not overwritten' cmp rows.csv data.c

# One weight too large for its storage, and one that becomes 0.
echo 'return net("one", input(4):dense(3))' >one.lua
./tensors one.safetensors dense1.weight:F32:3x4:65520@6 dense1.bias:F32:3
mlpc 1 'dense1.weight[1][2], 65520 does not fit f16' one.lua --weights-type=f16 -o x.c
mlpc 0 'as bf16' one.lua --weights-type=bf16 -o x.c
./tensors one.safetensors dense1.weight:F32:3x4:65519@6 dense1.bias:F32:3
mlpc 0 'as f16' one.lua --weights-type=f16 -o x.c
./tensors one.safetensors dense1.weight:F32:3x4:3.4e38@6 dense1.bias:F32:3
mlpc 1 'dense1.weight[1][2], 3.39999995e+38 does not fit bf16' one.lua --weights-type=bf16 -o x.c
./tensors one.safetensors dense1.weight:F32:3x4:2e-8@7 dense1.bias:F32:3
mlpc 0 '1 of 12 weights are 0 as f16, the first is dense1.weight[1][3], 1.99999999e-08' one.lua --weights-type=f16 -o x.c

mlpc 0 'as i8' net.lua --weights-type=i8 -o x.c
check 'the order of sums is told' grep -q 'scale and the bias come last' x.c
mlpc 0 'from here' net.lua -o x.c
check 'and of floats not' sh -c '! grep -q "come last" x.c'

# A budget counts what is kept: 220 weights, 23 biases, and for i8 a scale for each of 23 outputs.
echo 'local x = input(8) return net("net", x:dense(20):relu():dense(3), {budget = {flash = 404}})' >tight.lua
mlpc 1 'bytes of flash' tight.lua --weights net.safetensors -o x.c
mlpc 1 'bytes of flash' tight.lua --weights net.safetensors --weights-type=bf16 -o x.c
mlpc 0 'weights of dense layers as i8' tight.lua --weights net.safetensors --weights-type=i8 -o x.c

finish
