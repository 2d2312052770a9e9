/* optim.h: what the training loop needs of the optimisers beside their public face. Not installed. */
#ifndef MLP_RUNTIME_OPTIM_H
#define MLP_RUNTIME_OPTIM_H

#include "mlp.h"

/* mlp_optimizer_step for the parameters from..from + count - 1 of the block alone; gradients are multiplied by scale
 * first. Ranges that do not overlap may run in several threads. */
void mlp_optimizer_range(const mlp_optimizer *o, size_t params, size_t from, size_t count, float *w, const float *g,
                         float *state, uint64_t step, double lr, float scale);

/* In 16 partial sums of doubles, so that the order is fixed and the loop runs in vectors. */
double mlp_sum_of_squares(const float *g, size_t count);

/* What to multiply a gradient of that length by. */
double mlp_clip_scale(double norm, double most);

#endif
