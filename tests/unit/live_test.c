/* live_test.c: nets that answer through libtcc and through the C compiler: the two agree, the swap, compilers that fail or
 * are not there, temporary files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "back/live.h"
#include "pass/pass.h"
#include "support/bound.h"
#include "support/random_graph.h"

enum { SAMPLES = 30, IO_MAX = 16 };

static char folder[64]; /* TMPDIR of these tests */

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/live_test-XXXXXX");
    return mkdtemp(folder) && setenv("TMPDIR", folder, 1) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder); /* fails when something is left in it */
}

static int left_behind(void)
{
    int count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* Runs with $CC as it is told; NULL: as it was. */
static void use_compiler(const char *cc)
{
    static char *before;
    static int asked;
    if (!asked++)
        before = getenv("CC") ? strdup(getenv("CC")) : NULL;
    if (cc)
        setenv("CC", cc, 1);
    else if (before)
        setenv("CC", before, 1);
    else
        unsetenv("CC");
}

typedef struct Rows {
    float *in[IO_MAX], *out[IO_MAX];
} Rows;

static Rows rows_new(const Graph *g, uint64_t seed)
{
    Rows r = {{NULL}, {NULL}};
    assert_in_range(g->ninput, 0, IO_MAX);
    assert_in_range(g->noutput, 1, IO_MAX);
    for (int i = 0; i < g->ninput; i++) {
        int width = g->input[i]->width;
        r.in[i] = malloc(SAMPLES * (size_t)width * sizeof(float)); /* exact: the sanitizer sees what is read beyond */
        for (int s = 0; s < SAMPLES; s++)
            random_sample(r.in[i] + s * width, width, seed, i, s);
    }
    for (int o = 0; o < g->noutput; o++)
        r.out[o] = malloc(SAMPLES * (size_t)g->output[o].node->width * sizeof(float));
    return r;
}

static void rows_free(Rows *r)
{
    for (int i = 0; i < IO_MAX; i++) {
        free(r->in[i]);
        free(r->out[i]);
    }
}

/* Samples from .. from + n - 1, over numbers that are not what was there before. */
static void run(Live *l, const Graph *g, const Rows *r, int from, int n)
{
    const float *x[IO_MAX];
    float *y[IO_MAX];
    for (int i = 0; i < g->ninput; i++)
        x[i] = r->in[i] + (size_t)from * (size_t)g->input[i]->width;
    for (int o = 0; o < g->noutput; o++) {
        size_t width = (size_t)g->output[o].node->width;
        y[o] = r->out[o] + (size_t)from * width;
        memset(y[o], 0x7f, (size_t)n * width * sizeof(float));
    }
    live_run(l, (size_t)n, x, y);
}

/* What is in r->out against the reference, after the constant work is done: what that leaves out (infinity times a weight of
 * 0) is no part of the answer. */
static void check_rows(const Graph *unfolded, const Rows *r, const char *tier, uint64_t seed)
{
    Graph *g = graph_copy(unfolded);
    Diag d;
    diag_init(&d, g->arena);
    assert_true(pass_fold(g, &d));
    for (int s = 0; s < SAMPLES; s++) {
        Arena *a = arena_new();
        const double *x[IO_MAX];
        double *want[IO_MAX], *bound[IO_MAX];
        for (int i = 0; i < g->ninput; i++) {
            size_t width = (size_t)g->input[i]->width;
            double *row = ARENA_ARRAY(a, width, double);
            for (size_t k = 0; k < width; k++)
                row[k] = (double)r->in[i][(size_t)s * width + k];
            x[i] = row;
        }
        for (int o = 0; o < g->noutput; o++) {
            want[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
            bound[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
        }
        bound_eval(g, x, want, bound);
        for (int o = 0; o < g->noutput; o++)
            for (int k = 0; k < g->output[o].node->width; k++) {
                double got = (double)r->out[o][s * g->output[o].node->width + k], w = want[o][k];
                if (!(isinf(bound[o][k]) || (isnan(w) ? isnan(got) : isinf(w) ? got == w : fabs(got - w) <= bound[o][k])))
                    fail_msg("%s, seed %llu, sample %d, number %d: got %.9g, expected %.9g, bound %g", tier,
                             (unsigned long long)seed, s, k, got, w, bound[o][k]);
            }
        arena_free(a);
    }
}

/* Waits for the compiler in the background. */
static void wait_for(Live *l)
{
    while (live_waits(l))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static Graph *small_net(Arena *a)
{
    Graph *g = random_graph(a, "net", 4, RANDOM_SMALL);
    graph_prune(g);
    return g;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void both_compilers_agree_with_the_reference(void **state)
{
    (void)state;
    const uint64_t nets = getenv("MLPC_LONG") ? 60 : 4;
    use_compiler(NULL);
    for (uint64_t seed = 0; seed < nets; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = random_graph(a, "net", 300 + seed, seed % 4 == 3 ? RANDOM_LONG : RANDOM_SMALL);
        graph_prune(g);
        Rows r = rows_new(g, seed);
        for (LiveJit jit = LIVE_TCC; jit <= LIVE_CC; jit++) {
            Live *l = live_new(g, jit, &d);
            assert_non_null(l);
            const char *news = live_news(l);
            if (strcmp(live_tier(l), jit == LIVE_CC ? "cc" : "tcc") != 0)
                fail_msg("answers through %s: %s", live_tier(l), news);
            for (int s = 0; s < 3; s++)
                run(l, g, &r, s, 1);
            run(l, g, &r, 3, SAMPLES - 3);
            check_rows(g, &r, live_tier(l), seed);
            live_free(l);
        }
        rows_free(&r);
        arena_free(a);
    }
    assert_int_equal(left_behind(), 0);
}

static void a_net_answers_before_and_after_the_swap(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = small_net(a);
    Rows r = rows_new(g, 1);
    use_compiler(NULL);
    Live *l = live_new(g, LIVE_AUTO, &d);
    assert_non_null(l);
    for (bool waits = true; waits;) { /* through the moment of the swap */
        waits = live_waits(l);
        run(l, g, &r, 0, SAMPLES);
        check_rows(g, &r, "auto", 1);
    }
    assert_string_equal(live_tier(l), "cc");
    assert_non_null(strstr(live_news(l), "cc takes over after"));
    assert_null(live_news(l)); /* once */
    assert_true(live_seconds_cc(l) > live_seconds_tcc(l) && live_seconds_tcc(l) > 0);
    live_free(l);
    rows_free(&r);
    arena_free(a);
    assert_int_equal(left_behind(), 0);
}

/* Whatever is wrong with the compiler: the net answers, and one line says why. */
static void nets_stay_on_tcc_without_a_compiler(void **state)
{
    (void)state;
    char complains[128], makes_text[128];
    Arena *a = arena_new();
    snprintf(complains, sizeof complains, "%s/complains", folder);
    snprintf(makes_text, sizeof makes_text, "%s/makes_text", folder);
    FILE *f = fopen(complains, "w");
    fputs("#!/bin/sh\necho note >&2\necho 'net.c:1:2: error: out of order' >&2\nexit 1\n", f);
    fclose(f);
    f = fopen(makes_text, "w");
    fputs("#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\necho nonsense >\"$2\"\n", f);
    fclose(f);
    chmod(complains, 0700);
    chmod(makes_text, 0700);
    const struct {
        const char *cc, *why;
    } cases[] = {{"no-such-compiler -m64", "stays on tcc: no C compiler: no-such-compiler: "},
                 {"false", "stays on tcc: false fails with status 1"},
                 {complains, "fails: out of order"},
                 {makes_text, "stays on tcc: what it made cannot be loaded from /tmp/live_test-"},
                 {"sh -c kill\t-9\t$$", "stays on tcc: sh"}}; /* words, no shell: sh gets "kill" to do */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (LiveJit jit = LIVE_CC; jit <= LIVE_AUTO; jit++) {
            Diag d;
            diag_init(&d, a);
            Graph *g = small_net(a);
            Rows r = rows_new(g, 1);
            use_compiler(cases[i].cc);
            Live *l = live_new(g, jit, &d);
            assert_non_null(l);
            wait_for(l);
            const char *news = live_news(l);
            if (!news || !strstr(news, cases[i].why))
                fail_msg("'%s': says '%s'", cases[i].cc, news ? news : "nothing");
            assert_null(strchr(news, '\n'));
            assert_string_equal(live_tier(l), "tcc");
            run(l, g, &r, 0, SAMPLES);
            check_rows(g, &r, "tcc", 1);
            live_free(l);
            rows_free(&r);
        }
    use_compiler(NULL);
    unlink(complains);
    unlink(makes_text);
    setenv("TMPDIR", "/nowhere/at/all", 1);
    Diag d;
    diag_init(&d, a);
    Live *l = live_new(small_net(a), LIVE_CC, &d);
    assert_non_null(strstr(live_news(l), "stays on tcc: no temporary directory in /nowhere/at/all: "));
    live_free(l);
    setenv("TMPDIR", folder, 1);
    arena_free(a);
    assert_int_equal(left_behind(), 0);
}

/* A compiler that would take an hour is not waited for. */
static void a_net_is_freed_while_the_compiler_works(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = small_net(a);
    Rows r = rows_new(g, 1);
    char slow[128];
    snprintf(slow, sizeof slow, "%s/slow", folder);
    FILE *f = fopen(slow, "w");
    fputs("#!/bin/sh\nsleep 3600\n", f);
    fclose(f);
    chmod(slow, 0700);
    use_compiler(slow);
    for (int i = 0; i < 10; i++) {
        Live *l = live_new(g, LIVE_AUTO, &d);
        assert_non_null(l);
        assert_true(live_waits(l));
        assert_null(live_news(l));
        run(l, g, &r, 0, SAMPLES);
        if (i % 2) /* in the middle of it, and before it has begun */
            nanosleep(&(struct timespec){0, 3000000}, NULL);
        live_free(l);
    }
    use_compiler(NULL);
    check_rows(g, &r, "tcc", 1);
    unlink(slow);
    rows_free(&r);
    arena_free(a);
    assert_int_equal(left_behind(), 0);
}

static void nets_without_weights_do_not_answer(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = small_net(a);
    g->param[0]->value = NULL;
    assert_null(live_new(g, LIVE_TCC, &d));
    assert_int_equal(d.errors, 1);
    live_free(NULL);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_compilers_agree_with_the_reference),
        cmocka_unit_test(a_net_answers_before_and_after_the_swap),
        cmocka_unit_test(nets_stay_on_tcc_without_a_compiler),
        cmocka_unit_test(a_net_is_freed_while_the_compiler_works),
        cmocka_unit_test(nets_without_weights_do_not_answer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
