/* kernels_learn.c: the kernels of training of kernels.h for one instruction set: the functions of learn.h, called by
 * pointer. The Makefile builds this file once for each set, as kernels.c. */
#include <string.h>

#include "kernels.h"
#include "rule.h"

#include "kernels_apply.h"

/* Loss and slope of one feature, see mse_at in learn.h. Always inlined. */
typedef mlp_vec (*mlp_loss_at)(mlp_vec x, mlp_vec t, float delta, mlp_vec *slope);

/* The one template of learn.h is over losses, not epilogues. */
#undef MLP_P
#undef MLP_ACT
#define MLP_P const mlp_loss_at at,
#define MLP_ACT(v, j, n) at(v, target, delta, &slope)
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
/* The step is that of the rule's method, which is a constant in each of these calls. */
static MLP_INLINE void update_by(const mlp_rule *r, size_t i, mlp_vec g, int n);
#define MLP_UPDATE(r, i, g, n) update_by(r, i, g, n)
#define MLP_METHOD(number, call)                                                                                       \
    case number:                                                                                                       \
        r.method = number;                                                                                             \
        call;                                                                                                          \
        break;
#define MLP_BY_METHOD(call)                                                                                            \
    switch (r.method) {                                                                                                \
        MLP_METHOD(MLP_RULE_SGD, call)                                                                                 \
        MLP_METHOD(MLP_RULE_MOMENTUM, call)                                                                            \
        MLP_METHOD(MLP_RULE_NESTEROV, call)                                                                            \
        MLP_METHOD(MLP_RULE_RMSPROP, call)                                                                             \
        MLP_METHOD(MLP_RULE_ADAM, call)                                                                                \
        MLP_METHOD(MLP_RULE_ADAMW, call)                                                                               \
    }
#include "update.h"
#include "learn.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* A kernel that is a function of learn.h, by another name. */
#define KERNEL(name, parameters, arguments)                                                                            \
    static void k_##name parameters { mlp_##name arguments; }

/* ---- steps of optimisers ----------------------------------------------------------------------------------- */

/* RMSprop with momentum: b = first b + d / (sqrt(a) + eps), w -= lr b. */
static MLP_INLINE void heavy_rmsprop(const mlp_rule *r, size_t i, mlp_vec g, int n)
{
    const mlp_vec w = mlp_take(r->w + i, n);
    const mlp_vec d = mlp_fma(mlp_set(r->decay), w, g);
    const mlp_vec a = mlp_fma(mlp_set(r->second), mlp_take(r->a + i, n), mlp_mul(mlp_set(r->rest), mlp_mul(d, d)));
    const mlp_vec b = mlp_fma(mlp_set(r->first), mlp_take(r->b + i, n), d / (mlp_sqrt(a) + mlp_set(r->eps)));
    mlp_give(r->a + i, a, n);
    mlp_give(r->b + i, b, n);
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), b, w), n);
}

static MLP_INLINE void update_by(const mlp_rule *r, size_t i, mlp_vec g, int n)
{
    switch (r->method) {
    case MLP_RULE_SGD:
        mlp_sgd(r, i, g, n);
        break;
    case MLP_RULE_MOMENTUM:
        mlp_momentum(r, i, g, n);
        break;
    case MLP_RULE_NESTEROV:
        mlp_nesterov(r, i, g, n);
        break;
    case MLP_RULE_RMSPROP:
        if (r->b)
            heavy_rmsprop(r, i, g, n);
        else
            mlp_rmsprop(r, i, g, n);
        break;
    case MLP_RULE_ADAM:
        mlp_adam(r, i, g, n);
        break;
    default:
        mlp_adamw(r, i, g, n);
        break;
    }
}

KERNEL(update, (const void *rule, size_t from, size_t count), (rule, from, count))

/* ---- layers ------------------------------------------------------------------------------------------------ */

static void k_zero(size_t count, float *g)
{
    memset(g, 0, count * sizeof *g);
}

