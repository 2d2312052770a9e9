/* differences.h: gradients of a training graph compared with central differences in double precision. */
#ifndef DIFFERENCES_H
#define DIFFERENCES_H

#include "graph/graph.h"
#include "random_graph.h"

/* A graph that learns, numbers to move its parameters by, and a batch. */
typedef struct Trial {
    Graph *g;
    double **param; /* by place in g->param: what Param.exact points to */
    TrainBatch batch;
} Trial;

/* What was seen over all comparisons. */
typedef struct Seen {
    double worst; /* the largest relative error */
    char where[80];
    long compared, kinks; /* numbers compared; left out because no step was free of kinks */
} Seen;

/* The largest relative error that passes, relative to |derivative| + 1e-4 (|loss| + 1e-3). Two things separate a right
 * derivative from the extrapolated quotient: terms of order h^4, and rounding of the loss, some 1e-16 of it divided by
 * h. Both show as disagreement between steps, of which the best may be a tenth of this. A wrong derivative is off by a
 * whole factor. */
#define DIFFERENCES_TOLERANCE 1e-6

/* Copies parameters (bound, or between -1 and 1 by r) as doubles, and makes a batch of n samples by r: normal inputs,
 * targets such as each loss wants them, sample weights between 0.2 and 2. g is the result of pass_grad. */
Trial trial_new(Arena *a, Graph *g, size_t n, Random *r);

/* The loss. */
double trial_loss(const Trial *t);

/* The gradients, one array a parameter in the arena; loss may be NULL. */
double **trial_grad(Arena *a, const Trial *t, double *loss);

/* Compares up to `most` derivatives of each parameter, chosen by r, and one along a random direction, by steps that
 * cross no kink. Fails the cmocka test, naming `what`, where the tolerance is exceeded. seen may be NULL. */
void trial_compare(const Trial *t, const char *what, int most, Random *r, Seen *seen);

/* Prints what was seen. */
void seen_print(const Seen *seen, const char *what);

#endif
