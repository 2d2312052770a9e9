/* optim_test.c: ten steps of each optimiser beside the same formulas in double precision, clipping, and schedules.
 *
 * The naive forms below are written from the definitions, not from optim.c: torch.optim.SGD, RMSprop, Adam and AdamW as
 * the documentation of PyTorch 2 states their algorithms; Adam's with the corrected means of algorithm 1 of Kingma and Ba
 * (ICLR 2015); AdamW's as algorithm 2 of Loshchilov and Hutter (ICLR 2019) as PyTorch has it (decay times lr). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

enum { PARAMS = 1003, STEPS = 10 }; /* no multiple of any vector width */

/* A gradient that changes sign and size from step to step and from parameter to parameter, with zeros. */
static float gradient(size_t i, int t)
{
    if (i % 101 == 7)
        return 0;
    return (float)(sin((double)i * 1.7 + t * 0.9) * pow(10, (double)(i % 7) - 4));
}

static float start(size_t i)
{
    return (float)cos((double)i * 0.37) * 0.5f;
}

/* One parameter after step t by the definition; a and b are its state. */
static double naive(const mlp_optimizer *o, double w, double g, double *a, double *b, int t, double lr)
{
    if (o->method == MLP_ADAMW)
        w -= lr * o->weight_decay * w;
    else
        g += o->weight_decay * w;
    switch (o->method) {
    case MLP_SGD:
        return w - lr * g;
    case MLP_MOMENTUM:
        *a = t == 1 ? g : o->momentum * *a + g;
        return w - lr * *a;
    case MLP_NESTEROV:
        *a = t == 1 ? g : o->momentum * *a + g;
        return w - lr * (g + o->momentum * *a);
    case MLP_RMSPROP:
        *a = o->alpha * *a + (1 - o->alpha) * g * g;
        if (o->momentum > 0) {
            *b = o->momentum * *b + g / (sqrt(*a) + o->eps);
            return w - lr * *b;
        }
        return w - lr * g / (sqrt(*a) + o->eps);
    case MLP_ADAM:
    case MLP_ADAMW:
        *a = o->beta1 * *a + (1 - o->beta1) * g;
        *b = o->beta2 * *b + (1 - o->beta2) * g * g;
        return w - lr * (*a / (1 - pow(o->beta1, t))) / (sqrt(*b / (1 - pow(o->beta2, t))) + o->eps);
    }
    return nan("");
}

/* Largest difference after ten steps, in units of what ten steps of single precision may round: each step rounds w
 * by half an ulp of it (adamw three times: its factor, the product, the sum), and the step by a dozen operations, each 2^-24 of the step's length. State carries its errors
 * on: they shrink with momentum or beta, a sum of at most ten of them. */
static void ten_steps(const mlp_optimizer *o)
{
    float *w = malloc(PARAMS * sizeof *w), *g = malloc(PARAMS * sizeof *g);
    size_t size = mlp_optimizer_state(o, PARAMS);
    float *state = calloc(size + 1, sizeof *state);
    double a[PARAMS] = {0}, b[PARAMS] = {0}, exact[PARAMS], moved[PARAMS] = {0};
    for (size_t i = 0; i < PARAMS; i++)
        exact[i] = (double)(w[i] = start(i));
    for (int t = 1; t <= STEPS; t++) {
        double lr = o->lr / (1 + 0.1 * t);
        for (size_t i = 0; i < PARAMS; i++) {
            double before = exact[i];
            g[i] = gradient(i, t);
            exact[i] = naive(o, before, (double)g[i], &a[i], &b[i], t, lr);
            moved[i] += fabs(exact[i] - before);
        }
        mlp_optimizer_step(o, PARAMS, w, g, state, (uint64_t)t, lr);
        for (size_t i = 0; i < PARAMS; i++) {
            double u = (double)FLT_EPSILON / 2, most = 0.5 + moved[i];
            /* Where m changes its sign its error stays that of what was summed: 10 lr for the adaptive methods, whose
             * steps are about lr each; the largest gradient, 100 times lr and momentum's ten steps, for the others. */
            double step = o->method >= MLP_RMSPROP ? 10 * lr : 1000 * lr * pow(10, (double)(i % 7) - 4);
            double bound = u * (3 * t * most + 20 * (moved[i] + step));
            double off = fabs((double)w[i] - exact[i]);
            if (!(off <= bound))
                fail_msg("%s: parameter %zu after step %d is %.9g, not %.12g: off by %g, the bound is %g",
                         mlp_method_name(o->method), i, t, (double)w[i], exact[i], off, bound);
        }
    }
    free(w);
    free(g);
    free(state);
}

