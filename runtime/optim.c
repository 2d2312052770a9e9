/* optim.c: optimisers over one flat block of parameters and one of gradients, clipping, schedules of the learning rate.
 *
 * The definitions are those of PyTorch 2 (torch.optim.SGD, RMSprop, Adam, AdamW; torch.nn.utils.clip_grad_norm_;
 * torch.optim.lr_scheduler.StepLR, CosineAnnealingLR), as its documentation states them, dampening 0, no amsgrad, not
 * centered. g is the gradient with weight_decay * w added, t the step from 1:
 *
 *     sgd       w -= lr g
 *     momentum  b = momentum b + g                     w -= lr b             (B. Polyak, 1964)
 *     nesterov  b = momentum b + g                     w -= lr (g + momentum b)  (Y. Nesterov, 1983; Sutskever et al., 2013)
 *     rmsprop   v = alpha v + (1 - alpha) g^2          w -= lr g / (sqrt(v) + eps)   (G. Hinton, lecture 6e, 2012)
 *               with momentum: b = momentum b + g / (sqrt(v) + eps), w -= lr b
 *     adam      m = m + (1 - beta1) (g - m), v = beta2 v + (1 - beta2) g^2
 *               w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)  (Kingma and Ba, ICLR 2015)
 *     adamw     first w *= 1 - lr weight_decay, and g without it   (Loshchilov and Hutter, ICLR 2019)
 *
 * The loops are plain C without dependences between rounds, which compilers turn into vector code. They are built for
 * several instruction sets; products and sums are never fused, so that all of these give the same bits. */
#include "optim.h"

#include <math.h>
#include <string.h>

#include "error.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* gcc does not fuse under -std=c11 */
#endif

static const char *const method_names[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"};
static const char *const curve_names[] = {"constant", "step", "cosine"};

/* ---- settings ---- */

/* The place of `text` among `count` names, or -1 with err filled: "unknown WHAT 'TEXT': a, b or c". */
static int find_name(const char *text, const char *const *names, int count, const char *what, mlp_error *err)
{
    char list[128] = "";
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s",
                               i == 0           ? ""
                               : i == count - 1 ? " or "
                                                : ", ",
                               names[i]);
    }
    mlp_fail(err, MLP_EARGUMENT, NULL, 0, "unknown %s '%.60s': %s", what, text, list);
    return -1;
}

mlp_status mlp_method_parse(const char *text, mlp_method *method, mlp_error *err)
{
    int i = find_name(text, method_names, sizeof method_names / sizeof method_names[0], "optimizer", err);
    if (i < 0)
        return MLP_EARGUMENT;
    *method = (mlp_method)i;
    return MLP_OK;
}

const char *mlp_method_name(mlp_method method)
{
    return method_names[method];
}

mlp_status mlp_curve_parse(const char *text, mlp_curve *curve, mlp_error *err)
{
    int i = find_name(text, curve_names, sizeof curve_names / sizeof curve_names[0], "schedule", err);
    if (i < 0)
        return MLP_EARGUMENT;
    *curve = (mlp_curve)i;
    return MLP_OK;
}

mlp_optimizer mlp_optimizer_default(mlp_method method)
{
    static const double rate[] = {0.1, 0.01, 0.01, 0.01, 0.001, 0.001};
    bool heavy = method == MLP_MOMENTUM || method == MLP_NESTEROV;
    return (mlp_optimizer){.method = method,
                           .lr = rate[method],
                           .momentum = heavy ? 0.9 : 0,
                           .alpha = 0.99,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .eps = 1e-8,
                           .weight_decay = method == MLP_ADAMW ? 0.01 : 0};
}

mlp_status mlp_optimizer_check(const mlp_optimizer *o, mlp_error *err)
{
    const struct {
        const char *name, *range;
        double value, low, high;
        bool open; /* the high end does not belong to the range */
    } numbers[] = {{"lr", "above 0", o->lr, 0x1p-1074, 0x1p1023, false},
                   {"momentum", "from 0 to 1", o->momentum, 0, 1, false},
                   {"alpha", "from 0 to 1", o->alpha, 0, 1, false},
                   {"beta1", "at least 0 and below 1", o->beta1, 0, 1, true},
                   {"beta2", "at least 0 and below 1", o->beta2, 0, 1, true},
                   {"eps", "at least 0", o->eps, 0, 0x1p1023, false},
                   {"weight_decay", "at least 0", o->weight_decay, 0, 0x1p1023, false}};
    if ((unsigned)o->method > MLP_ADAMW)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "unknown optimizer: number %d", (int)o->method);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double v = numbers[i].value;
        if (!(v >= numbers[i].low && v <= numbers[i].high) || (numbers[i].open && v >= numbers[i].high))
            return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "%s of the optimizer must be %s, not %g", numbers[i].name,
                            numbers[i].range, v);
    }
    return MLP_OK;
}

