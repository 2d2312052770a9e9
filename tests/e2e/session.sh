#!/bin/sh
# session.sh BUILD: types what examples/session/README.md shows at a prompt again, and compares what comes out. Numbers may
# differ by a hundredth and drawings by a character in twenty: the last bits are those of the machine's instruction set.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
MLPC=$(cd "$1" && pwd)/mlpc || exit 1
if ! command -v gnuplot >/dev/null 2>&1; then
    echo 'session skipped: no gnuplot'
    exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
sed -n 's/^    > //p' "$root/examples/session/README.md" >typed
sed -n -e '/^    >/d' -e 's/^    //p' "$root/examples/session/README.md" | sed '/^$/d' >wanted
"$MLPC" repl <typed 2>&1 | sed '/^$/d' >got
awk '
    function near(a, b) { return a == b || (a ~ /^[-+0-9.e]+$/ && b ~ /^[-+0-9.e]+$/ && (a - b) ^ 2 <= 1e-4) }
    function alike(a, b,   i, n, m, x, y, bad) {
        if (a == b) return 1
        if (a ~ /^ *([-0-9.]+|loss [0-9.]+)? *[|+]/) { # a drawing
            n = length(a) > length(b) ? length(a) : length(b)
            for (i = 1; i <= n; i++) bad += substr(a, i, 1) != substr(b, i, 1)
            return bad * 20 <= n
        }
        gsub(/[{},%]/, " & ", a); gsub(/[{},%]/, " & ", b)
        n = split(a, x, " "); m = split(b, y, " ")
        for (i = 1; i <= n; i++)
            if (!near(x[i], y[i]) && !(x[i - 1] == "in" && x[i + 1] == "s")) return 0
        return n == m
    }
    NR == FNR { want[FNR] = $0; n = NR; next }
    !alike(want[FNR], $0) { print "wanted: " want[FNR]; print "got:    " $0; failed++ }
    { lines = FNR }
    END {
        if (lines != n) { print lines " lines, not " n; failed++ }
        if (failed) print "FAIL the session of examples/session"
        print n - failed " passed, " failed + 0 " failed"
        exit failed > 0
    }' wanted got || exit 1
for file in xor.c xor.h xor.safetensors; do
    [ -s $file ] || { echo "FAIL the session leaves no $file"; exit 1; }
done
# The README shows parts of it.
sed -n '/^## The prompt/,/^The same functions/s/^    //p' "$root/README.md" | sed '/^$/d' | while IFS= read -r line; do
    grep -qxF -e "    $line" "$root/examples/session/README.md" || { echo "FAIL README.md shows what the session has not: $line"; exit 1; }
done