static void ten_steps_of_each(void **state)
{
    (void)state;
    for (int m = MLP_SGD; m <= MLP_ADAMW; m++) {
        mlp_optimizer o = mlp_optimizer_default((mlp_method)m);
        ten_steps(&o);
        o.weight_decay = 0.05;
        o.lr = 0.02;
        o.momentum = 0.8;
        o.alpha = 0.9;
        o.beta1 = 0.7;
        o.beta2 = 0.95;
        o.eps = 1e-3;
        ten_steps(&o);
        o.momentum = o.alpha = o.beta1 = o.beta2 = o.weight_decay = 0;
        ten_steps(&o);
    }
}

static void first_steps_worked_out_by_hand(void **state)
{
    (void)state;
    /* w = 1, g = 0.5, lr = 0.1: sgd 1 - 0.05; momentum 0.9, second step b = 0.95: 0.95 - 0.095; nesterov g + 0.9 g = 0.95:
     * 1 - 0.095; rmsprop sqrt(0.01 * 0.25) = 0.05: 1 - 0.1 * 10; adam the sign of g: 1 - 0.1; adamw (1 - 0.001) - 0.1. */
    static const double first[] = {0.95, 0.95, 0.905, 0, 0.9, 0.899};
    for (int m = MLP_SGD; m <= MLP_ADAMW; m++) {
        mlp_optimizer o = mlp_optimizer_default((mlp_method)m);
        float w = 1, g = 0.5f, kept[2] = {0};
        mlp_optimizer_step(&o, 1, &w, &g, kept, 1, 0.1);
        assert_true(fabs((double)w - first[m]) < 1e-6); /* a few roundings of numbers of at most 1 */
        if (m == MLP_MOMENTUM) {
            mlp_optimizer_step(&o, 1, &w, &g, kept, 2, 0.1);
            assert_true(fabs((double)w - 0.855) < 1e-6);
        }
    }
}

static void any_length_gives_the_same_bits(void **state)
{
    (void)state;
    /* Parameter i must not depend on where it lies: the vector loops and what remains after them agree. */
    for (int m = MLP_SGD; m <= MLP_ADAMW; m++) {
        mlp_optimizer o = mlp_optimizer_default((mlp_method)m);
        o.weight_decay = 0.01;
        float w[80], g[80], s[160], w1, s1[2];
        for (size_t n = 1; n <= 80; n++) {
            memset(s, 0, sizeof s);
            for (size_t i = 0; i < n; i++) {
                w[i] = start(80 - n + i);
                g[i] = gradient(80 - n + i, 1);
            }
            w1 = w[n - 1];
            memset(s1, 0, sizeof s1);
            mlp_optimizer_step(&o, n, w, g, s, 1, 0.01);
            mlp_optimizer_step(&o, 1, &w1, &g[n - 1], s1, 1, 0.01);
            assert_memory_equal(&w1, &w[n - 1], sizeof w1);
        }
    }
}

static void state_has_the_size_that_is_told(void **state)
{
    (void)state;
    static const size_t floats[] = {0, 1, 1, 1, 2, 2};
    for (int m = MLP_SGD; m <= MLP_ADAMW; m++) {
        mlp_optimizer o = mlp_optimizer_default((mlp_method)m);
        assert_int_equal(mlp_optimizer_state(&o, 100), 100 * floats[m]);
    }
    mlp_optimizer o = mlp_optimizer_default(MLP_RMSPROP);
    o.momentum = 0.5;
    assert_int_equal(mlp_optimizer_state(&o, 100), 200);
}

static void names_and_ranges(void **state)
{
    (void)state;
    mlp_error err;
    mlp_method method = MLP_SGD;
    mlp_curve curve = MLP_STEP;
    for (int m = MLP_SGD; m <= MLP_ADAMW; m++) {
        assert_int_equal(mlp_method_parse(mlp_method_name((mlp_method)m), &method, &err), MLP_OK);
        assert_int_equal(method, m);
        mlp_optimizer o = mlp_optimizer_default(method);
        assert_int_equal(mlp_optimizer_check(&o, &err), MLP_OK);
    }
    assert_int_equal(mlp_method_parse("Adam", &method, &err), MLP_EARGUMENT);
    assert_string_equal(err.text, "unknown optimizer 'Adam': sgd, momentum, nesterov, rmsprop, adam or adamw");
    assert_int_equal(mlp_curve_parse("cosine", &curve, &err), MLP_OK);
    assert_int_equal(curve, MLP_COSINE);
    assert_int_equal(mlp_curve_parse("line", &curve, &err), MLP_EARGUMENT);
    assert_string_equal(err.text, "unknown schedule 'line': constant, step or cosine");
    static const double bad[] = {0, -1, HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mlp_optimizer o = mlp_optimizer_default(MLP_SGD);
        o.lr = bad[i];
        assert_int_equal(mlp_optimizer_check(&o, &err), MLP_EARGUMENT);
    }
    mlp_optimizer o = mlp_optimizer_default(MLP_ADAM);
    o.beta2 = 1;
    assert_int_equal(mlp_optimizer_check(&o, &err), MLP_EARGUMENT);
    assert_string_equal(err.text, "beta2 of the optimizer must be at least 0 and below 1, not 1");
}

