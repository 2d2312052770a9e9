/* random_lesson.c: random nets with a random loss. */
#include "random_lesson.h"

#include <math.h>

#include "graph/loss.h"

Graph *random_lesson(Arena *a, Diag *d, uint64_t seed, RandomKind kind, Random *r, GradOptions *o)
{
    Graph *g = random_graph(a, "random", seed, kind);
    for (int i = 0; i < g->nnode; i++)
        if (g->node[i]->op == OP_SIGN)
            g->node[i]->attr[0] = 0;
    bool probabilities = random_chance(r, 10);
    for (int i = 0; probabilities && i < g->noutput; i++)
        g->output[i].node = graph_unary(g, d, g->pos, OP_HARD_SIGMOID, g->output[i].node, NULL, NULL);
    graph_prune(g);
    g->train.loss = random_chance(r, 30) ? NULL : loss_names[random_below(r, 5)];
    g->train.loss = probabilities ? "binary_cross_entropy" : g->train.loss;
    for (int i = 0; i < g->noutput; i++) {
        LossRead read = loss_read(g, g->train.loss, g->output[i].node);
        if (read.op == OP_CROSS_ENTROPY && read.value->width == 1)
            g->train.loss = loss_names[1 + random_below(r, 4)];
        else if (read.form == LOSS_OF_PROBABILITIES && read.value->op == OP_SOFTMAX)
            g->train.loss = loss_names[2 + random_below(r, 3)]; /* tiny ones have a limited slope, as in PyTorch */
    }
    g->train.l2 = random_chance(r, 30) ? random_between(r, 0, 0.1) : (double)NAN;
    g->train.l1 = random_chance(r, 30) ? random_between(r, 0, 0.1) : (double)NAN;
    g->train.delta = random_chance(r, 50) ? random_between(r, 0.1, 3) : (double)NAN;
    *o = (GradOptions){.labels = random_chance(r, 30), .sample_weights = random_chance(r, 30)};
    return g;
}
