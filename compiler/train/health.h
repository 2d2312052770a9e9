/* health.h: what the layers of a trained net look like: units that are dead, values that are saturated, slopes. */
#ifndef MLPC_HEALTH_H
#define MLPC_HEALTH_H

#include "base/text.h"
#include "graph/graph.h"
#include "mlp.h"

/* Prints a line for each hidden relu (units that are 0 for all samples), sigmoid and tanh (values that come from outside
 * -2..2, where they are flat) and prelu (its slopes), judged by up to 2,000 of the samples, and a hint where something is
 * wrong. w: weights in the PyTorch layout of g, a graph that no pass has touched. false: reported to d. */
bool health_report(Text *t, const Graph *g, const float *w, const mlp_samples *samples, Diag *d);

/* Where numbers stop being numbers: the first layer in whose values (or parameters) single precision overflows or is NaN
 * for those n rows of x, or else the one with the largest values; *what: a sentence about it, arena text. NULL: nothing is
 * out of the ordinary. */
const Node *health_find_overflow(const Graph *g, const float *w, size_t n, const float *x, const char **what);

/* Whether every output is a linear function of the inputs, up to its final activation: one straight border between two
 * classes. */
bool health_is_linear(const Graph *g);

#endif
