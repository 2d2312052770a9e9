/* train_ops.h: the functions behind the training rows of the table in ops.c. Known by ops.c and train_ops.c alone. */
#ifndef MLPC_TRAIN_OPS_H
#define MLPC_TRAIN_OPS_H

#include "graph/graph.h"

/* log(sum(exp(x))) by the largest logit, so that nothing overflows. */
double log_sum_exp(const double *x, int width);

#endif
