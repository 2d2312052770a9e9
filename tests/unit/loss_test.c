/* loss_test.c: every loss: its value, its gradient, what it reads of an output, and what it does at the ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/loss.h"
#include "support/lesson.h"

/* Double precision, a few operations. */
#define NEAR 1e-14

static Seen seen;

/* The loss of one sample with these scores, behind `end` (OP_COUNT: nothing) and with this target. Compares the
 * gradient with differences as well, and gives it when grad is not NULL. */
static double loss_of(const char *loss, Op end, int n, const double *score, const double *target, double *grad)
{
    Lesson *l = lesson_new();
    Node *y = lesson_scores(l, n, score);
    Trial t = lesson_trial(l, end == OP_COUNT ? y : lesson_unary(l, end, y), loss, 1);
    lesson_target(l, &t, 0, target);
    double value = trial_loss(&t);
    trial_compare(&t, loss, n, &l->r, &seen);
    if (grad)
        memcpy(grad, lesson_grad(l, &t, "dense1.weight"), (size_t)n * sizeof *grad);
    lesson_end(l);
    return value;
}

/* ---- cross entropy ----------------------------------------------------------------------------------------------- */

static void cross_entropy_of_logits(void **state)
{
    (void)state;
    /* log(e + e^2 + e^3) - 3, and softmax of 1, 2, 3. */
    const double x[] = {1, 2, 3}, p[] = {0.09003057317038048, 0.2447284710547977, 0.665240955774822};
    const Op end[] = {OP_COUNT, OP_SOFTMAX, OP_LOG_SOFTMAX};
    for (int e = 0; e < 3; e++) {
        double g[3];
        lesson_near(loss_of("cross_entropy", end[e], 3, x, (double[]){0, 0, 1}, g), 0.40760596444438013, NEAR);
        for (int j = 0; j < 3; j++)
            lesson_near(g[j], p[j] - (j == 2), NEAR);
        lesson_near(loss_of("cross_entropy", end[e], 3, x, (double[]){0.2, 0.5, 0.3}, g), 1.3076059644443803, NEAR);
        /* -sum(t log p) for rows that do not add up to 1 */
        lesson_near(loss_of("cross_entropy", end[e], 3, x, (double[]){0.4, 1, 0.6}, g), 2 * 1.3076059644443803, NEAR);
        for (int j = 0; j < 3; j++)
            lesson_near(g[j], 2 * p[j] - (double[]){0.4, 1, 0.6}[j], NEAR);
    }
}

static void cross_entropy_of_labels(void **state)
{
    (void)state;
    for (int label = 0; label < 3; label++) {
        Lesson *l = lesson_new();
        l->o.labels = true;
        Trial t = lesson_trial(l, lesson_unary(l, OP_SOFTMAX, lesson_scores(l, 3, (double[]){1, -2, 0.5})), NULL, 1);
        assert_int_equal(l->g->target[0]->width, 1);
        lesson_target(l, &t, 0, (double[]){label});
        double row[3] = {label == 0, label == 1, label == 2}, g[3], *got = lesson_grad(l, &t, "dense1.weight");
        lesson_near(trial_loss(&t), loss_of("cross_entropy", OP_COUNT, 3, (double[]){1, -2, 0.5}, row, g), NEAR);
        for (int j = 0; j < 3; j++)
            lesson_near(got[j], g[j], NEAR);
        lesson_end(l);
    }
}

static void entropies_stay_finite(void **state)
{
    (void)state;
    double g[2];
    lesson_near(loss_of("cross_entropy", OP_SOFTMAX, 2, (double[]){1e4, -1e4}, (double[]){0, 1}, g), 2e4, NEAR);
    lesson_near(g[0], 1, NEAR);
    lesson_near(g[1], -1, NEAR);
    lesson_near(loss_of("cross_entropy", OP_COUNT, 2, (double[]){1e300, -1e300}, (double[]){1, 0}, NULL), 0, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_SIGMOID, 1, (double[]){1e4}, (double[]){0}, g), 1e4, NEAR);
    lesson_near(g[0], 1, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_SIGMOID, 1, (double[]){-1e4}, (double[]){0}, g), 0, NEAR);
    lesson_near(g[0], 0, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_SIGMOID, 1, (double[]){-1e4}, (double[]){1}, g), 1e4, NEAR);
    lesson_near(g[0], -1, NEAR);
    /* Probabilities of 0 and 1 exactly: logarithms end at -100, as PyTorch's do. */
    lesson_near(loss_of("binary_cross_entropy", OP_HARD_SIGMOID, 1, (double[]){-10}, (double[]){1}, NULL), 100, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_HARD_SIGMOID, 1, (double[]){10}, (double[]){0}, NULL), 100, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_HARD_SIGMOID, 1, (double[]){10}, (double[]){1}, NULL), 0, NEAR);
}

