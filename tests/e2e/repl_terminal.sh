#!/bin/sh
# repl_terminal.sh BUILD: the prompt on a terminal, driven by tests/e2e/terminal.c: typing, editing, history, completion,
# interrupts, narrow terminals, and homes that keep no history.
. "$(dirname "$0")/begin.sh"
# shellcheck disable=SC2086
$CC -std=c11 -D_GNU_SOURCE -Wall -Wextra -O1 -o terminal "$root/tests/e2e/terminal.c" -lutil || exit 1
export HOME="$dir/home" TERM=xterm LC_ALL=C.UTF-8
unset XDG_STATE_HOME
mkdir home
echo 'leak:wcsdup' >known # two names of functions, which libedit keeps to the end and never frees
[ -n "$SANITIZE" ] && export LSAN_OPTIONS="suppressions=$dir/known:print_suppressions=0"

# plays WHAT COLUMNS ROWS COMMAND...: the script on standard input goes well on such a terminal.
plays() {
    what=$1
    shift
    if ./terminal "$@" >log 2>&1; then
        ok
    else
        bad "$what"
        tail -n 60 log | show
    fi
}

plays 'typing and editing' 80 24 "$MLPC" repl <<'END'
expect help tells what there is
enter 6 * 7
expect 42
enter 1000 + 299\x7f8
expect 1298
# to the beginning of the line, and something before it
enter 500\x011 + \x05
expect 501
# a statement of several lines, with its own prompt
enter for i = 1, 2 do
enter print(i * 111) end
expect 222
# Ctrl-C gives up a line, and a statement of several
begin this is not\x03
expect ^C
enter for i = 1, 2 do
expect >> 
interrupt
expect ^C
enter 40 + 1
expect 41
# letters of several bytes
enter "\xc3\xa9t\xc3\xa9"
expect été
expect été
# a mistake leaves the session alive
enter nonsense()
expect error: 'nonsense' is not defined
enter 40 + 3
expect 43
leave 0
END

if grep -qx '6 \* 7' home/.local/state/mlpc/history && grep -qx '40 + 3' home/.local/state/mlpc/history; then
    ok
else
    bad 'the history in its file'
fi

plays 'history of the session before' 80 24 "$MLPC" -i <<'END'
enter \e[A
expect 43
enter "some" .. "thing"
expect something
enter \e[A\e[A
expect 43
# looked for backwards
enter \x12some\r
expect something
leave 0
END

plays 'completion' 80 24 "$MLPC" repl <<'END'
enter inp\t(3)
expect input1: 3 wide
enter x = input(2)
enter x:den\t(5)
expect : 5 wide
enter input(2):log_s\t()
expect log_softmax1: 2 wide
enter n = net("n", x:dense(1))
begin n:\t\t
expect eval
expect train
send sh\t()\r
expect net n
enter n.his\t
expect no epochs
enter string.rep\t("ab", 3)
expect ababab
enter retu\t 17
expect 17
enter t = { alpha = { beta = 271 } }
enter t.al\t.be\t
expect 271
begin zzz\t\x03
expect ^C
leave 0
END

printf '0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >corners.csv
plays 'training, and what interrupts it' 80 24 "$MLPC" repl <<'END'
enter n = net("xor", input(2):dense(8):tanh():dense(1):sigmoid())
enter d = data "corn\t"
enter d
expect 4 rows of 2
enter n:train(d, { epochs = 500, lr = 0.1 })
expect epoch 
expect 500 epochs, 500 steps
expect accuracy
enter (n{0, 1} > 0.9 and n{1, 1} < 0.1) and "learnt" .. " it" or "not"
expect learnt it
enter n:train(d, { epochs = 1000000000 })
expect epoch 
expect left
interrupt
expect what was learnt is kept
enter #n.history > 500 and "more" .. " epochs"
expect more epochs
enter n:train(d, { epochs = 3, progress = function() n:train(d) end })
expect xor is being trained
leave 0
END

plays 'interrupts of Lua' 80 24 "$MLPC" repl <<'END'
enter print("r" .. "uns") while true do end
expect runs
interrupt
expect error: interrupted
enter print("r" .. "uns") while true do pcall(function() while true do end end) end
expect runs
interrupt
expect error: interrupted
enter coroutine.wrap(function() print("r" .. "uns") while true do end end)()
expect runs
interrupt
expect error: interrupted
enter co = coroutine.create(function() print("r" .. "uns") while true do end end)
enter while true do coroutine.resume(co) end
expect runs
interrupt
expect error: interrupted
# what was interrupted is forgotten
enter for i = 1, 1e6 do x = i end
enter x
expect 1000000
leave 0
END

if command -v cc >/dev/null 2>&1; then
    plays 'the second tier' 80 24 "$MLPC" repl <<'END'
enter n = net("tier", input(2):dense(8):tanh():dense(1):sigmoid())
enter n{0, 1}
expect 0.
expect tier: cc takes over after
enter n{0, 1} == n{0, 1} and "an" .. "swers"
expect answers
leave 0
END
    CC=false plays 'no second tier' 80 24 "$MLPC" repl <<'END'
enter n = net("tier", input(2):dense(8):tanh():dense(1):sigmoid())
enter n{0, 1}
expect tier: stays on tcc
leave 0
END
fi

plays 'a terminal of 20 columns' 20 12 "$MLPC" repl <<'END'
enter n = net("xor", input(2):dense(8):tanh():dense(1):sigmoid())
enter d = data{ {0,0, 0}, {0,1, 1}, {1,0, 1}, {1,1, 0} }
enter n:train(d, { epochs = 2000, lr = 0.01 })
expect accuracy
enter "abcdefghijklmnop" .. "qrstuvwxyz"
expect abcdefghijklmnopqrstuvwxyz
begin n:\t\t
expect train
send show()\r
expect net xor
leave 0
END
if command -v gnuplot >/dev/null 2>&1; then
    plays 'a drawing of 20 columns' 20 12 "$MLPC" repl <<'END'
enter plot(relu)
expect **
expect relu
enter 40 + 2
expect 42
leave 0
END
fi

note="note: this session's history is not kept"
session="expect $note
enter 40 + 2
expect 42
leave 0"
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

finish
