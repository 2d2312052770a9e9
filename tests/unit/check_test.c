/* check_test.c: what graph_check claims holds: ranks are those of the maps, budgets those of the plan. Texts are
 * golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/plan.h"
#include "pass/pass.h"
#include "support/random_graph.h"
#include "support/run_script.h"

/* Everything graph_check says of g; in d's arena. */
static const char *said_of(const Graph *g, Diag *d)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    graph_check(g, d);
    diag_flush(d, f);
    fclose(f);
    const char *said = arena_strdup(d->arena, text);
    free(text);
    return said;
}

static int count_of(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

/* ---- ranks ------------------------------------------------------------------------------------------------------ */

/* A random net of linear layers over one input of 1 to 9 features: dense, slices, concats, sums, scalings. Weights are
 * generic, so that ranks are as high as the shape allows. */
static Graph *linear_graph(Arena *a, Diag *d, uint64_t seed)
{
    Random r = {seed};
    Graph *g = graph_new(a, "t.lua");
    Pos pos = {"t.lua", 1};
    Node *made[12] = {graph_input(g, d, pos, 1 + random_below(&r, 9), NULL)};
    int n = 1;
    for (; n < 10; n++) {
        Node *x = made[random_below(&r, n)], *y = made[random_below(&r, n)];
        double number = random_between(&r, 0.5, 2);
        switch (random_below(&r, 7)) {
        case 0:
            made[n] = graph_slice(g, d, pos, x, 1, 1 + random_below(&r, x->width));
            break;
        case 1:
            made[n] = graph_affine(g, d, pos, x, &number, 1, &number, 1);
            break;
        case 2:
            made[n] = x->width + y->width <= 20 ? graph_concat(g, d, pos, x, y) : x;
            break;
        case 3:
            made[n] = x->width == y->width ? graph_join(g, d, pos, OP_ADD, x, y) : x;
            break;
        default:
            made[n] = graph_dense(g, d, pos, x, 1 + random_below(&r, 9), true, INIT_HE, NULL);
        }
    }
    made[n] = graph_dense(g, d, pos, made[n - 1], 1 + random_below(&r, 9), true, INIT_HE, NULL);
    graph_outputs(g, &(Output){"y", made[n]}, 1);
    for (int i = 0; i < g->nparam; i++) {
        float *v = ARENA_ARRAY(a, param_count(g->param[i]), float);
        for (size_t k = 0; k < param_count(g->param[i]); k++)
            v[k] = random_normal(&r);
        g->param[i]->value = v;
    }
    return g;
}

enum { SIDE = 32 };

/* Rank of an m x n matrix by elimination with full pivoting; numbers below `small` times the largest are zero. */
static int rank_of(double a[SIDE][SIDE], int m, int n, double small)
{
    double largest = 0;
    for (int rank = 0;; rank++) {
        int pi = rank, pj = rank;
        double pivot = 0;
        for (int i = rank; i < m; i++)
            for (int j = rank; j < n; j++)
                if (fabs(a[i][j]) > pivot)
                    pivot = fabs(a[i][j]), pi = i, pj = j;
        largest = rank == 0 ? pivot : largest;
        if (pivot <= small * largest)
            return rank;
        for (int j = 0; j < n; j++) {
            double t = a[rank][j];
            a[rank][j] = a[pi][j];
            a[pi][j] = t;
        }
        for (int i = 0; i < m; i++) {
            double t = a[i][rank];
            a[i][rank] = a[i][pj];
            a[i][pj] = t;
        }
        for (int i = rank + 1; i < m; i++) {
            double f = a[i][rank] / a[rank][rank];
            for (int j = rank; j < n; j++)
                a[i][j] -= f * a[rank][j];
        }
    }
}

/* The rank of the whole map, from its columns f(e_j) - f(0). Doubles carry 16 digits and at most ten layers of
 * condition some hundreds each lose a few of them at a time; a true zero stays below 1e-11. */
static int rank_of_graph(const Graph *g)
{
    int in = g->input[0]->width, out = g->output[0].node->width;
    double x[(SIDE + 1) * SIDE] = {0}, y[(SIDE + 1) * SIDE], m[SIDE][SIDE];
    for (int j = 0; j < in; j++)
        x[(j + 1) * in + j] = 1;
    const double *const inputs[] = {x};
    assert_true(graph_eval(g, (size_t)in + 1, inputs, (double *const[]){y}));
    for (int j = 0; j < in; j++)
        for (int i = 0; i < out; i++)
            m[i][j] = y[(j + 1) * out + i] - y[i];
    return rank_of(m, out, in, 1e-11);
}

static void ranks_hold(void **state)
{
    (void)state;
    int warned = 0, exact = 0, narrow = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = linear_graph(a, &d, seed);
        assert_int_equal(d.errors, 0);
        const char *said = said_of(g, &d);
        /* The warning about the last dense layer is about the whole map. */
        const Node *last = g->output[0].node;
        char begin[64];
        snprintf(begin, sizeof begin, "warning: %s (%d -> %d) follows ", last->name, last->in[0]->width, last->width);
        const char *line = strstr(said, begin);
        if (line) {
            const char *claim = strstr(line, "of rank at most ");
            assert_non_null(claim);
            int most = atoi(claim + strlen("of rank at most ")), rank = rank_of_graph(g);
            if (rank > most)
                fail_msg("seed %d: rank %d\n%s", (int)seed, rank, said);
            warned++;
            exact += rank == most;
        } else { /* only one dense layer between the input and the output */
            for (const Node *n = last->in[0]; n; n = n->nin ? n->in[0] : NULL)
                assert_true(n->op != OP_DENSE || n->nin > 1);
        }
        narrow += strstr(said, "[-Wrank-bottleneck]") != NULL;
        arena_free(a);
    }
    assert_true(warned > 1500 && narrow > 300);
    assert_true(exact > warned * 9 / 10); /* sums of equal things have less rank than their shape allows, little else */
}

