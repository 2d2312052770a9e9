# begin.sh: what the scripts of this folder begin with, read into each of them: the program of BUILD, their first argument, as $MLPC,
# an empty folder $dir to work in, which goes at the end, and what is counted. They close with `finish`.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
build=$(cd "$root" && cd "$1" && pwd) || exit 1
MLPC=$build/mlpc
CC=${CC:-cc}
passed=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

ok() {
    passed=$((passed + 1))
}

bad() {
    failed=$((failed + 1))
    echo "FAIL $*"
    evidence
}

# What else a failure shows: a script may say.
evidence() { :; }

show() {
    cat "$@" | head -n 60 | sed 's/^/    /'
}

# check WHAT COMMAND...: the command succeeds. What it prints is in $dir/log, and shown if it fails.
check() {
    what=$1
    shift
    if "$@" >"$dir/log" 2>&1; then
        ok
    else
        bad "$what"
        show "$dir/log"
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}
