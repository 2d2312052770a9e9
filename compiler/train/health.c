/* health.c: looks into the layers of a trained net: dead and saturated units, slopes, and where numbers overflow. */
#include "train/health.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/loss.h"
#include "learner.h"

enum { ROWS_MAX = 2000, ROWS_MIN = 64, NAMES_MAX = 4 };

/* The work that looking may take, in multiply-adds. */
#define WORK_MAX 1e8

/* ---- which nodes to look at ---------------------------------------------------------------------------------------- */

static bool is_output(const Graph *g, const Node *n)
{
    for (int o = 0; o < g->noutput; o++)
        if (g->output[o].node == n)
            return true;
    return false;
}

/* What of n is looked at: relu itself, what goes into sigmoid and tanh. An output is what it is. */
static Node *looked_at(const Graph *g, Node *n)
{
    if (is_output(g, n))
        return NULL;
    return n->op == OP_RELU ? n : n->op == OP_SIGMOID || n->op == OP_TANH ? n->in[0] : NULL;
}

static size_t rows_for(const Graph *g, size_t samples)
{
    double macs = 1;
    for (int i = 0; i < g->nnode; i++)
        macs += node_macs(g->node[i]) + g->node[i]->width;
    double rows = WORK_MAX / macs;
    size_t n = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : (size_t)rows;
    return n < samples ? n : samples;
}

/* ---- what is seen -------------------------------------------------------------------------------------------------- */

static void relu_line(Text *t, const Node *n, const float *y, size_t rows, size_t stride)
{
    int dead = 0;
    for (int j = 0; j < n->width; j++) {
        bool alive = false;
        for (size_t r = 0; r < rows && !alive; r++)
            alive = y[r * stride + (size_t)j] > 0;
        dead += !alive;
    }
    double share = (double)dead / n->width;
    text_printf(t, "  %-14s %d of %d units dead (%.1f %%)\n", n->name, dead, n->width, 100 * share);
    if (share > 0.25)
        text_printf(t, "  %-14s hint: a lower --lr, leaky_relu, or a narrower layer: dead units learn nothing more\n", "");
}

static void saturated_line(Text *t, const Node *n, const float *x, size_t rows, size_t stride)
{
    size_t outside = 0, stuck = 0;
    for (int j = 0; j < n->width; j++) {
        size_t unit = 0;
        for (size_t r = 0; r < rows; r++)
            unit += fabsf(x[r * stride + (size_t)j]) > 2;
        outside += unit;
        stuck += unit == rows;
    }
    double share = (double)outside / ((double)rows * n->width);
    text_printf(t, "  %-14s %.1f %% of values outside -2..2, %zu of %d units always\n", n->name, 100 * share, stuck,
                n->width);
    if (share > 0.5)
        text_printf(t, "  %-14s hint: scale the inputs (scale: standard), start smaller (init = \"glorot\"), or use relu\n", "");
}

static void prelu_line(Text *t, const Graph *g, const Node *n, const float *w)
{
    const float *slope = w;
    size_t count = param_count(n->param[ROLE_WEIGHT]), negative = 0;
    for (int i = 0; i < g->nparam && g->param[i] != n->param[ROLE_WEIGHT]; i++)
        slope += param_count(g->param[i]);
    double low = (double)slope[0], high = low, sum = 0;
    for (size_t k = 0; k < count; k++) {
        double v = (double)slope[k];
        low = v < low ? v : low;
        high = v > high ? v : high;
        sum += v;
        negative += v < 0;
    }
    if (count == 1)
        text_printf(t, "  %-14s slope %.3g\n", n->name, low);
    else
        text_printf(t, "  %-14s slopes %.3g to %.3g, mean %.3g\n", n->name, low, high, sum / (double)count);
    if (count > 1 && negative * 4 > count)
        text_printf(t, "  %-14s note: %zu of %zu are negative: these units fold the line in two\n", "", negative, count);
}

/* ---- the report ---------------------------------------------------------------------------------------------------- */

/* A graph like g whose outputs are other nodes of it; only answered with, never pruned, so that its parameters stay. */
static Graph *with_outputs(const Graph *g, Node *const *node, int count)
{
    Graph *copy = graph_copy(g);
    Output *out = ARENA_ARRAY(g->arena, (size_t)count, Output);
    for (int i = 0; i < count; i++) /* names in the order of the list: it must stay */
        out[i] = (Output){arena_printf(g->arena, "%08d", i), copy->node[node[i]->id]};
    graph_outputs(copy, out, count);
    return copy;
}

