/* random_graph.h: graphs made from a seed, for tests of everything between the graph and the C it becomes. */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include <stdint.h>

#include "graph/graph.h"

/* Numbers from a seed: splitmix64 (G. Steele and others, 2014). Not the runtime's own, which has its own tests. */
typedef struct Random {
    uint64_t state;
} Random;

uint64_t random_bits(Random *r);
int random_below(Random *r, int n);                        /* 0 to n - 1 */
bool random_chance(Random *r, int percent);
double random_between(Random *r, double low, double high); /* evenly spread */
float random_normal(Random *r);                            /* about standard normal, never beyond 6 */

typedef enum RandomKind {
    RANDOM_SMALL, /* widths 1 to 40, up to 3 dense layers: for tests that compile what comes out */
    RANDOM_ANY,   /* widths 1 to 129, at times 300 */
    RANDOM_WIDE,  /* some widths to 1000: the rules for few outputs of many inputs */
    RANDOM_LONG   /* inputs of 17000 numbers, layers of few: buffers beyond the stack */
} RandomKind;

/* A net named `name` with all parameters bound: every operator, shared tensors, concats of concats, slices of slices,
 * linear stacks, outputs that are inputs, slices, parts of concats or one node twice, nodes that nothing reads.
 * Magnitudes stay moderate, so that single precision follows. The same seed gives the same net. Lives in the arena. */
Graph *random_graph(Arena *arena, const char *name, uint64_t seed, RandomKind kind);

/* Sample `index` of input `input`, `width` floats: most are normal, the ones before RANDOM_SPECIALS are not: zeros,
 * huge, denormal; from RANDOM_FINITE_SPECIALS on infinite or NaN in places. */
enum { RANDOM_SPECIALS = 10, RANDOM_FINITE_SPECIALS = 5 };
void random_sample(float *x, int width, uint64_t seed, int input, int index);

#endif