static void binary_cross_entropy_of_anything(void **state)
{
    (void)state;
    const double x[] = {-2, 0.5, 3}, t[] = {0, 1, 0.25};
    lesson_near(loss_of("binary_cross_entropy", OP_SIGMOID, 3, x, t, NULL), 0.9665307822656078, NEAR);
    lesson_near(loss_of("binary_cross_entropy", OP_COUNT, 3, x, t, NULL), 0.9665307822656078, NEAR);
    /* of probabilities: hard_sigmoid(-2, 0.5, 3 - 1e-3) */
    const double h[] = {-2, 0.5, 2.999};
    double p[3], sum = 0;
    for (int j = 0; j < 3; j++) {
        p[j] = h[j] / 6 + 0.5;
        sum -= (t[j] * log(p[j]) + (1 - t[j]) * log(1 - p[j])) / 3;
    }
    lesson_near(loss_of("binary_cross_entropy", OP_HARD_SIGMOID, 3, h, t, NULL), sum, 1e-12);
}

/* ---- distances --------------------------------------------------------------------------------------------------- */

static void distances(void **state)
{
    (void)state;
    const double y[] = {1, -1, 0.25, 4}, t[] = {0, 0.5, 0.25, 3.999};
    double g[4];
    lesson_near(loss_of("mse", OP_COUNT, 4, y, t, g), (1 + 2.25 + 0 + 1e-6) / 4, NEAR);
    lesson_near(g[1], 2 * -1.5 / 4, NEAR);
    lesson_near(loss_of("mae", OP_COUNT, 4, y, t, g), (1 + 1.5 + 0 + 0.001) / 4, 1e-13);
    lesson_near(g[0], 0.25, NEAR);
    lesson_near(g[1], -0.25, NEAR);
    assert_true(g[2] == 0);
    lesson_near(g[3], 0.25, NEAR); /* the kink is 0.001 away */
    lesson_near(loss_of("huber", OP_COUNT, 4, y, t, g), (0.5 + 1 + 0 + 5e-7) / 4, NEAR); /* delta is 1 */
    lesson_near(g[3], 0.001 / 4, 1e-13);
}

static void huber_on_both_sides_of_delta(void **state)
{
    (void)state;
    static const double from[] = {0.3 - 1e-3, 0.3 + 1e-3, -0.3 + 1e-3, -0.3 - 1e-3, 0, 5, -5};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        Lesson *l = lesson_new();
        l->g->train.delta = 0.3;
        Trial t = lesson_trial(l, lesson_scores(l, 1, &from[i]), "huber", 1);
        lesson_target(l, &t, 0, (double[]){0});
        double d = fabs(from[i]);
        lesson_near(trial_loss(&t), d < 0.3 ? d * d / 2 : 0.3 * (d - 0.15), NEAR);
        trial_compare(&t, "huber", 1, &l->r, &seen);
        lesson_end(l);
    }
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* A trial on sample k of another's batch. */
static Trial one_sample(Lesson *l, const Trial *t, size_t k)
{
    const double **in = ARENA_ARRAY(l->a, (size_t)l->g->ninput, const double *);
    const double **target = ARENA_ARRAY(l->a, (size_t)l->g->ntarget, const double *);
    Trial one = *t;
    for (int i = 0; i < l->g->ninput; i++)
        in[i] = t->batch.in[i] + k * (size_t)l->g->input[i]->width;
    for (int i = 0; i < l->g->ntarget; i++)
        target[i] = t->batch.target[i] + k * (size_t)l->g->target[i]->width;
    one.batch.n = 1;
    one.batch.in = in;
    one.batch.target = target;
    one.batch.weight = t->batch.weight ? t->batch.weight + k : NULL;
    return one;
}

/* The loss and the gradients of a batch are the means over its samples, each as often as its weight says. */
static void batches_are_means(void **state)
{
    (void)state;
    for (int i = 0; loss_names[i]; i++)
        for (int weights = 0; weights < 2; weights++) {
            Lesson *l = lesson_new();
            l->o.sample_weights = weights;
            Node *h = lesson_unary(l, OP_TANH, lesson_dense(l, lesson_input(l, 3), 4, true));
            Trial t = lesson_trial(l, lesson_dense(l, h, 3, true), loss_names[i], 5);
            double *whole = lesson_grad(l, &t, "dense1.weight"), sum = 0, part[12] = {0};
            for (size_t k = 0; k < 5; k++) {
                Trial one = one_sample(l, &t, k);
                double *g = lesson_grad(l, &one, "dense1.weight");
                sum += trial_loss(&one) / 5;
                for (int j = 0; j < 12; j++)
                    part[j] += g[j] / 5;
                double weight = weights ? t.batch.weight[k] : 1, with = trial_loss(&one);
                if (weights) {
                    one.batch.weight = (double[]){1};
                    lesson_near(with, weight * trial_loss(&one), NEAR);
                }
            }
            lesson_near(trial_loss(&t), sum, NEAR);
            for (int j = 0; j < 12; j++)
                lesson_near(part[j], whole[j], NEAR);
            trial_compare(&t, loss_names[i], 5, &l->r, &seen);
            lesson_end(l);
        }
}

