#!/bin/sh
# weights.sh BUILD: weights files of every kind through the real command: dtypes, names, order, damage, raw files, limits.
. "$(dirname "$0")/begin.sh"
"$CC" -std=c11 -O1 -o tensors "$root/tests/e2e/tensors.c" -lm || exit 1
"$CC" -std=c11 -O1 -o within "$root/tests/e2e/within.c" || exit 1

# mlpc STATUS TEXT ARGUMENT...: ends with that status and says TEXT; a failure leaves no file.
mlpc() {
    status=$1 text=$2
    shift 2
    rm -f x.c x.h x.weights
    "$MLPC" "$@" >out 2>err
    got=$?
    if [ $got != "$status" ]; then
        bad "mlpc $*: status $got, not $status: $(cat err)"
    elif [ -n "$text" ] && ! grep -qF -e "$text" err; then
        bad "mlpc $*: no '$text' in: $(cat err)"
    elif [ -z "$text" ] && [ -s err ]; then
        bad "mlpc $*: says $(cat err)"
    elif [ "$status" != 0 ] && [ -n "$(find . -name 'x.*' -o -name '.mlp-*')" ]; then
        bad "mlpc $*: leaves files although it fails"
    else
        ok
    fi
}

# same WHAT A.c B.c: the same but for line 2, the command that made it.
same() {
    sed 2d "$2" >same1
    sed 2d "$3" >same2
    check "$1" cmp same1 same2
}

cat >net.lua <<'LUA'
return net("tiny", input(3):dense(4):batchnorm():relu():dense(2))
LUA
# full DTYPE: all tensors of net.lua.
full() {
    echo "dense1.weight:$1:4x3 dense1.bias:$1:4 batchnorm1.weight:$1:4 batchnorm1.bias:$1:4 batchnorm1.running_mean:$1:4 \
        batchnorm1.running_var:$1:4:0.5@all dense2.weight:$1:2x4 dense2.bias:$1:2"
}
# tensors FILE ...: as the tool, which must not fail.
tensors() {
    ./tensors "$@" || bad "tensors $*"
}

# ---- dtypes ----
for dtype in F32 F16 BF16 F64; do
    # shellcheck disable=SC2046
    tensors $dtype.st $(full $dtype)
    mlpc 0 '' net.lua --weights $dtype.st -o x.c
    mv x.c $dtype.c
    same "$dtype is the same numbers as F32" F32.c $dtype.c
done
for dtype in I64 I32 I8 U8 BOOL F8_E4M3; do
    # shellcheck disable=SC2046
    tensors other.st $(full F32 | sed "s/dense2.bias:F32/dense2.bias:$dtype/")
    mlpc 1 "'dense2.bias' is $dtype" net.lua --weights other.st -o x.c
done
check 'the values of the file are in the C' grep -q '0.0625f\|0.3125f\|0.5625f\|0.8125f' F32.c

# ---- where weights come from ----
cp F32.st net.safetensors
mlpc 0 'net.safetensors: note: weights from here' net.lua -o x.c
same 'weights beside the script are used' F32.c x.c
mlpc 0 '' net.lua --weights net.safetensors -o x.c
check 'named weights need no note' [ ! -s err ]
mlpc 0 '' net.lua --weights none -o x.c
check 'none: they are an argument' grep -q 'void tiny(const float \*p, ' x.c
mkdir sub
cp net.lua sub/net.lua
cp F32.st sub/net.safetensors
mlpc 0 'sub/net.safetensors: note:' sub/net.lua -o x.c
same 'beside the script, not where one stands' F32.c x.c
mlpc 0 '' net.lua --weights - -o x.c <F32.st
same 'weights from standard input' F32.c x.c
mlpc 0 '' net.lua --train --weights F32.st -o x.c
check '--train: they stay an argument' grep -q 'void tiny(const float \*p, ' x.c
mlpc 1 'directory' net.lua --weights sub -o x.c
mlpc 1 'cannot open' net.lua --weights nothing.st -o x.c
mlpc 0 '' check net.lua
mlpc 0 '' check net.lua --weights F32.st
rm net.safetensors

