/* grad_test.c: the derivative of every operator, and what the grad pass makes of a net, rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/lesson.h"

#define NEAR 1e-13 /* double precision, tens of operations */

static Seen seen;

/* Ordinary points, and points beside the kinks that operators have: at 0, +-1 and +-3. */
static const double points[] = {-7.5, -3.001, -2.999, -2,    -1.001, -0.999, -0.7, -0.25, -0.001,
                                0.001, 0.3,   0.8,    0.999, 1.001,  1.6,    2.999, 3.001, 8};
enum { POINTS = sizeof points / sizeof *points };

/* The attributes to try: with a < 0 some slopes are told by x, not by y. */
static const double attributes[] = {0.01, 0.5, 1, 2, 0, -0.4};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

static int attributes_of(Op op)
{
    return op_info[op].nattr == 0 || op == OP_BATCHNORM || op == OP_DROPOUT || op == OP_PRELU ? 1
           : op == OP_SIGN                                                                    ? 2
                                                                                              : ATTRIBUTES;
}

static double attribute(Op op, int i)
{
    return op == OP_SIGN ? i : op == OP_BATCHNORM ? 1e-3 : op == OP_DROPOUT ? 0.3 : attributes[i];
}

/* ---- element-wise ------------------------------------------------------------------------------------------------ */

/* The slope of each operator in its row of the table is the derivative of the value in that row, on both sides of
 * kinks, told by one of x and y alone. */
static void slopes_are_derivatives(void **state)
{
    (void)state;
    const double nothing = (double)NAN;
    double worst = 0;
    int tested = 0;
    for (Op op = 0; op < OP_COUNT; op++) {
        if (op_info[op].kind != KIND_ELEMENT || op == OP_SIGN)
            continue;
        for (int i = 0; i < attributes_of(op); i++) {
            double numbers[ROLE_COUNT] = {0.3, -0.2, 0.4, 1.7}, scale = -1.25, shift = 0.5;
            Param p[ROLE_COUNT] = {0};
            Node n = {.op = op, .width = 1, .attr = {attribute(op, i)}, .scale = &scale, .shift = &shift};
            for (int r = 0; r < ROLE_COUNT; r++) {
                p[r].exact = &numbers[r];
                n.param[r] = &p[r];
            }
            for (int k = 0; k < POINTS; k++) {
                double x = points[k], h = 1e-4, y = op_info[op].value(&n, 0, x); /* h: no kink is that near */
                double one = (op_info[op].value(&n, 0, x + h) - op_info[op].value(&n, 0, x - h)) / (2 * h);
                double half = (op_info[op].value(&n, 0, x + h / 2) - op_info[op].value(&n, 0, x - h / 2)) / h;
                bool reads_y = op_slope_reads_y(op, n.attr);
                double slope = op_info[op].slope(&n, 0, reads_y ? nothing : x, reads_y ? y : nothing);
                double error = fabs(slope - (4 * half - one) / 3) / fmax(1, fabs(y) + fabs(slope));
                /* rounding of y over h: 1e-12 */
                if (!(error < 1e-11))
                    fail_msg("%s(%g) at %g: slope %.17g, differences say %.17g", op_info[op].name, n.attr[0], x, slope,
                             (4 * half - one) / 3);
                worst = fmax(worst, error);
            }
        }
        tested++;
    }
    printf("slopes of %d operators: largest error %.2g\n", tested, worst);
}

/* Each operator within a net whose values are those points. */
static void operators_in_a_net(void **state)
{
    (void)state;
    for (Op op = 0; op < OP_COUNT; op++)
        for (int i = 0; op_info[op].kind == KIND_ELEMENT && i < attributes_of(op) - (op == OP_SIGN); i++) {
            Lesson *l = lesson_new();
            Node *x = lesson_scores(l, POINTS, points), *b = lesson_input(l, 3);
            if (op == OP_BATCHNORM) /* needs samples that differ */
                x = lesson_join(l, OP_MUL, x, lesson_dense(l, b, POINTS, true));
            Node *y = op == OP_AFFINE  ? lesson_affine(l, x, -1.25, 0.5)
                      : op == OP_PRELU ? lesson_unary(l, op, x)
                                       : lesson_with(l, op, x, attribute(op, i));
            if (op == OP_SIGN) /* something must learn */
                y = lesson_join(l, OP_ADD, y, x);
            Trial t = lesson_trial(l, y, "mse", 4);
            trial_compare(&t, op_info[op].name, POINTS, &l->r, &seen);
            lesson_end(l);
        }
}

