/* fold_test.c: what fold and fuse do, rule by rule, as text; and that values stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pass/pass.h"
#include "support/answer.h"
#include "support/random_graph.h"

typedef struct Net {
    Arena *a;
    Graph *g;
    Diag d;
    Random r;
    int line;
} Net;

static Net *net_new(void)
{
    Arena *a = arena_new();
    Net *n = ARENA_NEW(a, Net);
    n->a = a;
    n->g = graph_new(a, "t.lua");
    n->r = (Random){1};
    diag_init(&n->d, a);
    return n;
}

static void net_end(Net *n)
{
    assert_int_equal(n->d.errors, 0);
    arena_free(n->a);
}

static Pos line(Net *n)
{
    return (Pos){n->g->file, ++n->line};
}

static void bind(Net *n, Param *p, double low, double high)
{
    if (!p)
        return;
    float *v = ARENA_ARRAY(n->a, param_count(p), float);
    for (size_t i = 0; i < param_count(p); i++)
        v[i] = (float)random_between(&n->r, low, high);
    p->value = v;
}

static Node *input(Net *n, int width)
{
    return graph_input(n->g, &n->d, line(n), width, NULL);
}

static Node *dense(Net *n, Node *x, int width, bool bias)
{
    Node *y = graph_dense(n->g, &n->d, line(n), x, width, bias, INIT_HE, NULL);
    bind(n, y->param[ROLE_WEIGHT], -1, 1);
    bind(n, y->param[ROLE_BIAS], -1, 1);
    return y;
}

static Node *unary(Net *n, Op op, Node *x)
{
    Node *y = graph_unary(n->g, &n->d, line(n), op, x, NULL, NULL);
    bind(n, y->param[ROLE_WEIGHT], 0.5, 1.5);
    bind(n, y->param[ROLE_BIAS], -1, 1);
    bind(n, y->param[ROLE_RUNNING_MEAN], -1, 1);
    bind(n, y->param[ROLE_RUNNING_VAR], 0.5, 2);
    return y;
}

static Node *affine(Net *n, Node *x, double scale, double shift)
{
    return graph_affine(n->g, &n->d, line(n), x, &scale, 1, &shift, 1);
}

/* Folds the net with these outputs and compares what is left, "dense1(input1) relu1(dense1)", and its values. */
static void folds_to(Net *n, const char *expected, Node *y, Node *z)
{
    graph_outputs(n->g, (Output[]){{"y", y}, {"z", z}}, z ? 2 : 1);
    graph_prune(n->g);
    Answer before = answer_of(n->a, n->g, 1);
    assert_true(pass_fold(n->g, &n->d));
    Answer after = answer_of(n->a, n->g, 1);
    answer_same(n->g, &before, &after, 1, 1);
    answer_check_order(n->g);
    const char *got = "";
    for (int i = 0; i < n->g->nnode; i++) {
        const Node *x = n->g->node[i];
        if (x->op == OP_INPUT)
            continue;
        got = arena_printf(n->a, "%s%s%s(%s", got, *got ? " " : "", x->name, x->in[0]->name);
        got = arena_printf(n->a, x->nin == 2 ? "%s, %s)" : "%s)", got, x->nin == 2 ? x->in[1]->name : "");
    }
    assert_string_equal(got, expected);
}

static void batchnorm_behind_dense(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 5), 7, true);
    folds_to(n, "dense1(input1)", unary(n, OP_BATCHNORM, h), NULL);
    assert_string_equal(n->g->node[1]->history, "batchnorm1 folded in");
    assert_int_equal(n->g->nparam, 2);
    net_end(n);
}

static void batchnorm_before_dense(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "dense1(input1)", dense(n, unary(n, OP_BATCHNORM, input(n, 5)), 7, true), NULL);
    net_end(n);
}

static void batchnorm_on_both_sides(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, unary(n, OP_BATCHNORM, input(n, 5)), 7, true);
    folds_to(n, "dense1(input1)", unary(n, OP_BATCHNORM, h), NULL);
    assert_string_equal(n->g->node[1]->history, "batchnorm1 folded in, batchnorm2 folded in");
    net_end(n);
}