static void penalties_are_of_weights_alone(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    l->g->train.l2 = 0.125;
    l->g->train.l1 = 0.5;
    Node *h = lesson_dense(l, lesson_scores(l, 2, (double[]){0.5, -2}), 1, true);
    Trial t = lesson_trial(l, lesson_unary(l, OP_PRELU, h), "mse", 3);
    t.param[1][0] = 3, t.param[1][1] = 0, t.param[2][0] = -1.5, t.param[3][0] = 0.5;
    lesson_target(l, &t, 0, (double[]){0, 0, 0});
    /* y = 0.5 * 3 - 1.5 = 0, so only the penalties count, whatever the number of samples */
    lesson_near(trial_loss(&t), 0.125 * (0.25 + 4 + 9) + 0.5 * (0.5 + 2 + 3), NEAR);
    double *a = lesson_grad(l, &t, "dense1.weight"), *b = lesson_grad(l, &t, "dense2.weight");
    lesson_near(a[0], 0.25 * 0.5 + 0.5, NEAR);
    lesson_near(a[1], 0.25 * -2 - 0.5, NEAR);
    lesson_near(b[0], 0.25 * 3 + 0.5, NEAR);
    assert_true(b[1] == 0); /* |w| has no slope at 0, as in PyTorch */
    assert_true(lesson_grad(l, &t, "dense2.bias")[0] == 0);
    assert_true(lesson_grad(l, &t, "prelu1.weight")[0] == 0);
    lesson_end(l);
}

static void several_outputs_add_up(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *h = lesson_unary(l, OP_TANH, lesson_scores(l, 4, (double[]){0.5, -1, 2, 0.1}));
    Node *p = lesson_unary(l, OP_SOFTMAX, lesson_dense(l, h, 3, true)), *q = lesson_dense(l, h, 2, true);
    graph_outputs(l->g, (Output[]){{"value", q}, {"policy", p}, {"again", q}}, 3);
    assert_true(pass_grad(l->g, &l->d, NULL));
    assert_int_equal(l->g->ntarget, 3);
    assert_string_equal(l->g->target[1]->name, "policy_target");
    assert_int_equal(l->g->loss[0]->op, OP_MSE);
    assert_int_equal(l->g->loss[1]->op, OP_CROSS_ENTROPY);
    Trial t = trial_new(l->a, l->g, 3, &l->r);
    double again[6], policy[9], value[6], sum = 0;
    assert_true(graph_eval(l->g, 3, t.batch.in, (double *[]){again, policy, value}));
    for (int k = 0; k < 6; k++)
        sum += (pow(again[k] - t.batch.target[0][k], 2) + pow(value[k] - t.batch.target[2][k], 2)) / 6;
    for (int k = 0; k < 9; k++)
        sum -= t.batch.target[1][k] * log(policy[k]) / 3;
    lesson_near(trial_loss(&t), sum, NEAR);
    trial_compare(&t, "several outputs", 9, &l->r, &seen);
    lesson_end(l);
}

/* ---- what is read ------------------------------------------------------------------------------------------------ */

static void reads(Lesson *l, Node *y, const char *loss, Op op, LossForm form, const Node *value)
{
    LossRead read = loss_read(l->g, loss, y);
    if (read.op != op || read.form != form || read.value != value)
        fail_msg("%s on %s: %s of form %d on %s", loss ? loss : "the default", y->name,
                 read.op == OP_COUNT ? "nothing" : op_info[read.op].name, (int)read.form, read.value->name);
}

static void defaults_follow_the_output(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *x = lesson_dense(l, lesson_input(l, 2), 3, true), *s = lesson_unary(l, OP_SIGMOID, x);
    Node *p = lesson_unary(l, OP_SOFTMAX, x), *q = lesson_unary(l, OP_LOG_SOFTMAX, x);
    Node *h = lesson_unary(l, OP_TANH, x);
    reads(l, p, NULL, OP_CROSS_ENTROPY, LOSS_OF_LOGITS, x);
    reads(l, q, NULL, OP_CROSS_ENTROPY, LOSS_OF_LOGITS, x);
    reads(l, s, NULL, OP_BINARY_CROSS_ENTROPY_LOGITS, LOSS_OF_LOGITS, x);
    reads(l, x, NULL, OP_MSE, LOSS_OF_VALUES, x);
    reads(l, h, NULL, OP_MSE, LOSS_OF_VALUES, h);
    reads(l, lesson_unary(l, OP_DROPOUT, p), NULL, OP_CROSS_ENTROPY, LOSS_OF_LOGITS, x);
    reads(l, p, "mse", OP_MSE, LOSS_OF_VALUES, p);
    reads(l, s, "cross_entropy", OP_CROSS_ENTROPY, LOSS_OF_LOGITS, s);
    reads(l, x, "cross_entropy", OP_CROSS_ENTROPY, LOSS_OF_LOGITS, x);
    reads(l, x, "hinge", OP_COUNT, LOSS_OF_VALUES, x);
    lesson_end(l);
}

