#!/bin/sh
# golden.sh BUILD [--update]: tests/golden/X.lua with neighbours that hold what mlpc must print, byte for byte.
#
# The neighbour's extension says what it is:
#     X.err                       stderr of    mlpc check X.lua ARGS
#     X.c                         stdout of    mlpc X.lua -o - ARGS
#     X.show  X.json  X.dot       stdout of    mlpc show X.lua, show --json, show --dot, then ARGS
#     X.graph X.grad X.fold X.fuse X.plan    stdout of    mlpc X.lua -d graph (and so on) ARGS
#     X.out                       stdout of    mlpc ARGS: here X.args is the whole command, and X.err is its stderr
# ARGS are the lines of X.args, if there is one; X.in is the standard input. A Lua file without neighbours belongs to
# others (it is required by them). The exit status must be 1 when an error was printed, 2 after wrong usage, else 0.
# --update writes what mlpc prints now into the neighbours that exist; make an empty one to add a case.
mlpc=$(cd "$1" && pwd)/mlpc || exit 1
update=$2
cd "$(dirname "$0")/golden" || exit 1
[ -x "$mlpc" ] || { echo "golden.sh: there is no $mlpc"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# fail TEXT: one line, then the difference between what is expected and what came, if there are two files.
fail() {
    failed=$((failed + 1))
    echo "FAIL $1"
    [ $# -lt 3 ] || diff -u "$2" "$3" | sed '1,2d; s/^/    /' | head -n 40
}

# compare NEIGHBOUR FILE
compare() {
    if [ "$update" = --update ]; then
        cmp -s "$1" "$2" || { cp "$2" "$1" && echo "updated $1"; }
    elif cmp -s "$1" "$2"; then
        passed=$((passed + 1))
    else
        fail "$1" "$1" "$2"
    fi
}

# run COMMAND...: leaves $work/out and $work/err, and checks the exit status.
run() {
    if [ -f "$name.in" ]; then input=$name.in; else input=/dev/null; fi
    "$mlpc" "$@" <"$input" >"$work/out" 2>"$work/err"
    status=$?
    expected=0
    grep -q 'error: ' "$work/err" && expected=1
    grep -q '(see mlpc .*--help)$' "$work/err" && expected=2
    [ $status = $expected ] || fail "$name: exit status $status, not $expected: mlpc $*"
}

# command KIND [ARGS]: what the neighbour of that extension is made by.
command_of() {
    kind=$1
    shift
    case $kind in
    err) run check "$name.lua" "$@" ;;
    c) run "$name.lua" -o - "$@" ;;
    show) run show "$name.lua" "$@" ;;
    json | dot) run show "--$kind" "$name.lua" "$@" ;;
    graph | grad | fold | fuse | plan) run "$name.lua" -d "$kind" "$@" ;;
    out) run "$@" ;;
    esac
}

for script in *.lua; do
    name=${script%.lua}
    for kind in err c show json dot graph grad fold fuse plan out; do
        [ -f "$name.$kind" ] || continue
        [ $kind = err ] && [ -f "$name.out" ] && continue # compared together with it
        set --
        if [ -f "$name.args" ]; then
            while IFS= read -r line; do set -- "$@" "$line"; done <"$name.args"
        fi
        command_of $kind "$@"
        if [ $kind = err ]; then
            compare "$name.err" "$work/err"
        else
            compare "$name.$kind" "$work/out"
            [ $kind = out ] && [ -f "$name.err" ] && compare "$name.err" "$work/err"
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