# ---- tensors that do not fit ----
without() {
    # shellcheck disable=SC2046
    tensors "$1" $(full F32 | tr ' ' '\n' | grep -v "^$2")
}
without missing.st dense2.bias
mlpc 1 "no tensor 'dense2.bias' [2]" net.lua --weights missing.st -o x.c
check 'a missing tensor names its line' grep -q 'net.lua:1' err
without missing.st batchnorm1
mlpc 1 'batchnorm1.running_var' net.lua --weights missing.st -o x.c
check 'every missing tensor is named' [ "$(grep -c 'no tensor' err)" = 4 ]
mlpc 1 "no tensor 'batchnorm1.weight'" check net.lua --weights missing.st
# shellcheck disable=SC2046
tensors extra.st $(full F32) dense3.weight:F32:2x2 batchnorm1.num_batches_tracked:I64:-
mlpc 0 "warning: tensor 'dense3.weight' is not used by the net [-Wextra-weights]" net.lua --weights extra.st -o x.c
check 'a count of batches is no extra' [ "$(wc -l <err)" = 1 ]
mlpc 0 '' net.lua --weights extra.st -Wno-extra-weights -o x.c
mlpc 1 "error: tensor 'dense3.weight'" net.lua --weights extra.st -Werror -o x.c
# change FROM TO: full F32 with one tensor changed.
change() {
    # shellcheck disable=SC2046
    tensors changed.st $(full F32 | sed "s/$1/$2/")
}
change dense1.weight:F32:4x3 dense1.weight:F32:3x4
mlpc 1 "'dense1.weight' has shape [3][4], the net needs [4][3]" net.lua --weights changed.st -o x.c
change dense1.weight:F32:4x3 dense1.weight:F32:12
mlpc 1 "'dense1.weight' has shape [12], the net needs [4][3]" net.lua --weights changed.st -o x.c
change dense2.bias:F32:2 dense2.bias:F32:2x1
mlpc 1 "'dense2.bias' has shape [2][1], the net needs [2]" net.lua --weights changed.st -o x.c
change dense1.bias:F32:4 dense1.bias:F32:0
mlpc 1 "'dense1.bias' has shape [0], the net needs [4]" net.lua --weights changed.st -o x.c
change dense1.bias:F32:4 dense1.bias:F32:1x1x1x4
mlpc 1 "'dense1.bias' has shape [1][1][1][4], the net needs [4]" net.lua --weights changed.st -o x.c
for value in nan inf -inf; do
    for dtype in F32 F16 BF16 F64; do
        change dense1.weight:F32:4x3 "dense1.weight:$dtype:4x3:$value@7"
        mlpc 1 "'dense1.weight' has 1 value that is NaN or infinite, the first is number 7" net.lua \
            --weights changed.st -o x.c
    done
done
change dense1.weight:F32:4x3 dense1.weight:F64:4x3:1e300@2
mlpc 1 "'dense1.weight' has 1 value that is NaN or infinite" net.lua --weights changed.st -o x.c
change dense1.weight:F32:4x3 dense1.weight:F32:4x3:nan@all
mlpc 1 "'dense1.weight' has 12 values that are NaN or infinite" net.lua --weights changed.st -o x.c
change 'running_var:F32:4:0.5@all' 'running_var:F32:4:-1@2'
mlpc 1 "'batchnorm1.running_var' holds variances" net.lua --weights changed.st -o x.c
mlpc 1 'holds variances' show net.lua --weights changed.st

# ---- by order: as PyTorch's nn.Sequential and its writer have it, sorted by name, 10 before 2 ----
cat >seq.lua <<'LUA'
local h = input(4)
for _ = 1, 5 do h = h:dense(4):relu() end
return net("seq", h:dense(4))
LUA
named='' numbered=''
for k in 0 1 2 3 4 5; do
    named="$named dense$((k + 1)).weight:F32:4x4:0.$((k + 1))@all dense$((k + 1)).bias:F32:4:-0.$((k + 1))@all"
    numbered="$numbered $((2 * k)).weight:F32:4x4:0.$((k + 1))@all $((2 * k)).bias:F32:4:-0.$((k + 1))@all"
