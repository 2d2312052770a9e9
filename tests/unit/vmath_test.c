/* vmath_test.c: runtime/vmath.h and runtime/simd.h; the vmath_*_test.c build it again for the other units.
 *
 * A dense sample of all floats, every place where a formula changes, the ends of the range, and that no
 * compiler fuses what must not be fused. tests/long/vmath_all.c tries all 2^32 floats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vmath_check.h"

#define LANES MLP_LANES

/* The checks that hold every float of a table to the stated bounds; `feed` gives the floats one by one. */
typedef struct {
    const Check *check;
    Worst worst;
    float x[CHECK_BLOCK];
    int n;
} Feed;

static void flush(Feed *f)
{
    if (f->n)
        check_block(f->check, f->x, f->n, &f->worst);
    f->n = 0;
}

static void feed(Feed *f, uint32_t bits)
{
    f->x[f->n++] = check_float(bits);
    if (f->n == CHECK_BLOCK)
        flush(f);
}

static void feed_near(Feed *f, float x, int steps)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    for (int i = -steps; i <= steps; i++)
        feed(f, bits + (uint32_t)i);
}

static void test_bounds(void **state)
{
    /* Where formulas change: clamps, selections, corners of derivatives, first and last denormals,
     * overflow. */
    static const float places[] = {
        0.0f,         1.40129846e-45f, 1.17549435e-38f, 3.40282347e38f, 104.0f,      89.0f,
        88.7228394f,  87.3365448f,     103.972084f,     110.0f,         18.0f,       17.3286794f,
        9.5f,         9.01091385f,     0.75f,           4.24264069f,    3.91920614f, 14.5f,
        14.1743774f,  30.0f,           32.0f,           1.0f,           3.0f,        6.0f,
        0.707106781f, 1.41421356f,     0.292893219f,    0.414213562f,   2.0f,        0.5f,
        1e30f,        1.27846456f,     0.751791537f};
    int broken = 0;
    (void)state;
    printf("%s, %d lanes\n", CHECK_UNIT, LANES);
    for (int k = 0; k < CHECKS; k++) {
        Feed f;
        memset(&f, 0, sizeof f);
        f.check = &checks[k];
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4999)
            feed(&f, (uint32_t)bits);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            feed_near(&f, places[i], 300);
            feed_near(&f, -places[i], 300);
        }
        for (int n = -310; n <= 310; n++) { /* where the nearest multiple of ln 2, and of ln 2 / 2, changes */
            feed_near(&f, (float)(((double)n + 0.5) * 0.34657359027997265), 20);
            feed_near(&f, (float)(((double)n + 0.5) * 0.69314718055994531), 20);
        }
        for (int n = 0; n <= 310; n++) /* the same for e^(-x^2/2) */
            feed_near(&f, (float)-sqrt(((double)n + 0.5) * 1.3862943611198906), 20);
        for (uint32_t e = 0; e < 512;
             e++) /* every power of two, infinity, NaN of both signs and all payload ends */
            for (uint32_t i = 0; i < 5; i++)
                feed(&f, (e << 23) - 2 + i);
        flush(&f);
        broken += check_print(&checks[k], &f.worst);
    }
    assert_int_equal(broken, 0);
}

/* One float through the function named. */
static float call(const char *name, float x)
{
    float in[CHECK_BLOCK], out[CHECK_BLOCK];
    for (int i = 0; i < CHECK_BLOCK; i++)
        in[i] = x;
    for (int k = 0; k < CHECKS; k++)
        if (strcmp(checks[k].name, name) == 0) {
            checks[k].run(in, out);
            for (int i = 1; i < CHECK_BLOCK; i++)
                assert_memory_equal(&out[0], &out[i], sizeof out[0]);
            return out[0];
        }
    fail_msg("no check named %s", name);
    return 0.0f;
}

