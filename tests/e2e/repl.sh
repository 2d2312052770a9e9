#!/bin/sh
# repl.sh BUILD: the prompt without a terminal: what is typed comes from a file. On a terminal: repl_terminal.sh.
. "$(dirname "$0")/begin.sh"
export HOME="$dir"
unset XDG_STATE_HOME

evidence() { show out err; }

# says STATUS OUT ERR [ARGUMENT...]: the session on standard input ends so, prints exactly OUT, and each line of ERR stands
# in what it says on stderr, which has as many lines.
says() {
    status=$1 wanted=$2 messages=$3
    shift 3
    cat >session
    "$MLPC" repl "$@" <session >out 2>err
    got=$?
    printf '%s' "$messages" >wanted_err
    if [ $got != "$status" ]; then
        bad "status $got, not $status, of: $(cat session)"
    elif [ "$wanted" != "$(cat out)" ]; then
        bad "printed otherwise: $(cat session)"
    elif ! awk 'NR == FNR { want[NR] = $0; n = NR; next } { if (FNR > n || index($0, want[FNR]) == 0) exit 1; m = FNR }
            END { if (m != n) exit 1 }' wanted_err err; then
        bad "said otherwise: $(cat session)"
    else
        ok
    fi
}

# wrong ERR: the session fails with that one message and prints nothing.
wrong() {
    says 1 '' "$1
"
}

# ---- values ----
says 0 '3
a
b
nil
{1, 2, {x = 3}}
{1, "two", [10] = 2.5, a = true}' '' <<'LUA'
1 + 2
"a", "b"
nil
{1, 2, {x = 3}}
{1, "two", a = true, [10] = 2.5}
local unseen = 1
LUA
says 0 'tanh1: 8 wide (repl:1)
0.1
3.0
0.3' '' <<'LUA'
input(2):dense(8):tanh()
0.1
3.0
0.1 + 0.2
LUA
says 0 '{...: a table within itself}' '' <<'LUA'
t = {}
t[1] = t
t[1][1] == t and (function() local u = {} u[1] = u return u end)()[1] and nil or "{...: a table within itself}"
LUA
# A statement goes on until it is whole; the lines of messages are those that were typed.
says 1 '1
2' 'repl:7: error: here
' <<'LUA'
for i = 1, 2 do
    print(i)
end
x = {
    1,
}
error("here")
LUA
says 0 '3
6' '' <<'LUA'
1 +
2
(function()
    return 6
end)()
LUA
wrong "repl:1: error: unexpected symbol near '+'" <<'LUA'
+ 1
LUA
wrong 'repl:2: error: the input ends within a statement' <<'LUA'
for i = 1, 2 do

LUA

# ---- nets ----
cat >lib.lua <<'LUA'
function prints_a_net(n) return (tostring(n):match("^net (%w+)")) end
LUA
says 0 'xor
33
{0.5, 0.5}
0.5
{{0.5, 0.5}, {0.5, 0.5}}
{policy_p = {0.5, 0.5}, v = 0.5}
{policy_p = {{0.5, 0.5}, {0.5, 0.5}}, v = {0.5, 0.5}}' '' <<'LUA'
dofile "lib.lua"
zero = { init = "zero" }
prints_a_net(net("xor", input(2):dense(8):tanh():dense(1):sigmoid()))
net("xor", input(2):dense(8):tanh():dense(1):sigmoid()).params
two = net("two", input(2):dense(2, zero):softmax())
two{0, 1}
one = net("one", input(1):dense(1, zero):sigmoid())
one(3)
two{ {0, 1}, {1, 0} }
s = input(4, "state")
g = input(2, "goal")
h = s .. g
ac = net("ac", { policy_p = h:dense(2, zero):softmax(), v = h:dense(1, zero):sigmoid() })
ac{ state = {1, 2, 3, 4}, goal = {0, 1} }
ac{ state = { {1, 2, 3, 4}, {1, 2, 3, 4} }, goal = { {0, 1}, {1, 0} } }
LUA
# Tensors outlive a net, and come together from before and after one.
says 0 '{0.5, 0.5}
6' '' <<'LUA'
zero = { init = "zero" }
x = input(2)
a = net("a", x:dense(1, zero))
y = input(1)
b = net("b", (y .. x):dense(2, zero):sigmoid())
b{ input1 = {1, 2}, input2 = {3} }
b.params - 2
LUA