done
# shellcheck disable=SC2086
tensors named.st $named
# shellcheck disable=SC2086
tensors numbered.st --sort --meta '{"format":"pt"}' $numbered
mlpc 0 '' seq.lua --weights named.st -o x.c
mv x.c named.c
mlpc 1 '--by-order binds by shape and order instead' seq.lua --weights numbered.st -o x.c
mlpc 0 '' seq.lua --weights numbered.st --by-order -o x.c
same 'by order: 0, 2, 4, 6, 8, 10' named.c x.c
check 'the command says how' grep -q -e '--by-order' x.c
# shellcheck disable=SC2046
tensors prefixed.st --sort $(echo "$numbered" | sed 's/ / net.layers./g')
mlpc 0 '' seq.lua --weights prefixed.st --by-order -o x.c
same 'by order: deeper names' named.c x.c
mlpc 0 '' seq.lua --weights named.st --by-order -o x.c
same 'by order: names that match do no harm' named.c x.c
# shellcheck disable=SC2046
tensors few.st --sort $(echo "$numbered" | sed 's/ 10\.[^ ]*//g')
mlpc 1 'by order, the file ends after 10 tensors; the net has 12' seq.lua --weights few.st --by-order -o x.c
# shellcheck disable=SC2086
tensors many.st --sort $numbered 12.weight:F32:4x4 12.bias:F32:4
mlpc 0 "tensor '12.weight' is not used by the net" seq.lua --weights many.st --by-order -o x.c
# shellcheck disable=SC2046
tensors shape.st --sort $(echo "$numbered" | sed 's/ 4.weight:F32:4x4/ 4.weight:F32:4x5/')
mlpc 1 "by order, tensor 5 is '4.weight' with shape [4][5]" seq.lua --weights shape.st --by-order -o x.c
# shellcheck disable=SC2046
tensors module.st --sort $(full F32 | sed 's/dense1/0/g; s/batchnorm1/1/g; s/dense2/3/g') 1.num_batches_tracked:I64:-
mlpc 0 '' net.lua --weights module.st --by-order -o x.c
check 'by order with batch normalisation: no complaint' [ ! -s err ]

# ---- damage ----
# damaged WHAT TEXT: bad.st is refused in one line that names it.
damaged() {
    mlpc 1 'bad.st' net.lua --weights bad.st -o x.c
    check "$1: in one line: $(cat err)" [ "$(wc -l <err)" = 1 ]
    check "$1: says '$2': $(cat err)" grep -qiE -e "$2" err
}
: >bad.st
damaged 'an empty file' 'short|bytes|empty'
printf '\020\000\000' >bad.st
damaged 'three bytes' 'short|bytes'
# shellcheck disable=SC2046
for n in 1 4 100 150; do
    tensors bad.st --cut $n $(full F32)
    damaged "cut by $n bytes" 'cut|short|bytes|end|beyond'
done
# shellcheck disable=SC2046
tensors bad.st --pad 4 $(full F32)
damaged 'too long' 'bytes'
for length in 0 1 100000001 9223372036854775807 18446744073709551615; do
    # shellcheck disable=SC2046
    tensors bad.st --length $length $(full F32)
    damaged "a header of $length bytes" 'header|bytes'
done
# header TEXT WORDS: this header in front of 16 bytes.
header() {
    tensors bad.st --header "$1" a:F32:4
    damaged "header $1" "$2"
}
header 'no JSON at all' 'header'
header '[]' 'header'
header '{' 'header'
header '{}' 'bytes|data'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}' 'header'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}x' 'header'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,20]}}' 'a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551615]}}' 'a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551616]}}' 'header|a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}' 'a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}' 'header|a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16,32]}}' 'header|a'
header '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}' 'a'
header '{"a":{"dtype":"F64","shape":[4],"data_offsets":[0,16]}}' 'a'
header '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}' 'a'
header '{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,16]}}' 'a'
header '{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}' 'header|a'
header '{"a":{"dtype":"F32","shape":[4.5],"data_offsets":[0,16]}}' 'header|a'
header '{"a":{"dtype":"F32","shape":"4","data_offsets":[0,16]}}' 'header|a'
header '{"a":{"shape":[4],"data_offsets":[0,16]}}' 'dtype'
header '{"a":{"dtype":"F32","data_offsets":[0,16]}}' 'shape'
header '{"a":{"dtype":"F32","shape":[4]}}' 'offsets'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}' 'twice|a'
header '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}' 'overlap|b'
header '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}' 'gap|hole|b'
header "$(printf '{"a":%0300d}' 0 | sed 's/0/[/g')" 'header'
dd if=/dev/zero of=bad.st bs=1024 count=64 2>log
damaged 'zeros' 'header|bytes'
printf '#!/bin/sh\necho hello, this is no weights file\n' >bad.st
damaged 'a script' 'header|bytes'

# ---- numbers in a raw file ----
cat >raw.lua <<'LUA'
local x = input(19)
local h = x:dense(37):tanh():layernorm():prelu()
return net("raw", (h .. x):affine(0.5, 0.25):sigmoid():dense(21):softmax())
LUA
tensors raw.safetensors dense1.weight:F32:37x19 dense1.bias:F32:37 layernorm1.weight:F32:37 layernorm1.bias:F32:37 \
    prelu1.weight:F32:37 dense2.weight:F32:21x56 dense2.bias:F32:21
cat >compare.c <<'C'
#include <stdio.h>
#include <string.h>
#include "baked.h"
#include "raw.h"

