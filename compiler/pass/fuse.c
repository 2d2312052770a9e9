/* fuse.c: Graph -> Graph, element-wise work done in the store of the node that feeds it. Needs fold. */
#include "pass/pass.h"

#include <string.h>

/* Ops whose store can carry an epilogue. */
static bool carries(const Node *n)
{
    OpKind kind = op_info[n->op].kind;
    return n->op == OP_DENSE || kind == KIND_ELEMENT || kind == KIND_JOIN;
}

static void append(Graph *g, Node *to, Node *n)
{
    Node **epi = ARENA_ARRAY(g->arena, (size_t)(to->nepi + 1 + n->nepi), Node *);
    if (to->nepi)
        memcpy(epi, to->epi, (size_t)to->nepi * sizeof *epi);
    epi[to->nepi] = n;
    if (n->nepi)
        memcpy(epi + to->nepi + 1, n->epi, (size_t)n->nepi * sizeof *epi);
    to->nepi += 1 + n->nepi;
    to->epi = epi;
}

void pass_fuse(Graph *g)
{
    Arena *scratch = arena_new();
    int *uses = graph_uses(g, scratch);
    Node **become = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, Node *);
    for (int i = 0; i < g->nnode; i++) {
        Node *n = become[i] = g->node[i];
        for (int k = 0; k < n->nin; k++)
            n->in[k] = become[n->in[k]->id];
        if (op_info[n->op].kind != KIND_ELEMENT || !carries(n->in[0]) || uses[n->in[0]->id] != 1)
            continue;
        append(g, n->in[0], n);
        uses[n->in[0]->id] = uses[i];
        become[i] = n->in[0];
    }
    for (int o = 0; o < g->noutput; o++)
        g->output[o].node = become[g->output[o].node->id];
    graph_prune(g);
    arena_free(scratch);
}
