/* vmath_check.h: measures runtime/vmath.h against double precision, for the unit tests and the long test.
 *
 * Each program that includes it is built for one vector unit. A check names a function, its reference and
 * the bound that vmath.h states. */
#ifndef VMATH_CHECK_H
#define VMATH_CHECK_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../runtime/vmath.h"

#if defined(MLP_AVX512)
#define CHECK_UNIT "AVX-512"
#elif defined(MLP_AVX2) && defined(MLP_FUSED)
#define CHECK_UNIT "AVX2 and FMA"
#elif defined(MLP_AVX2)
#define CHECK_UNIT "AVX2"
#elif defined(MLP_NEON)
#define CHECK_UNIT "NEON"
#elif defined(MLP_SSE2)
#define CHECK_UNIT "SSE2"
#elif defined(MLP_FUSED)
#define CHECK_UNIT "plain C, fused"
#else
#define CHECK_UNIT "plain C"
#endif

/* Floats a call of `run` takes: a multiple of every MLP_LANES. */
enum { CHECK_BLOCK = 64 };

/* One function: `run` works on CHECK_BLOCK floats, `exact` says the true value of one. A result is good if
 * it is within `ulps` units in the last place of the exact result, or within `absolute`. NaN must give
 * NaN. */
typedef struct {
    const char *name;
    void (*run)(const float *x, float *y);
    double (*exact)(double x);
    double ulps;
    double absolute;
} Check;

/* What was seen: the largest error in ulp and where, the largest absolute error of finite results, the
 * results beyond the bound and the first of them. Start from zeros. */
typedef struct {
    double ulps, absolute;
    float at, absolute_at;
    uint64_t bad;
    float bad_x, bad_y;
} Worst;

static inline float check_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* The unit in the last place of a float near v; denormal steps below 2^-126. */
static inline double check_ulp(double v)
{
    uint64_t bits;
    double ulp;
    memcpy(&bits, &v, sizeof bits);
    bits = bits >> 52 & 0x7ff;
    bits = (bits < 1023 - 126 ? 1023 - 126 : bits) - 23;
    bits <<= 52;
    memcpy(&ulp, &bits, sizeof ulp);
    return ulp;
}

/* Counts result y for input x, where `exact` is right. An infinite y stands for 2^128. */
static inline void check_one(const Check *c, float x, float y, double exact, Worst *w)
{
    const double top = 340282366920938463463374607431768211456.0;
    double ulps, absolute, got = (double)y;
    if (got == exact || (y == (float)exact && w->ulps >= 0.5 && c->ulps >= 0.5 && c->absolute <= 0.0))
        return; /* as good as can be: no need to measure it */
    if (isnan(exact) || isnan(y)) {
        if (isnan(exact) && isnan(y))
            return;
        ulps = absolute = HUGE_VAL;
    } else {
        if (isinf(y))
            got = copysign(top, got);
        if (fabs(exact) > top)
            exact = copysign(top, exact);
        absolute = fabs(got - exact);
        ulps = absolute / check_ulp(fabs(exact) < top ? exact : (double)FLT_MAX);
    }
    if (ulps > w->ulps) {
        w->ulps = ulps;
        w->at = x;
    }
    if (absolute > w->absolute && fabs(exact) < 1e3) {
        w->absolute = absolute;
        w->absolute_at = x;
    }
    if (!(ulps <= c->ulps) && !(absolute <= c->absolute) && w->bad++ == 0) {
        w->bad_x = x;
        w->bad_y = y;
    }
}

/* Runs the function on n floats, 0 < n <= CHECK_BLOCK, and counts the results. */
static inline void check_block(const Check *c, const float *x, int n, Worst *w)
{
    float in[CHECK_BLOCK], out[CHECK_BLOCK];
    for (int i = 0; i < CHECK_BLOCK; i++)
        in[i] = x[i < n ? i : 0];
    c->run(in, out);
    for (int i = 0; i < n; i++)
        check_one(c, in[i], out[i], c->exact((double)in[i]), w);
}

/* Adds what another thread saw. */
static inline void check_merge(Worst *into, const Worst *from)
{
    if (from->ulps > into->ulps) {
        into->ulps = from->ulps;
        into->at = from->at;
    }
    if (from->absolute > into->absolute) {
        into->absolute = from->absolute;
        into->absolute_at = from->absolute_at;
    }
    if (from->bad && into->bad == 0) {
        into->bad_x = from->bad_x;
        into->bad_y = from->bad_y;
    }
    into->bad += from->bad;
}

/* One line of the table; returns 1 if the bound is broken. */
static inline int check_print(const Check *c, const Worst *w)
{
    char bound[40];
    if (c->absolute > 0.0)
        snprintf(bound, sizeof bound, "%.3g ulp or %.0e", c->ulps, c->absolute);
    else
        snprintf(bound, sizeof bound, "%.3g ulp", c->ulps);
    printf("%-15s %10.4g ulp at %-16.9g %10.3g absolute at %-16.9g bound %s%s\n", c->name, w->ulps,
           (double)w->at, w->absolute, (double)w->absolute_at, bound, w->bad ? "  BROKEN" : "");
    if (w->bad)
        printf("  %llu results beyond the bound; first: %s(%.9g) gave %.9g, exact is %.12g\n",
               (unsigned long long)w->bad, c->name, (double)w->bad_x, (double)w->bad_y,
               c->exact((double)w->bad_x));
    return w->bad != 0;
}

