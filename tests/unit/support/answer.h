/* answer.h: what a graph gives for some rows, to compare before and after a pass. Fails the cmocka test it runs in. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdint.h>

#include "graph/graph.h"

enum { ANSWER_SAMPLES = 3 };

/* By sample, output and feature: the value, and how far single precision may be from it (bound.h). */
typedef struct Answer {
    double **out[ANSWER_SAMPLES], **bound[ANSWER_SAMPLES];
} Answer;

/* The answer of a bound graph to normal samples of `seed`, in the arena; bound_eval and graph_eval must agree on it. */
Answer answer_of(Arena *a, const Graph *g, uint64_t seed);

/* The same values: exactly (share 0), or within `share` times the bound. g is only asked for its outputs. */
void answer_same(const Graph *g, const Answer *before, const Answer *after, double share, uint64_t seed);

/* What every pass keeps: ids count up, inputs of a node stand before it, parameters are in order of creation. */
void answer_check_order(const Graph *g);

#endif