# ---- mistakes ----
wrong "repl:1: error: a tensor has no method 'dens'; did you mean 'dense'?" <<'LUA'
input(2):dens(3)
LUA
wrong "repl:2: error: dense needs a whole width from 1 to 1048576, not 0" <<'LUA'

input(2):dense(0)
LUA
wrong "repl:3: error: '+' needs equal widths: dense1 has 8 (repl:2), input1 has 2 (repl:1)" <<'LUA'
x = input(2)
h = x:dense(8)
h + x
LUA
wrong "repl:1: error: 'nett' is not defined; did you mean 'net'?" <<'LUA'
nett("x")
LUA
wrong 'repl:1: error: net: the output must be a tensor, got 5' <<'LUA'
net("a", 5)
LUA
wrong "repl:1: error: net: two layers are called 'fc' (repl:1 and repl:1): name one of them differently" <<'LUA'
net("a", input(2):dense(2, {name = "fc"}):dense(2, {name = "fc"}))
LUA
wrong 'repl:2: error: a: row 2: 1 value, the input takes 2' <<'LUA'
a = net("a", input(2):dense(2))
a{ {0, 1}, {1} }
LUA
wrong 'repl:2: error: a: value 2 must be a number, got the string "x"' <<'LUA'
a = net("a", input(2):dense(2))
a{ 0, "x" }
LUA
wrong "repl:2: error: ac: the input 'goal' is missing" <<'LUA'
ac = net("ac", { v = (input(1, "state") .. input(1, "goal")):dense(1) })
ac{ state = 1 }
LUA
wrong "repl:2: error: ac: there is no input 'gaol'; did you mean 'goal'?" <<'LUA'
ac = net("ac", { v = (input(1, "state") .. input(1, "goal")):dense(1) })
ac{ state = 1, gaol = 2 }
LUA
wrong 'repl:3: error: n{...}: this net was freed' <<'LUA'
a = net("a", input(2):dense(2))
a:free()
a{1, 2}
LUA
wrong 'repl:2: error: n{...}: this net was freed' <<'LUA'
a = net("a", input(2):dense(2))
debug.getmetatable(a).__gc(a) a{1, 2}
LUA
wrong 'repl:1: error: functions call each other too deeply (stack overflow): an endless recursion?' <<'LUA'
local function f() return 1 + f() end f()
LUA
if [ -z "$SANITIZE" ]; then # which takes more memory than there is, to begin with
    echo 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end' >session
    (
        ulimit -v 200000 || exit 0
        "$MLPC" repl <session >out 2>err
    )
    if grep -qx 'repl:1: error: not enough memory' err; then ok; else bad 'a session without memory'; fi
fi
wrong 'repl:1: error: error() was called with a table instead of a message' <<'LUA'
error({})
LUA
wrong 'repl:1: error: whatever' <<'LUA'
error(setmetatable({}, { __tostring = function() return "whatever" end }))
LUA
wrong 'repl:1: error: error() was called with nil instead of a message' <<'LUA'
error(nil)
LUA
wrong 'repl:1: error: the net has 1000001000000 parameters' <<'LUA'
net("a", input(1000000):dense(1000000))
LUA
# One wrong line does not end the session, and what is wrong can be caught.
says 1 'false
repl:2: input: the width must be a number, got nil: write input(n)
2' 'repl:1: error
' <<'LUA'
oops()
pcall(input)
1 + 1
LUA

