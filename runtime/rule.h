/* rule.h: a step of an optimiser, worked out for all parameters. Printed into generated files like kernel.h. */
/* clang-format off */
#ifndef MLP_RULE_H
#define MLP_RULE_H

/*@ rule : */
/* A step over the flat block w, by its gradient g; a, b: the optimiser's state, number by number, where it has any (NULL: it
 * has not). The gradient counts `scale` times, and `decay` times the parameter is added. The other numbers are what update.h
 * makes of them. */
typedef struct mlp_rule {
    float *w;
    const float *g;
    float *a, *b;
    int method; /* where there are several */
    float scale, decay, lr, keep, first, second, rest, root, eps;
} mlp_rule;

/*@ end */

/* The methods, as mlp_method numbers them, for those who do not see mlp.h. */
enum { MLP_RULE_SGD, MLP_RULE_MOMENTUM, MLP_RULE_NESTEROV, MLP_RULE_RMSPROP, MLP_RULE_ADAM, MLP_RULE_ADAMW };

#endif