static void shared_slope(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *x = lesson_dense(l, lesson_input(l, 3), 5, true);
    Trial t = lesson_trial(l, graph_prelu(l->g, &l->d, l->g->pos, x, true, 0.25, NULL), "mse", 6);
    trial_compare(&t, "shared prelu", 5, &l->r, &seen);
    lesson_end(l);
}

/* ---- rows, joins, shapes ----------------------------------------------------------------------------------------- */

typedef Node *(*Make)(Lesson *l, Node *a, Node *b); /* of two nodes of width 4 */

static Node *make_softmax(Lesson *l, Node *a, Node *b)
{
    return lesson_join(l, OP_MUL, lesson_unary(l, OP_SOFTMAX, a), b);
}
static Node *make_log_softmax(Lesson *l, Node *a, Node *b)
{
    return lesson_join(l, OP_MUL, lesson_unary(l, OP_LOG_SOFTMAX, a), b);
}
static Node *make_layernorm(Lesson *l, Node *a, Node *b)
{
    return lesson_join(l, OP_ADD, lesson_with(l, OP_LAYERNORM, a, 0.01), b);
}
static Node *make_batchnorm(Lesson *l, Node *a, Node *b)
{
    return lesson_join(l, OP_ADD, lesson_with(l, OP_BATCHNORM, a, 0.01), b);
}
static Node *make_mul(Lesson *l, Node *a, Node *b) { return lesson_join(l, OP_MUL, a, b); }
static Node *make_add(Lesson *l, Node *a, Node *b) { return lesson_join(l, OP_ADD, a, b); }
static Node *make_sub(Lesson *l, Node *a, Node *b) { return lesson_join(l, OP_SUB, a, b); }
static Node *make_square(Lesson *l, Node *a, Node *b) { return make_sub(l, make_mul(l, a, a), b); }
static Node *make_nothing(Lesson *l, Node *a, Node *b) { return make_add(l, make_sub(l, a, a), b); }
static Node *make_twice(Lesson *l, Node *a, Node *b) { return make_sub(l, b, make_add(l, a, a)); }
static Node *make_concat(Lesson *l, Node *a, Node *b)
{
    return lesson_join(l, OP_CONCAT, lesson_join(l, OP_CONCAT, a, b), a);
}
static Node *make_slices(Lesson *l, Node *a, Node *b) /* that overlap, with a use of the whole between them */
{
    Node *p = lesson_slice(l, a, 1, 3), *q = make_mul(l, a, b), *r = lesson_slice(l, a, 2, 4);
    Node *end = lesson_join(l, OP_CONCAT, q, lesson_slice(l, a, 4, 4));
    return lesson_join(l, OP_CONCAT, make_mul(l, p, r), end);
}
static Node *make_glu(Lesson *l, Node *a, Node *b)
{
    Node *both = lesson_join(l, OP_CONCAT, a, b);
    Node *gate = lesson_unary(l, OP_SIGMOID, lesson_slice(l, both, 5, 8));
    return make_mul(l, lesson_slice(l, both, 1, 4), gate);
}
static Node *make_fan(Lesson *l, Node *a, Node *b) /* one value read by everything */
{
    Node *h = lesson_unary(l, OP_TANH, a), *k = lesson_dense(l, h, 4, false);
    for (int i = 0; i < 6; i++)
        k = lesson_join(l, (Op)(OP_MUL + i % 3), i % 2 ? k : h, i % 2 ? h : k);
    return lesson_join(l, OP_ADD, lesson_join(l, OP_SUB, k, lesson_unary(l, OP_GELU, h)), b);
}

