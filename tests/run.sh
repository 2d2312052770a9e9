#!/bin/sh
# run.sh BUILD: runs every test over what is in BUILD: units, golden neighbours, end to end. Ends "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
build=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# one NAME COMMAND...: a test fails by its exit status; its last "N passed, N failed" line is added up, if it has one. What
# it says behind "seen: " is shown: numbers worth a look although all is well.
one() {
    name=$1 log=$work/$1.log
    shift
    if "$@" >"$log" 2>&1; then status=0; else status=$?; fi
    good=$(sed -n 's/^.*\[  PASSED  \] \([0-9]*\) test.*$/\1/p; s/^\([0-9]*\) passed, [0-9]* failed.*$/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^.*\[  FAILED  \] \([0-9]*\) test.*$/\1/p; s/^[0-9]* passed, \([0-9]*\) failed.*$/\1/p' "$log" | tail -n 1)
    [ -n "$good" ] || good=$([ $status = 0 ] && echo 1 || echo 0)
    [ -n "$bad" ] || bad=0
    [ $status != 0 ] && [ "$bad" = 0 ] && bad=1
    if grep -q skipped "$log"; then
        skipped=1
        note=" ($(grep -m 1 skipped "$log"))"
    else
        skipped=0
        note=
    fi
    echo "$good $bad $skipped" >"$work/$name.count"
    if [ "$bad" != 0 ]; then
        echo "FAIL $name"
        sed 's/^/    /' "$log" | tail -n 60
    else
        echo "ok   $name: $good$note"
        sed -n 's/^seen: /     /p' "$log"
    fi
}

units() {
    for unit in tests/unit/*_test.c; do
        name=$(basename "$unit" .c)
        one "$name" "$build/tests/$name"
    done
    [ -x tests/golden.sh ] && one golden tests/golden.sh "$build/mlpc"
}

scripts() {
    for script in "$1"/*.sh; do
        [ -x "$script" ] && one "$(basename "$script" .sh)" "$script" "$build"
    done
}

# Two lanes side by side; the second one's lines come behind the first one's.
scripts tests/e2e >"$work/lane" 2>&1 &
units
wait
cat "$work/lane"
[ -n "$MLPC_LONG" ] && scripts tests/long
echo
cat "$work"/*.count | awk '{ good += $1; bad += $2; skipped += $3 }
    END { print good + 0 " passed, " bad + 0 " failed, " skipped + 0 " skipped"; exit bad > 0 || NR == 0 }'
