#!/bin/sh
# run.sh BUILD: runs every test over what is in BUILD: end to end, golden neighbours, units; as many at a time as there
# are processors. Ends "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
build=$1

# one SCRATCH TEST: a test fails by its exit status; its last "N passed, N failed" line is added up, if it has one. What
# it says behind "seen: " is shown: numbers worth a look although all is well.
one() {
    name=$(basename "$2" .sh)
    log=$1/$name.log
    if "$2" "$build" >"$log" 2>&1; then status=0; else status=$?; fi
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
    {
        if [ "$bad" != 0 ]; then
            echo "FAIL $name"
            sed 's/^/    /' "$log" | tail -n 60
        else
            echo "ok   $name: $good$note"
            sed -n 's/^seen: /     /p' "$log"
        fi
    } >"$1/$name.said"
    cat "$1/$name.said"
    echo "$good $bad $skipped" >"$1/$name.count"
}

if [ $# = 3 ]; then
    one "$2" "$3"
    exit
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The tests, those first that take long: then no lane is left alone with one at the end.
tests() {
    [ -n "$MLPC_LONG" ] && ls tests/long/*.sh
    ls tests/e2e/*.sh tests/golden.sh
    for unit in tests/unit/*_test.c; do
        echo "$build/tests/$(basename "$unit" .c)"
    done
}

tests | while read -r test; do
    [ -x "$test" ] || [ "${test%.sh}" = "$test" ] && echo "$test"
done >"$work/tests"
xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 tests/run.sh "$build" "$work" <"$work/tests"
echo
cat "$work"/*.count | awk -v all="$(wc -l <"$work/tests")" '{ good += $1; bad += $2; skipped += $3 }
    END {
        if (NR != all) bad += all - NR
        print good + 0 " passed, " bad + 0 " failed, " skipped + 0 " skipped"
        exit bad > 0 || NR == 0
    }'