static void joins_rows_and_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        Make make;
    } all[] = {{"softmax", make_softmax}, {"log_softmax", make_log_softmax}, {"layernorm", make_layernorm},
               {"batchnorm", make_batchnorm}, {"mul", make_mul}, {"add", make_add}, {"sub", make_sub},
               {"a * a", make_square}, {"a - a", make_nothing}, {"a + a", make_twice}, {"concat", make_concat},
               {"slices", make_slices}, {"a gated unit", make_glu}, {"fan-out", make_fan}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t n = 1; n <= 5; n += 2) {
            Lesson *l = lesson_new();
            Node *x = lesson_input(l, 3), *a = lesson_dense(l, x, 4, true), *b = lesson_dense(l, x, 4, true);
            Trial t = lesson_trial(l, all[i].make(l, a, b), "mse", n);
            trial_compare(&t, all[i].name, 12, &l->r, &seen);
            lesson_end(l);
        }
}

/* ---- batch normalisation ----------------------------------------------------------------------------------------- */

static void batch_statistics(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *x = lesson_input(l, 2), *b = lesson_with(l, OP_BATCHNORM, x, 0.5);
    Trial t = lesson_trial(l, b, "mse", 4);
    const double rows[] = {1, 10, 2, 10, 3, 10, 6, 14}; /* means 3 and 11, variances 3.5 and 3 */
    t.batch.in = (const double *[]){rows};
    memcpy(t.param[0], (double[]){2, -1}, 16);
    memcpy(t.param[1], (double[]){0.5, 0}, 16);
    memcpy(t.param[2], (double[]){-1, 20}, 16);
    memcpy(t.param[3], (double[]){1, 2}, 16);
    double y[8];
    for (int k = 0; k < 8; k++)
        y[k] = k % 2 ? -(rows[k] - 11) / sqrt(3.5) : 2 * (rows[k] - 3) / sqrt(4) + 0.5;
    lesson_target(l, &t, 0, y);
    lesson_near(trial_loss(&t), 0, 1e-25); /* so these are its values */
    double *mean = lesson_grad(l, &t, "batchnorm1.running_mean"), *var = lesson_grad(l, &t, "batchnorm1.running_var");
    lesson_near(mean[0], 0.9 * -1 + 0.1 * 3, NEAR);
    lesson_near(mean[1], 0.9 * 20 + 0.1 * 11, NEAR);
    lesson_near(var[0], 0.9 * 1 + 0.1 * 3.5 * 4 / 3, NEAR); /* unbiased, as PyTorch keeps it */
    lesson_near(var[1], 0.9 * 2 + 0.1 * 3 * 4.0 / 3, NEAR);
    /* One sample has no variance: y is the bias, and the running statistics stay. */
    t.batch.n = 1;
    lesson_target(l, &t, 0, (double[]){0.5, 0});
    lesson_near(trial_loss(&t), 0, 1e-25);
    assert_true(lesson_grad(l, &t, "batchnorm1.running_mean")[1] == 20);
    assert_true(lesson_grad(l, &t, "batchnorm1.running_var")[1] == 2);
    lesson_end(l);
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

static uint32_t mask_bits(uint64_t seed, uint64_t step, uint32_t stream, uint64_t sample)
{
    uint32_t bits = 0;
    for (uint32_t j = 0; j < 32; j++)
        bits |= (uint32_t)dropout_keeps(seed, step, stream, sample, j, 0.5) << j;
    return bits;
}

static void masks_are_the_documented_ones(void **state)
{
    (void)state;
    /* From the formula in ops.h, worked out by a program of its own. */
    assert_int_equal(mask_bits(0, 0, 0, 0), 0x7765eb7d);
    assert_int_equal(mask_bits(1, 2, 3, 4), 0x1033ae5b);
    assert_int_equal(mask_bits(0xdeadbeefcafef00d, 1ull << 33, 7, 100000), 0x7841721b);
}

/* Every share is within five standard deviations of p; seeds are fixed, so the test passes always or never. */
static void masks_are_fair(void **state)
{
    (void)state;
    enum { SAMPLES = 400, FEATURES = 500 };
    static const double p[] = {0, 0.1, 0.5, 0.9, 0.999};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
        int kept = 0;
        for (uint64_t s = 0; s < SAMPLES; s++)
            for (uint32_t j = 0; j < FEATURES; j++)
                kept += dropout_keeps(5, 6, 0, s, j, p[i]);
        double n = SAMPLES * FEATURES;
        assert_true(fabs(kept / n - (1 - p[i])) <= 5 * sqrt(p[i] * (1 - p[i]) / n));
    }
    /* Neighbours in every direction agree as often as strangers: half of the time. */
    int same[6] = {0};
    for (uint64_t s = 0; s < SAMPLES; s++)
        for (uint32_t j = 0; j < FEATURES; j++) {
            bool here = dropout_keeps(5, 6, 0, s, j, 0.5);
            same[0] += here == dropout_keeps(6, 6, 0, s, j, 0.5);
            same[1] += here == dropout_keeps(5, 7, 0, s, j, 0.5);
            same[2] += here == dropout_keeps(5, 6, 1, s, j, 0.5);
            same[3] += here == dropout_keeps(5, 6, 0, s + 1, j, 0.5);
            same[4] += here == dropout_keeps(5, 6, 0, s, j + 1, 0.5);
            same[5] += here == dropout_keeps(6, 5, 0, s, j, 0.5);
        }
    for (int k = 0; k < 6; k++)
        assert_true(fabs(same[k] - SAMPLES * FEATURES * 0.5) < 5 * sqrt(SAMPLES * FEATURES * 0.25));
}