static void test_ends(void **state)
{
    static const char *odd[] = {"tanh", "erf", "softsign", "sign", "hard_tanh", "expm1", "log1p", "sqrt"};
    const float inf = HUGE_VALF;
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_true(call(odd[i], -0.0f) == 0.0f && signbit(call(odd[i], -0.0f)));
        assert_true(call(odd[i], 0.0f) == 0.0f && !signbit(call(odd[i], 0.0f)));
    }
    assert_true(call("exp", inf) == inf && call("exp", -inf) == 0.0f && call("exp", 0.0f) == 1.0f);
    assert_true(call("exp", 88.73f) == inf && call("exp", -104.0f) == 0.0f);
    assert_true(call("expm1", inf) == inf && call("expm1", -inf) == -1.0f);
    assert_true(call("log", inf) == inf && call("log", 0.0f) == -inf && call("log", -0.0f) == -inf);
    assert_true(isnan(call("log", -1e-45f)) && isnan(call("log", -inf)) && call("log", 1.0f) == 0.0f);
    assert_true(call("log1p", inf) == inf && call("log1p", -1.0f) == -inf &&
                isnan(call("log1p", -1.0000001f)));
    assert_true(call("tanh", inf) == 1.0f && call("tanh", -inf) == -1.0f);
    assert_true(call("erf", inf) == 1.0f && call("erf", -inf) == -1.0f);
    assert_true(call("sigmoid", inf) == 1.0f && call("sigmoid", -inf) == 0.0f &&
                call("sigmoid", 0.0f) == 0.5f);
    assert_true(call("gelu", inf) == inf && call("gelu", -inf) == 0.0f);
    assert_true(call("silu", inf) == inf && call("silu", -inf) == 0.0f);
    assert_true(call("silu", FLT_MAX) == FLT_MAX && call("gelu", FLT_MAX) == FLT_MAX);
    assert_true(call("softplus", inf) == inf && call("softplus", -inf) == 0.0f);
    assert_true(call("elu", inf) == inf && call("elu", -inf) == -1.0f && call("selu", inf) == inf);
    assert_true(call("softsign", inf) == 1.0f && call("softsign", -inf) == -1.0f &&
                call("softsign", FLT_MAX) == 1.0f);
    assert_true(call("hard_sigmoid", inf) == 1.0f && call("hard_sigmoid", -inf) == 0.0f);
    assert_true(call("d_gelu", inf) == 1.0f && call("d_gelu", -inf) == 0.0f);
    assert_true(call("d_silu", inf) == 1.0f && call("d_silu", -inf) == 0.0f);
    assert_true(isnan(call("sqrt", -1.0f)) && call("sqrt", inf) == inf);
    /* The smallest floats keep their value where the exact function does. */
    assert_true(call("tanh", 1e-45f) == 1e-45f && call("expm1", -1e-45f) == -1e-45f &&
                call("softsign", 3e-45f) == 3e-45f);
    assert_true(call("silu", 3e-45f) == 1.40129846e-45f && call("exp", -103.97f) == 1.40129846e-45f);
}

/* No result leaves the range of its function, though the error bound would let it. */
static void test_ranges(void **state)
{
    float in[CHECK_BLOCK], tanh_[CHECK_BLOCK], erf_[CHECK_BLOCK], sigmoid_[CHECK_BLOCK];
    (void)state;
    for (uint64_t bits = 0; bits + CHECK_BLOCK <= 0xff800000u; bits += 9973 * 8) {
        for (int i = 0; i < CHECK_BLOCK; i++)
            in[i] = check_float((uint32_t)bits + (uint32_t)i);
        run_tanh(in, tanh_);
        run_erf(in, erf_);
        run_sigmoid(in, sigmoid_);
        for (int i = 0; i < CHECK_BLOCK; i++) {
            if (isnan(in[i]))
                continue;
            assert_true(fabsf(tanh_[i]) <= 1.0f && fabsf(erf_[i]) <= 1.0f);
            assert_true(sigmoid_[i] >= 0.0f && sigmoid_[i] <= 1.0f);
        }
    }
}

/* CHECK_PINNED: f(x) + y must be the rounded f(x), then added, also under -ffp-contract=fast, which some
 * of the builds of this file use: the same bits wherever a function is inlined. */
#define CHECK_PINNED(name, f)                                                                       \
    static void pinned_##name(const float *from, const float *y, float *sum, volatile float *alone) \
    {                                                                                               \
        const mlp_vec x = mlp_load(from), a = f;                                                    \
        float tmp[LANES];                                                                           \
        mlp_store(sum, f + mlp_load(y));                                                            \
        mlp_store(tmp, a);                                                                          \
        for (int i = 0; i < LANES; i++)                                                             \
            alone[i] = tmp[i];                                                                      \
    }
