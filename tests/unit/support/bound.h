/* bound.h: how far single precision may be from the reference evaluator: forward error analysis over a graph. */
#ifndef BOUND_H
#define BOUND_H

#include "graph/graph.h"

/* One sample through the graph in double precision as graph_eval does it, and beside every output the most by which
 * code in single precision may miss it: each operation rounds with relative error u = 2^-24 (and 2^-149 below the
 * normal range), sums in any order, fused or not; errors that come in are carried on. What the operators' own functions
 * may add is stated in runtime/vmath.h. First-order terms only: second-order ones are 2^-24 smaller and lie within the
 * slack of the sums. A bound of infinity: nothing can be said (values near the limit of floats, a variance lost in
 * rounding).
 * in[i]: input i's row; out[o], bound[o]: width of output o. The graph is bound, and its constants finite. */
void bound_eval(const Graph *g, const double *const *in, double *const *out, double *const *bound);

#endif