/* y[rows][outputs] of the graph for rows of the samples, evenly spread. free() it; NULL: reported to d. */
static float *answers(const Graph *probe, const float *w, const mlp_samples *s, size_t rows, size_t *stride, Diag *d)
{
    LearnerOptions options = {.threads = 1};
    Learner *l = learner_new(probe, d, &options);
    if (!l)
        return NULL;
    float *block = calloc(l->run.params + 1, sizeof *block), *x = malloc(rows * l->run.inputs * sizeof *x);
    float *y = malloc(rows * l->run.outputs * sizeof *y);
    size_t *row = malloc(rows * sizeof *row);
    if (!block || !x || !y || !row)
        die("out of memory");
    for (size_t i = 0; i < rows; i++) {
        size_t k = (size_t)((double)i * ((double)s->count / (double)rows));
        row[i] = s->rows ? s->rows[k] : k;
    }
    mlp_gather(&s->data->x, row, rows, x);
    l->load(l, w, block);
    l->run.forward(l->run.context, 0, block, rows, x, y);
    *stride = l->run.outputs;
    free(block);
    free(x);
    free(row);
    learner_free(l);
    return y;
}

bool health_report(Text *t, const Graph *g, const float *w, const mlp_samples *s, Diag *d)
{
    Node **node = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, Node *), **value = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, Node *);
    int count = 0, slopes = 0;
    for (int i = 0; i < g->nnode; i++) {
        Node *v = looked_at(g, g->node[i]);
        slopes += g->node[i]->op == OP_PRELU;
        if (!v)
            continue;
        node[count] = g->node[i];
        value[count++] = v;
    }
    if (count + slopes == 0)
        return true;
    size_t rows = rows_for(g, s->count), stride = 0, at = 0;
    float *y = count ? answers(with_outputs(g, value, count), w, s, rows, &stride, d) : NULL;
    if (count && !y)
        return false;
    text_printf(t, "layers (%zu samples)\n", rows);
    for (int i = 0, k = 0; i < g->nnode; i++) {
        if (g->node[i]->op == OP_PRELU)
            prelu_line(t, g, g->node[i], w);
        if (k == count || g->node[i] != node[k])
            continue;
        (node[k]->op == OP_RELU ? relu_line : saturated_line)(t, node[k], y + at, rows, stride);
        at += (size_t)value[k++]->width;
    }
    free(y);
    return true;
}

/* ---- overflow ------------------------------------------------------------------------------------------------------ */

static bool beyond(float v)
{
    return !isfinite(v);
}

const Node *health_find_overflow(const Graph *g, const float *w, size_t n, const float *x, const char **what)
{
    Diag d;
    diag_init(&d, g->arena);
    for (int i = 0; i < g->nparam; w += param_count(g->param[i]), i++)
        for (size_t k = 0; k < param_count(g->param[i]); k++)
            if (beyond(w[k])) {
                *what = arena_printf(g->arena, "%s is no longer finite", g->param[i]->name);
                for (int j = 0; j < g->nnode; j++)
                    if (g->node[j]->param[g->param[i]->role] == g->param[i])
                        return g->node[j];
            }
    w -= graph_params(g);
    /* All nodes but the inputs; their values in double precision, stored as floats. */
    Node **node = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, Node *);
    int count = 0;
    for (int i = 0; i < g->nnode; i++)
        if (g->node[i]->op != OP_INPUT)
            node[count++] = g->node[i];
    LearnerOptions options = {.threads = 1};
    Learner *l = learner_reference(with_outputs(g, node, count), &d, &options);
    float *y = malloc((l->run.outputs + 1) * sizeof *y);
    const Node *first = NULL, *largest = NULL;
    double most = 0;
    for (size_t r = 0; r < n && y; r++) {
        const float *at = y;
        l->run.forward(l->run.context, 0, w, 1, x + r * l->run.inputs, y);
        for (int i = 0; i < count && (!first || node[i]->id < first->id); at += node[i]->width, i++)
            for (int j = 0; j < node[i]->width; j++) {
                if (beyond(at[j])) {
                    first = node[i];
                    break;
                }
                if (fabs((double)at[j]) > most) {
                    most = fabs((double)at[j]);
                    largest = node[i];
                }
            }
    }
    if (first)
        *what = arena_printf(g->arena, "%s gives values beyond single precision", first->name);
    else if (most > 1e6) /* the loss overflowed, squaring them */
        *what = arena_printf(g->arena, "%s gives values of %.3g", (first = largest)->name, most);
    free(y);
    learner_free(l);
    return first;
}

/* ---- linear nets --------------------------------------------------------------------------------------------------- */

bool health_is_linear(const Graph *g)
{
    bool *bent = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, bool), all = true;
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        OpKind kind = op_info[n->op].kind;
        bent[i] = n->nin > 0 && !op_info[n->op].linear && kind != KIND_SHAPE && n->op != OP_ADD && n->op != OP_SUB &&
                  n->op != OP_DENSE && n->op != OP_DROPOUT;
        for (int k = 0; k < n->nin; k++)
            bent[i] = bent[i] || bent[n->in[k]->id];
    }
    for (int o = 0; o < g->noutput; o++)
        all = all && !bent[loss_read(g, g->train.loss, g->output[o].node).value->id];
    return all;
}