static void batchnorm_without_a_dense_is_an_affine(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = unary(n, OP_BATCHNORM, unary(n, OP_RELU, input(n, 5)));
    folds_to(n, "relu1(input1) batchnorm1(relu1) tanh1(batchnorm1)", unary(n, OP_TANH, h), NULL);
    assert_int_equal(n->g->node[2]->op, OP_AFFINE);
    assert_int_equal(n->g->nparam, 0);
    net_end(n);
}

/* Each reader has its own copy, and the affine itself goes once the last one took it in. */
static void affine_before_several_denses(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = affine(n, input(n, 4), 2, -1);
    Node *y = dense(n, h, 3, true);
    folds_to(n, "dense1(input1) dense2(input1)", y, dense(n, h, 6, false));
    net_end(n);
}

static void affine_with_another_reader_stays(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = affine(n, input(n, 4), 2, -1);
    Node *y = dense(n, h, 3, true);
    folds_to(n, "affine1(input1) dense1(input1) tanh1(affine1)", y, unary(n, OP_TANH, h));
    net_end(n);
}

static void shared_dense_is_not_scaled(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 4, true);
    Node *y = affine(n, h, 3, 1);
    folds_to(n, "dense1(input1) affine1(dense1) relu1(dense1)", y, unary(n, OP_RELU, h));
    net_end(n);
}

static void dense_that_is_an_output_is_not_scaled(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 4, true);
    folds_to(n, "dense1(input1) affine1(dense1)", affine(n, h, 3, 1), h);
    net_end(n);
}

static void dense_without_bias_gets_one(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 3, false);
    folds_to(n, "dense1(input1)", affine(n, h, 3, 1), NULL);
    const Param *b = n->g->node[1]->param[ROLE_BIAS];
    assert_non_null(b);
    assert_string_equal(b->name, "dense1.bias");
    for (int j = 0; j < 3; j++)
        assert_true(b->value[j] == 1.0f);
    net_end(n);
}

static void stack_is_merged_when_cheaper(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "dense2(input1)", dense(n, dense(n, input(n, 10), 20, true), 5, true), NULL);
    assert_int_equal(n->g->node[1]->param[ROLE_WEIGHT]->cols, 10);
    assert_string_equal(n->g->node[1]->history, "dense1 (line 2) multiplied in");
    assert_string_equal(n->g->note[0], "dense1 and dense2 have no activation between them: merged, 10-20-5 is now 10-5 "
                                       "(50 multiply-adds instead of 300)");
    net_end(n);
}

static void waist_is_not_merged(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "dense1(input1) dense2(dense1)", dense(n, dense(n, input(n, 10), 2, true), 10, true), NULL);
    assert_int_equal(n->g->nnote, 0);
    net_end(n);
}

/* 10 * 10 = 10 * 5 + 5 * 10: as good as it was, so it stays. */
static void equal_cost_is_not_merged(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "dense1(input1) dense2(dense1)", dense(n, dense(n, input(n, 10), 5, true), 10, true), NULL);
    net_end(n);
}

static void shared_stack_is_not_merged(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 10), 20, true);
    Node *y = dense(n, h, 5, true);
    folds_to(n, "dense1(input1) dense2(dense1) relu1(dense1)", y, unary(n, OP_RELU, h));
    net_end(n);
}

static void long_stack_becomes_one(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 6), 20, false);
    h = unary(n, OP_DROPOUT, dense(n, h, 30, true));
    h = unary(n, OP_BATCHNORM, h);
    folds_to(n, "dense3(input1)", dense(n, affine(n, h, 2, 1), 4, false), NULL);
    net_end(n);
}

static void identity_affine_is_dropped(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "relu1(input1) tanh1(relu1)", unary(n, OP_TANH, affine(n, unary(n, OP_RELU, input(n, 3)), 1, 0)), NULL);
    net_end(n);
}

static void affines_in_a_row_are_one(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = affine(n, affine(n, unary(n, OP_RELU, input(n, 3)), 2, 1), 3, -1);
    folds_to(n, "relu1(input1) affine2(relu1)", h, NULL);
    assert_true(n->g->node[2]->scale[0] == 6 && n->g->node[2]->shift[0] == 2);
    net_end(n);
}

static void affines_that_undo_each_other_are_dropped(void **state)
{
    (void)state;
    Net *n = net_new();
    folds_to(n, "relu1(input1)", affine(n, affine(n, unary(n, OP_RELU, input(n, 3)), 2, 1), 0.5, -0.5), NULL);
    net_end(n);
}

