#!/bin/sh
# run.sh BUILD: mlpc run as users meet it: kinds of files, names of columns, classes, rows as they come, bad rows, the C compiler.
. "$(dirname "$0")/begin.sh"
mkdir tmp
TMPDIR=$dir/tmp
export TMPDIR

# answers EXPECTED INPUT ARGUMENT...: mlpc run gives exactly these lines (printf formats both), and nothing on stderr.
answers() {
    expected=$1 input=$2
    shift 2
    # shellcheck disable=SC2059
    printf "$expected" >want
    # shellcheck disable=SC2059
    printf "$input" | "$MLPC" run "$@" >out 2>err
    got=$?
    if [ $got != 0 ] || [ -s err ]; then
        bad "run $* of '$input': status $got: $(cat err)"
    elif ! cmp -s want out; then
        bad "run $* of '$input': $(cat out)"
    else
        ok
    fi
}

# wrong STATUS MESSAGE ANSWERED INPUT ARGUMENT...: mlpc run answers so much, then fails with that line and status; -o leaves
# no file.
wrong() {
    status=$1 message=$2 answered=$3 input=$4
    shift 4
    # shellcheck disable=SC2059
    printf "$answered" >want
    # shellcheck disable=SC2059
    printf "$input" | "$MLPC" run "$@" >out 2>err
    got=$?
    if [ $got != "$status" ]; then
        bad "run $* of '$input': status $got, not $status: $(cat err)"
    elif [ "$(wc -l <err)" != 1 ] || ! grep -qF -e "$message" err; then
        bad "run $* of '$input': no line '$message' in: $(cat err)"
    elif ! cmp -s want out; then
        bad "run $* of '$input': answers $(cat out)"
    elif [ -n "$(find . -name '.mlp-*' -o -name 'new.*')" ]; then
        bad "run $* of '$input': leaves a file"
    else
        ok
    fi
}

# Nets without parameters need no weights, and their answers are known to the last bit.
cat >twice.lua <<'L'
return net("twice", input(2) * 2)
L
cat >one.lua <<'L'
return net("one", input(1, "x") + 1)
L
cat >two.lua <<'L'
local state, goal = input(3, "state"), input(1, "goal")
return net("two", { value = goal * 10, policy = state:slice(1, 2) })
L
cat >classes.lua <<'L'
return net("classes", input(3), { labels = { "a", "b, c", 'd "e"' }, loss = "mse" })
L
cat >scores.lua <<'L'
return net("scores", input(2):affine(1, 0), { labels = { "no", "yes" }, loss = "cross_entropy" })
L
printf 'return net("xor_net", input(2):dense(2):tanh():dense(1))\n' >blank.lua
cp "$root/examples/plain_c/iris.lua" "$root/examples/plain_c/iris.safetensors" .

# ---- CSV ----
answers '2.0,4.0\n6.0,8.0\n' '1,2\n3,4\n' twice.lua
answers '2.0,4.0\n6.0,8.0\n' '1,2\r\n3,4' twice.lua
answers '2.0,4.0\n0.0,2e30\n' '1;2\n\n-0;1e30\n' twice.lua
answers '2.0,4.0\n0.2,1.5e-6\n' '1\t2\n 1e-1 \t7.5E-7\n' twice.lua
answers '2.0,4.0\n6.0,8.0\n' '# made by hand\n1 2\n  3   4  \n' twice.lua
answers '2.0,4.0\n6.0,8.0\n' '"1","2"\n3,"4"\n' twice.lua
answers '2.0,4.0\n' '1/2\n' twice.lua --delimiter /
answers '3.4028235e38,inf\n' '1.70141173e38,3e38\n' twice.lua
answers '2.0\n3.0\n' '1\n2\n' one.lua
answers '' '' one.lua
answers '' '\n\n' twice.lua
check 'numbers read back as they were' sh -c "printf '0.1,0.3\n1e-40,16777217\n' | '$MLPC' run twice.lua | grep -qxF 0.2,0.6"
printf '1,2\n3,4\n' >in.csv
printf '1,2\n3,4\n' | gzip >in.csv.gz
answers '2.0,4.0\n6.0,8.0\n' '' twice.lua --data in.csv
answers '2.0,4.0\n6.0,8.0\n' '' twice.lua in.csv.gz
wrong 2 "one script at a time: 'twice.lua', and what is 'b.csv'?" '' '' twice.lua in.csv b.csv
answers '' '1,2\n3,4\n' twice.lua -o new.csv
check 'a file of answers' sh -c 'printf "2.0,4.0\n6.0,8.0\n" | cmp - new.csv'
rm -f new.csv