static void clips_by_the_norm(void **state)
{
    (void)state;
    float g[101];
    double sum = 0;
    for (size_t i = 0; i < 101; i++) {
        g[i] = (float)((double)i - 40);
        sum += (double)g[i] * (double)g[i];
    }
    assert_true(fabs(mlp_norm(g, 101) - sqrt(sum)) < 1e-12 * sqrt(sum)); /* doubles, sums of whole numbers */
    assert_true(mlp_clip(g, 101, 1e9) == mlp_norm(g, 101) && g[0] == -40);
    double norm = mlp_clip(g, 101, 3);
    assert_true(fabs(norm - sqrt(sum)) < 1e-12 * norm);
    assert_true(fabs(mlp_norm(g, 101) - 3) < 3e-6); /* 1e-6 in the divisor, as in PyTorch, and float rounding */
    assert_true(fabs((double)g[0] + 40 * 3 / norm) < 1e-5);
    g[0] = 3e38f; /* the square is no float */
    g[1] = 3e38f;
    assert_true(fabs(mlp_norm(g, 2) / ((double)3e38f * sqrt(2)) - 1) < 1e-15);
    assert_true(mlp_norm(g, 0) == 0);
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12)) /* a few roundings of doubles of at most 1 */
        fail_msg("%.17g, not %.17g", value, expected);
}

static void schedules(void **state)
{
    (void)state;
    mlp_schedule s = {MLP_CONSTANT, 0, 0, 0, 0};
    near(mlp_schedule_lr(&s, 0.5, 0, 10, 5), 0.5);
    near(mlp_schedule_lr(&s, 0.5, 49, 10, 5), 0.5);
    s.warmup = 2; /* 20 steps: 1/20, 2/20 ... 20/20 */
    near(mlp_schedule_lr(&s, 0.5, 0, 10, 5), 0.025);
    near(mlp_schedule_lr(&s, 0.5, 9, 10, 5), 0.25);
    near(mlp_schedule_lr(&s, 0.5, 19, 10, 5), 0.5);
    near(mlp_schedule_lr(&s, 0.5, 20, 10, 5), 0.5);
    /* StepLR(step_size=2, gamma=0.5): epochs 0 1 2 3 4 5 -> 1 1 .5 .5 .25 .25 */
    s = (mlp_schedule){MLP_STEP, 0, 2, 0.5, 0};
    static const double halves[] = {1, 1, 0.5, 0.5, 0.25, 0.25};
    for (uint64_t epoch = 0; epoch < 6; epoch++) {
        near(mlp_schedule_lr(&s, 1, epoch * 10, 10, 6), halves[epoch]);
        near(mlp_schedule_lr(&s, 1, epoch * 10 + 9, 10, 6), halves[epoch]);
    }
    s = (mlp_schedule){MLP_STEP, 0, 0, 0, 0}; /* a tenth after each third */
    near(mlp_schedule_lr(&s, 1, 29, 10, 9), 1);
    near(mlp_schedule_lr(&s, 1, 30, 10, 9), 0.1);
    near(mlp_schedule_lr(&s, 1, 89, 10, 9), 0.01);
    /* CosineAnnealingLR(T_max=8, eta_min=0.1): 0.1 + 0.9 (1 + cos(pi t / 8)) / 2 */
    s = (mlp_schedule){MLP_COSINE, 0, 0, 0, 0.1};
    for (uint64_t t = 0; t <= 8; t++)
        near(mlp_schedule_lr(&s, 1, t, 4, 2), 0.1 + 0.45 * (1 + cos(3.14159265358979323846 * (double)t / 8)));
    s = (mlp_schedule){MLP_COSINE, 1, 0, 0, 0}; /* rises for an epoch, then falls for one */
    near(mlp_schedule_lr(&s, 1, 3, 4, 2), 1);
    near(mlp_schedule_lr(&s, 1, 4, 4, 2), 1);
    near(mlp_schedule_lr(&s, 1, 6, 4, 2), 0.5);
    near(mlp_schedule_lr(&s, 1, 8, 4, 2), 0);
    near(mlp_schedule_lr(&s, 1, 99, 4, 2), 0); /* past the end it stays down */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_of_each),           cmocka_unit_test(first_steps_worked_out_by_hand),
        cmocka_unit_test(any_length_gives_the_same_bits), cmocka_unit_test(state_has_the_size_that_is_told),
        cmocka_unit_test(names_and_ranges),            cmocka_unit_test(clips_by_the_norm),
        cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