KERNEL(turn, (size_t in, size_t out, int dot, size_t from, size_t to, const float *w, float *t),
       (in, out, dot, from, to, w, t))
KERNEL(dense_grad,
       (size_t n, size_t in, size_t out, int dot, int add, const float *x, size_t ldx, const float *dy, size_t ldy,
        float *g, float *gb, float *pack, size_t room, const void *rule),
       (n, in, out, dot, add, x, ldx, dy, ldy, g, gb, pack, room, rule))
KERNEL(prelu_grad,
       (size_t n, size_t width, int shared, const float *dy, size_t ldy, const float *x, size_t ldx, float *g),
       (n, width, shared, dy, ldy, x, ldx, g))
KERNEL(softmax_back, (MLP_BACK_ARGS), (n, width, dy, ldy, b, ldb, dx, ldx))
KERNEL(log_softmax_back, (MLP_BACK_ARGS), (n, width, dy, ldy, b, ldb, dx, ldx))
KERNEL(layernorm_back,
       (size_t n, size_t width, float eps, const float *w, const float *dy, size_t ldy, const float *x, size_t ldx,
        float *dx, size_t lddx),
       (n, width, eps, w, dy, ldy, x, ldx, dx, lddx))
KERNEL(layernorm_grad,
       (size_t n, size_t width, float eps, const float *dy, size_t ldy, const float *x, size_t ldx, float *gw,
        float *gb),
       (n, width, eps, dy, ldy, x, ldx, gw, gb))
KERNEL(batchnorm_stats,
       (size_t n, size_t width, float eps, const float *x, size_t ldx, float *s, float *mean, float *var),
       (n, width, eps, x, ldx, s, mean, var))
KERNEL(batchnorm_train,
       (size_t n, size_t width, const float *x, size_t ldx, const float *s, const float *w, const float *b, float *y,
        size_t ldy),
       (n, width, x, ldx, s, w, b, y, ldy))
KERNEL(batchnorm_grad,
       (size_t n, size_t width, const float *dy, size_t ldy, const float *x, size_t ldx, const float *s, float *d,
        float *gw, float *gb),
       (n, width, dy, ldy, x, ldx, s, d, gw, gb))
KERNEL(batchnorm_back,
       (size_t n, size_t width, const float *w, const float *dy, size_t ldy, const float *x, size_t ldx,
        const float *s, const float *d, float *dx, size_t lddx),
       (n, width, w, dy, ldy, x, ldx, s, d, dx, lddx))
KERNEL(dropout,
       (size_t n, size_t width, uint32_t limit, float scale, uint64_t seed, uint64_t step, uint32_t stream,
        uint64_t first, const float *x, size_t ldx, float *y, size_t ldy),
       (n, width, limit, scale, seed, step, stream, first, x, ldx, y, ldy))
KERNEL(scatter,
       (size_t n, size_t width, const float *a, size_t lda, size_t from, size_t part, const float *dy, size_t ldy,
        float *dx, size_t ldx),
       (n, width, a, lda, from, part, dy, ldy, dx, ldx))

/* ---- slopes ------------------------------------------------------------------------------------------------ */

/* dy times a slope that b tells. As with JOIN of kernels.c a row at a time, so that b can be found; rows without gaps
 * are one long row, where no feature has numbers of its own (`alike`). */
