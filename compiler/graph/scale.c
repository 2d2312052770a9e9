/* scale.c: puts scaling that was learnt from data between a net's inputs and its layers. Used by training, and when weights
 * that were trained so are bound. */
#include "graph/scale.h"

#include <string.h>

static const char *scale_name(const Graph *g, int input)
{
    return arena_printf(g->arena, "%s_scale", g->input[input]->name);
}

static bool taken(const Graph *g, const char *name)
{
    for (int i = 0; i < g->nnode; i++)
        if (strcmp(g->node[i]->name, name) == 0)
            return true;
    return false;
}

void graph_scale_input(Graph *g, int input, const double *scale, const double *shift, const char *why)
{
    Node *x = g->input[input], **old = g->node;
    int count = g->nnode;
    const char *name = scale_name(g, input);
    for (int k = 2; taken(g, name); k++)
        name = arena_printf(g->arena, "%s%d", scale_name(g, input), k);
    g->node = NULL;
    g->nnode = g->node_cap = 0;
    for (int i = 0; i < count; i++) {
        graph_put(g, old[i]);
        for (int k = 0; k < old[i]->nin; k++)
            if (old[i]->in[k] == x)
                old[i]->in[k] = g->node[x->id + 1];
        if (old[i] != x)
            continue;
        Node *scaled = graph_add(g, OP_AFFINE, x->pos, name, x->width, 1, &x);
        scaled->named = false;
        scaled->scale = scale;
        scaled->shift = shift;
        scaled->history = why;
    }
    for (int o = 0; o < g->noutput; o++)
        if (g->output[o].node == x)
            g->output[o].node = g->node[x->id + 1];
}

const Node *graph_input_scale(const Graph *g, int input)
{
    const Node *x = g->input[input];
    const char *name = scale_name(g, input);
    for (int i = x->id + 1; i < g->nnode; i++) {
        const Node *n = g->node[i];
        if (n->op == OP_AFFINE && n->in[0] == x && !n->named && strncmp(n->name, name, strlen(name)) == 0)
            return n;
    }
    return NULL;
}

/* Numbers of the graph's own: the first `n` of v, or all the same if v is NULL. */
static const double *numbers(const Graph *g, const double *v, double same, int n)
{
    double *own = ARENA_ARRAY(g->arena, (size_t)n, double);
    for (int j = 0; j < n; j++)
        own[j] = v ? v[j] : same;
    return own;
}

void graph_scale_clear(Graph *g)
{
    for (int i = 0; i < g->ninput; i++) {
        const Node *n = graph_input_scale(g, i);
        if (!n)
            continue;
        Node *scale = g->node[n->id];
        scale->scale = numbers(g, NULL, 1, n->width);
        scale->shift = numbers(g, NULL, 0, n->width);
    }
}

void graph_scale_adopt(Graph *g, const Graph *from)
{
    for (int i = 0; i < g->ninput; i++) {
        const Node *n = graph_input_scale(from, i), *old = graph_input_scale(g, i);
        if (!n && !old)
            continue;
        size_t bytes = (size_t)g->input[i]->width * sizeof(double);
        if (n && old && memcmp(n->scale, old->scale, bytes) == 0 && memcmp(n->shift, old->shift, bytes) == 0)
            continue; /* as after every epoch */
        int width = g->input[i]->width;
        const double *scale = numbers(g, n ? n->scale : NULL, 1, width), *shift = numbers(g, n ? n->shift : NULL, 0, width);
        if (!old) {
            graph_scale_input(g, i, scale, shift, "learnt with the weights");
            continue;
        }
        g->node[old->id]->scale = scale;
        g->node[old->id]->shift = shift;
    }
}
