/* answer.c: what a graph gives before and after something was done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "answer.h"
#include "bound.h"
#include "random_graph.h"

static double **rows(Arena *a, const Graph *g)
{
    double **row = ARENA_ARRAY(a, (size_t)g->noutput + 1, double *);
    for (int o = 0; o < g->noutput; o++)
        row[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
    return row;
}

/* Sample s of a graph's inputs; the graph keeps the inputs' widths in every pass. */
static const double *const *inputs(Arena *a, const Graph *g, uint64_t seed, int s)
{
    const double **in = ARENA_ARRAY(a, (size_t)g->ninput + 1, const double *);
    for (int i = 0; i < g->ninput; i++) {
        int width = g->input[i]->width;
        float *x = ARENA_ARRAY(a, (size_t)width, float);
        double *wide = ARENA_ARRAY(a, (size_t)width, double);
        random_sample(x, width, seed, i, RANDOM_SPECIALS + s);
        for (int j = 0; j < width; j++)
            wide[j] = (double)x[j];
        in[i] = wide;
    }
    return in;
}

Answer answer_of(Arena *a, const Graph *g, uint64_t seed)
{
    Answer all;
    for (int s = 0; s < ANSWER_SAMPLES; s++) {
        const double *const *in = inputs(a, g, seed, s);
        double **check = rows(a, g);
        all.out[s] = rows(a, g);
        all.bound[s] = rows(a, g);
        bound_eval(g, in, all.out[s], all.bound[s]);
        assert_true(graph_eval(g, 1, in, check));
        for (int o = 0; o < g->noutput; o++)
            assert_memory_equal(check[o], all.out[s][o], (size_t)g->output[o].node->width * sizeof(double));
    }
    return all;
}

void answer_same(const Graph *g, const Answer *before, const Answer *after, double share, uint64_t seed)
{
    for (int s = 0; s < ANSWER_SAMPLES; s++)
        for (int o = 0; o < g->noutput; o++)
            for (int j = 0; j < g->output[o].node->width; j++) {
                double was = before->out[s][o][j], is = after->out[s][o][j];
                if (!(share > 0 ? fabs(is - was) <= share * before->bound[s][o][j] : is == was))
                    fail_msg("seed %llu, output %s, feature %d: %.17g became %.17g, bound %g", (unsigned long long)seed,
                             g->output[o].name, j, was, is, before->bound[s][o][j]);
            }
}

void answer_check_order(const Graph *g)
{
    for (int i = 0; i < g->nnode; i++) {
        assert_int_equal(g->node[i]->id, i);
        for (int k = 0; k < g->node[i]->nin; k++)
            assert_true(g->node[i]->in[k]->id < i && g->node[g->node[i]->in[k]->id] == g->node[i]->in[k]);
    }
    for (int p = 1; p < g->nparam; p++)
        assert_true(g->param[p - 1]->id < g->param[p]->id);
}