static void dropout_is_dropped(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *x = input(n, 3);
    Node *h = unary(n, OP_DROPOUT, unary(n, OP_DROPOUT, x));
    Node *y = unary(n, OP_RELU, h);
    folds_to(n, "relu1(input1)", y, unary(n, OP_DROPOUT, x));
    assert_int_equal(n->g->output[1].node->op, OP_INPUT);
    net_end(n);
}

/* Behind a dropout that others read too, a dense layer is still shared. */
static void dropout_does_not_hide_readers(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 4, true), *drop = unary(n, OP_DROPOUT, h);
    Node *both = graph_join(n->g, &n->d, line(n), OP_ADD, affine(n, drop, 2, 0), drop);
    folds_to(n, "dense1(input1) affine1(dense1) add1(affine1, dense1)", both, NULL);
    net_end(n);
}

static void the_tensors_that_were_read_stay(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 4, true);
    const float *w = h->param[ROLE_WEIGHT]->value;
    float before[16];
    memcpy(before, w, sizeof before);
    folds_to(n, "dense1(input1)", unary(n, OP_BATCHNORM, h), NULL);
    assert_memory_equal(w, before, sizeof before);
    net_end(n);
}

#define OVERFLOWS "folding its constants gives infinity, not a number that fits single precision\n"

/* The errors of fold: text of the first, and that there is one only. */
static void fold_fails(Net *n, Node *y, const char *message)
{
    char *text = NULL;
    size_t size = 0;
    graph_outputs(n->g, &(Output){"y", y}, 1);
    graph_prune(n->g);
    assert_false(pass_fold(n->g, &n->d));
    assert_int_equal(n->d.errors, 1);
    FILE *f = open_memstream(&text, &size);
    diag_flush(&n->d, f);
    fclose(f);
    assert_string_equal(text, message);
    free(text);
    arena_free(n->a);
}

static void negative_variance_is_an_error(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *y = unary(n, OP_BATCHNORM, dense(n, input(n, 2), 3, true));
    ((float *)(uintptr_t)y->param[ROLE_RUNNING_VAR]->value)[1] = -0.5f;
    fold_fails(n, y, "t.lua:3: error: batchnorm1: running_var[1] is -0.5, a variance cannot be negative\n");
}

static void weights_that_overflow_are_an_error(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 2), 3, true);
    ((float *)(uintptr_t)h->param[ROLE_WEIGHT]->value)[4] = 2e38f;
    fold_fails(n, affine(n, h, 2, 0), "t.lua:3: error: affine1: " OVERFLOWS);
}

static void affines_that_overflow_are_an_error(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = affine(n, affine(n, unary(n, OP_RELU, input(n, 2)), 1e30, 0), 1e30, 0);
    fold_fails(n, h, "t.lua:4: error: affine2: " OVERFLOWS);
}

static void stacks_that_overflow_are_an_error(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 2), 3, true), *y = dense(n, h, 1, true);
    ((float *)(uintptr_t)h->param[ROLE_WEIGHT]->value)[0] = 3e38f;
    ((float *)(uintptr_t)y->param[ROLE_WEIGHT]->value)[0] = 3e38f;
    fold_fails(n, y, "t.lua:3: error: dense2: " OVERFLOWS);
}

/* ---- fuse -------------------------------------------------------------------------------------------------------- */

/* Fuses after folding and compares the text form, without the lines it came from. */
static void fuses_to(Net *n, Node *y, Node *z, const char *expected)
{
    char *text = NULL, got[2000] = "";
    size_t size = 0;
    graph_outputs(n->g, (Output[]){{"y", y}, {"z", z}}, z ? 2 : 1);
    graph_prune(n->g);
    assert_true(pass_fold(n->g, &n->d));
    Answer before = answer_of(n->a, n->g, 1);
    pass_fuse(n->g);
    Answer after = answer_of(n->a, n->g, 1);
    answer_same(n->g, &before, &after, 0, 1);
    FILE *f = open_memstream(&text, &size);
    graph_print(n->g, f);
    fclose(f);
    for (char *at = text; *at;) {
        char *end = strchr(at, '\n'), *comment = strstr(at, "    #"), *stop = comment && comment < end ? comment : end;
        strncat(got, at, (size_t)(stop - at));
        strcat(got, "\n");
        at = end + 1;
    }
    free(text);
    assert_string_equal(got, expected);
    net_end(n);
}