static void dropout_drops_the_same_both_ways(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    double ones[40], zeros[80] = {0};
    for (int j = 0; j < 40; j++)
        ones[j] = 1;
    Node *h = lesson_with(l, OP_DROPOUT, lesson_scores(l, 40, ones), 0);
    h = lesson_with(l, OP_DROPOUT, h, 0.6); /* the second: stream 1 */
    Trial t = lesson_trial(l, h, "mse", 2);
    lesson_target(l, &t, 0, zeros);
    double *g = lesson_grad(l, &t, "dense1.weight"), sum = 0;
    for (uint32_t j = 0; j < 40; j++) {
        int kept = 0;
        for (uint64_t s = 0; s < 2; s++)
            kept += dropout_keeps(t.batch.seed, t.batch.step, 1, s, j, 0.6);
        sum += kept * 2.5 * 2.5 / 80;
        lesson_near(g[j], kept * 2 * 2.5 * 2.5 / 80, NEAR);
    }
    lesson_near(trial_loss(&t), sum, NEAR);
    trial_compare(&t, "dropout", 40, &l->r, &seen);
    t.batch.step++;
    assert_true(trial_loss(&t) != sum);
    lesson_end(l);
}

/* ---- sign -------------------------------------------------------------------------------------------------------- */

static void sign_passes_the_gradient_when_asked(void **state)
{
    (void)state;
    const double x[] = {-3, -1.001, -0.999, -0.5, 0, 0.5, 0.999, 1.001, 3};
    Lesson *l = lesson_new();
    Node *s = lesson_with(l, OP_SIGN, lesson_scores(l, 9, x), 1);
    Trial t = lesson_trial(l, lesson_affine(l, s, 3, 0), "mse", 1);
    const double *g = lesson_grad(l, &t, "dense1.weight");
    for (int j = 0; j < 9; j++) {
        double y = x[j] > 0 ? 3 : x[j] < 0 ? -3 : 0;
        lesson_near(g[j], fabs(x[j]) <= 1 ? 3 * 2 * (y - t.batch.target[0][j]) / 9 : 0, NEAR);
    }
    lesson_end(l);
}

