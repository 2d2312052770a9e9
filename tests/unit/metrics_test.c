/* metrics_test.c: losses and metrics beside figures worked out by hand or by their definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "mlp.h"

/* All figures of n samples at once. */
static mlp_metrics measure(mlp_head head, size_t n, const float *y, const float *t)
{
    mlp_metrics m;
    mlp_error err;
    if (mlp_metrics_begin(&m, &head, &err) != MLP_OK)
        fail_msg("%s", err.text);
    mlp_metrics_add(&m, n, y, head.width, t, head.targets);
    mlp_metrics_end(&m);
    assert_int_equal(m.samples, n);
    return m;
}

/* Inputs are floats, sums are doubles: what remains is the rounding of the inputs that were not exact. */
static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-6 * (1 + fabs(expected))))
        fail_msg("%.12g, not %.12g", value, expected);
}

static void classes_from_all_forms(void **state)
{
    (void)state;
    static const double p[3][3] = {{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}, {0.5, 0.25, 0.25}};
    static const float number[] = {0, 1, 2}, rows[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double expected = -(log(0.7) + log(0.3) + log(0.25)) / 3;
    for (int form = MLP_LOGITS; form <= MLP_LOG_PROBABILITIES; form++) {
        float y[9];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                double l = log(p[i][j]);
                y[3 * i + j] = (float)(form == MLP_LOGITS ? l + 50 * i : form == MLP_PROBABILITIES ? p[i][j] : l);
            }
        for (size_t targets = 1; targets <= 3; targets += 2) {
            mlp_head head = {MLP_CROSS_ENTROPY, (mlp_form)form, MLP_CLASSES, 3, targets, 0, 0};
            mlp_metrics m = measure(head, 3, y, targets == 1 ? number : rows);
            if (form == MLP_LOGITS)
                assert_true(fabs(m.loss - expected) < 1e-5); /* 50 and 100 cost the floats some digits */
            else
                near(m.loss, expected);
            near(m.accuracy, 1.0 / 3);
            static const size_t table[9] = {1, 0, 0, 0, 0, 1, 1, 0, 0};
            assert_int_equal(m.classes, 3);
            assert_memory_equal(m.confusion, table, sizeof table);
            assert_true(isnan(m.mse) && isnan(m.mae) && isnan(m.r2));
            mlp_metrics_free(&m);
        }
    }
    /* Rows of probabilities: -sum t log p. */
    static const float soft[] = {0.5f, 0.25f, 0.25f}, y[] = {0.7f, 0.2f, 0.1f};
    mlp_metrics m = measure((mlp_head){MLP_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_CLASSES, 3, 3, 0, 0}, 1, y, soft);
    near(m.loss, -(0.5 * log(0.7) + 0.25 * log(0.2) + 0.25 * log(0.1)));
    mlp_metrics_free(&m);
}

static void entropies_stay_finite(void **state)
{
    (void)state;
    static const float huge[] = {1e4f, -1e4f, 0}, second[] = {1};
    mlp_metrics m = measure((mlp_head){MLP_CROSS_ENTROPY, MLP_LOGITS, MLP_CLASSES, 3, 1, 0, 0}, 1, huge, second);
    near(m.loss, 2e4);
    mlp_metrics_free(&m);
    static const float sure[] = {1, 0, 0};
    m = measure((mlp_head){MLP_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_CLASSES, 3, 1, 0, 0}, 1, sure, second);
    near(m.loss, 100);
    mlp_metrics_free(&m);
    static const float logit[] = {500, -500}, yes[] = {1, 1};
    m = measure((mlp_head){MLP_BINARY_CROSS_ENTROPY, MLP_LOGITS, MLP_BINARY, 1, 1, 0, 0}, 2, logit, yes);
    near(m.loss, 250);
    mlp_metrics_free(&m);
    m = measure((mlp_head){MLP_BINARY_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_BINARY, 1, 1, 0, 0}, 2, sure, yes);
    near(m.loss, 50);
    mlp_metrics_free(&m);
    static const float none[] = {7}; /* no such class */
    m = measure((mlp_head){MLP_CROSS_ENTROPY, MLP_LOGITS, MLP_CLASSES, 3, 1, 0, 0}, 1, huge, none);
    assert_true(isnan(m.loss) && m.accuracy == 0);
    mlp_metrics_free(&m);
    float broken[] = {(float)nan(""), 1, 2};
    m = measure((mlp_head){MLP_CROSS_ENTROPY, MLP_LOGITS, MLP_CLASSES, 3, 1, 0, 0}, 1, broken, second);
    assert_true(isnan(m.loss) && m.confusion[3 + 2] == 1); /* NaN is never the choice */
    mlp_metrics_free(&m);
}