# ---- names ----
answers 'y1,y2\n2.0,4.0\n' 'width,height\n1,2\n' twice.lua
answers 'y1,y2\n' 'width,height\n' twice.lua
answers 'y1,y2\n2.0,4.0\n' 'x2,name,x1\n2,a,1\n' twice.lua
answers 'policy1,policy2,value\n1.0,2.0,90.0\n' 'goal,state3,note,state1,state2\n9,3,so it is,1,2\n' two.lua
answers 'policy1,policy2,value\n1.0,2.0,90.0\n' 'state[0],state[1],state[2],goal\n1,2,3,9\n' two.lua
answers 'policy1,policy2,value\n1.0,2.0,90.0\n' 'a,b,c,d\n1,2,3,9\n' two.lua
answers '1.0,2.0,90.0\n1.0,3.0,80.0\n' '1,2,3,9\n1,3,3,8\n' two.lua
wrong 1 "standard input:1: error: there is no column 'state2' among the 3" '' 'goal,state1,state3\n1,2,3\n' two.lua
wrong 1 "standard input:1: error: there are two columns for 'goal'" '' 'goal,goal,state1,state2,state3\n' two.lua
wrong 1 'standard input:1: error: 3 columns where the net takes 4' '' 'a,b,c\n1,2,3\n' two.lua
wrong 1 'standard input:3: error: 4 values for 5 columns' 'policy1,policy2,value\n1.0,2.0,90.0\n' \
    'goal,state3,x,state1,state2\n9,3,0,1,2\n9,3,1,2\n' two.lua

# ---- classes ----
answers '"b, c",0.5,a,0.25,"d ""e""",0.25\n' '0.25,0.5,0.25\n' classes.lua --labels
answers 'label,probability,label2,probability2,label3,probability3\na,1.0,"b, c",0.0,"d ""e""",0.0\n' 'p,q,r\n1,0,0\n' classes.lua --labels
answers 'yes,0.75,no,0.25\n' '0,1.0986123\n' scores.lua --labels
printf '5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n' | "$MLPC" run iris.lua --labels >out 2>err
check 'irises by name' sh -c 'cut -d, -f1 out | tr "\n" " " | grep -qx "setosa virginica "'
check 'where the weights come from' grep -qx 'iris.safetensors: note: weights from here (--weights none for none)' err
wrong 1 'twice.lua: error: the script names no classes' '' '1,2\n' twice.lua --labels
wrong 2 'mlpc: error: --labels answers with text' '' '1,2\n' classes.lua --labels -o new.npy

# ---- arrays ----
# npy TYPE SHAPE BYTES: an NPY file with that printf text behind its header.
npy() {
    printf '\223NUMPY\001\000v\000'
    printf "%-117s\n" "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
    # shellcheck disable=SC2059
    printf "$3"
}
ones='\0\0\200?\0\0\0@\0\0@@\0\0\200@'    # 1 2 3 4 as float32
twos='\0\0\0@\0\0\200@\0\0\300@\0\0\0A'   # 2 4 6 8
npy '<f4' '2, 2' "$ones" >in.npy
npy '<f4' '2, 2' "$twos" >want.npy
npy '|u1' '2, 2' '\1\2\3\4' >bytes.npy
npy '>i2' '2, 2' '\0\1\0\2\0\3\0\4' >short.npy
# shellcheck disable=SC2059
printf "$ones" >in.f32
# shellcheck disable=SC2059
printf "$twos" >want.f32
for file in in.npy bytes.npy short.npy; do
    check "$file" sh -c "'$MLPC' run twice.lua --data $file | cmp - want.npy"
    check "$file by a pipe" sh -c "cat $file | '$MLPC' run twice.lua --format npy | cmp - want.npy"
done
check 'raw floats' sh -c "'$MLPC' run twice.lua --data in.f32 | cmp - want.f32"
check 'raw floats by a pipe' sh -c "cat in.f32 | '$MLPC' run twice.lua --format f32 | cmp - want.f32"
for file in in.npy in.f32 in.csv; do
    for kind in npy f32 csv; do
        check "$file to $kind" "$MLPC" run twice.lua --data $file -o "out.$kind"
    done
    check "$file to csv: the answers" sh -c 'printf "2.0,4.0\n6.0,8.0\n" | cmp - out.csv'
    check "$file to npy: the answers, counted" cmp out.npy want.npy
    check "$file to f32: the answers" cmp out.f32 want.f32