/* How many numbers of state a parameter has. */
static size_t states(const mlp_optimizer *o)
{
    switch (o->method) {
    case MLP_SGD:
        return 0;
    case MLP_MOMENTUM:
    case MLP_NESTEROV:
        return 1;
    case MLP_RMSPROP:
        return o->momentum > 0 ? 2 : 1;
    case MLP_ADAM:
    case MLP_ADAMW:
        break;
    }
    return 2;
}

size_t mlp_optimizer_state(const mlp_optimizer *o, size_t params)
{
    return states(o) * params;
}

/* ---- the step ---- */

_Static_assert((int)MLP_RULE_SGD == (int)MLP_SGD && (int)MLP_RULE_MOMENTUM == (int)MLP_MOMENTUM &&
                   (int)MLP_RULE_NESTEROV == (int)MLP_NESTEROV && (int)MLP_RULE_RMSPROP == (int)MLP_RMSPROP &&
                   (int)MLP_RULE_ADAM == (int)MLP_ADAM && (int)MLP_RULE_ADAMW == (int)MLP_ADAMW,
               "rule.h numbers the methods as mlp.h does");

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

INLINE void adam(const mlp_rule *s, size_t count, float *restrict w, const float *restrict g, float *restrict a,
                 float *restrict b)
{
    const mlp_rule k = *s;
    for (size_t i = 0; i < count; i++) {
        float slope = g[i] * k.scale + k.decay * w[i];
        a[i] = a[i] + k.first * (slope - a[i]);
        b[i] = k.second * b[i] + k.rest * slope * slope;
        w[i] = w[i] * k.keep - k.lr * (a[i] / (sqrtf(b[i]) * k.root + k.eps));
    }
}

/* w, g: `count` numbers; a, b: as many of the first and second state, where the method has them. */
INLINE void update(const mlp_rule *s, size_t count, float *restrict w, const float *restrict g, float *restrict a,
                   float *restrict b)
{
    const mlp_rule k = *s;
    switch ((mlp_method)k.method) {
    case MLP_SGD:
        for (size_t i = 0; i < count; i++)
            w[i] = w[i] - k.lr * (g[i] * k.scale + k.decay * w[i]);
        break;
    case MLP_MOMENTUM:
        for (size_t i = 0; i < count; i++) {
            a[i] = k.first * a[i] + (g[i] * k.scale + k.decay * w[i]);
            w[i] = w[i] - k.lr * a[i];
        }
        break;
    case MLP_NESTEROV:
        for (size_t i = 0; i < count; i++) {
            float slope = g[i] * k.scale + k.decay * w[i];
            a[i] = k.first * a[i] + slope;
            w[i] = w[i] - k.lr * (slope + k.first * a[i]);
        }
        break;
    case MLP_RMSPROP:
        if (b) {
            for (size_t i = 0; i < count; i++) {
                float slope = g[i] * k.scale + k.decay * w[i];
                a[i] = k.second * a[i] + k.rest * slope * slope;
                b[i] = k.first * b[i] + slope / (sqrtf(a[i]) + k.eps);
                w[i] = w[i] - k.lr * b[i];
            }
            break;
        }
        for (size_t i = 0; i < count; i++) {
            float slope = g[i] * k.scale + k.decay * w[i];
            a[i] = k.second * a[i] + k.rest * slope * slope;
            w[i] = w[i] - k.lr * (slope / (sqrtf(a[i]) + k.eps));
        }
        break;
    case MLP_ADAM:
    case MLP_ADAMW:
        adam(s, count, w, g, a, b);
        break;
    }
}

/* Adam reads four numbers for each parameter, and its roots and quotients leave time to ask for those that come half a page
 * later: what the processor fetches ahead by itself ends at each page. */
INLINE void update_fetching(const mlp_rule *s, size_t count, float *w, const float *g, float *a, float *b)
{
    enum { LANES = 16 };
    const mlp_rule k = *s;
    size_t i = 0;
    for (; i + LANES <= count && (k.method == MLP_ADAM || k.method == MLP_ADAMW); i += LANES) {
#if defined(__GNUC__)
        __builtin_prefetch(w + i + 512, 0, 2);
        __builtin_prefetch(g + i + 512, 0, 2);
        __builtin_prefetch(a + i + 512, 0, 2);
        __builtin_prefetch(b + i + 512, 0, 2);
#endif
        adam(&k, LANES, w + i, g + i, a + i, b + i);
    }
    if (i < count)
        update(&k, count - i, w + i, g + i, a ? a + i : NULL, b ? b + i : NULL);
}

