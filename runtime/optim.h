/* optim.h: what the training loop needs of the optimisers beside their public face. Not installed. */
#ifndef MLP_RUNTIME_OPTIM_H
#define MLP_RUNTIME_OPTIM_H

#include "mlp.h"
#include "rule.h"

/* The step that mlp_optimizer_step makes, gradients being multiplied by scale first; and that step for the parameters
 * from..from + count - 1 of the block alone, whose gradient is g[0..count). Ranges that do not overlap may run in
 * several threads. */
mlp_rule mlp_optimizer_rule(const mlp_optimizer *o, size_t params, float *w, const float *g, float *state,
                            uint64_t step, double lr, float scale);
void mlp_rule_apply(const mlp_rule *r, size_t from, size_t count, const float *g);

/* In 16 partial sums of doubles, so that the order is fixed and the loop runs in vectors. */
double mlp_sum_of_squares(const float *g, size_t count);

/* What to multiply a gradient of that length by. */
double mlp_clip_scale(double norm, double most);

#endif
