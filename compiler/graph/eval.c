/* eval.c: the reference evaluators over the graph: double precision, naive and obvious, the oracles of every test. */
#include "graph/graph.h"

#include <string.h>

/* The value of element-wise node e over a row, in place. */
static void apply(const Node *e, double *row)
{
    for (int j = 0; j < e->width; j++)
        row[j] = op_info[e->op].value(e, j, row[j]);
}

/* One row of node n, as at inference. */
static void eval_row(const Node *n, const double *const *in, double *out)
{
    if (op_info[n->op].value) {
        memcpy(out, in[0], (size_t)n->width * sizeof *out);
        apply(n, out);
    } else {
        op_info[n->op].row(n, in, out);
    }
    for (int e = 0; e < n->nepi; e++)
        apply(n->epi[e], out);
}

/* By id: whether some output depends on the node at inference, where batch statistics are not read. */
static const bool *needed(const Graph *g, Arena *scratch)
{
    bool *need = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, bool);
    for (int o = 0; o < g->noutput; o++)
        need[g->output[o].node->id] = true;
    for (int i = g->nnode - 1; i >= 0; i--) {
        const Node *n = g->node[i];
        for (int k = 0; need[i] && k < (op_info[n->op].value ? 1 : n->nin); k++)
            need[n->in[k]->id] = true;
    }
    return need;
}

bool graph_eval(const Graph *g, size_t n, const double *const *in, double *const *out)
{
    if (!graph_bound(g))
        return false;
    Arena *scratch = arena_new();
    const bool *need = needed(g, scratch);
    double **value = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, double *);
    for (int i = 0; i < g->nnode; i++)
        value[i] = ARENA_ARRAY(scratch, (size_t)g->node[i]->width, double);
    for (size_t row = 0; row < n; row++) {
        for (int i = 0; i < g->ninput; i++) {
            size_t width = (size_t)g->input[i]->width;
            memcpy(value[g->input[i]->id], in[i] + row * width, width * sizeof(double));
        }
        for (int i = 0; i < g->nnode; i++) {
            const Node *node = g->node[i];
            const double *from[NODE_IN_MAX];
            for (int k = 0; k < node->nin; k++)
                from[k] = value[node->in[k]->id];
            if (need[i] && node->nin)
                eval_row(node, from, value[i]);
        }
        for (int o = 0; o < g->noutput; o++) {
            size_t width = (size_t)g->output[o].node->width;
            memcpy(out[o] + row * width, value[g->output[o].node->id], width * sizeof(double));
        }
    }
    arena_free(scratch);
    return true;
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* What came from outside for a source node. */
static const double *source(const Graph *g, const TrainBatch *t, const Node *n)
{
    for (int i = 0; i < g->ninput; i++)
        if (g->input[i] == n)
            return t->in[i];
    for (int i = 0; i < g->ntarget; i++)
        if (g->target[i] == n)
            return t->target[i];
    return t->weight;
}

static void eval_batch(const Node *n, const Batch *b, double *const *value)
{
    const double *in[NODE_IN_MAX];
    for (int k = 0; k < n->nin; k++)
        in[k] = value[n->in[k]->id];
    if (op_info[n->op].batch) {
        op_info[n->op].batch(n, b, in, value[n->id]);
        for (size_t r = 0; r < node_rows(n, b->n); r++)
            for (int e = 0; e < n->nepi; e++)
                apply(n->epi[e], value[n->id] + r * (size_t)n->width);
        return;
    }
    for (size_t r = 0; r < b->n; r++) {
        eval_row(n, in, value[n->id] + r * (size_t)n->width);
        for (int k = 0; k < n->nin; k++)
            in[k] += n->in[k]->width;
    }
}

bool graph_eval_train(const Graph *g, const TrainBatch *t, double *loss, double *const *grad)
{
    if (!g->training || !graph_bound(g) || t->n == 0)
        return false;
    Arena *scratch = arena_new();
    double **value = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, double *);
    double **sum = ARENA_ARRAY(scratch, (size_t)g->params_made + 1, double *);
    Batch b = {.n = t->n, .seed = t->seed, .step = t->step, .loss = loss, .grad = sum};
    *loss = 0;
    for (int i = 0; i < g->nparam; i++)
        sum[g->param[i]->id] = ARENA_ARRAY(scratch, param_count(g->param[i]), double);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        value[i] = arena_array(scratch, node_rows(n, t->n), (size_t)n->width * sizeof(double));
        if (op_info[n->op].kind == KIND_SOURCE)
            memcpy(value[i], source(g, t, n), t->n * (size_t)n->width * sizeof(double));
        else
            eval_batch(n, &b, value);
    }
    for (int i = 0; grad && i < g->nparam; i++)
        memcpy(grad[i], sum[g->param[i]->id], param_count(g->param[i]) * sizeof(double));
    arena_free(scratch);
    return true;
}
