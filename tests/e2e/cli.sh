#!/bin/sh
# cli.sh BUILD: the command line as users meet it: options, mistakes, outputs that cannot be written, help and the manual.
. "$(dirname "$0")/begin.sh"

# mlpc STATUS TEXT ARGUMENT...: mlpc ends with that status; TEXT stands in its messages ("": there are none). A failure
# is told in one line, prints nothing else and changes no file.
mlpc() {
    status=$1 text=$2
    shift 2
    before=$(cksum ./*.lua ./*.c ./*.h ./*.weights ./*.safetensors 2>&1)
    "$MLPC" "$@" >out 2>err
    got=$?
    if [ $got != "$status" ]; then
        bad "mlpc $*: status $got, not $status: $(cat err)"
    elif [ -n "$text" ] && ! grep -qF -e "$text" err; then
        bad "mlpc $*: no '$text' in: $(cat err)"
    elif [ -z "$text" ] && [ -s err ]; then
        bad "mlpc $*: says $(cat err)"
    elif [ "$status" != 0 ] && [ "$(wc -l <err)" != 1 ]; then
        bad "mlpc $*: not one line: $(cat err)"
    elif [ "$status" != 0 ] && [ -s out ]; then
        bad "mlpc $*: prints although it fails"
    elif [ "$status" != 0 ] && [ "$before" != "$(cksum ./*.lua ./*.c ./*.h ./*.weights ./*.safetensors 2>&1)" ]; then
        bad "mlpc $*: changes files although it fails"
    elif [ -n "$(find . -name '.mlp-*')" ]; then
        bad "mlpc $*: leaves a temporary file"
    else
        ok
    fi
}

# usage TEXT ARGUMENT...: wrong usage, one line "mlpc: error: ...".
usage() {
    mlpc 2 "$@"
    check "a usage error is marked as mlpc's: $(cat err)" grep -q '^mlpc: error: .* (see mlpc .*--help)$' err
}

# prints TEXT: stands in what the last run printed.
prints() {
    check "'$1' in the output" grep -qF -e "$1" out
}

cat >net.lua <<'LUA'
local width = param("width", 3)
local x = input(4)
return net("tiny", x:dense(width):relu():dense(2):softmax())
LUA
cat >stack.lua <<'LUA'
return net("stack", input(10):dense(5):dense(10))
LUA
echo 'oops(' >wrong.lua

# ---- options, in any order and form ----
mlpc 0 '' net.lua -o a.c
mlpc 0 '' -o b.c net.lua
mlpc 0 '' -ob.c -- net.lua
mlpc 0 '' -D width=5 net.lua --target portable -o c.c
mlpc 0 '' --target=portable -Dwidth=5 -oc2.c net.lua
check 'options in another form say the same' sh -c 'sed s/c2/c/ c2.c | cmp - c.c'
check 'the command in the head comment' grep -qF 'mlpc net.lua -D width=5 --target=portable -o c.c' c.c
mlpc 0 '' net.lua -D width=9 -D width=3 -o d.c
check 'of two -D the last counts' grep -qF '4 -> 3' d.c
mlpc 0 '' show net.lua
mlpc 0 '' --json show net.lua
prints '"net": "tiny"'
mlpc 0 '' -D width=7 show --json -- net.lua
prints '"value": 7, "given": true'
mlpc 0 '' check net.lua
check 'check prints nothing' [ ! -s out ]
mlpc 0 'linear-stack' check stack.lua
mlpc 0 '' check stack.lua -Wno-linear-stack -Wno-rank-bottleneck
mlpc 0 '' check stack.lua -W no-all
"$MLPC" check stack.lua -Werror -Wno-rank-bottleneck >out 2>err
check '-Werror: status 1' [ $? = 1 ]
check '-Werror: an error' grep -q 'stack.lua:1: error: .*linear-stack' err
for stage in graph grad fold fuse plan; do
    mlpc 0 '' net.lua -d $stage
    check "-d $stage prints" [ -s out ]
done
mlpc 0 '' - -o e.c <net.lua
check 'a script from standard input' grep -qF 'from standard input' e.c
mlpc 0 '' net.lua -o -
prints '#ifndef TINY_H'
check 'no header beside standard output' [ ! -e ./-.h ]
mlpc 0 '' net.lua -o f.c --header other.h
check '--header: there' [ -s other.h ]
check '--header: not beside' [ ! -e f.h ]
mlpc 0 '' net.lua --single-header -o single.h
check '--single-header: one file' [ ! -e single.c ]
mlpc 0 '' net.lua --prefix brain -o g.c
check '--prefix: every name' sh -c '! grep -i "[^_a-z]tiny[_(]" g.c'
mlpc 0 'operator of C++' net.lua --prefix xor -o h.c

# ---- help ----
mlpc 0 '' --help
cp out help
mlpc 0 '' -h
check '-h is --help' cmp out help
mlpc 0 '' help
check 'mlpc help is --help' cmp out help
for verb in check show reference help; do
    mlpc 0 '' $verb --help
    prints "mlpc $verb "
    cp out one
    mlpc 0 '' help $verb
    check "help $verb is $verb --help" cmp out one
    mlpc 0 '' -h $verb
    check "-h $verb is $verb --help" cmp out one
    check "$verb stands in --help" grep -q "^  mlpc $verb " help
done
mlpc 0 '' help build
check 'help build' cmp out help
mlpc 0 '' --version
check 'the version' grep -qxE 'mlpc [0-9]+\.[0-9]+\.[0-9]+' out
version=$(cat out)

# ---- the manual and the completion know every verb, option, word and warning that the help knows ----
man=$root/compiler/doc/mlpc.1 bash=$root/compiler/doc/mlpc.bash
sed 's/\\//g' "$man" >manual
check 'the manual has the version' grep -qF "\"$version\"" manual
for verb in check show train eval run bench reference help; do
    "$MLPC" help $verb | sed -n 's/^  \(-.*\)/\1/p'
done >options
sed -n '/^Options/,/^$/s/^  \(-.*\)/\1/p' help >>options
check 'the help lists options' [ "$(sort -u options | wc -l)" -ge 16 ]
sed 's/^-h, //; s/[ =].*//; s/^-Wno-NAME/-Wno-/' options | sort -u >names
check 'and these are among them' sh -c 'grep -qx -e --by-order names && grep -qx -e -o names && grep -qx -e --json names'
while read -r name; do
    check "the manual has $name" grep -qE -e "^\.(B|BI|BR)( .*)? $name( |\$)" manual
    check "the completion has $name" grep -qE -e "(^|[ '\"])$name([ '\"]|\$)" "$bash"
done <names
sed -n '/^Warnings/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' help >warnings
check 'the help lists warnings' [ "$(wc -l <warnings)" -ge 11 ]
while read -r name; do
    check "the manual has $name" grep -qxF ".B $name" manual
    check "the completion has $name" grep -qwF -e "$name" "$bash"
    mlpc 0 '' check net.lua "-Wno-$name"
done <warnings
sed -n 's/.*[ =]\([a-z]*|[a-z|]*\) .*/\1/p' options | tr '|' '\n' | sort -u >words
check 'the help lists words' [ "$(wc -l <words)" -ge 9 ]
while read -r name; do
    check "the manual has the word $name" grep -qE "^\.BR? .*$name|\| $name" manual
    check "the completion has the word $name" grep -qwF -e "$name" "$bash"
done <words

# offers WORD...: what the completion offers for the last word.
offers() {
    bash -c 'compopt() { :; }; . "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mlpc; printf "%s\n" "${COMPREPLY[@]}"' \
        "$bash" "$@" >out 2>err || bad "completion of $*: $(cat err)"
}
if command -v bash >/dev/null 2>&1; then
    offers mlpc sh
    check 'completion: a verb' grep -qx show out
    offers mlpc n
    check 'completion: a script' grep -qx net.lua out
    offers mlpc show --js
    check 'completion: an option of the verb' grep -qx -e --json out
    offers mlpc net.lua --js
    check 'completion: no option of another verb' sh -c '! grep -q json out'
    offers mlpc net.lua --target = p
    check 'completion: a word of an option' grep -qx portable out
    offers mlpc net.lua -d gr
    check 'completion: a stage' grep -qx graph out
    offers mlpc net.lua -Wno-lin
    check 'completion: a warning' grep -qx -e -Wno-linear-stack out
    offers mlpc help s
    check 'completion: a verb to be helped with' grep -qx show out
    for verb in build check show train eval reference help; do
        [ $verb = build ] && word=net.lua || word=$verb
        offers mlpc "$word" -
        grep . out | sort >offered
        "$MLPC" help $verb | sed -n '/^Options/,/^$/s/^  \(-.*\)/\1/p' | sed 's/^-h, //; s/[ =].*//; s/^-Wno-NAME/-Wno-/' |
            sort >listed
        check "completion: the options of $verb are those of its help" cmp listed offered
    done
fi

# ---- wrong usage ----
usage 'no script'
usage 'no script' show
usage 'no output' net.lua
usage "'-o' wants a value" net.lua -o
usage "'-o' wants a value" net.lua -o --by-order
usage "'--weights' wants a value" net.lua --weights= -o x.c
usage "'--by-order' takes no value" net.lua --by-order=yes -o x.c
usage "did you mean '--json'" show net.lua --jsn
usage "did you mean '--json'" show net.lua -json
usage "did you mean '--target'" net.lua --taget=simd -o x.c
usage "there is no option '--zzz'" net.lua --zzz -o x.c
usage 'it belongs to show' net.lua --json -o x.c
usage 'it belongs to the build' show net.lua -o x.c
usage "did you mean 'portable'" net.lua --target=portabel -o x.c
usage "did you mean 'file'" net.lua --weights-as=fil -o x.c
usage "did you mean 'fold'" net.lua -d flod
usage "did you mean '-Wno-linear-stack'" net.lua -Wno-linear-stck -o x.c
usage 'there is no warning' net.lua -Wno-such-thing-at-all -o x.c
usage "did you mean 'show'" shwo net.lua
usage "did you mean 'show'" shwo
usage "did you mean 'check'" help chekc
usage "there is no verb 'frobnicate'" frobnicate net.lua
usage 'one script at a time' net.lua stack.lua -o x.c
usage 'one verb at a time' help show check
usage '-D wants NAME=VALUE' net.lua -D width -o x.c
usage '-D wants NAME=VALUE' net.lua -D =3 -o x.c
usage 'name is empty' '' -o x.c
usage 'one form at a time' show net.lua --dot --json
usage 'say --single-header' net.lua -o x.h
usage '--header has no place' net.lua --single-header -o x.h --header y.h
usage 'two names' net.lua -o x.c --header x.c
usage 'needs a place' net.lua --weights-as=file -o -
usage 'no numbers to write' net.lua --weights-as=file -o x.c
usage '--train' net.lua --weights-as=file --train -o x.c
usage 'is a keyword of C' net.lua --prefix for -o x.c
usage 'is not a C identifier' net.lua --prefix my-net -o x.c
usage "'--prefix' wants a value" net.lua --prefix '' -o x.c
usage 'cannot both be standard input' - --weights - -o x.c

# ---- wrong input ----
mlpc 1 'cannot open' missing.lua -o x.c
mlpc 1 'wrong.lua:' wrong.lua -o x.c
mlpc 1 'wrong.lua:' show wrong.lua
mlpc 1 'wrong.lua:' check wrong.lua
mlpc 1 'unknown -D' net.lua -D witdh=3 -o x.c
mlpc 1 'width' net.lua -D width=wide -o x.c
mlpc 1 'missing.safetensors' net.lua --weights missing.safetensors -o x.c
check 'and no x.c came of it' [ ! -e x.c ]

# ---- outputs that cannot be ----
usage 'it is the script itself' net.lua -o net.lua
usage 'it is the script itself' net.lua -o "$PWD/../$(basename "$PWD")/net.lua"
usage 'it is the script itself' net.lua -o x.c --header net.lua
ln -s net.lua link.c
usage 'it is the script itself' net.lua -o link.c
rm link.c
ln net.lua hard.c
usage 'it is the script itself' net.lua -o hard.c
rm hard.c
cat >needs.lua <<'LUA'
local other = require "other"
return net("needs", other(input(4)))
LUA
echo 'return function(x) return x:dense(2) end' >other.lua
usage 'it is the script itself' needs.lua -o other.lua
usage 'cannot be one file' net.lua -o x.c --header ./x.c
mkdir folder
usage 'cannot be one file' net.lua -o folder/x.c --header "$PWD/folder/../folder/x.c"
mlpc 1 'directory' net.lua -o folder
mlpc 1 'No such file' net.lua -o nowhere/x.c
mlpc 1 'x.c' net.lua -o "$dir/nowhere/x.c"
echo 'int before;' >old.c
cp old.c kept.c
mlpc 1 'nowhere/x.h' net.lua -o old.c --header nowhere/x.h
check 'a header that cannot be written leaves the old C' cmp old.c kept.c
mlpc 1 'nowhere/x.h' net.lua -o new.c --header nowhere/x.h
check 'a header that cannot be written leaves no C' [ ! -e new.c ]
mkdir old.h
mlpc 1 'old.h' net.lua -o old.c
check 'a header that is a folder leaves the old C' cmp old.c kept.c
rmdir old.h
mlpc 1 'wrong.lua' wrong.lua -o old.c
check 'a wrong script leaves the old C' cmp old.c kept.c
if [ "$(id -u)" != 0 ]; then
    chmod a-w folder
    mlpc 1 'folder/x.c' net.lua -o folder/x.c
    chmod u+w folder
    chmod a-w old.c
    mlpc 1 'old.c' net.lua -o old.c
    chmod u+w old.c
fi
if [ -c /dev/full ]; then
    mlpc 1 'No space' net.lua -o /dev/full
    mlpc 1 'No space' net.lua -o new.c --header /dev/full
    check 'a full disk for the header leaves no C' [ ! -e new.c ]
    for command in 'net.lua -o -' 'net.lua -d plan' 'show net.lua' 'show net.lua --json' 'show net.lua --dot' '--help' \
        'help show' '--version'; do
        # shellcheck disable=SC2086
        "$MLPC" $command >/dev/full 2>err
        check "a full standard output is an error: $command" [ $? = 1 ]
        check "and said in one line: $command" grep -qx 'mlpc: error: standard output: cannot write: No space.*' err
        # shellcheck disable=SC2086
        "$MLPC" $command >&- 2>err
        check "a closed standard output is an error: $command" [ $? = 1 ]
        check "and said in one line too: $command" grep -qx 'mlpc: error: standard output: cannot write: .*' err
    done
fi
cp old.c limited.c
(
    ulimit -f 8 || exit
    "$MLPC" net.lua -o limited.c 2>err
    echo $? >status
)
check 'a file that may not grow' grep -qx 1 status
check 'is said' grep -qE '^mlpc: error: limited.c: cannot write: .*large' err
check 'the old file stays' cmp old.c limited.c
check 'no temporary file stays' [ -z "$(find . -name '.mlp-*')" ]
"$MLPC" net.lua -o closed.c >&- 2>err
check 'a closed standard output is none where nothing is printed' [ $? = 0 ]
check 'and the file is whole' sh -c "sed s/closed/a/ closed.c | cmp - a.c"
"$MLPC" - -o x.c <&- 2>err
check 'a closed standard input' [ $? = 1 ]
check 'a closed standard input is said' grep -q 'stdin\|standard input' err
"$MLPC" missing.lua -o x.c 2>&-
check 'a closed standard error' [ $? = 1 ]
"$MLPC" net.lua -o closed2.c 2>&- >&- <&-
check 'all closed, nothing to say' cmp closed.h closed2.h
if mkfifo pipe 2>/dev/null; then
    cat pipe >piped &
    mlpc 0 '' net.lua -o pipe
    wait $!
    check 'a pipe takes the C' sh -c 'sed s/pipe/a.c/ piped | cmp - a.c'
    check 'no header beside a pipe' [ ! -e pipe.h ]
    rm pipe
fi
touch target.c
ln -s target.c sym.c
mlpc 0 '' net.lua -o sym.c
check 'a symbolic link is followed' [ -L sym.c ]
check 'to what it names' [ -s target.c ]
# Names that mean something to C or to a shell do no harm in the head comment.
for value in '*/ int x; /*' "it's" '??/' '/*' 'two
lines'; do
    printf 'param("text", "a") return net("tiny", input(2):dense(2))' >text.lua
    mlpc 0 '' text.lua -D "text=$value" -o text.c
    check "a comment with $value in it compiles" "${CC:-cc}" -std=c99 -Wall -Wextra -Werror -c -o text.o \
        text.c
done
mlpc 1 'cannot open' 'new
line.lua' -o x.c

# ---- what is there when the same is asked for twice ----
mlpc 0 '' net.lua -o twice.c
cp twice.c first.c
cp twice.h first.h
mlpc 0 '' net.lua -o twice.c
check 'the same input, the same C' cmp twice.c first.c
check 'the same input, the same header' cmp twice.h first.h

# ---- show ----
cat >shown.lua <<'LUA'
local width = param("width", 6)
local act = param("act", "relu")
local deep = param("deep", true)
local x = input(4, "left")
local z = input(3, "right")
local h = (x .. z):dropout(0.5):dense(width, { name = "first" }):batchnorm():leaky_relu(0.1)
local a, b = h:slice(1, 2), h:slice(3, -1)
return net("node", { one = a:softmax(), two = b:affine(2, 1) }, { labels = { 'say "hi"', "back\\slash" } })
LUA
mlpc 0 '' show shown.lua -D width=5
for word in 'net node' 'param width = 5 (default 6, set by -D' 'param act = relu (default relu' 'first: dense' '7 -> 5' \
    'batchnorm1 eps=1e-05' 'leaky_relu1 a=0.1' 'slice1 i=1 j=2' 'shown.lua:6' 'in all' 'target' 'simd' 'multiply-adds' \
    'flash' 'RAM, one sample' 'RAM, a batch' 'dropout1'; do
    prints "$word"
done
check 'show: the sum of the parameters' grep -Eq '^in all +60 +35 ' out
mlpc 0 '' show shown.lua --target=portable
prints 'portable'
mlpc 0 '' show shown.lua --json
for word in '"net": "node"' '"name": "width", "default": 6, "value": 6, "given": false' '"default": "relu"' \
    '"default": true' '"op": "dense", "in": ["dropout1"], "width": 6' '"attributes": {"a": 0.10000000000000001}' \
    '"say \"hi\""' '"back\\slash"' '"becomes": "dropped"' '"becomes": "moved"' '"parameters": 72' '"batch": '; do
    prints "$word"
done
if command -v python3 >/dev/null 2>&1; then
    check 'show --json is JSON' python3 -c 'import json; json.load(open("out", encoding="utf-8"))'
fi
check 'show --json: figures are no texts' sh -c "! grep -E '\"(width|parameters|macs|flops|bytes|line|flash|steps|numbers|outside|ram_one|ram_batch|batch|layers)\": \"' out"
printf 'return net("t", input(2):dense(2), {labels = {"caf\\xc3\\xa9", "bad\\xff\\xfebyte"}})' >utf.lua
mlpc 0 '' show utf.lua --json
prints "$(printf '"caf\303\251"')"
prints '"bad\ufffd\ufffdbyte"'
mlpc 0 '' show shown.lua --dot
prints 'digraph "node" {'
prints 'n4 [label="first\ndense 6"'
prints 'n3 -> n4;'
if command -v dot >/dev/null 2>&1; then
    check 'show --dot is what dot reads' dot -Tsvg -o graph.svg out
fi
# Where linear layers collapse, show tells what was written and what it costs now.
mlpc 0 '' show "$root/models/ad.lua" --weights none -Wno-all
prints 'dense10'
prints 'relu9'
mlpc 0 'models/ad.safetensors' show "$root/models/ad.lua"
prints 'dense1 (folded)'
prints 'dense1 (fused)'
prints '269992'
prints '265864'

finish
