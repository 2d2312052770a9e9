/* bench.h: how fast a net is on this machine, against what the machine can do. */
#ifndef MLPC_BENCH_H
#define MLPC_BENCH_H

#include "base/text.h"
#include "graph/graph.h"

/* Measures a net with weights (a checked and pruned graph that no pass has touched) and adds a table, or one JSON object, to
 * t. Takes two or three seconds, and as long as the C compiler takes; other work on the machine makes the figures worse.
 * false: reported to d. */
bool bench_net(const Graph *g, bool json, Text *t, Diag *d);

#endif