static void binary(Lesson *l, Node *y, bool probabilities)
{
    reads(l, y, "binary_cross_entropy", probabilities ? OP_BINARY_CROSS_ENTROPY : OP_BINARY_CROSS_ENTROPY_LOGITS,
          probabilities ? LOSS_OF_PROBABILITIES : LOSS_OF_LOGITS, y);
}

static void probabilities_are_told_from_scores(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *x = lesson_dense(l, lesson_input(l, 2), 3, true), *s = lesson_unary(l, OP_SIGMOID, x);
    Node *t = lesson_unary(l, OP_TANH, x), *r = lesson_unary(l, OP_RELU, x);
    binary(l, lesson_join(l, OP_MUL, s, lesson_unary(l, OP_SIGMOID, t)), true);
    binary(l, lesson_join(l, OP_MUL, t, t), true); /* a square */
    binary(l, lesson_join(l, OP_MUL, s, t), false);
    binary(l, lesson_unary(l, OP_HARD_SIGMOID, x), true);
    binary(l, lesson_unary(l, OP_SOFTMAX, x), true);
    binary(l, lesson_affine(l, s, -1, 1), true);
    binary(l, lesson_affine(l, s, 2, 0), false);
    binary(l, lesson_affine(l, t, 0.5, 0.5), true);
    binary(l, lesson_affine(l, x, 0, 0.5), true);
    binary(l, lesson_join(l, OP_CONCAT, s, lesson_slice(l, s, 1, 2)), true);
    binary(l, lesson_join(l, OP_CONCAT, s, x), false);
    binary(l, lesson_unary(l, OP_HARD_TANH, r), true);
    binary(l, lesson_unary(l, OP_HARD_TANH, x), false);
    binary(l, lesson_unary(l, OP_TANH, r), true);
    binary(l, lesson_unary(l, OP_SOFTSIGN, r), true);
    binary(l, lesson_unary(l, OP_EXP, lesson_affine(l, r, -1, 0)), true);
    binary(l, lesson_unary(l, OP_EXP, x), false);
    binary(l, lesson_join(l, OP_SUB, lesson_affine(l, s, 1, 1), s), false); /* 0..2 is all that can be said */
    binary(l, lesson_join(l, OP_ADD, lesson_affine(l, s, 0.5, 0), lesson_affine(l, s, 0.5, 0)), true);
    binary(l, r, false);
    binary(l, x, false);
    binary(l, lesson_unary(l, OP_LAYERNORM, s), false);
    lesson_end(l);
}

/* ---- what cannot be ---------------------------------------------------------------------------------------------- */

static void says_what_cannot_be(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    assert_false(lesson_pass(l, lesson_dense(l, lesson_input(l, 2), 1, true), "cross_entropy"));
    assert_string_equal(lesson_errors(l),
                        "t.lua:2: error: cross_entropy chooses among classes, and the output y has only one: with one "
                        "class there is nothing to learn; sigmoid with binary_cross_entropy is for yes or no\n");
    lesson_end(l);
    l = lesson_new();
    assert_false(lesson_pass(l, lesson_dense(l, lesson_input(l, 2), 1, true), "hinge"));
    assert_string_equal(lesson_errors(l), "t.lua:3: error: unknown loss 'hinge'; there are cross_entropy, "
                                           "binary_cross_entropy, mse, mae, huber\n");
    lesson_end(l);
}

static int print_seen(void **state)
{
    (void)state;
    seen_print(&seen, "losses");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_of_logits),
        cmocka_unit_test(cross_entropy_of_labels),
        cmocka_unit_test(entropies_stay_finite),
        cmocka_unit_test(binary_cross_entropy_of_anything),
        cmocka_unit_test(distances),
        cmocka_unit_test(huber_on_both_sides_of_delta),
        cmocka_unit_test(batches_are_means),
        cmocka_unit_test(penalties_are_of_weights_alone),
        cmocka_unit_test(several_outputs_add_up),
        cmocka_unit_test(defaults_follow_the_output),
        cmocka_unit_test(probabilities_are_told_from_scores),
        cmocka_unit_test(says_what_cannot_be),
    };
    return cmocka_run_group_tests_name("loss", tests, NULL, print_seen);
}
