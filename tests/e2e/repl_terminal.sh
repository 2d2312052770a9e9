#!/bin/sh
# repl_terminal.sh BUILD: the prompt on a terminal, driven by tests/e2e/terminal.c: typing, editing, history, completion,
# interrupts, narrow terminals, and homes that keep no history.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
cd "$root" || exit 1
build=$(cd "$1" && pwd) || exit 1
MLPC=$build/mlpc
passed=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -o "$dir/terminal" tests/e2e/terminal.c -lutil || exit 1
cd "$dir" || exit 1
export HOME="$dir/home" TERM=xterm LC_ALL=C.UTF-8
unset XDG_STATE_HOME
mkdir home

ok() {
    passed=$((passed + 1))
}

bad() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

# plays WHAT COLUMNS ROWS COMMAND...: the script on standard input goes well on such a terminal.
plays() {
    what=$1
    shift
    if ./terminal "$@" >log 2>&1; then
        ok
    else
        bad "$what"
        tail -n 60 log | sed 's/^/    /'
    fi
}

plays 'typing and editing' 80 24 "$MLPC" repl <<'END'
expect help tells what there is
expect > 
send 6 * 7\r
expect 42
send 1000 + 299\x7f8\r
expect 1298
# to the beginning of the line, and something before it
send 500\x011 + \x05\r
expect 501
# a statement of several lines, with its own prompt
send for i = 1, 2 do\r
expect >> 
send print(i * 111) end\r
expect 222
# Ctrl-C gives up a line, and a statement of several
send this is not\x03
expect ^C
expect > 
send for i = 1, 2 do\r
expect >> 
send \x03
expect ^C
send 40 + 1\r
expect 41
# letters of several bytes
send "\xc3\xa9t\xc3\xa9"\r
expect été
expect été
# a mistake leaves the session alive
send nonsense()\r
expect error: 'nonsense' is not defined
send 40 + 3\r
expect 43
expect > 
send \x04
exit 0
END

if grep -qx '6 \* 7' home/.local/state/mlpc/history && grep -qx '40 + 3' home/.local/state/mlpc/history; then
    ok
else
    bad 'the history in its file'
fi

plays 'history of the session before' 80 24 "$MLPC" -i <<'END'
expect > 
send \e[A\r
expect 43
send "some" .. "thing"\r
expect something
send \e[A\e[A\r
expect 43
# looked for backwards
send \x12some\r\r
expect something
expect > 
send \x04
exit 0
END

plays 'completion' 80 24 "$MLPC" repl <<'END'
expect > 
send inp\t(3)\r
expect input1: 3 wide
send x = input(2)\r
send x:den\t(5)\r
expect : 5 wide
send input(2):log_s\t()\r
expect log_softmax1: 2 wide
send n = net("n", x:dense(1))\r
send n:\t\t
expect eval
expect train
send sh\t()\r
expect net n
send n.his\t\r
expect no epochs
send string.rep\t("ab", 3)\r
expect ababab
send retu\t 17\r
expect 17
send t = { alpha = { beta = 271 } }\r
send t.al\t.be\t\r
expect 271
send zzz\t\x03
expect ^C
expect > 
send \x04
exit 0
END

printf '0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >corners.csv
plays 'training, and what interrupts it' 80 24 "$MLPC" repl <<'END'
expect > 
send n = net("xor", input(2):dense(8):tanh():dense(1):sigmoid())\r
send d = data "corn\t"\r
send d\r
expect 4 rows of 2
send n:train(d, { epochs = 500, lr = 0.1 })\r
expect epoch 
expect 500 epochs, 500 steps
expect accuracy
send (n{0, 1} > 0.9 and n{1, 1} < 0.1) and "learnt" .. " it" or "not"\r
expect learnt it
send n:train(d, { epochs = 1000000000 })\r
expect epoch 
expect left
send \x03
expect what was learnt is kept
send #n.history > 500 and "more" .. " epochs"\r
expect more epochs
send n:train(d, { epochs = 3, progress = function() n:train(d) end })\r
expect xor is being trained
expect > 
send \x04
exit 0
END

plays 'interrupts of Lua' 80 24 "$MLPC" repl <<'END'
expect > 
send print("r" .. "uns") while true do end\r
expect runs
send \x03
expect error: interrupted
send print("r" .. "uns") while true do pcall(function() while true do end end) end\r
expect runs
send \x03
expect error: interrupted
send coroutine.wrap(function() print("r" .. "uns") while true do end end)()\r
expect runs
send \x03
expect error: interrupted
send co = coroutine.create(function() print("r" .. "uns") while true do end end)\r
send while true do coroutine.resume(co) end\r
expect runs
send \x03
expect error: interrupted
# what was interrupted is forgotten
send for i = 1, 1e6 do x = i end\r
send x\r
expect 1000000
expect > 
send \x04
exit 0
END

if command -v cc >/dev/null 2>&1; then
    plays 'the second tier' 80 24 "$MLPC" repl <<'END'
expect > 
send n = net("tier", input(2):dense(8):tanh():dense(1):sigmoid())\r
send n{0, 1}\r
expect 0.
expect tier: cc takes over after
send n{0, 1} == n{0, 1} and "an" .. "swers"\r
expect answers
expect > 
send \x04
exit 0
END
    CC=false plays 'no second tier' 80 24 "$MLPC" repl <<'END'
expect > 
send n = net("tier", input(2):dense(8):tanh():dense(1):sigmoid())\r
send n{0, 1}\r
expect tier: stays on tcc
expect > 
send \x04
exit 0
END
fi

plays 'a terminal of 20 columns' 20 12 "$MLPC" repl <<'END'
expect > 
send n = net("xor", input(2):dense(8):tanh():dense(1):sigmoid())\r
send d = data{ {0,0, 0}, {0,1, 1}, {1,0, 1}, {1,1, 0} }\r
send n:train(d, { epochs = 2000, lr = 0.01 })\r
expect accuracy
send "abcdefghijklmnop" .. "qrstuvwxyz"\r
expect abcdefghijklmnopqrstuvwxyz
send n:\t\t
expect train
send show()\r
expect net xor
expect > 
send \x04
exit 0
END
if command -v gnuplot >/dev/null 2>&1; then
    plays 'a drawing of 20 columns' 20 12 "$MLPC" repl <<'END'
expect > 
send plot(relu)\r
expect **
expect relu
send 40 + 2\r
expect 42
expect > 
send \x04
exit 0
END
fi

note="note: this session's history is not kept"
session="expect $note
expect > 
send 40 + 2\\r
expect 42
expect > 
send \\x04
exit 0"
echo "$session" | plays 'no HOME' 120 24 env -u HOME "$MLPC" repl
touch file
echo "$session" | plays 'a history that cannot be' 120 24 env XDG_STATE_HOME="$dir/file" "$MLPC" repl
if [ "$(id -u)" != 0 ]; then
    mkdir locked
    chmod a-w locked
    echo "$session" | plays 'a locked folder' 120 24 env XDG_STATE_HOME="$dir/locked" "$MLPC" repl
fi
mkdir -p state
echo "$session" | sed 1d | plays 'XDG_STATE_HOME' 120 24 env XDG_STATE_HOME="$dir/state" "$MLPC" repl
if grep -qx '40 + 2' state/mlpc/history; then ok; else bad 'the history where XDG_STATE_HOME says'; fi
echo "$session" | sed 1d | plays 'a terminal that can do nothing' 80 24 env TERM=dumb "$MLPC" repl

echo "$passed passed, $failed failed"
[ $failed = 0 ]