static void sign_otherwise_stops_it(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *h = lesson_unary(l, OP_SIGN, lesson_dense(l, lesson_input(l, 2), 3, true));
    Node *y = lesson_dense(l, h, 2, true);
    Trial t = lesson_trial(l, y, "mse", 3);
    trial_compare(&t, "behind sign", 9, &l->r, &seen); /* by differences, too, what is before sign does not matter */
    double *g = lesson_grad(l, &t, "dense1.weight");
    for (int k = 0; k < 6; k++)
        assert_true(g[k] == 0);
    for (int i = 0; i < l->g->nnode; i++)
        assert_string_not_equal(l->g->node[i]->name, "dense1_grad");
    lesson_end(l);

    l = lesson_new();
    h = lesson_unary(l, OP_SIGN, lesson_dense(l, lesson_input(l, 2), 3, true));
    assert_false(lesson_pass(l, lesson_affine(l, h, 2, 1), NULL));
    assert_string_equal(lesson_errors(l),
                        "t.lua:3: error: nothing in this net can learn: sign1 has slope 0 everywhere, and all "
                        "parameters come before it; sign{ste = true} lets the gradient pass where the input is in "
                        "-1..1\n");
    lesson_end(l);

    l = lesson_new();
    assert_false(lesson_pass(l, lesson_unary(l, OP_SIGN, lesson_input(l, 2)), NULL));
    assert_string_equal(lesson_errors(l),
                        "t.lua: error: the net 'net' has no parameters: there is nothing to train\n");
    lesson_end(l);
}

/* ---- the graph --------------------------------------------------------------------------------------------------- */

static char *text_of(const Graph *g)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    graph_print(g, f);
    fclose(f);
    return text;
}

/* One of everything that has a node of its own: few nodes, none for what nobody asks. */
static void adds_these_nodes(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    l->g->train.l2 = 0.5;
    l->o.sample_weights = l->o.labels = true;
    Node *x = lesson_input(l, 3), *h = lesson_unary(l, OP_BATCHNORM, lesson_dense(l, x, 4, false));
    h = lesson_unary(l, OP_DROPOUT, lesson_unary(l, OP_RELU, h));
    Node *k = lesson_unary(l, OP_GELU, lesson_slice(l, h, 1, 2));
    Node *c = lesson_join(l, OP_CONCAT, k, k);
    h = lesson_join(l, OP_SUB, c, lesson_affine(l, h, 2, 1));
    assert_true(lesson_pass(l, lesson_unary(l, OP_SOFTMAX, lesson_unary(l, OP_PRELU, h)), NULL));
    char *text = text_of(l->g);
    assert_string_equal(text,
        "net net\n"
        "  %0   input1              3  = input(3)    # t.lua:1\n"
        "  %1   dense1              4  = dense(4, no bias) %0    # t.lua:2\n"
        "  %2   batchnorm1_stats      8  = batchnorm_stats(1e-05) %1 -> batchnorm1.running_mean, batchnorm1.running_var"
        "    # t.lua:3\n"
        "  %3   batchnorm1          4  = batchnorm_train(1e-05) %1 %2    # t.lua:3\n"
        "  %4   relu1               4  = relu %3    # t.lua:4\n"
        "  %5   dropout1            4  = dropout_train(0.5) %4    # t.lua:5\n"
        "  %6   slice1              2  = slice(1, 2) %5    # t.lua:6\n"
        "  %7   gelu1               2  = gelu %6    # t.lua:7\n"
        "  %8   concat1             4  = concat %7 %7    # t.lua:8\n"
        "  %9   affine1             4  = affine %5    # t.lua:9\n"
        "  %10  sub1                4  = sub %8 %9    # t.lua:10\n"
        "  %11  prelu1              4  = prelu(0.25) %10    # t.lua:11\n"
        "  %12  softmax1            4  = softmax %11    # t.lua:12\n"
        "  %13  sample_weight       1  = sample_weight    # t.lua:0\n"
        "  %14  y_target            1  = target    # t.lua:12\n"
        "  %15  y_loss              4  = cross_entropy(1) %11 %14 %13    # t.lua:11\n"
        "  %16  prelu1_grad         0  = prelu_grad %15 %10 -> prelu1.weight    # t.lua:11\n"
        "  %17  prelu1_back         4  = act_back(prelu, 0.25) %15 %10    # t.lua:11\n"
        "  %18  sub1_back           4  = affine %17    # t.lua:10\n"
        "  %19  affine1_back        4  = affine %18    # t.lua:9\n"
        "  %20  concat1_back        2  = slice(1, 2) %17    # t.lua:8\n"
        "  %21  concat1_back2       2  = slice(3, 4) %17    # t.lua:8\n"
        "  %22  gelu1_sum           2  = add %20 %21    # t.lua:7\n"
        "  %23  gelu1_back          2  = act_back(gelu) %22 %6    # t.lua:7\n"
        "  %24  slice1_back         4  = slice_back(1, 2) %19 %23    # t.lua:6\n"
        "  %25  dropout1_back       4  = dropout_train(0.5) %24    # t.lua:5\n"
        "  %26  relu1_back          4  = act_back(relu) %25 %4    # t.lua:4\n"
        "  %27  batchnorm1_grad      8  = batchnorm_grad %26 %1 %2 -> batchnorm1.weight, batchnorm1.bias"
        "    # t.lua:3\n"
        "  %28  batchnorm1_back      4  = batchnorm_back %26 %1 %2 %27    # t.lua:3\n"
        "  %29  dense1_grad         0  = dense_grad %28 %0 -> dense1.weight    # t.lua:2\n"
        "  %30  dense1_penalty      0  = penalty(0.5, 0) -> dense1.weight    # t.lua:2\n"
        "  output y = %12\n"
        "  loss = %15\n");
    free(text);
    lesson_end(l);
}