/* run_NAME works on a block with the expression `f` of x. */
#define CHECK_RUN(name, f)                                 \
    static void run_##name(const float *from, float *to)   \
    {                                                      \
        for (int i = 0; i < CHECK_BLOCK; i += MLP_LANES) { \
            const mlp_vec x = mlp_load(from + i);          \
            mlp_store(to + i, f);                          \
        }                                                  \
    }

CHECK_RUN(exp, mlp_exp(x))
CHECK_RUN(expm1, mlp_expm1(x))
CHECK_RUN(log, mlp_log(x))
CHECK_RUN(log1p, mlp_log1p(x))
CHECK_RUN(sqrt, mlp_sqrt(x))
CHECK_RUN(tanh, mlp_tanh(x))
CHECK_RUN(sigmoid, mlp_sigmoid(x))
CHECK_RUN(erf, mlp_erf(x))
CHECK_RUN(gelu, mlp_gelu(x))
CHECK_RUN(silu, mlp_silu(x))
CHECK_RUN(softplus, mlp_softplus(x))
CHECK_RUN(elu, mlp_elu(x, 1.0f))
CHECK_RUN(elu_a, mlp_elu(x, 0.3f))
CHECK_RUN(selu, mlp_selu(x))
CHECK_RUN(relu, mlp_relu(x))
CHECK_RUN(leaky_relu, mlp_leaky_relu(x, 0.01f))
CHECK_RUN(prelu, mlp_prelu(x, mlp_set(-1.7f)))
CHECK_RUN(hard_sigmoid, mlp_hard_sigmoid(x))
CHECK_RUN(hard_tanh, mlp_hard_tanh(x))
CHECK_RUN(softsign, mlp_softsign(x))
CHECK_RUN(sign, mlp_sign(x))
CHECK_RUN(abs, mlp_abs(x))
CHECK_RUN(d_relu, mlp_d_relu(x, mlp_relu(x)))
CHECK_RUN(d_leaky_relu, mlp_d_leaky_relu(x, x, 0.01f))
CHECK_RUN(d_prelu, mlp_d_prelu(x, x, mlp_set(-1.7f)))
CHECK_RUN(d_prelu_slope, mlp_d_prelu_slope(x))
CHECK_RUN(d_elu, mlp_d_elu(x, mlp_elu(x, 0.3f), 0.3f))
CHECK_RUN(d_selu, mlp_d_selu(x, mlp_selu(x)))
CHECK_RUN(d_gelu, mlp_d_gelu(x, mlp_gelu(x)))
CHECK_RUN(d_silu, mlp_d_silu(x, mlp_silu(x)))
CHECK_RUN(d_sigmoid, mlp_d_sigmoid(x, mlp_sigmoid(x)))
CHECK_RUN(d_tanh, mlp_d_tanh(x, mlp_tanh(x)))
CHECK_RUN(d_hard_sigmoid, mlp_d_hard_sigmoid(x, x))
CHECK_RUN(d_hard_tanh, mlp_d_hard_tanh(x, x))
CHECK_RUN(d_softplus, mlp_d_softplus(x, x))
CHECK_RUN(d_softsign, mlp_d_softsign(x, x))
CHECK_RUN(d_sign, mlp_d_sign(x, x))
CHECK_RUN(d_abs, mlp_d_abs(x, x))
CHECK_RUN(d_exp, mlp_d_exp(x, mlp_exp(x)))

static double exact_sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* Phi(x), with all its digits below zero too. */
static double exact_phi(double x)
{
    return 0.5 * erfc(x * -0.70710678118654752440);
}

static double exact_gelu(double x)
{
    return x == -HUGE_VAL ? 0.0 : x * exact_phi(x);
}

static double exact_silu(double x)
{
    return x == -HUGE_VAL ? 0.0 : x * exact_sigmoid(x);
}

static double exact_softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double exact_elu(double x)
{
    return x > 0.0 ? x : expm1(x);
}

static double exact_elu_a(double x)
{
    return x > 0.0 ? x : (double)0.3f * expm1(x);
}

static double exact_selu(double x)
{
    return 1.0507009873554804934193349852946 * (x > 0.0 ? x : 1.6732632423543772848170429916717 * expm1(x));
}

static double exact_relu(double x)
{
    return x < 0.0 ? 0.0 : x;
}

static double exact_leaky_relu(double x)
{
    return x > 0.0 ? x : (double)0.01f * x;
}

static double exact_prelu(double x)
{
    return x > 0.0 ? x : (double)-1.7f * x;
}

static double exact_hard_sigmoid(double x)
{
    return isnan(x) ? x : x <= -3.0 ? 0.0 : x >= 3.0 ? 1.0 : (x + 3.0) / 6.0;
}

static double exact_hard_tanh(double x)
{
    return x < -1.0 ? -1.0 : x > 1.0 ? 1.0 : x;
}

