/* calibrate.h: what narrow weights change, on data. */
#ifndef MLPC_CALIBRATE_H
#define MLPC_CALIBRATE_H

#include "base/diag.h"
#include "graph/graph.h"

/* Evaluates both graphs, of the same inputs and outputs, in double precision over every row of the data set at `path` (what
 * mlp_data_read reads; a row holds the inputs in order of creation, and may hold targets behind them), and notes the largest
 * absolute difference in `narrow`, with its output and row (from 1). false, reported to d: the data cannot be read. */
bool calibrate(Diag *d, const Graph *wide, Graph *narrow, const char *path);

#endif