CHECK_PINNED(exp, mlp_exp(x))
CHECK_PINNED(sigmoid, mlp_sigmoid(x))
CHECK_PINNED(gelu, mlp_gelu(x))
CHECK_PINNED(silu, mlp_silu(x))
CHECK_PINNED(elu, mlp_elu(x, 0.3f))
CHECK_PINNED(selu, mlp_selu(x))
CHECK_PINNED(leaky_relu, mlp_leaky_relu(x, 0.01f))
CHECK_PINNED(prelu, mlp_prelu(x, mlp_set(0.37f)))
CHECK_PINNED(hard_sigmoid, mlp_hard_sigmoid(x))
CHECK_PINNED(erf, mlp_erf(x))
CHECK_PINNED(mul, mlp_mul(x, mlp_set(1.1f)))
CHECK_PINNED(d_sigmoid, mlp_d_sigmoid(x, x))
CHECK_PINNED(d_softsign, mlp_d_softsign(x, x))

static void test_pinned(void **state)
{
    typedef void Pinned(const float *, const float *, float *, volatile float *);
    static Pinned *const all[] = {pinned_exp,          pinned_sigmoid, pinned_gelu,       pinned_silu,
                                  pinned_elu,          pinned_selu,    pinned_leaky_relu, pinned_prelu,
                                  pinned_hard_sigmoid, pinned_erf,     pinned_mul,        pinned_d_sigmoid,
                                  pinned_d_softsign};
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        float x[LANES], y[LANES], sum[LANES];
        volatile float alone[LANES];
        for (int i = 0; i < LANES; i++) {
            seed = seed * 1664525u + 1013904223u;
            x[i] = (float)(int32_t)seed * 3e-9f;
            seed = seed * 1664525u + 1013904223u;
            y[i] = (float)(int32_t)seed * 1e-9f;
        }
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
            all[k](x, y, sum, alone);
            for (int i = 0; i < LANES; i++) {
                volatile float rounded = alone[i];
                const float want = rounded + y[i];
                assert_memory_equal(&sum[i], &want, sizeof want);
            }
        }
    }
}

static MLP_INLINE void check_partial_loads(int n)
{
    /* Exactly n floats from the heap: a sanitizer sees any byte beyond. */
    float *p = malloc(n ? (size_t)n * sizeof *p : 1), *q = malloc(n ? (size_t)n * sizeof *q : 1);
    float out[LANES], around[LANES + 2];
    assert_non_null(p);
    assert_non_null(q);
    for (int i = 0; i < n; i++)
        p[i] = (float)(i + 1);
    mlp_store(out, mlp_load_n(p, n));
    for (int i = 0; i < LANES; i++)
        assert_true(out[i] == (i < n ? (float)(i + 1) : 0.0f));
    mlp_store_n(q, mlp_load(out), n);
    for (int i = 0; i < n; i++)
        assert_true(q[i] == p[i]);
    for (int i = 0; i < LANES + 2; i++)
        around[i] = -7.0f;
    for (int i = 0; i < LANES; i++)
        out[i] = (float)i;
    mlp_store_n(around + 1, mlp_load(out), n);
    for (int i = 0; i < LANES + 2; i++)
        assert_true(around[i] == (i >= 1 && i <= n ? (float)(i - 1) : -7.0f));
    free(p);
    free(q);
}

/* Also numbers that compilers know, for which other instructions may be chosen. */
static void test_partial_loads(void **state)
{
    (void)state;
    for (int n = 0; n <= LANES; n++)
        check_partial_loads(n);
    check_partial_loads(1);
    check_partial_loads(LANES < 2 ? 1 : 2);
    check_partial_loads(LANES < 4 ? 1 : 4);
    check_partial_loads(LANES < 8 ? 1 : 8);
}