static double exact_softsign(double x)
{
    return isinf(x) ? copysign(1.0, x) : x / (1.0 + fabs(x));
}

static double exact_sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}

/* Derivatives. Those by comparison say 0 for NaN, or the value of the left branch. */
static double exact_d_relu(double x)
{
    return x > 0.0 ? 1.0 : 0.0;
}

static double exact_d_leaky_relu(double x)
{
    return x > 0.0 ? 1.0 : (double)0.01f;
}

static double exact_d_prelu(double x)
{
    return x > 0.0 ? 1.0 : (double)-1.7f;
}

static double exact_d_prelu_slope(double x)
{
    return x > 0.0 ? 0.0 : x;
}

static double exact_d_elu(double x)
{
    return x > 0.0 ? 1.0 : (double)0.3f * exp(x);
}

static double exact_d_selu(double x)
{
    return 1.0507009873554804934193349852946 * (x > 0.0 ? 1.0 : 1.6732632423543772848170429916717 * exp(x));
}

static double exact_d_gelu(double x)
{
    return isinf(x) ? (x > 0.0) : exact_phi(x) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}

static double exact_d_silu(double x)
{
    const double s = exact_sigmoid(x);
    return isinf(x) ? (x > 0.0) : s + x * s * exact_sigmoid(-x);
}

static double exact_d_sigmoid(double x)
{
    return exact_sigmoid(x) * exact_sigmoid(-x);
}

static double exact_d_tanh(double x)
{
    const double c = cosh(x);
    return 1.0 / (c * c);
}

static double exact_d_hard_sigmoid(double x)
{
    return fabs(x) < 3.0 ? 1.0 / 6.0 : 0.0;
}

static double exact_d_hard_tanh(double x)
{
    return fabs(x) < 1.0 ? 1.0 : 0.0;
}

static double exact_d_softsign(double x)
{
    return 1.0 / ((1.0 + fabs(x)) * (1.0 + fabs(x)));
}

static double exact_d_sign(double x)
{
    (void)x;
    return 0.0;
}

#define CHECK(name, ulps, absolute)                     \
    {                                                   \
#name, run_##name, exact_##name, ulps, absolute \
    }
#define CHECK_AS(name, exact, ulps, absolute)    \
    {                                            \
#name, run_##name, exact, ulps, absolute \
    }

#if defined(MLP_AVX512) /* in steps */
#define EXP_ULPS 1.1
#elif defined(MLP_FUSED)
#define EXP_ULPS 0.91
#else
#define EXP_ULPS 1.2
#endif
#if defined(MLP_AVX512) /* in pieces */
#define TANH_ULPS 2.0
#define GELU_ULPS 1.9
#else
#define TANH_ULPS 2.7
#define GELU_ULPS 7
#endif

/* Every function, with the bound that vmath.h states. */
static const Check checks[] = {
    CHECK_AS(exp, exp, EXP_ULPS, 0),
    CHECK_AS(expm1, expm1, 1.7, 0),
    CHECK_AS(log, log, 0.9, 0),
    CHECK_AS(log1p, log1p, 1.6, 0),
    CHECK_AS(sqrt, sqrt, 0.5, 0),
    CHECK_AS(tanh, tanh, TANH_ULPS, 0),
    CHECK(sigmoid, 2.7, 0),
    CHECK_AS(erf, erf, 2.6, 0),
    CHECK(gelu, GELU_ULPS, 1e-7),
    CHECK(silu, 3.9, 0),
    CHECK(softplus, 2.5, 0),
    CHECK(elu, 1, 0),
    CHECK(elu_a, 2, 0),
    CHECK(selu, 2, 0),
    CHECK(relu, 0, 0),
    CHECK(leaky_relu, 0.5, 0),
    CHECK(prelu, 0.5, 0),
    CHECK(hard_sigmoid, 1.4, 0),
    CHECK(hard_tanh, 0, 0),
    CHECK(softsign, 1.5, 0),
    CHECK(sign, 0, 0),
    CHECK_AS(abs, fabs, 0, 0),
    CHECK(d_relu, 0, 0),
    CHECK(d_leaky_relu, 0, 0),
    CHECK(d_prelu, 0, 0),
    CHECK(d_prelu_slope, 0, 0),
    CHECK(d_elu, 3, 2e-7),
    CHECK(d_selu, 3, 2e-7),
    CHECK(d_gelu, 3, 3e-7),
    CHECK(d_silu, 3, 3e-7),
    CHECK(d_sigmoid, 3, 2e-7),
    CHECK(d_tanh, 3, 3e-7),
    CHECK(d_hard_sigmoid, 0.5, 0),
    CHECK(d_hard_tanh, 0, 0),
    CHECK_AS(d_softplus, exact_sigmoid, 2.7, 0),
    CHECK(d_softsign, 3.6, 0),
    CHECK(d_sign, 0, 0),
    CHECK_AS(d_abs, exact_sign, 0, 0),
    CHECK_AS(d_exp, exp, EXP_ULPS, 0),
};
enum { CHECKS = sizeof checks / sizeof checks[0] };

#endif