/* ---- budgets ---------------------------------------------------------------------------------------------------- */

/* The check may refuse a net before it is planned only for what the plan then needs indeed. */
static void budgets_are_refused_for_what_is_needed(void **state)
{
    (void)state;
    int refused = 0, tight = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", seed, seed % 2 ? RANDOM_SMALL : RANDOM_ANY);
        Graph *planned = random_graph(a, "net", seed, seed % 2 ? RANDOM_SMALL : RANDOM_ANY);
        graph_prune(planned);
        assert_true(pass_fold(planned, &d));
        pass_fuse(planned);
        Plan *p = plan_make(planned, WEIGHTS_BAKED, TARGET_PORTABLE);
        double macs = 0;
        for (int i = 0; i < planned->nnode; i++)
            macs += node_macs(planned->node[i]);
        g->budget = (Budget){(double)p->flash, (double)p->ram_one, macs, {"t.lua", 3}};
        if (p->ram_one > 0 && macs > 0) { /* 0 is no limit */
            const char *said = said_of(g, &d);
            if (strstr(said, "over budget"))
                fail_msg("seed %d: planned %zu flash, %zu RAM, %.0f macs\n%s", (int)seed, p->flash, p->ram_one, macs,
                         said);
            Diag less;
            diag_init(&less, a);
            g->budget = (Budget){1, 1, 1, {"t.lua", 3}};
            said = said_of(g, &less);
            refused += count_of(said, "t.lua:3: error: over budget: the net needs at least ") == 3;
            tight += strstr(said, arena_printf(a, "needs at least %zu bytes of RAM", p->ram_one)) != NULL;
        }
        arena_free(a);
    }
    assert_true(refused > 100);
    assert_true(tight > 50);
}

/* ---- switches --------------------------------------------------------------------------------------------------- */

static const char *const offender[][2] = {
    {"linear-stack", "x:dense(4):dense(4)"},
    {"rank-bottleneck", "x:dense(2):dense(4)"},
    {"saturating-depth", "x:mlp({ 4, 4, 4, 4 }, 'tanh'):dense(1)"},
    {"loss-mismatch", "x:dense(3):relu(), { loss = 'cross_entropy' }"},
    {"softmax-mse", "x:dense(3):softmax(), { loss = 'mse' }"},
    {"waist-of-one", "x:dense(1):relu():dense(3)"},
    {"unused", "(function() x:relu() return x:dense(1) end)()"},
    {"sign-untrainable", "x:dense(3):sign()"},
    {"softmax-of-one", "x:dense(1):softmax()"},
};

static void every_warning_can_be_silenced_and_be_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof offender / sizeof *offender; i++) {
        for (int mode = 0; mode < 3; mode++) {
            char text[200], mark[64];
            snprintf(text, sizeof text, "local x = input(6)\nreturn net('n', %s)\n", offender[i][1]);
            Run r = run_text(text, NULL);
            assert_non_null(r.graph);
            assert_true(diag_option(&r.diag, "no-all"));
            if (mode != 0)
                assert_true(diag_option(&r.diag, offender[i][0]));
            if (mode == 2)
                assert_true(diag_option(&r.diag, "error"));
            const char *said = said_of(r.graph, &r.diag);
            snprintf(mark, sizeof mark, " [-W%s%s]\n", mode == 2 ? "error=" : "", offender[i][0]);
            assert_int_equal(count_of(said, mark), mode != 0);
            assert_int_equal(count_of(said, "\n"), mode != 0);
            assert_int_equal(r.diag.errors, mode == 2);
            assert_int_equal(count_of(said, "warning: "), mode == 1);
            run_end(&r);
        }
    }
}

static void checking_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", seed, RANDOM_ANY);
        char *before, *after;
        size_t size;
        FILE *f = open_memstream(&before, &size);
        graph_print(g, f);
        fclose(f);
        said_of(g, &d);
        f = open_memstream(&after, &size);
        graph_print(g, f);
        fclose(f);
        assert_string_equal(before, after);
        free(before);
        free(after);
        arena_free(a);
    }
}

static void a_net_without_outputs_is_an_error(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = graph_new(a, "t.lua");
    g->pos.line = 7;
    graph_input(g, &d, (Pos){"t.lua", 1}, 3, NULL);
    const char *said = said_of(g, &d);
    assert_string_equal(said, "t.lua:7: error: the net 'net' has no output\n");
    arena_free(a);
}

/* Ten thousand layers, all of them linear: the check is linear too, and every layer but the first is warned of once. */
static void depth_is_no_trouble(void **state)
{
    (void)state;
    Run r = run_text("local h = input(3)\nfor i = 1, 10000 do h = h:dense(3) end\nreturn net('n', h)\n", NULL);
    assert_non_null(r.graph);
    const char *said = said_of(r.graph, &r.diag);
    assert_int_equal(count_of(said, "[-Wlinear-stack]\n"), 9999);
    run_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_hold),
        cmocka_unit_test(budgets_are_refused_for_what_is_needed),
        cmocka_unit_test(every_warning_can_be_silenced_and_be_an_error),
        cmocka_unit_test(checking_changes_nothing),
        cmocka_unit_test(a_net_without_outputs_is_an_error),
        cmocka_unit_test(depth_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
