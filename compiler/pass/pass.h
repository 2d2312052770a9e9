/* pass.h: the verbs on a Graph. Each takes a checked graph and leaves one that computes the same function. */
#ifndef MLPC_PASS_H
#define MLPC_PASS_H

#include "graph/graph.h"

/* What pass_grad is to prepare for. */
typedef struct GradOptions {
    bool labels;         /* the target of a cross_entropy is one class number from 0, not a row of probabilities */
    bool sample_weights; /* every sample comes with a weight, a source of width 1 */
} GradOptions;

/* grad: makes g a graph that learns. Adds a target (a source) and a loss for each output, by the script's loss or the
 * output's default (graph/loss.h), and the backward nodes that sum the gradients of all trained parameters, in an order
 * in which they can run; penalties last. Batch normalisation and dropout become what they are in training. Every node
 * that has grad[] set, and every loss, is a root. Outputs stay, though no gradient may need them: whoever wants only
 * training sets noutput to 0 and prunes. o NULL: zeros. Needs: a checked and pruned graph that no other pass has touched.
 * false, reported to d: an unknown loss, cross_entropy of one class, or nothing that could learn. */
bool pass_grad(Graph *g, Diag *d, const GradOptions *o);

/* fold: drops dropout; where values are bound, turns batch normalisation into affine, folds affine maps into the dense
 * layer before or behind them, and multiplies two dense layers in a row into one when that lowers the multiply-adds.
 * Merges affine maps in a row, drops those that do nothing, prunes. What it did stands in each node's history; merged dense
 * layers are told by graph_note too. false: a folded value is not finite, reported to d. Keeps: any graph. */
bool pass_fold(Graph *g, Diag *d);

/* fuse: hangs element-wise nodes behind the dense, element-wise or joining node that feeds only them, as its epilogue.
 * Needs: fold ran (no dropout). Keeps: element-wise nodes that are shared or read an input. */
void pass_fuse(Graph *g);

/* narrow: keeps the weights of dense layers in fewer bytes: each becomes the nearest number that `storage` has (for i8: that
 * the largest weight of its output, over 127, has multiples of), and its parameter knows how it is kept. Weights that became 0
 * are counted in a note. Needs: values that are bound, and no pass after it that makes new ones. F32: does nothing. false,
 * reported to d: a weight is too large. */
bool pass_narrow(Graph *g, Diag *d, Storage storage);

#endif