#define SLOPE(name, alike, extra, operands, expr)                                                                      \
    APPLY(name, v *(expr))                                                                                             \
    static void k_##name extra                                                                                         \
    {                                                                                                                  \
        mlp_operands with = operands;                                                                                  \
        if ((alike) && ldy == width && ldb == width && ldx == width) {                                                 \
            width *= n;                                                                                                \
            n = n > 0;                                                                                                 \
        }                                                                                                              \
        for (; n > 0; n--, dy += ldy, b += ldb, dx += ldx) {                                                           \
            with.p = b;                                                                                                \
            mlp_map_by(apply_##name, with, 1, width, dy, ldy, dx, ldx);                                                \
        }                                                                                                              \
    }
#define B mlp_take(o.p + j, n)
#define NONE ((mlp_operands){.k = 0})
#define NUMBER(a) ((mlp_operands){.k = (a)})

SLOPE(d_relu, true, (MLP_BACK_ARGS), NONE, mlp_d_relu(B, B))
SLOPE(d_selu, true, (MLP_BACK_ARGS), NONE, mlp_d_selu(B, B))
SLOPE(d_gelu, true, (MLP_BACK_ARGS), NONE, mlp_d_gelu(B, B))
SLOPE(d_silu, true, (MLP_BACK_ARGS), NONE, mlp_d_silu(B, B))
SLOPE(d_sigmoid, true, (MLP_BACK_ARGS), NONE, mlp_d_sigmoid(B, B))
SLOPE(d_tanh, true, (MLP_BACK_ARGS), NONE, mlp_d_tanh(B, B))
SLOPE(d_hard_sigmoid, true, (MLP_BACK_ARGS), NONE, mlp_slope_hard_sigmoid(B))
SLOPE(d_hard_tanh, true, (MLP_BACK_ARGS), NONE, mlp_d_hard_tanh(B, B))
SLOPE(d_softplus, true, (MLP_BACK_ARGS), NONE, mlp_slope_softplus(B))
SLOPE(d_softsign, true, (MLP_BACK_ARGS), NONE, mlp_slope_softsign(B))
SLOPE(d_sign, true, (MLP_BACK_ARGS), NONE, mlp_slope_sign(B))
SLOPE(d_exp, true, (MLP_BACK_ARGS), NONE, mlp_d_exp(B, B))
SLOPE(d_leaky_relu, true, (MLP_BACK_ARGS, float a), NUMBER(a), mlp_d_leaky_relu(B, B, o.k))
SLOPE(d_elu, true, (MLP_BACK_ARGS, float a), NUMBER(a), mlp_slope_elu(B, o.k))
SLOPE(d_prelu, false, (MLP_BACK_ARGS, const float *slope), ((mlp_operands){.q = slope}),
      mlp_d_prelu(B, B, mlp_take(o.q + j, n)))
SLOPE(d_prelu1, true, (MLP_BACK_ARGS, const float *slope), NUMBER(*slope), mlp_d_prelu(B, B, mlp_set(o.k)))

/* ---- losses ------------------------------------------------------------------------------------------------ */

static void k_cross_entropy(size_t n, size_t width, int labels, float share, const float *x, size_t ldx,
                            const float *t, size_t ldt, const float *weight, float *dx, size_t lddx, double *loss)
{
    *loss += mlp_cross_entropy(n, width, labels, share, x, ldx, t, ldt, weight, dx, lddx);
}

#define LOSS(name)                                                                                                     \
    static void k_##name(MLP_LOSS_ARGS)                                                                                \
    {                                                                                                                  \
        *loss += mlp_features_by(mlp_##name##_at, n, width, share, delta, x, ldx, t, ldt, weight, dx, lddx);           \
    }

LOSS(binary_cross_entropy)
LOSS(binary_cross_entropy_logits)
LOSS(mse)
LOSS(mae)
LOSS(huber)

static void k_penalty(size_t count, float l2, float l1, const float *w, float *g, double *loss)
{
    *loss += mlp_penalty(count, l2, l1, w, g);
}

/* ---- the table --------------------------------------------------------------------------------------------- */

#define MLP_LEARN(set) MLP_JOIN(mlp_kernels_learn_, set)
extern const mlp_kernels_learn MLP_LEARN(MLP_SET);
const mlp_kernels_learn MLP_LEARN(MLP_SET) = {
#define X(name, parameters) .name = k_##name,
    MLP_LEARN_LIST(X)
#undef X
};