static void test_lanes(void **state)
{
    float x[LANES], y[LANES], out[LANES];
    volatile float tree[LANES];
    const float nan_ = nanf("");
    (void)state;
    for (int i = 0; i < LANES; i++) {
        x[i] = 0.1f * (float)(i * i + 1) - 3.0f;
        y[i] = i % 3 ? x[i] + 1.0f : x[i] - 1.0f;
        tree[i] = x[i];
    }
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            tree[i] = tree[i] + tree[i + half];
    assert_true(mlp_sum(mlp_load(x)) == tree[0]);
    assert_true(mlp_hmax(mlp_load(x)) == x[LANES - 1]);
    x[0] = 1e9f;
    assert_true(mlp_hmax(mlp_load(x)) == 1e9f);
    mlp_store(out, mlp_select(mlp_gt(mlp_load(x), mlp_load(y)), mlp_load(x), mlp_load(y)));
    for (int i = 0; i < LANES; i++)
        assert_true(out[i] == (x[i] > y[i] ? x[i] : y[i]));
    mlp_store(out, mlp_select(mlp_eq(mlp_load(x), mlp_load(x)), mlp_set(1.0f), mlp_set(2.0f)));
    for (int i = 0; i < LANES; i++)
        assert_true(out[i] == 1.0f);
    /* max and min: the second where either is NaN or both are equal. */
    mlp_store(out, mlp_max(mlp_set(nan_), mlp_set(1.0f)));
    assert_true(out[LANES - 1] == 1.0f);
    mlp_store(out, mlp_max(mlp_set(1.0f), mlp_set(nan_)));
    assert_true(isnan(out[LANES - 1]));
    mlp_store(out, mlp_min(mlp_set(nan_), mlp_set(1.0f)));
    assert_true(out[LANES - 1] == 1.0f);
    mlp_store(out, mlp_min(mlp_set(1.0f), mlp_set(nan_)));
    assert_true(isnan(out[LANES - 1]));
    mlp_store(out, mlp_max(mlp_set(0.0f), mlp_set(-0.0f)));
    assert_true(signbit(out[0]));
    mlp_store(out, mlp_min(mlp_set(-0.0f), mlp_set(0.0f)));
    assert_false(signbit(out[0]));
    /* mlp_fma fuses exactly where MLP_FUSED says so: (1 + e)^2 - (1 + 2 e) is e^2 or nothing. */
    mlp_store(out, mlp_fma(mlp_set(1.00012207f), mlp_set(1.00012207f), mlp_set(-1.00024414f)));
#if defined(MLP_FUSED)
    assert_true(out[0] == 1.49011612e-08f);
#endif
    mlp_store(x, mlp_fnma(mlp_set(1.00012207f), mlp_set(1.00012207f), mlp_set(1.00024414f)));
    assert_true(x[0] == -out[0]);
    mlp_store(out, mlp_scale(mlp_set(1.5f), mlp_set(12582912.0f - 149.0f)));
    assert_true(out[0] == 2.80259693e-45f); /* 1.5 steps: the tie goes to the even one */
    mlp_store(out, mlp_scale(mlp_set(0.75f), mlp_set(12582912.0f + 128.0f)));
    assert_true(out[0] == 2.55211775e38f);
}

static void test_across(void **state)
{
    (void)state;
    for (int count = 1; count <= LANES; count++)
        for (int used = 1; used <= LANES; used++) {
            float x[LANES], out[LANES], sum[LANES];
            mlp_vec v[LANES];
            for (int i = 0; i < count; i++) {
                sum[i] = 0.0f;
                for (int k = 0; k < LANES; k++) {
                    x[k] = k < used ? (float)((i + 1) * (1 << k)) : 0.0f; /* exact */
                    sum[i] += x[k];
                }
                v[i] = mlp_load(x);
            }
            mlp_store(out, mlp_across(v, count, used));
            for (int i = 0; i < count; i++)
                assert_true(out[i] == sum[i]);
        }
}

/* 1 if this machine can run what the file was built for. */
static int supported(void)
{
#if defined(__x86_64__) || defined(__i386__)
#if defined(__AVX512F__)
    return __builtin_cpu_supports("avx512f");
#elif defined(__AVX2__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#endif
    return 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_ends),  cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_pinned), cmocka_unit_test(test_lanes), cmocka_unit_test(test_partial_loads),
        cmocka_unit_test(test_across),
    };
    if (!supported()) {
        printf("skipped: this machine has no %s\n", CHECK_UNIT);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