# ---- training ----
cat >xor.lua <<'LUA'
xor = net("xor", input(2):dense(8):tanh():dense(1):sigmoid())
d = data{ {0,0, 0}, {0,1, 1}, {1,0, 1}, {1,1, 0} }
LUA
note='repl: note: 33 parameters; samples: training 4; adam, lr'
note="xor.lua${note#repl}"
says 0 'data: 4 rows of 3 values
no epochs: n:train(d) makes them
500
500 epochs
true
true
true
1.0
false
7' "$note 0.1
$note 0.1
" <<'LUA'
dofile "xor.lua"
d
xor.history
r = xor:train(d, { epochs = 500, lr = 0.1 })
r.epochs
tostring(xor.history):match("^%d+ epochs")
xor{0, 1} > 0.9
xor{0, 0} < 0.1
r.loss < 0.1 and r.accuracy == 1
xor:eval(d).accuracy
before = xor{0, 1}
xor:train(d, { epochs = 7, lr = 0.1 }).epochs < 7    -- goes on from what was learnt
#xor.history - 500
LUA
# A history does not grow without end: of a long one every second, fourth, ... epoch is kept.
says 0 '10000
{epoch = 5}
39997' '' <<'LUA'
n = net("n", input(1):dense(1))
r = n:train({ {1, 2}, {2, 4} }, { epochs = 40000, quiet = true })
h = n.history
#h
{ epoch = h[2].epoch }
h[#h].epoch
LUA
# What the command line learns, the prompt learns.
printf 'return net("same", input(2):dense(8):tanh():dense(1):sigmoid())' >same.lua
printf '0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >same.csv
"$MLPC" train same.lua --data same.csv --epochs 50 --lr 0.1 -o cli.safetensors >out 2>err
says 0 'true' '' --weights none same.lua <<'LUA'
r = same:train("same.csv", { epochs = 50, lr = 0.1, quiet = true })
w = same{0, 1}
same:load("cli.safetensors")
same{0, 1} == w
LUA
# A function that is told of progress can ask the net, stop it, fail, and not train it again.
says 1 '1
2
2
false
repl:5: train: xor is being trained
3' 'repl:7: error: enough
repl:9: error: attempt to yield across a C-call boundary
' <<'LUA'
dofile "xor.lua"
o = { epochs = 9, quiet = true }
o.progress = function(p) print(p.epoch) return p.epoch < 2 end
xor:train(d, o).epochs
o.progress = function() xor:train(d) end
(function() local ok, why = pcall(xor.train, xor, d, o) print(ok) return why end)()
o.progress = function() error("enough") end xor:train(d, o)
o.progress = coroutine.yield
coroutine.wrap(function() xor:train(d, o) end)()
o.progress = function(p) assert(xor{0, 1} > 0) end
xor:train(d, { epochs = 3, quiet = true, progress = o.progress }).epochs
LUA
wrong "repl:2: error: train: epochs wants a whole number of at least 1, not '0'" <<'LUA'
dofile "xor.lua"
xor:train(d, { epochs = 0 })
LUA
wrong "repl:2: error: train: there is no option 'epoch'; did you mean 'epochs'?" <<'LUA'
dofile "xor.lua"
xor:train(d, { epoch = 1 })
LUA
wrong 'repl:2: error: train: wants data, got nil: write n:train(data "file.csv")' <<'LUA'
dofile "xor.lua"
xor:train()
LUA
wrong 'repl:2: error: data: row 2, value 3 must be a number, got NaN' <<'LUA'
dofile "xor.lua"
xor:train{ {0, 0, 0}, {0, 1, 0 / 0} }
LUA
wrong 'repl:2: error: data: row 2 has 2 values, row 1 has 3' <<'LUA'
dofile "xor.lua"
xor:train{ {0, 0, 0}, {0, 1} }
LUA
wrong 'repl:2: error: data: holds no targets to learn from: 2 columns are what the net takes' <<'LUA'
dofile "xor.lua"
xor:train{ {0, 0}, {0, 1} }
LUA
wrong 'repl:1: error: data: nowhere.csv: cannot open' <<'LUA'
data "nowhere.csv"
LUA
wrong 'repl:3: error: train: same.csv would be overwritten: it is read' <<'LUA'
dofile "xor.lua"

xor:train("same.csv", { log = "same.csv" })
LUA
says 1 'true' 'the loss' <<'LUA'
n = net("n", input(1):dense(1), { optimizer = "sgd", loss = "mse" })
n:train({ {1e3, 1e6}, {2e3, 3e6} }, { lr = 1e5, epochs = 99, quiet = true })
n(1) == n(1) and n(1) < math.huge
LUA
# Names of classes come with the data, and the scaling with the weights.
says 0 'input1_scale
true' '' <<'LUA'
n = net("pets", input(2):dense(3):softmax())
d = { {0, 100, "cat"}, {9, 200, "dog"}, {5, 300, "eel"} }
r = n:train(d, { epochs = 5, scale = "standard", quiet = true })
n:show():match("input1_scale")
n:save("pets.safetensors")
m = net("pets", input(2):dense(3):softmax())
m:load("pets.safetensors")
m{1, 150}[2] == n{1, 150}[2]
LUA

# ---- drawings ----
wrong 'repl:1: error: plot: draws a net, n.history, an activation like relu or a function, got nil' <<'LUA'
plot()
LUA
wrong "repl:1: error: plot: the file's name must end in .svg or .png, not 'x.txt'" <<'LUA'
plot(relu, "x.txt")
LUA
wrong 'repl:1: error: plot: three takes 3 numbers: nets of one or two can be drawn' <<'LUA'
net("three", input(3):dense(1)):plot()
LUA
wrong 'repl:1: error: plot: the function must return a number, at -4 it returned nil' <<'LUA'
plot(function() end)
LUA
wrong 'repl:1: error: plot: x must be a range like {-1, 1}' <<'LUA'
net("one", input(1):dense(1)):plot{ x = {1, 1} }
LUA
mkdir none
PATH="$dir/none" "$MLPC" repl >out 2>err <<'LUA'
plot(relu)
LUA
if [ $? = 1 ] && grep -qx 'repl:1: error: plot: gnuplot is not installed (Debian: apt install gnuplot-nox)' err && [ ! -s out ]; then
    ok
else
    bad 'without gnuplot'
fi
printf '#!/bin/sh\necho "line 3: something it dislikes" >&2\nexit 1\n' >none/gnuplot
chmod +x none/gnuplot
PATH="$dir/none" "$MLPC" repl >out 2>err <<'LUA'
plot(relu, "relu.svg")
LUA
if [ $? = 1 ] && grep -qx 'repl:1: error: plot: gnuplot fails: line 3: something it dislikes' err && [ ! -e relu.svg ]; then
    ok
else
    bad 'a gnuplot that fails'
fi
if command -v gnuplot >/dev/null 2>&1; then
    "$MLPC" repl >out 2>err <<'LUA'
dofile "xor.lua"
r = xor:train(d, { epochs = 500, lr = 0.1, quiet = true })
xor:plot()
plot(xor.history)
plot(relu)
plot{tanh, function(x) return x / 4 end}
xor:plot("xor.svg")
xor:plot("xor.png", { x = {0, 1}, y = {-1, 2} })
plot(xor.history, "history.svg")
net("one", input(1):dense(3):softmax()):plot("one's.svg")
LUA
    if [ $? = 0 ] && [ ! -s err ]; then ok; else bad 'drawings'; fi
    for word in '####' 'epoch' 'its slope' 'function 2' 'input1\[2\]\|0.8..1'; do
        if grep -q -- "$word" out; then ok; else bad "no $word in the drawings"; fi
    done
    # The surface of XOR: ink in two opposite corners, none in the middle between the others.
    if awk 'NR == 3 { top = $0 } NR == 17 { low = $0 } END {
        exit !(substr(top, 12, 9) ~ /#########/ && substr(low, 60, 9) ~ /#########/ && substr(top, 60, 9) !~ /#/ && substr(low, 12, 6) !~ /#/) }' out; then
        ok
    else
        bad 'the surface of XOR'
    fi
    for file in xor.svg history.svg "one's.svg"; do
        if head -n 2 "$file" | grep -q '<svg\|<?xml' && tail -n 3 "$file" | grep -q '</svg>'; then ok; else bad "$file"; fi
    done
    if [ "$(head -c 4 xor.png | tail -c 3)" = PNG ]; then ok; else bad xor.png; fi
    wrong 'repl:1: error: plot: nowhere/x.svg: cannot' <<'LUA'
plot(relu, "nowhere/x.svg")
LUA
else
    echo 'drawings skipped: no gnuplot'
fi

# ---- what takes things apart ----
says 1 'nil
true
inner
repl:9: this tensor was taken apart
0.5' 'repl:5: error: cannot resume non-suspended coroutine
repl:8: error: train: this data was freed
' <<'LUA'
dofile "xor.lua"
xor:train(d, { epochs = 3, quiet = true, progress = function() debug.getmetatable(xor).__gc(xor) debug.getmetatable(d).__gc(d) collectgarbage() end }) and nil
xor{0, 1} > 0
coroutine.wrap(function() return "inner" end)()
local co co = coroutine.wrap(function() return co() end) co()
x = input(2)
debug.setuservalue(x, nil, 1) collectgarbage() collectgarbage()
xor:train(d)
for _, f in ipairs { function() return #x end, function() return x:dense(2) end, function() return x + input(2) end } do ok, why = pcall(f) end
(function() return pcall(function() return net("n", x) end) and "?" or why end)()
net("half", input(1):dense(1, { init = "zero" }):sigmoid())(7)
LUA

# ---- a script ----
cat >wave.lua <<'LUA'
local width = param("width", 3)
return net("wave", input(1):dense(width):tanh():dense(1))
LUA
says 0 'wave
16' '' -D width=5 wave.lua <<'LUA'
wave.name
wave.params
LUA
says 1 '' 'wave.lua: error: unknown -D depth' -D depth=5 wave.lua <<'LUA'
wave.name
LUA
says 1 '' 'nowhere.lua: error: cannot open' nowhere.lua <<'LUA'
LUA

says 0 'a: 2' '' -Wno-linear-stack <<'LUA'
a = net("a", input(4):dense(2):dense(2))
"a: " .. #a{1, 2, 3, 4}
LUA
says 1 '' 'repl:1: error: dense2 (2 -> 2) follows dense1 (4 -> 2, repl:1)' -Werror <<'LUA'
a = net("a", input(4):dense(2):dense(2))
LUA

# ---- files ----
says 0 'false
true
written' '' <<'LUA'
a = net("a", input(2):dense(2))
before = a{1, 2}
a:c("a.c")
a:save("a.safetensors")
a:reset(5)
a{1, 2}[1] == before[1]
a:load("a.safetensors")
a{1, 2}[1] == before[1]
"written"
LUA
for file in a.c a.h a.safetensors; do
    if [ -s $file ]; then ok; else bad "no $file"; fi
done
wrong 'nowhere/a.c' <<'LUA'
net("a", input(2):dense(2)):c("nowhere/a.c")
LUA
wrong 'nowhere.safetensors' <<'LUA'
net("a", input(2):dense(2)):load("nowhere.safetensors")
LUA
wrong 'a.safetensors: tensor' <<'LUA'
net("b", input(3):dense(2)):load("a.safetensors")
LUA

finish