static void activations_ride_in_the_store(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = unary(n, OP_TANH, unary(n, OP_LEAKY_RELU, dense(n, input(n, 4), 6, true)));
    fuses_to(n, unary(n, OP_SOFTMAX, unary(n, OP_BATCHNORM, h)), NULL,
             "net net\n"
             "  %0   input1              4  = input(4)\n"
             "  %1   dense1              6  = dense(6) %0 | leaky_relu(0.01) | tanh | affine\n"
             "  %2   softmax1            6  = softmax %1\n"
             "  output y = %2\n");
}

static void shared_values_are_stored_first(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 6, true);
    Node *y = unary(n, OP_TANH, h);
    fuses_to(n, y, unary(n, OP_RELU, h),
             "net net\n"
             "  %0   input1              4  = input(4)\n"
             "  %1   dense1              6  = dense(6) %0\n"
             "  %2   tanh1               6  = tanh %1\n"
             "  %3   relu1               6  = relu %1\n"
             "  output y = %2\n"
             "  output z = %3\n");
}

static void outputs_are_stored_before_they_are_read(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *h = dense(n, input(n, 4), 6, true);
    fuses_to(n, unary(n, OP_TANH, h), h,
             "net net\n"
             "  %0   input1              4  = input(4)\n"
             "  %1   dense1              6  = dense(6) %0\n"
             "  %2   tanh1               6  = tanh %1\n"
             "  output y = %2\n"
             "  output z = %1\n");
}

/* Behind joins and element-wise nodes, too; not behind a row, a concat or an input. */
static void joins_carry_and_rows_do_not(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *x = input(n, 4), *h = unary(n, OP_TANH, unary(n, OP_RELU, x));
    Node *join = graph_join(n->g, &n->d, line(n), OP_MUL, h, x);
    Node *row = unary(n, OP_RELU, unary(n, OP_SOFTMAX, unary(n, OP_SIGMOID, join)));
    fuses_to(n, unary(n, OP_EXP, graph_concat(n->g, &n->d, line(n), row, x)), NULL,
             "net net\n"
             "  %0   input1              4  = input(4)\n"
             "  %1   relu1               4  = relu %0 | tanh\n"
             "  %2   mul1                4  = mul %1 %0 | sigmoid\n"
             "  %3   softmax1            4  = softmax %2\n"
             "  %4   relu2               4  = relu %3\n"
             "  %5   concat1             8  = concat %4 %0\n"
             "  %6   exp1                8  = exp %5\n"
             "  output y = %6\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batchnorm_behind_dense),
        cmocka_unit_test(batchnorm_before_dense),
        cmocka_unit_test(batchnorm_on_both_sides),
        cmocka_unit_test(batchnorm_without_a_dense_is_an_affine),
        cmocka_unit_test(affine_before_several_denses),
        cmocka_unit_test(affine_with_another_reader_stays),
        cmocka_unit_test(shared_dense_is_not_scaled),
        cmocka_unit_test(dense_that_is_an_output_is_not_scaled),
        cmocka_unit_test(dense_without_bias_gets_one),
        cmocka_unit_test(stack_is_merged_when_cheaper),
        cmocka_unit_test(waist_is_not_merged),
        cmocka_unit_test(equal_cost_is_not_merged),
        cmocka_unit_test(shared_stack_is_not_merged),
        cmocka_unit_test(long_stack_becomes_one),
        cmocka_unit_test(identity_affine_is_dropped),
        cmocka_unit_test(affines_in_a_row_are_one),
        cmocka_unit_test(affines_that_undo_each_other_are_dropped),
        cmocka_unit_test(dropout_is_dropped),
        cmocka_unit_test(dropout_does_not_hide_readers),
        cmocka_unit_test(the_tensors_that_were_read_stay),
        cmocka_unit_test(negative_variance_is_an_error),
        cmocka_unit_test(weights_that_overflow_are_an_error),
        cmocka_unit_test(affines_that_overflow_are_an_error),
        cmocka_unit_test(stacks_that_overflow_are_an_error),
        cmocka_unit_test(activations_ride_in_the_store),
        cmocka_unit_test(shared_values_are_stored_first),
        cmocka_unit_test(outputs_are_stored_before_they_are_read),
        cmocka_unit_test(joins_carry_and_rows_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
