/* eval.c: the reference evaluator over the graph: double precision, naive and obvious, the oracle of every test. */
#include "graph/graph.h"

#include <string.h>

/* The value of element-wise node e over a row, in place. */
static void apply(const Node *e, double *row)
{
    for (int j = 0; j < e->width; j++)
        row[j] = op_info[e->op].value(e, j, row[j]);
}

static void eval_node(const Node *n, double *const *value)
{
    const double *in[NODE_IN_MAX];
    for (int i = 0; i < n->nin; i++)
        in[i] = value[n->in[i]->id];
    if (op_info[n->op].kind == KIND_ELEMENT) {
        memcpy(value[n->id], in[0], (size_t)n->width * sizeof(double));
        apply(n, value[n->id]);
    } else {
        op_info[n->op].row(n, in, value[n->id]);
    }
    for (int e = 0; e < n->nepi; e++)
        apply(n->epi[e], value[n->id]);
}

bool graph_eval(const Graph *g, size_t n, const double *const *in, double *const *out)
{
    if (!graph_bound(g))
        return false;
    Arena *scratch = arena_new();
    double **value = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, double *);
    for (int i = 0; i < g->nnode; i++)
        value[i] = ARENA_ARRAY(scratch, (size_t)g->node[i]->width, double);
    for (size_t row = 0; row < n; row++) {
        for (int i = 0; i < g->ninput; i++) {
            size_t width = (size_t)g->input[i]->width;
            memcpy(value[g->input[i]->id], in[i] + row * width, width * sizeof(double));
        }
        for (int i = 0; i < g->nnode; i++)
            if (g->node[i]->op != OP_INPUT)
                eval_node(g->node[i], value);
        for (int o = 0; o < g->noutput; o++) {
            size_t width = (size_t)g->output[o].node->width;
            memcpy(out[o] + row * width, value[g->output[o].node->id], width * sizeof(double));
        }
    }
    arena_free(scratch);
    return true;
}
