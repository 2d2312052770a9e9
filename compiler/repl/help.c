/* help.c: what there is at the prompt: one table of topics; activations come from the table of operators. */
#include "repl/help.h"

#include <stdbool.h>
#include <string.h>

#include "graph/ops.h"

static const struct {
    const char *name, *usage, *text;
} topics[] = {
    {"input", "input(width [, \"name\"])", "a tensor to build on: the net takes so many numbers a sample"},
    {"dense", "x:dense(width [, {bias = true, init = \"he\", name = \"fc1\"}])",
     "every output a weighted sum of all inputs"},
    {"batchnorm", "x:batchnorm(eps)   x:layernorm(eps)   x:dropout(p)",
     "normalises a feature, a row; forgets at random in training"},
    {"affine", "x:affine(scale, shift)", "constants: numbers, or one for each feature"},
    {"mlp", "x:mlp({256, 128}, \"relu\")   x:hourglass{width = 128, depth = 4, waist = 8}", "several layers at once"},
    {"joins", "a + b   a - b   a * b   a .. b   -a   x:slice(i, j)",
     "joins of tensors of one width, or with numbers; one behind the other; a part"},
    {"net", "n = net(\"name\", y [, {loss = \"mse\", labels = {...}}])",
     "a net that computes y; {policy = p, value = v} for several outputs"},
    {"n{...}", "n{0, 1}   n{ {0, 0}, {0, 1} }   n{state = {...}, goal = {...}}",
     "computes: a sample, a batch, several inputs by name"},
    {"data", "d = data{ {0,0, 0}, {0,1, 1} }   d = data(\"d.csv\" [, {label = ..., val = ...}])",
     "samples with their target at the end, or a file: "
     "CSV, IDX, NPY, NPZ (labels, label, delimiter, val, val_labels, test, test_labels)"},
    {"train", "n:train(d [, {epochs = 100, lr = 0.1, batch = 32, split = 0.8}])",
     "learns; Ctrl-C stops and keeps what was learnt. Also: optimizer, "
     "schedule, warmup, decay, momentum, weight_decay, clip, scale, seed, patience, threads, log, progress (a "
     "function)"},
    {"eval", "n:eval(d)", "loss, accuracy and confusion on data"},
    {"show", "n:show()", "layers, shapes, parameters and cost"},
    {"bench", "n:bench()", "compile times, microseconds a sample, and the share of what this machine can do"},
    {"c", "n:c()   n:c(\"xor.c\" [, {train = true, portable = true}])",
     "its C as text, or in a file with its header beside it"},
    {"save", "n:save(\"n.safetensors\")   n:load(\"n.safetensors\" [, {by_order = true}])", "weights"},
    {"plot", "n:plot()   plot(n.history)   plot(relu)   plot(x, \"x.svg\")",
     "draws in the terminal, or into a file (svg, png)"},
    {"history", "n.history   n.history[1].loss   n.name   n.params", "what training told by epoch; other fields"},
    {"reset", "n:reset([seed])   n:free()", "first weights again; an end before the garbage collector's"},
    {"help", "help   help \"train\"", "this, or more about one of these and of the activations"},
};
enum { TOPICS = sizeof topics / sizeof *topics };

static bool is_activation(int op)
{
    OpKind kind = op_info[op].kind;
    return op >= OP_RELU && op < OP_COUNT && (kind == KIND_ELEMENT || kind == KIND_ROW);
}

static void overview(Text *t)
{
    text_add(t, "Lua 5.4, and nets. What is typed is run; what has a value is shown.\n\n");
    for (int i = 0; i < TOPICS; i++)
        text_printf(t, "  %s\n", topics[i].usage);
    text_add(t, "\nactivations, as x:relu() or relu(x):\n ");
    size_t column = 1;
    for (int op = 0; op < OP_COUNT; op++) {
        if (!is_activation(op))
            continue;
        if (column + strlen(op_info[op].name) > 78) {
            text_add(t, "\n ");
            column = 1;
        }
        text_printf(t, " %s", op_info[op].name);
        column += 1 + strlen(op_info[op].name);
    }
    text_add(t, "\n\nhelp \"train\" tells more about one of them; Tab completes; Ctrl-C stops; Ctrl-D leaves\n");
}

void help_text(Text *t, const char *topic)
{
    if (!topic) {
        overview(t);
        return;
    }
    for (int i = 0; i < TOPICS; i++) {
        if (strcmp(topics[i].name, topic) == 0) {
            text_printf(t, "%s\n%s\n", topics[i].usage, topics[i].text);
            return;
        }
    }
    Op op = op_find(topic);
    if (op < OP_COUNT)
        text_printf(t, "x:%s(...)\n%s\n", op_info[op].name, op_info[op].doc);
    else
        text_printf(t, "there is no help about '%.40s': help tells what there is\n", topic);
}
