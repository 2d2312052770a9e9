/* kernels_apply.h: the templates of kernel.h with the epilogue as an argument, for the files that make kernels of them
 * (kernels.c, kernels_learn.c). Not installed. */
#ifndef MLP_RUNTIME_KERNELS_APPLY_H
#define MLP_RUNTIME_KERNELS_APPLY_H

#include <stddef.h>
#include <stdint.h>

#include "vmath.h"

#ifndef MLP_SET
#define MLP_SET base
#endif
#define MLP_PASTE(a, b) a##b
#define MLP_JOIN(a, b) MLP_PASTE(a, b)

/* What an epilogue or an element-wise function reads besides its value: a number, and numbers for each
 * feature. */
typedef struct mlp_operands {
    float k;
    const float *p, *q, *r, *s;
} mlp_operands;

/* f(v) for features j .. j + n - 1. Always inlined, f being a constant wherever a kernel is made. */
typedef mlp_vec (*mlp_apply)(mlp_vec v, size_t j, int n, mlp_operands o);

#define MLP_FN(name) mlp_##name##_by
#define MLP_P const mlp_apply apply, const mlp_operands with,
#define MLP_PASS apply, with,
#define MLP_ACT(v, j, n) apply(v, j, n, with)
#define MLP_W float
#define MLP_TAKE(p, n) mlp_take(p, n)
#define MLP_AT(w) (w)
#define MLP_OF(name) mlp_##name
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include "kernel.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* apply_NAME: an element-wise function of v by the expression, which may use j, n and o. */
#define APPLY(name, expr)                                                                                              \
    static MLP_INLINE mlp_vec apply_##name(mlp_vec v, size_t j, int n, mlp_operands o)                                 \
    {                                                                                                                  \
        (void)j, (void)n, (void)o;                                                                                     \
        return expr;                                                                                                   \
    }

#endif