done
rm -f out.*
npy '<f4' '0, 2' '' >empty.npy
check 'no rows' sh -c "'$MLPC' run twice.lua --data empty.npy | cmp - empty.npy"
mkfifo pipe.npy
cat pipe.npy >from_pipe &
check 'an array into a pipe' sh -c "'$MLPC' run twice.lua --data in.csv -o pipe.npy 2>err; [ \$? = 1 ] &&
    grep -q '^mlpc: error: an NPY file begins with the number of its rows' err && [ ! -s from_pipe ]"
wait
npy '<f4' '3, 2' "$ones" >bad.npy
wrong 1 'bad.npy: error: cut short or lying: its shape promises 24 bytes' '' '' twice.lua --data bad.npy -o new.npy
check 'an array that ends early, by a pipe' sh -c "cat bad.npy | '$MLPC' run twice.lua --format npy -o new.npy 2>err
    [ \$? = 1 ] && [ ! -e new.npy ] && grep -qx 'standard input: error: cut short: row 3 has 0 of 8 bytes' err"
npy '<f4' '1, 4' "$ones" >bad.npy
wrong 1 'bad.npy: error: rows of 4 values where the net takes 2' '' '' twice.lua --data bad.npy
npy '<f4' '2, 2' '\0\0\200?\0\0\0@\0\0\300\177\0\0\200@' >bad.npy
wrong 1 'bad.npy: error: row 2, column 1 is NaN' '' '' twice.lua --data bad.npy -o new.npy
wrong 1 'standard input: error: is no NPY file' '' '1,2\n3,4\n5,6\n7,8\n' twice.lua --format npy
printf '123456789' >bad.f32
wrong 1 'bad.f32: error: 9 bytes are no whole number of rows of 2 float32 values' '' '' twice.lua --data bad.f32
wrong 1 'standard input: error: cut short: row 1 has 5 of 8 bytes' '' '12345' twice.lua --format f32

# ---- bad rows: what came before is answered; a file is whole or not there ----
wrong 1 'standard input:3: error: 1 value where the net takes 2' '2.0,4.0\n6.0,8.0\n' '1,2\n3,4\n5\n7,8\n' twice.lua
wrong 1 'standard input:2: error: 3 values where the net takes 2' '2.0,4.0\n' '1,2\n3,4,5\n' twice.lua
wrong 1 "standard input:2: error: 'x' in column 2 is not a number" '2.0,4.0\n' '1,2\n3,x\n' twice.lua
wrong 1 "standard input:1: error: 'x' in column 2 is not a number" '' '1,x\n3,4\n' twice.lua
wrong 1 'standard input:2: error: missing value in column 1' '2.0,4.0\n' '1,2\n,4\n' twice.lua
wrong 1 "standard input:2: error: 'nan' in column 2 is not finite" '2.0,4.0\n' '1,2\n3,nan\n' twice.lua
wrong 1 "standard input:2: error: '1e99' in column 1 is too large for a float" '2.0,4.0\n' '1,2\n1e99,4\n' twice.lua
wrong 1 "standard input:2: error: missing value in column 2 (b) ('NA')" '' 'a,b\n1,NA\n' twice.lua
wrong 1 'standard input:2: error: missing value: the line is empty' '2.0\n' '1\n\n3\n' one.lua
wrong 1 'standard input:2: error: a quote that is never closed' '2.0,4.0\n' '1,2\n"3,4\n' twice.lua
wrong 1 'standard input:2: error: 3 values where the net takes 2' '' '1,2\n3,4,5\n' twice.lua -o new.csv
wrong 1 'nowhere.csv: error: cannot open' '' '' twice.lua --data nowhere.csv
wrong 1 'blank.lua: error: there are no weights' '' '1,2\n' blank.lua
wrong 2 'what kind of file is twice.lua?' '' '' one.lua --data twice.lua
wrong 2 'in.csv would be overwritten' '' '' twice.lua --data in.csv -o in.csv
wrong 2 'standard input cannot be both the script and the rows' '' 'return 1\n' -
wrong 2 "'--labels' takes no value" '' '' classes.lua --labels=x
wrong 2 "--jit takes tcc|cc|auto, not 'gcc'" '' '' twice.lua --jit=gcc
if [ -w /dev/full ]; then
    check 'a full disk' sh -c "yes 1,2 | head -n 100000 | '$MLPC' run twice.lua 2>err >/dev/full; [ \$? = 1 ] &&
        grep -qx 'standard output: error: cannot write: No space left on device' err"
