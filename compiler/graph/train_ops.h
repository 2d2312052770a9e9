/* train_ops.h: the functions behind the training rows of the table in ops.c; see there what each computes. Known by
 * ops.c, train_ops.c and loss_ops.c alone. */
#ifndef MLPC_TRAIN_OPS_H
#define MLPC_TRAIN_OPS_H

#include "graph/graph.h"

#define ROW(name) void name##_row(const Node *n, const double *const *in, double *out)
#define BATCH(name) void name##_batch(const Node *n, const Batch *b, const double *const *in, double *out)

/* log(sum(exp(x))) by the largest logit, so that nothing overflows. */
double log_sum_exp(const double *x, int width);

/* loss_ops.c */
BATCH(cross_entropy);
BATCH(binary_cross_entropy);
BATCH(binary_cross_entropy_logits);
BATCH(mse);
BATCH(mae);
BATCH(huber);
BATCH(penalty);

/* train_ops.c */
ROW(dense_back);
BATCH(dense_grad);
ROW(act_back);
BATCH(prelu_grad);
ROW(softmax_back);
ROW(log_softmax_back);
ROW(layernorm_back);
BATCH(layernorm_grad);
BATCH(batchnorm_stats);
BATCH(batchnorm_train);
BATCH(batchnorm_grad);
BATCH(batchnorm_back);
BATCH(dropout_train);
ROW(slice_back);

#endif