/* The same loops for wider vectors, where the compiler can make them and the machine may have them. */
#if defined(__x86_64__) && defined(__GNUC__)
#define UPDATE(name, set)                                                                                              \
    set static void name(const mlp_rule *s, size_t count, float *w, const float *g, float *a, float *b)            \
    {                                                                                                                  \
        update_fetching(s, count, w, g, a, b);                                                                         \
    }
#if defined(__clang__)
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq"), min_vector_width(512)))
#else
#define AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512")))
#endif
UPDATE(update_avx512, AVX512)
UPDATE(update_avx2, __attribute__((target("avx2"))))

static void update_best(const mlp_rule *s, size_t count, float *w, const float *g, float *a, float *b)
{
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        update_avx512(s, count, w, g, a, b);
    else if (__builtin_cpu_supports("avx2"))
        update_avx2(s, count, w, g, a, b);
    else
        update_fetching(s, count, w, g, a, b);
}
#else
static void update_best(const mlp_rule *s, size_t count, float *w, const float *g, float *a, float *b)
{
    update_fetching(s, count, w, g, a, b);
}
#endif

mlp_rule mlp_optimizer_rule(const mlp_optimizer *o, size_t params, float *w, const float *g, float *state,
                            uint64_t step, double lr, float scale)
{
    bool adam = o->method == MLP_ADAM || o->method == MLP_ADAMW, apart = o->method == MLP_ADAMW;
    double second = adam ? o->beta2 : o->alpha;
    size_t kept = states(o);
    mlp_rule r = {.w = w,
                  .g = g,
                  .a = kept > 0 ? state : NULL,
                  .b = kept > 1 ? state + params : NULL,
                  .method = (int)o->method,
                  .scale = scale,
                  .decay = apart ? 0 : (float)o->weight_decay,
                  .lr = (float)lr,
                  .keep = apart ? (float)(1 - lr * o->weight_decay) : 1,
                  .first = (float)(adam ? 1 - o->beta1 : o->momentum),
                  .second = (float)second,
                  .rest = (float)(1 - second),
                  .eps = (float)o->eps};
    if (adam) {
        r.lr = (float)(lr / (1 - pow(o->beta1, (double)step)));
        r.root = (float)(1 / sqrt(1 - pow(o->beta2, (double)step)));
    }
    return r;
}

void mlp_rule_apply(const mlp_rule *r, size_t from, size_t count, const float *g)
{
    update_best(r, count, r->w + from, g, r->a ? r->a + from : NULL, r->b ? r->b + from : NULL);
}

void mlp_optimizer_step(const mlp_optimizer *o, size_t params, float *w, const float *g, float *state, uint64_t step,
                        double lr)
{
    mlp_rule r = mlp_optimizer_rule(o, params, w, g, state, step, lr, 1);
    mlp_rule_apply(&r, 0, params, g);
}

/* ---- clipping ---- */

double mlp_sum_of_squares(const float *g, size_t count)
{
    enum { LANES = 16 };
    double sum[LANES] = {0}, all = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += (double)g[i + k] * (double)g[i + k];
    for (size_t k = 0; i + k < count; k++)
        sum[k] += (double)g[i + k] * (double)g[i + k];
    for (size_t k = 0; k < LANES; k++)
        all += sum[k];
    return all;
}

double mlp_norm(const float *g, size_t count)
{
    return sqrt(mlp_sum_of_squares(g, count));
}

double mlp_clip_scale(double norm, double most)
{
    double scale = most / (norm + 1e-6);
    return scale < 1 ? scale : 1;
}

double mlp_clip(float *g, size_t count, double most)
{
    double norm = mlp_norm(g, count);
    float scale = (float)mlp_clip_scale(norm, most);
    for (size_t i = 0; i < count && scale < 1; i++)
        g[i] *= scale;
    return norm;
}

/* ---- schedules ---- */

double mlp_schedule_lr(const mlp_schedule *s, double lr, uint64_t step, uint64_t steps, double epochs)
{
    static const double pi = 3.14159265358979323846;
    double all = epochs * (double)steps, warm = s->warmup * (double)steps, at = (double)step;
    double rise = at + 1 < warm ? (at + 1) / warm : 1;
    if (s->curve == MLP_STEP) {
        double every = s->decay > 0 ? s->decay : epochs / 3, factor = s->factor > 0 ? s->factor : 0.1;
        return lr * rise * pow(factor, floor(at / (every * (double)steps)));
    }
    if (s->curve == MLP_COSINE && at > warm) {
        double share = all > warm ? (at - warm) / (all - warm) : 1;
        share = share < 1 ? share : 1;
        return lr * rise * (s->least + (1 - s->least) * (1 + cos(pi * share)) / 2);
    }
    return lr * rise;
}