fi
check 'a reader that has seen enough' sh -c "{ yes 1,2 | '$MLPC' run twice.lua; echo \$? >status; } 2>err | head -n 1 >out
    [ \"\$(cat status)\" = 1 ] && [ \"\$(cat out)\" = 2.0,4.0 ] && grep -qx 'standard output: error: cannot write: Broken pipe' err"

# ---- rows as they come ----
# A row is answered before the next one is sent, and a row that comes in pieces when it is whole: the writer waits for it.
mkfifo to from
"$MLPC" run twice.lua <to >from 2>err &
exec 3>to 4<from
for part in '1,2\n' '3,' '4\n5,6\n' '7,8'; do
    # shellcheck disable=SC2059
    printf "$part" >&3
    case $part in
    '1,2\n') read -r row <&4 && [ "$row" = 2.0,4.0 ] || bad "row by row: $row" ;;
    '4\n5,6\n')
        read -r row <&4 && [ "$row" = 6.0,8.0 ] || bad "a row in pieces: $row"
        read -r row <&4 && [ "$row" = 10.0,12.0 ] || bad "two rows at once: $row"
        ;;
    esac
done
exec 3>&-
read -r row <&4
check 'a last row without its end' [ "$row" = 14.0,16.0 ]
exec 4<&-
wait
check 'nothing to complain of' [ ! -s err ]
mkfifo to.f32 from.f32
"$MLPC" run twice.lua --format f32 <to.f32 >from.f32 2>err &
exec 3>to.f32 4<from.f32
printf '\0\0\200?\0\0' >&3
printf '\0@\0\0' >&3
head -c 8 <&4 >row
check 'a row of raw floats in pieces' sh -c 'printf "\0\0\0@\0\0\200@" | cmp - row'
printf '@@\0\0\200@' >&3
head -c 8 <&4 >row
check 'and the next one' sh -c 'printf "\0\0\300@\0\0\0A" | cmp - row'
exec 3>&- 4<&-
wait

# A million rows in no more memory than a thousand: 64 MB of addresses in all, of which the rows alone would take more.
count=$([ -n "$MLPC_LONG" ] && echo 20000000 || echo 1000000)
if "$MLPC" --version >/dev/null 2>&1 && (ulimit -v 65536 && printf '1,2\n' | "$MLPC" run twice.lua >/dev/null 2>&1); then
    awk -v n="$count" 'BEGIN { for (i = 0; i < n; i++) print i % 1000 ".25," i % 7 ",1,2,3,4,5,6,7" }' >many.csv
    echo 'return net("wide", input(9) * 2)' >wide.lua
    check 'a million rows' sh -c "(ulimit -v 65536 && '$MLPC' run wide.lua <many.csv) | awk -F, '
        { s += \$1 } END { exit NR != $count || s != $count * 999.5 }'"
    check 'and as arrays' sh -c "(ulimit -v 65536 && '$MLPC' run wide.lua -o many.npy <many.csv &&
        '$MLPC' run wide.lua --data many.npy -o many.f32) && [ \$(wc -c <many.f32) = $((count * 36)) ]"
    rm -f many.*
else
    echo "the bound of memory is skipped: this build needs more addresses"
fi

# ---- the C compiler ----
answers '2.0,4.0\n6.0,8.0\n' '1,2\n3,4\n' twice.lua --jit=cc
answers '2.0,4.0\n6.0,8.0\n' '1,2\n3,4\n' twice.lua --jit=auto
printf '5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n' >irises.csv
"$MLPC" run iris.lua --data irises.csv -o tcc.csv 2>err
"$MLPC" run iris.lua --data irises.csv -o cc.csv --jit=cc 2>err
check 'both compilers say the same' sh -c 'paste -d, tcc.csv cc.csv | awk -F, "function d(a, b) { return a > b ? a - b : b - a }
    { if (d(\$1, \$4) > 1e-6 || d(\$2, \$5) > 1e-6 || d(\$3, \$6) > 1e-6) exit 1 } END { exit NR != 2 }"'