static void yes_or_no(void **state)
{
    (void)state;
    static const float p[] = {0.9f, 0.4f, 0.2f, 0.7f}, t[] = {1, 1, 0, 0};
    mlp_metrics m = measure((mlp_head){MLP_BINARY_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_BINARY, 1, 1, 0, 0}, 4, p, t);
    near(m.loss, -(log(0.9) + log(0.4) + log(0.8) + log(0.3)) / 4);
    near(m.accuracy, 0.5);
    static const size_t table[] = {1, 1, 1, 1};
    assert_int_equal(m.classes, 2);
    assert_memory_equal(m.confusion, table, sizeof table);
    mlp_metrics_free(&m);
    float logits[4];
    for (int i = 0; i < 4; i++)
        logits[i] = (float)log((double)p[i] / (1 - (double)p[i]));
    m = measure((mlp_head){MLP_BINARY_CROSS_ENTROPY, MLP_LOGITS, MLP_BINARY, 1, 1, 0, 0}, 4, logits, t);
    near(m.loss, -(log(0.9) + log(0.4) + log(0.8) + log(0.3)) / 4);
    near(m.accuracy, 0.5);
    mlp_metrics_free(&m);
    /* Two features a sample: the mean over both; no table. */
    m = measure((mlp_head){MLP_BINARY_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_BINARY, 2, 2, 0, 0}, 2, p, t);
    near(m.loss, -(log(0.9) + log(0.4) + log(0.8) + log(0.3)) / 4);
    assert_true(m.classes == 0 && m.confusion == NULL);
    near(m.accuracy, 0.5);
    mlp_metrics_free(&m);
    /* Targets -1 and 1 by squared error: the middle is 0. */
    static const float y[] = {0.1f, -2, -0.1f, 3}, two[] = {1, -1, 1, 1};
    m = measure((mlp_head){MLP_MSE, MLP_LOGITS, MLP_BINARY, 1, 1, 0, 0}, 4, y, two);
    near(m.accuracy, 0.75);
    near(m.mse, (0.81 + 1 + 1.21 + 4) / 4);
    assert_int_equal(m.confusion[2], 1); /* said no, was yes */
    mlp_metrics_free(&m);
}

static void values(void **state)
{
    (void)state;
    static const float y[] = {1, 10, 2, 20, 4, 33}, t[] = {1, 11, 3, 19, 2, 30};
    /* differences 0 -1, -1 1, 2 3; squares 0 1 1 1 4 9 */
    mlp_metrics m = measure((mlp_head){MLP_MSE, MLP_LOGITS, MLP_VALUES, 2, 2, 0, 0}, 3, y, t);
    near(m.loss, 16.0 / 6);
    near(m.mse, 16.0 / 6);
    near(m.mae, 8.0 / 6);
    /* targets 1 3 2: mean 2, spread 2, error 5; 11 19 30: mean 20, spread 182, error 11 */
    near(m.r2, 1 - 16.0 / 184);
    assert_true(isnan(m.accuracy) && m.classes == 0);
    mlp_metrics_free(&m);
    m = measure((mlp_head){MLP_MAE, MLP_LOGITS, MLP_VALUES, 2, 2, 0, 0}, 3, y, t);
    near(m.loss, 8.0 / 6);
    mlp_metrics_free(&m);
    m = measure((mlp_head){MLP_HUBER, MLP_LOGITS, MLP_VALUES, 2, 2, 0, 0}, 3, y, t); /* delta 1 */
    near(m.loss, (0 + 0.5 + 0.5 + 0.5 + 1.5 + 2.5) / 6);
    mlp_metrics_free(&m);
    m = measure((mlp_head){MLP_HUBER, MLP_LOGITS, MLP_VALUES, 2, 2, 2.5, 0}, 3, y, t);
    near(m.loss, (0 + 0.5 + 0.5 + 0.5 + 2 + 2.5 * (3 - 1.25)) / 6);
    mlp_metrics_free(&m);
    /* A constant target has no variance to explain; far from zero nothing cancels. */
    static const float same[] = {5, 5, 5};
    m = measure((mlp_head){MLP_MSE, MLP_LOGITS, MLP_VALUES, 1, 1, 0, 0}, 3, y, same);
    assert_true(isnan(m.r2));
    mlp_metrics_free(&m);
    static const float far[] = {1e6f, 1e6f + 1, 1e6f + 2}, off[] = {1e6f, 1e6f + 1, 1e6f + 3};
    m = measure((mlp_head){MLP_MSE, MLP_LOGITS, MLP_VALUES, 1, 1, 0, 0}, 3, off, far);
    near(m.r2, 0.5);
    mlp_metrics_free(&m);
    /* Rows of 0 and 1 by squared error are classes, too. */
    static const float score[] = {0.2f, 0.9f, 0.6f, 0.5f}, one_hot[] = {0, 1, 0, 1};
    m = measure((mlp_head){MLP_MSE, MLP_LOGITS, MLP_CLASSES, 2, 2, 0, 0}, 2, score, one_hot);
    near(m.accuracy, 0.5);
    near(m.mse, (0.04 + 0.01 + 0.36 + 0.25) / 4);
    mlp_metrics_free(&m);
}

