/* pass_test.c: every pass leaves the function of a graph as it was, on random graphs; fold_test.c goes rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pass/pass.h"
#include "support/answer.h"
#include "support/random_graph.h"

enum { GRAPHS = 1500 };

static RandomKind kind_of(uint64_t seed)
{
    return seed % 10 == 0 ? RANDOM_WIDE : seed % 3 ? RANDOM_SMALL : RANDOM_ANY;
}

static void prune_changes_no_value(void **state)
{
    (void)state;
    int dropped = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Graph *g = random_graph(a, "net", seed, kind_of(seed));
        Answer before = answer_of(a, g, seed);
        int nodes = g->nnode;
        graph_prune(g);
        Answer after = answer_of(a, g, seed);
        answer_same(g, &before, &after, 0, seed);
        answer_check_order(g);
        dropped += nodes - g->nnode;
        Arena *scratch = arena_new();
        int *uses = graph_uses(g, scratch);
        for (int i = 0; i < g->nnode; i++)
            assert_true(uses[i] > 0 || g->node[i]->op == OP_INPUT);
        arena_free(scratch);
        arena_free(a);
    }
    assert_true(dropped > GRAPHS / 4); /* the random graphs do have dead nodes */
}

static void fold_changes_values_by_rounding_only(void **state)
{
    (void)state;
    int folded = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", seed, kind_of(seed));
        graph_prune(g);
        Answer before = answer_of(a, g, seed);
        double macs = 0, after_macs = 0;
        for (int i = 0; i < g->nnode; i++)
            macs += node_macs(g->node[i]);
        int nodes = g->nnode;
        assert_true(pass_fold(g, &d));
        Answer after = answer_of(a, g, seed);
        /* Folded weights are rounded once for each fold, as single precision would round the values themselves. */
        answer_same(g, &before, &after, 1, seed);
        answer_check_order(g);
        for (int i = 0; i < g->nnode; i++) {
            assert_true(g->node[i]->op != OP_DROPOUT && g->node[i]->op != OP_BATCHNORM);
            after_macs += node_macs(g->node[i]);
        }
        assert_true(after_macs <= macs);
        folded += g->nnode < nodes;
        arena_free(a);
    }
    assert_true(folded > GRAPHS / 4);
}

static void fuse_changes_no_value(void **state)
{
    (void)state;
    int fused = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", seed, kind_of(seed));
        graph_prune(g);
        assert_true(pass_fold(g, &d));
        Answer before = answer_of(a, g, seed);
        int nodes = g->nnode;
        pass_fuse(g);
        Answer after = answer_of(a, g, seed);
        answer_same(g, &before, &after, 0, seed);
        answer_check_order(g);
        fused += g->nnode < nodes;
        arena_free(a);
    }
    assert_true(fused > GRAPHS / 4);
}

/* Without values, what needs values stays, and the rest goes on as before. */
static void passes_keep_an_unbound_graph(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS / 3; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", seed, kind_of(seed));
        graph_prune(g);
        Answer before = answer_of(a, g, seed);
        size_t params = graph_params(g);
        int nparam = g->nparam;
        Param **param = ARENA_ARRAY(a, (size_t)nparam + 1, Param *);
        const float **value = ARENA_ARRAY(a, (size_t)nparam + 1, const float *);
        for (int p = 0; p < nparam; p++) {
            param[p] = g->param[p];
            value[p] = g->param[p]->value;
            g->param[p]->value = NULL;
        }
        assert_true(pass_fold(g, &d));
        pass_fuse(g);
        answer_check_order(g);
        assert_int_equal(graph_params(g), params);
        assert_int_equal(g->nparam, nparam);
        for (int p = 0; p < nparam; p++) {
            assert_ptr_equal(g->param[p], param[p]);
            assert_null(param[p]->value);
            param[p]->value = value[p];
        }
        Answer after = answer_of(a, g, seed);
        answer_same(g, &before, &after, 1, seed);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prune_changes_no_value),
        cmocka_unit_test(fold_changes_values_by_rounding_only),
        cmocka_unit_test(fuse_changes_no_value),
        cmocka_unit_test(passes_keep_an_unbound_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