int main(int argc, char **argv)
{
    static float p[RAW_PARAMS], x[100][19], baked_y[100][21], raw_y[100][21], one[100][21];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    unsigned seed = 1;
    if (!f || fread(p, sizeof *p, RAW_PARAMS, f) != RAW_PARAMS || fgetc(f) != EOF)
        return 1;
    fclose(f);
    for (int i = 0; i < 100; i++)
        for (int j = 0; j < 19; j++) {
            seed = seed * 1664525u + 1013904223u;
            x[i][j] = (float)(seed >> 8) / 4e6f - 2;
        }
    baked_batch(100, x[0], baked_y[0]);
    raw_batch(p, 100, x[0], raw_y[0]);
    for (int i = 0; i < 100; i++)
        raw(p, x[i], one[i]);
    return memcmp(baked_y, raw_y, sizeof raw_y) != 0 || memcmp(one, raw_y, sizeof raw_y) != 0;
}
C
for target in simd portable; do
    mlpc 0 'note' raw.lua --target=$target --prefix baked -o baked.c
    mlpc 0 'note' raw.lua --target=$target --weights-as=file -o raw.c
    check "$target: the raw file is there" [ -s raw.weights ]
    check "$target: the C has no tables" sh -c '! grep -q "raw_dense1_w\[" raw.c'
    [ $target = simd ] && all='-O1 -O3' || all='-O1'
    for flags in $all; do
        check "$target $flags: compiles" "$CC" -std=c99 -Wall -Wextra -Werror "$flags" -march=native -o compare \
            compare.c baked.c raw.c
        check "$target $flags: the same bits from the raw file as from tables" ./compare raw.weights
    done
done
cp raw.safetensors raw.weights
mlpc 2 'it is the file of the weights' raw.lua --weights raw.weights --weights-as=file -o raw.c
check 'weights are not overwritten' cmp raw.safetensors raw.weights
mkdir -p blocked/raw.weights
mlpc 1 'raw.weights' raw.lua --weights-as=file -o blocked/raw.c
check 'no place for the numbers: no C file' [ ! -e blocked/raw.c ]
mlpc 2 'no numbers to write' raw.lua --weights none --weights-as=file -o x.c
echo 'return net("plain", input(2):relu())' >plain.lua
mlpc 2 'the net has no parameters' plain.lua --weights-as=file -o x.c

# ---- a thousand layers ----
cat >deep.lua <<'LUA'
local h = input(4)
for _ = 1, 1000 do h = h:dense(4):relu() end
return net("deep", h)
LUA
# Each layer takes the mean of its inputs: exact in binary, so the answer is the mean of the first ones.
k=1 list=''
while [ $k -le 1000 ]; do
    list="$list dense$k.weight:F32:4x4:0.25@all dense$k.bias:F32:4:0@all"
    k=$((k + 1))
done
# shellcheck disable=SC2086
tensors deep.safetensors $list
check '1,000 layers' ./within 10 400 "$MLPC" deep.lua -o deep.c
cat >run.c <<'C'
#include "deep.h"
int main(void)
{
    const float x[4] = {1, 2, 3, 6};
    float y[4];
    deep(x, y);
    return !(y[0] == 3 && y[1] == 3 && y[2] == 3 && y[3] == 3);
}
C
check '1,000 layers: the C compiles' "$CC" -std=c99 -O1 -o run run.c deep.c
check '1,000 layers: and is right' ./run

# ---- cost: five times what is promised in time, so that the machine does not matter; memory as promised ----
memory() { # a sanitizer takes memory of its own
    [ -z "$SANITIZE" ] && echo "$1" || echo 0
}
check 'ad.lua: 0.3 s and 64 MB' ./within 1.5 "$(memory 64)" "$MLPC" "$root/models/ad.lua" -o ad.c
echo 'return net("big", input(1024):dense(4096):relu():dense(1024))' >big.lua
tensors big.safetensors dense1.weight:F32:4096x1024:noise@all dense1.bias:F32:4096 \
    dense2.weight:F32:1024x4096:noise@all dense2.bias:F32:1024
check '1024-4096-1024: 4 s and 700 MB' ./within 20 "$(memory 700)" "$MLPC" big.lua -o big.c
cp log said
check '1024-4096-1024: a raw file is offered' grep -q -e '--weights-as=file' said
check '1024-4096-1024 as a raw file' ./within 20 "$(memory 700)" "$MLPC" big.lua --weights-as=file -o big.c
check 'is a small C file' [ "$(wc -c <big.c)" -lt 100000 ]
check 'and a raw file of the parameters' [ "$(wc -c <big.weights)" = 33574912 ]

finish
