#!/bin/sh
# train.sh BUILD: mlpc train and eval as users meet them: nets that learn, files, bad data, bad options, interrupts, resume.
. "$(dirname "$0")/begin.sh"

# good ARGUMENT...: mlpc succeeds; its output is in out and err.
good() {
    if "$MLPC" "$@" >out 2>err; then
        ok
    else
        bad "mlpc $*: $(tail -n 3 err)"
    fi
}

# wrong STATUS TEXT ARGUMENT...: mlpc fails with that status and one line that holds TEXT, prints nothing else and leaves
# no weights behind.
wrong() {
    status=$1 text=$2
    shift 2
    rm -f ./*.safetensors
    "$MLPC" "$@" >out 2>err
    got=$?
    if [ $got != "$status" ]; then
        bad "mlpc $*: status $got, not $status: $(cat err)"
    elif [ "$(grep -c 'error: ' err)" != 1 ] || ! grep 'error: ' err | grep -qF -e "$text"; then
        bad "mlpc $*: no line '$text' in: $(cat err)"
    elif [ -s out ] || ls ./*.safetensors >/dev/null 2>&1 || [ -n "$(find . -name '.mlp-*')" ]; then
        bad "mlpc $*: leaves something behind"
    else
        ok
    fi
}

# has TEXT [FILE]: a line of out has it.
has() {
    if grep -qF -e "$1" "${2:-out}"; then
        ok
    else
        bad "no '$1' in: $(cat "${2:-out}")"
    fi
}

# figure PART COLUMN: of the table that was printed.
figure() {
    awk -v part="$1" -v column="$2" '$1 == part { print $column; exit }' out
}

cp "$root"/models/*.lua .
cp "$root/models/xor.csv" .

# ---- XOR ----
good train xor.lua
has 'xor.csv: note: data from here' err
has 'epoch 500/500' err
has 'xor.safetensors: note: 500 epochs, 500 steps' err
check 'XOR is learnt' [ "$(figure training 4)" = 1.0000 ]
has 'tanh1'
cp out trained
good eval xor.lua
sed 's/^data    /training/; s/ on data/ on training/' out >evaluated
check 'eval finds what train said' cmp trained evaluated
good xor.lua -o xor.c
cat >main.c <<'C'
#include <stdio.h>
#include "xor.h"
int main(void)
{
    for (int i = 0; i < 4; i++) {
        float x[2] = {(float)(i >> 1), (float)(i & 1)}, y[1];
        xor_net(x, y);
        printf("%d\n", y[0] > 0.5f);
    }
    return 0;
}
C
check 'the C of the trained net compiles' $CC -O1 main.c xor.c -o xor
check 'and knows XOR' [ "$(./xor | tr -d '\n')" = 0110 ]

# ---- the same bits ----
good train xor.lua -o a.st
good train xor.lua -o b.st
check 'the same seed gives the same weights' cmp a.st b.st
good train xor.lua -o c.st --seed 2
check 'another seed gives others' sh -c '! cmp -s a.st c.st'
good train xor.lua -o t2.st --threads 2
good train xor.lua -o t3.st --threads 2
check 'two threads repeat themselves' cmp t2.st t3.st
good train xor.lua --weights a.st -o more.st --epochs 1 --lr 1e-9
check 'training goes on from weights' [ "$(figure training 4)" = 1.0000 ]

# ---- the command line wins over the script, the log tells ----
good train xor.lua --epochs 7 --lr 0.25 --optimizer sgd --schedule cosine --log run.csv
has 'epoch 7/7' err
has 'sgd, lr 0.25, batch 4' err
check 'the log has a line an epoch' [ "$(wc -l <run.csv)" = 8 ]
check 'and a head' grep -qx 'epoch,step,lr,loss,accuracy,val_loss,val_accuracy,samples_per_second,seconds' run.csv
check 'the rate falls' awk -F, 'NR == 2 { first = $3 } END { exit !(first == 0.25 && $3 < 0.02) }' run.csv
good train xor.lua --epochs 3 --log run.jsonl
check 'JSON lines' [ "$(grep -c '^{"epoch": [123], .*"val_loss": null.*}$' run.jsonl)" = 3 ]

# ---- classes, names, parts, scaling: three clouds ----
awk 'BEGIN { srand(3); for (i = 0; i < 120; i++) { c = i % 3;
    printf "%.3f,%.3f,%s\n", 1000 + 200 * c + 60 * rand(), 5 - c * c + rand(), substr("ashoakelm", 3 * c + 1, 3) } }' >trees.csv
cat >trees.lua <<'LUA'
local x = input(2)
return net("trees", x:dense(8):relu():dense(3):softmax(), { lr = 0.02, epochs = 60, batch = 16 })
LUA
good train trees.lua --split 0.75 --scale standard --patience 30
has 'training 90, validation 30' err
has 'best one' err
check 'the clouds are told apart' [ "$(figure validation 4)" = 1.0000 ]
has 'confusion on validation'
has 'relu1'
check 'classes have the names of the data' grep -q '^  elm  *1 ' out
good eval trees.lua
check 'saved weights take raw values' [ "$(figure data 4)" = 1.0000 ]
has 'elm'
good show trees.lua
has 'input1_scale'
good trees.lua -o trees.c
cat >main.c <<'C'
#include <stdio.h>
#include <string.h>
#include "trees.h"
int main(void)
{
    char name[8];
    float x[2], y[3];
    int right = 0;
    while (scanf("%f,%f,%7s", &x[0], &x[1], name) == 3) {
        trees(x, y);
        int best = 0;
        for (int c = 1; c < 3; c++)
            best = y[c] > y[best] ? c : best;
        right += strcmp(trees_label(best), name) == 0;
    }
    printf("%d\n", right);
    return 0;
}
C
check 'the C of the scaled net compiles' $CC -O1 main.c trees.c -o trees
check 'and takes raw values, and knows the names' [ "$(./trees <trees.csv)" = 120 ]
good train trees.lua --weights trees.safetensors --epochs 1
good train trees.lua --scale standard
cp trees.safetensors scaled.st
wrong 1 'has a scaling already' train trees.lua --weights scaled.st --scale minmax
awk -F, '{ print $3 "," $1 "," $2 }' trees.csv >first.csv
good train trees.lua --data first.csv --label 1 --scale standard
check 'the label may stand first' [ "$(figure training 4)" = 1.0000 ]

# ---- an autoencoder, one-hot rows by squared error, a regression ----
cut -d, -f1,2 trees.csv >plain.csv
echo 'return net("same", input(2):dense(4):tanh():dense(2), {lr = 0.05})' >same.lua
good train same.lua --data plain.csv --scale standard
has 'an autoencoder' err
check 'it rebuilds scaled inputs' awk '$1 == "training" { exit !($6 > 0.95) }' out
good train same.lua --data trees.csv --scale standard
has 'the column of labels is not used' err
echo 'return net("onehot", input(2):dense(8):tanh():dense(3), {lr = 0.05})' >onehot.lua
good train onehot.lua --data trees.csv --scale standard
check 'squared errors tell classes apart' [ "$(figure training 4)" = 1.0000 ]
awk 'BEGIN { for (i = 0; i < 100; i++) printf "%g,%g\n", i / 16 - 3, sin(i / 16 - 3) }' >sine.csv
good train wide.lua --data sine.csv --epochs 300 -D width=8
check 'a sine is learnt' awk '$1 == "training" { exit !($6 > 0.98) }' out
cat >heads.lua <<'LUA'
local x = input(1, "a") .. input(1, "b")
local h = x:dense(8):tanh()
return net("heads", {kind = h:dense(2):softmax(), size = h:dense(1)}, {lr = 0.02})
LUA
awk 'BEGIN { srand(5); for (i = 0; i < 80; i++) { a = rand(); b = rand(); printf "%g,%g,%d,%g\n", a, b, (a > b), a + b } }' >heads.csv
good train heads.lua --data heads.csv
has '(kind)'
has '(size)'
check 'both heads learn' awk '$1 == "training" && !kind { kind = $4 } $1 == "training" { r2 = $6 } END { exit !(kind > 0.9 && r2 > 0.9) }' out

# ---- batch normalisation, dropout, prelu: what is kept besides weights ----
cat >layers.lua <<'LUA'
local x = input(2)
local h = x:dense(8):batchnorm():prelu():dropout(0.1):dense(8):layernorm():sigmoid()
return net("layers", h:dense(3):softmax(), { lr = 0.02, epochs = 40, batch = 16, l2 = 1e-4 })
LUA
good train layers.lua --data trees.csv --schedule cosine
check 'it learns' awk '$1 == "training" { exit !($4 > 0.95) }' out
has 'prelu1         slopes'
has 'sigmoid1'
cp out trained
good eval layers.lua --data trees.csv
sed 's/^data    /training/; s/ on data/ on training/' out >evaluated
check 'with statistics that were saved' cmp trained evaluated

# ---- resume ----
good train xor.lua --epochs 40 --momentum 0.8 --optimizer nesterov -o whole.st
good train xor.lua --epochs 40 --momentum 0.8 --optimizer nesterov -o part.st --checkpoint ck --every 7 --log log.csv
good train xor.lua --epochs 15 --momentum 0.8 --optimizer nesterov -o part.st --checkpoint ck15 --log log15.csv
good train xor.lua --resume ck15 --epochs 40 -o part.st --log log15.csv
tail -c 132 whole.st >a # the 33 weights; the head tells how they came about
tail -c 132 part.st >b
check 'a run that goes on ends with the same bits' cmp a b
check 'and with the same log' sh -c 'cut -d, -f1-5 log.csv >a; cut -d, -f1-5 log15.csv >b; cmp a b'
good train xor.lua --resume ck
has 'epochs, 40 steps' err
for threads in 1 2; do # batch statistics, dropout, the optimiser's state
    good train layers.lua --data trees.csv --threads $threads -o whole.st
    good train layers.lua --data trees.csv --threads $threads -o part.st --epochs 11 --checkpoint lk
    good train layers.lua --data trees.csv --threads $threads -o part.st --epochs 40 --resume lk
    tail -c 600 whole.st >a # 150 of the 158 numbers
    tail -c 600 part.st >b
    check "so does a net with all kinds of layers, $threads threads" cmp a b
done

# Killed over and over: every time it goes on, and the end is the same. 500 epochs, a checkpoint each.
good train xor.lua -o whole.st
rm -f ck
kills=0
most=120
[ -n "$MLPC_LONG" ] && most=1000
while [ $kills -lt $most ]; do
    resume=
    : >mark
    [ -f ck ] && resume='--resume ck'
    # shellcheck disable=SC2086
    "$MLPC" train xor.lua -o killed.st --checkpoint ck $resume >out 2>err &
    pid=$!
    # The shell's own work is the delay: a different number of rounds each time, every second time after a checkpoint.
    i=0
    while [ $((kills % 2)) = 0 ] && [ ! ck -nt mark ] && kill -0 $pid 2>/dev/null; do :; done
    while [ $i -lt $((kills * 37 % (50 + 10 * kills))) ] && kill -0 $pid 2>/dev/null; do i=$((i + 1)); done
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    status=$?
    [ $status = 0 ] && break
    [ $status = 137 ] || { bad "after $kills kills: status $status: $(cat err)"; break; }
    kills=$((kills + 1))
done
[ $status = 0 ] || good train xor.lua -o killed.st --resume ck
tail -c 132 whole.st >a
tail -c 132 killed.st >b
check "killed $kills times, the weights are the same" cmp a b
echo "(killed $kills times)"
rm -f .mlp-*.tmp # what a killed process was writing

# ---- Ctrl-C: the batch is finished, what was learnt is kept, and a checkpoint goes on to the same end ----
rm -f ck int.st err
"$MLPC" train xor.lua --epochs 1000000 -o int.st --checkpoint ck --every 1000000 >out 2>err &
pid=$!
while ! grep -q 'epoch 20/' err 2>/dev/null && kill -0 $pid 2>/dev/null; do :; done
kill -INT $pid
wait $pid
status=$?
check "Ctrl-C ends well, not with $status" [ $status = 0 ]
has 'interrupted in epoch' err
has '--resume ck goes on' err
check 'the weights are there' test -f int.st
check 'results are printed' [ "$(figure training 2)" = 4 ]
steps=$(sed -n 's/.*after \([0-9]*\) steps.*/\1/p' err)
good train xor.lua -o same.st --resume ck --epochs "$steps"
good train xor.lua -o straight.st --epochs "$steps"
tail -c 132 straight.st >a
tail -c 132 same.st >b
check 'and the run can go on' cmp a b

# ---- a loss that is no number ----
printf '1e30,0,0\n0,1e30,1\n1,0,1\n1,1,0\n' >huge.csv
echo 'return net("boom", input(2):dense(4):dense(1), {optimizer = "sgd"})' >boom.lua
rm -f boom.safetensors
"$MLPC" train boom.lua --data huge.csv -Wno-all >out 2>err
check 'NaN is an error' [ $? = 1 ]
check 'one line' [ "$(grep -c 'error: ' err)" = 1 ]
has 'at step ' err
has 'dense' err
has '--scale standard' err
check 'no weights when nothing was learnt' test ! -f boom.safetensors
printf '1,2,0\n0,1,1\n1,0,1\n1,1,0\n' >tame.csv
"$MLPC" train boom.lua --data tame.csv --lr 1.7 --epochs 5000 -Wno-all >out 2>err
check 'a rate that is too high ends the same way' [ $? = 1 ]
has 'a lower --lr than 1.7' err
has 'the last good weights are in boom.safetensors' err
good eval boom.lua --data tame.csv -Wno-all

# ---- bad data ----
wrong 1 'none.csv: error: cannot open' train xor.lua --data none.csv
printf '0,0,0\n0,1\n' >d.csv
wrong 1 'd.csv:2: error:' train xor.lua --data d.csv
printf '0,0,0\n0,x,1\n' >d.csv
wrong 1 'd.csv:2: error:' train xor.lua --data d.csv
printf '0,0,0\n0,,1\n' >d.csv
wrong 1 'd.csv:2: error:' train xor.lua --data d.csv
printf '0,0,0\n0,nan,1\n' >d.csv
wrong 1 'd.csv:2: error:' train xor.lua --data d.csv
printf '0,0,0\n0,1,2\n' >d.csv
wrong 1 'd.csv:2: error:' train xor.lua --data d.csv
printf '0,0,1\n0,1,1\n' >d.csv
wrong 1 'one class only' train xor.lua --data d.csv
: >d.csv
wrong 1 'd.csv: error: the file is empty' train xor.lua --data d.csv
printf '0,0,0,1,1\n0,1,1,0,1\n' >d.csv
wrong 1 'd.csv:' train xor.lua --data d.csv
printf '0,0\n0,1\n' >d.csv
wrong 1 'd.csv: error: holds no targets' train xor.lua --data d.csv
printf '0,0,0.5\n0,1,1.5\n' >d.csv
wrong 1 'row 2: the target 1.5 is no probability' train xor.lua --data d.csv
printf '1.5,2,a\n1,2,b\n1,2,c\n1,2,d\n' >d.csv
wrong 1 'd.csv:4: error: label' train trees.lua --data d.csv
printf '1,2\n1,2\n' >x.csv
printf '0\n1\n1\n' >y.csv
wrong 1 'y.csv: error: has 3 labels for the 2 samples' train trees.lua --data x.csv --labels y.csv
head -c 200 "$root/README.md" | gzip | head -c 40 >cut.csv.gz
wrong 1 'cut.csv.gz' train xor.lua --data cut.csv.gz
wrong 1 'none.csv: error: cannot open' train trees.lua --val none.csv
printf '1,2,ash\n1,2,fir\n' >d.csv
wrong 1 'd.csv:2: error: label' train trees.lua --val d.csv
printf '1,2,3,ash\n' >d.csv
wrong 1 'd.csv:1: error: 4 columns' train trees.lua --test d.csv
wrong 1 'cannot write' train xor.lua --log /nonexistent/log.csv
wrong 1 '/nonexistent/x.st' train xor.lua -o /nonexistent/x.st
wrong 1 'cannot create' train xor.lua --checkpoint /nonexistent/ck

# ---- bad options ----
for case in 'epochs 0' 'epochs 1.5' 'epochs x' 'batch 0' 'lr 0' 'lr abc' 'lr nan' 'seed x' 'patience x' 'threads 0' 'threads 999' \
    'split 1' 'split 0' 'clip 0' 'warmup x' 'momentum 2'; do
    # shellcheck disable=SC2086
    wrong 2 "--${case% *} wants" train xor.lua --$case
done
wrong 2 "'--seed' wants a value" train xor.lua --seed
wrong 2 "not '-1'" train xor.lua --data xor.csv --lr -1
printf '0,0,0\n1,0,1\n1,1,1\n0,1,0\n' >first.csv
good train xor.lua --data first.csv --label -3 --epochs 1 -o first.safetensors
good train xor.lua --data first.csv --label=-3 --epochs 1 -o first.safetensors
wrong 2 "unknown optimizer 'adm'" train xor.lua --optimizer adm
wrong 2 "unknown schedule 'up'" train xor.lua --schedule up
wrong 2 "unknown scaling 'big'" train xor.lua --scale big
wrong 2 '--val-labels needs --val' train xor.lua --val-labels xor.csv
wrong 2 '--val has no place' train xor.lua --split 0.5 --val xor.csv
wrong 2 '--every needs --checkpoint' train xor.lua --every 2
wrong 2 '--delimiter wants' train xor.lua --delimiter ab
wrong 2 'would be overwritten: it is read' train xor.lua -o xor.csv
wrong 2 'would be overwritten: it is read' train xor.lua --log xor.lua
wrong 2 'two outputs cannot be one file' train xor.lua -o same --checkpoint same
wrong 2 'only one file can be standard input' train xor.lua --data - --val -
wrong 2 'no data: say --data FILE' train two_heads.lua
wrong 1 'no checkpoint of mlpc' train xor.lua --resume xor.csv
wrong 1 'cannot open' train xor.lua --resume none
head -c 100 ck >cut
wrong 1 'a checkpoint cut short: 100 bytes of' train xor.lua --resume cut
wrong 1 'a checkpoint of another net' train xor.lua --resume ck -D hidden=4
wrong 2 '--seed 9: the run to go on with has 1' train xor.lua --resume ck --seed 9
wrong 1 'a checkpoint of a run with optimizer adam, not sgd' train xor.lua --resume ck --optimizer sgd
printf '0,0,0\n0,1,1\n' >d.csv
wrong 1 'a checkpoint of a run over 4 samples, these are 2' train xor.lua --resume ck --data d.csv
wrong 1 'there are no weights' eval xor.lua
echo 'return net("nothing", input(2):relu():slice(1, 1))' >nothing.lua
wrong 1 'there is nothing to train' train nothing.lua --data xor.csv -Wno-all

finish