static void finds_names_beside_those_of_the_script(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *x = lesson_input(l, 2), *h = graph_dense(l->g, &l->d, l->g->pos, x, 2, true, INIT_HE, "a");
    h = graph_dense(l->g, &l->d, l->g->pos, h, 2, true, INIT_HE, "a_grad");
    h = graph_dense(l->g, &l->d, l->g->pos, h, 2, true, INIT_HE, "y_loss");
    h = graph_dense(l->g, &l->d, l->g->pos, h, 2, true, INIT_HE, "y_loss2");
    assert_true(lesson_pass(l, h, NULL));
    assert_string_equal(l->g->loss[0]->name, "y_loss3");
    int found = 0;
    for (int i = 0; i < l->g->nnode; i++)
        found += strcmp(l->g->node[i]->name, "a_grad") == 0 || strcmp(l->g->node[i]->name, "a_grad2") == 0;
    assert_int_equal(found, 2);
    lesson_end(l);
}

/* Deep and wide in uses: nothing is done by recursion, nothing takes the square of the size. */
static void takes_long_chains(void **state)
{
    (void)state;
    Lesson *l = lesson_new();
    Node *h = lesson_dense(l, lesson_input(l, 1), 1, true), *first = h;
    for (int i = 0; i < 40000; i++)
        h = i % 2 ? lesson_join(l, OP_ADD, h, first) : lesson_affine(l, h, 0.5, 0);
    Trial t = lesson_trial(l, h, "mse", 1);
    double *w = lesson_grad(l, &t, "dense1.weight"), y = 0, d = 0;
    for (int i = 0; i < 20000; i++) { /* h = h / 2 + first */
        y = (i ? y : t.param[0][0] + t.param[1][0]) / 2 + t.param[0][0] + t.param[1][0];
        d = (i ? d : 1) / 2 + 1;
    }
    lesson_near(w[0], 2 * (y - t.batch.target[0][0]) * d, NEAR);
    lesson_end(l);
}

static int print_seen(void **state)
{
    (void)state;
    seen_print(&seen, "operators");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_are_derivatives),
        cmocka_unit_test(operators_in_a_net),
        cmocka_unit_test(shared_slope),
        cmocka_unit_test(joins_rows_and_shapes),
        cmocka_unit_test(batch_statistics),
        cmocka_unit_test(masks_are_the_documented_ones),
        cmocka_unit_test(masks_are_fair),
        cmocka_unit_test(dropout_drops_the_same_both_ways),
        cmocka_unit_test(sign_passes_the_gradient_when_asked),
        cmocka_unit_test(sign_otherwise_stops_it),
        cmocka_unit_test(adds_these_nodes),
        cmocka_unit_test(finds_names_beside_those_of_the_script),
        cmocka_unit_test(takes_long_chains),
    };
    return cmocka_run_group_tests_name("grad", tests, NULL, print_seen);
}