static void pieces_add_up(void **state)
{
    (void)state;
    enum { N = 97, WIDTH = 4, LD = 6 };
    float y[N * LD], t[N * LD];
    mlp_rng rng;
    mlp_rng_seed(&rng, 4, 0);
    for (size_t i = 0; i < (size_t)N * LD; i++) {
        y[i] = mlp_rng_normal(&rng);
        t[i] = mlp_rng_uniform(&rng);
    }
    for (int task = MLP_VALUES; task <= MLP_BINARY; task++) {
        mlp_head head = {MLP_MSE, MLP_LOGITS, (mlp_task)task, WIDTH, WIDTH, 0, 0.5};
        mlp_metrics whole, cut;
        assert_int_equal(mlp_metrics_begin(&whole, &head, NULL), MLP_OK);
        assert_int_equal(mlp_metrics_begin(&cut, &head, NULL), MLP_OK);
        mlp_metrics_end(&cut);
        assert_true(isnan(cut.loss)); /* of nothing */
        mlp_metrics_add(&whole, N, y + 1, LD, t, LD);
        for (size_t i = 0, n; i < N; i += n) {
            n = i % 5 + 1 < N - i ? i % 5 + 1 : N - i;
            mlp_metrics_add(&cut, n, y + 1 + i * LD, LD, t + i * LD, LD);
        }
        mlp_metrics_end(&whole);
        mlp_metrics_end(&cut);
        assert_true(whole.loss == cut.loss && whole.mse == cut.mse && whole.mae == cut.mae);
        assert_true(task == MLP_VALUES ? whole.r2 == cut.r2 : whole.accuracy == cut.accuracy);
        mlp_metrics_free(&whole);
        mlp_metrics_free(&cut);
    }
}

static void heads_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        mlp_head head;
        const char *text;
    } bad[] = {
        {{MLP_MSE, MLP_LOGITS, MLP_VALUES, 0, 0, 0, 0}, "a head of no features (0 values, 0 targets)"},
        {{MLP_MSE, MLP_LOGITS, MLP_VALUES, 3, 2, 0, 0}, "targets that fit no values (3 values, 2 targets)"},
        {{MLP_MSE, MLP_LOGITS, MLP_VALUES, 3, 1, 0, 0}, "class numbers for what is no classes (3 values, 1 targets)"},
        {{MLP_CROSS_ENTROPY, MLP_LOGITS, MLP_VALUES, 3, 3, 0, 0},
         "cross entropy of what is no classes (3 values, 3 targets)"},
        {{MLP_MSE, MLP_LOGITS, MLP_CLASSES, 3, 1, 0, 0}, "a loss that needs rows of targets (3 values, 1 targets)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mlp_metrics m;
        mlp_error err;
        assert_int_equal(mlp_metrics_begin(&m, &bad[i].head, &err), MLP_EARGUMENT);
        assert_string_equal(err.text, bad[i].text);
        mlp_metrics_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_from_all_forms), cmocka_unit_test(entropies_stay_finite),
        cmocka_unit_test(yes_or_no),              cmocka_unit_test(values),
        cmocka_unit_test(pieces_add_up),          cmocka_unit_test(heads_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
