/* grad_random_test.c: random nets end to end: gradients against central differences, and what the pass leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pass/pass.h"
#include "support/answer.h"
#include "support/differences.h"
#include "support/random_lesson.h"

enum { GRAPHS = 300, DERIVATIVES = 6 };

/* Random net number `seed` after the pass, or NULL when nothing in it can learn. */
static Graph *learner(Arena *a, uint64_t seed, Random *r)
{
    Diag d;
    GradOptions o;
    *r = (Random){seed};
    diag_init(&d, a);
    Graph *g = random_lesson(a, &d, seed, RANDOM_SMALL, r, &o);
    if (pass_grad(g, &d, &o))
        return g;
    assert_int_equal(d.errors, 1);
    return NULL;
}

static Trial trial(Arena *a, Graph *g, Random *r)
{
    return trial_new(a, g, 1 + (size_t)random_below(r, 7), r);
}

static void match_differences(void **state)
{
    (void)state;
    Seen seen = {0};
    int learning = 0, used[OP_ALL] = {0};
    for (uint64_t seed = 1; seed <= (getenv("MLPC_LONG") ? 10 : 1) * GRAPHS; seed++) {
        Arena *a = arena_new();
        Random r;
        Graph *g = learner(a, seed, &r);
        if (g) {
            Trial t = trial(a, g, &r);
            const char *what = arena_printf(a, "random graph %llu", (unsigned long long)seed);
            if (fabs(trial_loss(&t)) < 1e6) { /* not exp of exp */
                trial_compare(&t, what, DERIVATIVES, &r, &seen);
                learning++;
            }
            for (int i = 0; i < g->nnode; i++)
                used[g->node[i]->op]++;
        }
        arena_free(a);
    }
    printf("%d graphs that learn\n", learning);
    seen_print(&seen, "random graphs");
    assert_true(learning >= 200);
    assert_true(seen.kinks * 50 < seen.compared); /* differences do say something */
    for (int op = 0; op < OP_ALL; op++)
        if (op != OP_BATCHNORM && op != OP_DROPOUT && op != OP_COUNT && !used[op])
            fail_msg("no random graph had %s", op_info[op].name);
}

/* ---- what the pass leaves alone ---------------------------------------------------------------------------------- */

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

/* All outputs of g for one sample, one after the other. */
static double *answer(Arena *a, const Graph *g, const double *const *in, size_t *count)
{
    double **out = ARENA_ARRAY(a, (size_t)g->noutput, double *), *all;
    *count = 0;
    for (int o = 0; o < g->noutput; o++)
        *count += (size_t)g->output[o].node->width;
    all = ARENA_ARRAY(a, *count, double);
    size_t at = 0;
    for (int o = 0; o < g->noutput; at += (size_t)g->output[o].node->width, o++)
        out[o] = all + at;
    assert_true(graph_eval(g, 1, in, out));
    return all;
}

static void leaves_answers_and_copies_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Random r = {seed};
        Diag d;
        GradOptions o;
        diag_init(&d, a);
        Graph *g = random_lesson(a, &d, seed, RANDOM_SMALL, &r, &o), *copy = graph_copy(g);
        const double **in = ARENA_ARRAY(a, (size_t)g->ninput, const double *);
        for (int i = 0; i < g->ninput; i++) {
            double *x = ARENA_ARRAY(a, (size_t)g->input[i]->width, double);
            for (int j = 0; j < g->input[i]->width; j++)
                x[j] = (double)random_normal(&r);
            in[i] = x;
        }
        size_t before_count, after_count;
        char *before = text_of(g);
        double *was = answer(a, g, in, &before_count);
        if (pass_grad(copy, &d, &o)) {
            double *is = answer(a, copy, in, &after_count);
            assert_int_equal(before_count, after_count);
            assert_memory_equal(was, is, before_count * sizeof *was);
            char *after = text_of(g);
            assert_string_equal(before, after);
            free(after);
            assert_int_equal(graph_params(copy), graph_params(g));
        }
        free(before);
        arena_free(a);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void keeps_order_and_gives_new_names(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Random r;
        Graph *g = learner(a, seed, &r);
        const char **name = ARENA_ARRAY(a, g ? (size_t)g->nnode : 0, const char *);
        if (g)
            answer_check_order(g);
        for (int i = 0; g && i < g->nnode; i++)
            name[i] = g->node[i]->name;
        if (g)
            qsort(name, (size_t)g->nnode, sizeof *name, by_text);
        for (int i = 1; g && i < g->nnode; i++)
            assert_string_not_equal(name[i - 1], name[i]);
        arena_free(a);
    }
}

/* ---- what later passes leave alone ------------------------------------------------------------------------------- */

static void same_gradients(Arena *a, const Trial *t, double **was, double loss, const char *what)
{
    double after, **is = trial_grad(a, t, &after);
    /* Passes may change the order of operations: rounding, times what nets make of it. */
    if (!(fabs(after - loss) <= 1e-9 * fabs(loss)))
        fail_msg("%s: the loss was %.17g and became %.17g", what, loss, after);
    for (int i = 0; i < t->g->nparam; i++)
        for (size_t k = 0; k < param_count(t->g->param[i]); k++)
            if (!(fabs(is[i][k] - was[i][k]) <= 1e-9 * (fabs(was[i][k]) + fabs(loss))))
                fail_msg("%s: dloss/d%s was %.17g and became %.17g", what, t->g->param[i]->name, was[i][k], is[i][k]);
}

static void gradients_survive_the_passes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Random r;
        Graph *g = learner(a, seed, &r);
        if (g) {
            Diag d;
            diag_init(&d, a);
            Trial t = trial(a, g, &r);
            double loss, **was = trial_grad(a, &t, &loss);
            const char *what = arena_printf(a, "random graph %llu", (unsigned long long)seed);
            int nparam = g->nparam;
            if (isfinite(loss) && loss < 1e6) {
                assert_true(pass_fold(g, &d));
                same_gradients(a, &t, was, loss, arena_printf(a, "%s, folded", what));
                pass_fuse(g);
                same_gradients(a, &t, was, loss, arena_printf(a, "%s, fused", what));
                g->noutput = 0;
                graph_prune(g);
                same_gradients(a, &t, was, loss, arena_printf(a, "%s, without outputs", what));
                assert_int_equal(g->nparam, nparam);
            }
        }
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_differences),
        cmocka_unit_test(leaves_answers_and_copies_alone),
        cmocka_unit_test(keeps_order_and_gives_new_names),
        cmocka_unit_test(gradients_survive_the_passes),
    };
    return cmocka_run_group_tests_name("grad_random", tests, NULL, NULL);
}
