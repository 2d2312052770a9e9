#!/bin/sh
# learn.sh BUILD: the models of the lecture learn what their heads say: XOR, a sine, flowers, digits, clothes. Fashion-MNIST is
# looked for in $MLPC_DATA; where it is not, that part is skipped. MLPC_LONG: all ten epochs of it.
. "$(dirname "$0")/begin.sh"
FASHION=${MLPC_DATA:-$root/../shared/data}/fashion_mnist
cp "$root"/models/*.lua "$root"/models/*.csv "$root"/models/*.csv.gz "$dir"

# check WHAT COMMAND...: the command succeeds. What is measured is told, too.
check() {
    what=$1
    shift
    if "$@"; then
        ok
        echo "seen: $what"
    else
        bad "$what"
    fi
}

# figure PART COLUMN ARGUMENT...: of the table that mlpc train prints (3: loss, 4: accuracy).
figure() {
    part=$1 column=$2
    shift 2
    "$MLPC" train "$@" -o out.st 2>err | awk -v part="$part" -v column="$column" '$1 == part { print $column; exit }'
}

# figures SEEDS PART COLUMN ARGUMENT...: one for each of the seeds 1 .. SEEDS.
figures() {
    seeds=$1
    shift
    for seed in $(seq "$seeds"); do figure "$@" --seed "$seed"; done
}

mean() { awk '{ sum += $1 } END { printf "%.4g\n", sum / NR }'; }
most() { sort -g | tail -n 1; }
right() { grep -c '^1\.0000$'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# ---- XOR: a hidden layer or a product can, one separator cannot ----
n=$(figures 100 training 4 xor.lua | right)
check "XOR by a hidden layer: from $n of 100 seeds" [ "$n" -ge 95 ]
n=$(figures 100 training 4 xor_product.lua --data xor.csv | right)
check "XOR by a product: from $n of 100 seeds" [ "$n" -ge 95 ]
best=$(figures 20 training 4 linear.lua --data xor.csv | most)
check "XOR by one separator: $best at most, of 20 seeds" at_least 0.75 "$best"
"$MLPC" train linear.lua --data xor.csv 2>err >out
check 'and mlpc says what that means' grep -q 'this net is one linear separator' out

# ---- a sine by one hidden layer: the wider, the better ----
awk 'BEGIN { for (i = 0; i <= 100; i++) printf "%g,%g\n", i * 0.0628 - 3.14, sin(i * 0.0628 - 3.14) }' >sine.csv
before=1
for width in 1 4 16; do
    error=$(figures 3 training 3 wide.lua --data sine.csv -D width=$width | mean)
    check "a sine, width $width: squared error $error" less "$error" "$before"
    before=$error
done

# ---- an hourglass does more than the best linear map through the same waist ----
bent=$(figures 2 validation 3 hourglass.lua --data digits.csv.gz --split 0.8 --epochs 60 | mean)
straight=$(figures 2 validation 3 hourglass.lua --data digits.csv.gz --split 0.8 --epochs 60 -D act=none -Wno-all | mean)
check "digits through a waist of 8: squared error $bent, linear $straight" less "$bent" "$straight"

# ---- flowers and digits that it has not seen ----
mean=$(figures 5 validation 4 iris.lua --split 0.8 | mean)
check "iris: $mean of flowers not seen, 5 seeds" at_least "$mean" 0.95
mean=$(figures 5 validation 4 digits.lua --split 0.8 | mean)
check "digits: $mean of pictures not seen, 5 seeds" at_least "$mean" 0.97

# ---- clothes ----
clothes() {
    figure test 4 fashion.lua --data "$FASHION/train-images-idx3-ubyte.gz" --labels "$FASHION/train-labels-idx1-ubyte.gz" \
        --test "$FASHION/t10k-images-idx3-ubyte.gz" --test-labels "$FASHION/t10k-labels-idx1-ubyte.gz" --scale 1/255 "$@"
}
if [ ! -f "$FASHION/train-images-idx3-ubyte.gz" ]; then
    echo "Fashion-MNIST: skipped, there is no $FASHION"
elif [ -n "$MLPC_LONG" ]; then
    share=$(clothes)
    check "Fashion-MNIST: $share of the test part, Adam, 10 epochs" at_least "$share" 0.883
    share=$(clothes --optimizer sgd --lr 0.1 --batch 256)
    check "Fashion-MNIST: $share of the test part, SGD, 10 epochs" at_least "$share" 0.85
else
    share=$(clothes --epochs 2)
    check "Fashion-MNIST: $share of the test part, Adam, 2 epochs" at_least "$share" 0.85
fi

finish