for cc in /nowhere/cc false; do
    printf '1,2\n' | CC=$cc "$MLPC" run twice.lua --jit=cc >out 2>err
    check "--jit=cc with CC=$cc answers" [ "$(cat out)" = 2.0,4.0 ]
    check "and says so once" sh -c '[ $(wc -l <err) = 1 ] && grep -q "^twice.lua: note: stays on tcc: " err'
done
printf '1,2\n' | PATH=/nowhere CC= "$MLPC" run twice.lua --jit=cc >out 2>err
check 'without any compiler' sh -c 'grep -qx 2.0,4.0 out && grep -qx "twice.lua: note: stays on tcc: no C compiler: cc: No such file or directory" err'
# Ended by a signal while the compiler works: neither it nor its files stay.
cat >slow <<'S'
#!/bin/sh
echo $$ >"$SLOW"
echo x >"$TMPDIR/its own"
exec sleep 100
S
chmod +x slow
for jit in cc auto; do
    mkfifo wait.$jit go.$jit
    printf '1,2\n' >rows.csv
    SLOW=$dir/go.$jit CC=$dir/slow "$MLPC" run twice.lua --jit=$jit <wait.$jit >out 2>err &
    mlpc=$!
    exec 3>wait.$jit
    read -r slow <go.$jit
    kill -TERM $mlpc
    wait $mlpc 2>/dev/null
    check "ended by a signal, --jit=$jit" [ $? = 143 ]
    exec 3>&-
    check 'and the compiler too' sh -c "! kill -0 $slow 2>/dev/null"
done
# Ended by a signal: no half of a file.
mkfifo wait.file
"$MLPC" run twice.lua -o new.csv <wait.file 2>err &
mlpc=$!
exec 3>wait.file
yes 1,2 | head -n 100000 >&3
kill -TERM $mlpc
wait $mlpc 2>/dev/null
check 'a file of answers, ended by a signal' [ $? = 143 ]
exec 3>&-
check 'and no part of it' [ -z "$(find . -name '.mlp-*' -o -name 'new.*')" ]
check 'nothing stays in the temporary directory' [ -z "$(ls "$TMPDIR")" ]

# ---- bench ----
"$MLPC" bench blank.lua >out 2>err || bad "bench: $(cat err)"
check 'a net without weights is measured with random ones' grep -qx 'blank.lua: note: no weights: measured with random ones' err
check 'bench: what is there' sh -c "grep -q '^net      xor_net: 6 multiply-adds a sample' out && grep -q '^machine  one thread, .* GFLOP/s, .* GB/s' out &&
    grep -qE '^compile  tcc [0-9.e-]+ ms, cc [0-9.e+]+ ms' out"
check 'bench: both ways to make code, three sizes of batches' sh -c "awk '\$1 ~ /^t?cc\$/ && \$3 > 0 && \$4 > 0 && \$5 > 0 {
    printf \"%s%d \", \$1, \$2 }' out | grep -qx 'tcc1 tcc16 tcc256 cc1 cc16 cc256 '"
# The share is a whole number, for a net so small at times 0: that of a larger one is held against the rates beside it.
printf 'return net("square", input(64):dense(64):relu():dense(64))\n' >square.lua
"$MLPC" bench square.lua >out 2>err || bad "bench: $(cat err)"
check 'bench: the share of the machine is that of its rates' sh -c "awk '
    \$1 == \"machine\" { for (i = 2; i <= NF; i++) { if (\$i ~ /^GFLOP/) flops = \$(i - 1); if (\$i ~ /^GB/) bytes = \$(i - 1) } }
    \$1 ~ /^t?cc\$/ && \$7 == \"%\" { share = \$NF == \"GB/s\" ? 100 * \$5 / bytes : 100 * \$4 / flops
        off = \$6 - share; good += off <= 0.6 + share / 100 && off >= -0.6 - share / 100 }
    END { exit !(flops > 0 && bytes > 0 && good == 6) }' out"
CC=false "$MLPC" bench iris.lua --json >out 2>err || bad "bench: $(cat err)"
check 'bench as JSON, without a compiler' sh -c "grep -q '\"cc_ms\": null, \"cc_problem\": \"stays on tcc: false fails with status 1\"' out &&
    [ \$(grep -o '\"code\": \"tcc\"' out | wc -l) = 3 ]"

finish
