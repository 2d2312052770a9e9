/* loss.c: which loss an output has, and what of the output it reads. */
#include "graph/loss.h"

#include <math.h>
#include <string.h>

const char *const loss_names[] = {"cross_entropy", "binary_cross_entropy", "mse", "mae", "huber", NULL};

/* The output without dropout behind it. */
static Node *undropped(Node *n)
{
    while (n->op == OP_DROPOUT || n->op == OP_DROPOUT_TRAIN)
        n = n->in[0];
    return n;
}

const char *loss_default(const Node *output)
{
    while (output->op == OP_DROPOUT || output->op == OP_DROPOUT_TRAIN)
        output = output->in[0];
    return output->op == OP_SOFTMAX || output->op == OP_LOG_SOFTMAX ? "cross_entropy"
           : output->op == OP_SIGMOID                               ? "binary_cross_entropy"
                                                                    : "mse";
}

/* ---- which values cannot leave 0..1 ------------------------------------------------------------------------------ */

/* All that a node's features can be. */
typedef struct Range {
    double low, high;
} Range;

static double product(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

static Range times(Range a, Range b)
{
    double p[] = {product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high)};
    Range r = {p[0], p[0]};
    for (int i = 1; i < 4; i++)
        r = (Range){fmin(r.low, p[i]), fmax(r.high, p[i])};
    return r;
}

static Range affine(const Node *n, Range x)
{
    Range r = {HUGE_VAL, -HUGE_VAL};
    for (int j = 0; j < n->width; j++) {
        Range y = times(x, (Range){n->scale[j], n->scale[j]});
        r = (Range){fmin(r.low, y.low + n->shift[j]), fmax(r.high, y.high + n->shift[j])};
    }
    return r;
}

static Range range_of(const Node *n, const Range *range)
{
    Range all = {-HUGE_VAL, HUGE_VAL}, x = n->nin ? range[n->in[0]->id] : all;
    Range b = n->nin > 1 ? range[n->in[1]->id] : all;
    switch (n->op) {
    case OP_SIGMOID:
    case OP_HARD_SIGMOID:
    case OP_SOFTMAX:
        return (Range){0, 1};
    case OP_TANH:
    case OP_SOFTSIGN:
    case OP_SIGN: /* of what is not negative it is not, either */
        return (Range){x.low >= 0 ? 0 : -1, x.high <= 0 ? 0 : 1};
    case OP_HARD_TANH:
        return (Range){fmax(-1, fmin(x.low, 1)), fmin(1, fmax(x.high, -1))};
    case OP_RELU:
        return (Range){fmax(x.low, 0), fmax(x.high, 0)};
    case OP_EXP:
        return (Range){exp(x.low), exp(x.high)};
    case OP_DROPOUT:
    case OP_SLICE:
        return x;
    case OP_AFFINE:
        return affine(n, x);
    case OP_MUL:
        return n->in[0] == n->in[1] ? (Range){0, times(x, x).high} : times(x, b);
    case OP_ADD:
        return (Range){x.low + b.low, x.high + b.high};
    case OP_SUB:
        return (Range){x.low - b.high, x.high - b.low};
    case OP_CONCAT:
        return (Range){fmin(x.low, b.low), fmax(x.high, b.high)};
    default:
        return all;
    }
}

static bool is_probability(const Graph *g, const Node *n)
{
    Arena *scratch = arena_new();
    Range *range = ARENA_ARRAY(scratch, (size_t)n->id + 1, Range);
    for (int i = 0; i <= n->id; i++)
        range[i] = range_of(g->node[i], range);
    Range r = range[n->id];
    arena_free(scratch);
    return r.low >= 0 && r.high <= 1;
}

/* ---- what is read ------------------------------------------------------------------------------------------------ */

LossRead loss_read(const Graph *g, const char *name, Node *output)
{
    static const Op plain[] = {OP_MSE, OP_MAE, OP_HUBER};
    Node *end = undropped(output);
    name = name ? name : loss_default(output);
    if (strcmp(name, "cross_entropy") == 0) {
        bool ends = end->op == OP_SOFTMAX || end->op == OP_LOG_SOFTMAX;
        return (LossRead){OP_CROSS_ENTROPY, LOSS_OF_LOGITS, ends ? end->in[0] : output};
    }
    if (strcmp(name, "binary_cross_entropy") == 0) {
        if (end->op == OP_SIGMOID)
            return (LossRead){OP_BINARY_CROSS_ENTROPY_LOGITS, LOSS_OF_LOGITS, end->in[0]};
        if (is_probability(g, end))
            return (LossRead){OP_BINARY_CROSS_ENTROPY, LOSS_OF_PROBABILITIES, end};
        return (LossRead){OP_BINARY_CROSS_ENTROPY_LOGITS, LOSS_OF_LOGITS, output};
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, op_info[plain[i]].name) == 0)
            return (LossRead){plain[i], LOSS_OF_VALUES, output};
    return (LossRead){OP_COUNT, LOSS_OF_VALUES, output};
}
