/* pass.h: the verbs on a Graph. Each takes a checked graph and leaves one that computes the same function. */
#ifndef MLPC_PASS_H
#define MLPC_PASS_H

#include "graph/graph.h"

/* fold: drops dropout; where values are bound, turns batch normalisation into affine, folds affine maps into the dense
 * layer before or behind them, and multiplies two dense layers in a row into one when that lowers the multiply-adds.
 * Merges affine maps in a row, drops those that do nothing, prunes. What it did stands in each node's history; merged dense
 * layers are told by graph_note too. false: a folded value is not finite, reported to d. Keeps: any graph. */
bool pass_fold(Graph *g, Diag *d);

/* fuse: hangs element-wise nodes behind the dense, element-wise or joining node that feeds only them, as its epilogue.
 * Needs: fold ran (no dropout). Keeps: element-wise nodes that are shared or read an input. */
void pass_fuse(Graph *g);

#endif
