/* jit_test.c: plans compiled in memory: against the reference within the bound of single precision, for
 * every set of kernels that this machine has; many nets, many compilations, many threads; what libtcc says
 * and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/jit.h"
#include "pass/pass.h"
#include "support/bound.h"
#include "support/random_graph.h"

enum { SAMPLES = 30, IO_MAX = 16 };

static const Pos pos = {"t.lua", 1};

/* ---- nets ------------------------------------------------------------------------------------------------ */

/* A net planned as mlpc does it. The values of parameters that stay an argument are not known to the passes,
 * but are to the reference evaluator afterwards. */
static Plan *planned(Graph *g, WeightsAs as)
{
    Diag d;
    diag_init(&d, g->arena);
    graph_prune(g);
    const float **value = ARENA_ARRAY(g->arena, (size_t)g->nparam + 1, const float *);
    Param **param = ARENA_ARRAY(g->arena, (size_t)g->nparam + 1, Param *);
    int count = g->nparam;
    for (int i = 0; i < count; i++) {
        param[i] = g->param[i];
        value[i] = param[i]->value;
        if (as == WEIGHTS_ARGUMENT)
            param[i]->value = NULL;
    }
    assert_true(pass_fold(g, &d));
    pass_fuse(g);
    Plan *p = plan_make(g, as, TARGET_SIMD);
    for (int i = 0; i < count && as == WEIGHTS_ARGUMENT; i++)
        param[i]->value = value[i];
    return p;
}

/* The block of parameters that the functions of a plan take. */
static float *block_of(const Plan *p)
{
    float *block = aligned_alloc(64, (p->numbers + PANEL) / PANEL * PANEL * sizeof *block);
    assert_non_null(block);
    for (int i = 0; i < p->ntable; i++)
        for (size_t k = 0; k < p->table[i]->count && !p->table[i]->baked; k++)
            block[p->table[i]->offset + k] = table_value(p->table[i], k);
    return block;
}

/* Values of SAMPLES rows: for each input, or for each output. */
typedef struct Rows {
    float *of[IO_MAX];
} Rows;

static Rows rows_new(void)
{
    return (Rows){{NULL}};
}

static void rows_free(Rows *r)
{
    for (int i = 0; i < IO_MAX; i++)
        free(r->of[i]);
}

static Rows inputs_of(const Graph *g, uint64_t seed)
{
    Rows r = rows_new();
    assert_in_range(g->ninput, 0, IO_MAX);
    for (int i = 0; i < g->ninput; i++) {
        int width = g->input[i]->width;
        r.of[i] = malloc(SAMPLES * (size_t)width * sizeof(float)); /* exact: the sanitizer sees what is read beyond */
        for (int s = 0; s < SAMPLES; s++)
            random_sample(r.of[i] + s * width, width, seed, i, s);
    }
    return r;
}

static Rows outputs_of(const Graph *g)
{
    Rows r = rows_new();
    assert_in_range(g->noutput, 1, IO_MAX);
    for (int o = 0; o < g->noutput; o++) {
        size_t size = SAMPLES * (size_t)g->output[o].node->width * sizeof(float);
        r.of[o] = malloc(size);
        memset(r.of[o], 0xff, size); /* NaN */
    }
    return r;
}

/* Samples from .. from + n - 1. */
static void run(const Jit *j, const Graph *g, const float *p, Rows *in, Rows *out, int from, int n)
{
    const float *x[IO_MAX];
    float *y[IO_MAX], *scratch = jit_scratch(j);
    for (int i = 0; i < g->ninput; i++)
        x[i] = in->of[i] + (size_t)from * (size_t)g->input[i]->width;
    for (int o = 0; o < g->noutput; o++)
        y[o] = out->of[o] + (size_t)from * (size_t)g->output[o].node->width;
    memset(scratch, 0xff, j->scratch * sizeof *scratch);
    jit_run(j, p, (size_t)n, x, y, scratch);
    free(scratch);
}

/* ---- the reference --------------------------------------------------------------------------------------- */

static bool same(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void check_value(float got, double want, double bound, const char *what, uint64_t seed, int s, int k)
{
    bool good = isinf(bound) || (isnan(want) ? isnan(got)
                                 : isinf(want) ? (double)got == want
                                               : fabs((double)got - want) <= bound);
    if (!good)
        fail_msg("%s, seed %llu, sample %d, number %d: got %.9g, expected %.9g, bound %g", what,
                 (unsigned long long)seed, s, k, (double)got, want, bound);
}

static void check_sample(const Graph *g, const Rows *in, const Rows *out, int s, const char *what, uint64_t seed)
{
    Arena *a = arena_new();
    const double *x[IO_MAX];
    double *want[IO_MAX], *bound[IO_MAX];
    for (int i = 0; i < g->ninput; i++) {
        size_t width = (size_t)g->input[i]->width;
        double *row = ARENA_ARRAY(a, width, double);
        for (size_t k = 0; k < width; k++)
            row[k] = (double)in->of[i][(size_t)s * width + k];
        x[i] = row;
    }
    for (int o = 0; o < g->noutput; o++) {
        want[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
        bound[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
    }
    bound_eval(g, x, want, bound);
    for (int o = 0; o < g->noutput; o++)
        for (int k = 0; k < g->output[o].node->width; k++)
            check_value(out->of[o][s * g->output[o].node->width + k], want[o][k], bound[o][k], what, seed, s, k);
    arena_free(a);
}

/* Alone and in batches of every kind of remainder: the same bits, and within the bound of the planned graph. */
static void check_plan(const Plan *p, const mlp_kernels *k, uint64_t seed)
{
    static const int parts[] = {SAMPLES, 1, 2, 3, 5, 7, 12};
    const Graph *g = p->graph;
    Diag d;
    diag_init(&d, g->arena);
    Jit *j = jit_compile_for(p, k, &d);
    assert_non_null(j);
    float *block = block_of(p);
    Rows in = inputs_of(g, seed), batch = outputs_of(g), some = outputs_of(g);
    run(j, g, block, &in, &batch, 0, SAMPLES);
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        for (int from = 0, n; from < SAMPLES; from += n) {
            n = from + parts[part] <= SAMPLES ? parts[part] : SAMPLES - from;
            run(j, g, block, &in, &some, from, n);
        }
        for (int o = 0; o < g->noutput; o++)
            for (int i = 0; i < SAMPLES * g->output[o].node->width; i++)
                if (!same(batch.of[o][i], some.of[o][i]))
                    fail_msg("%s, seed %llu, output %d, number %d: %.9g in a batch of %d, %.9g of %d", k->name,
                             (unsigned long long)seed, o, i, (double)batch.of[o][i], SAMPLES, (double)some.of[o][i],
                             parts[part]);
    }
    for (int s = 0; s < SAMPLES; s++)
        check_sample(g, &in, &batch, s, k->name, seed);
    rows_free(&in);
    rows_free(&batch);
    rows_free(&some);
    free(block);
    jit_free(j);
}

static void random_nets(RandomKind kind, uint64_t from, uint64_t to)
{
    static const WeightsAs forms[] = {WEIGHTS_BAKED, WEIGHTS_FILE, WEIGHTS_ARGUMENT};
    const mlp_kernels *k;
    for (uint64_t seed = from; seed < to; seed++) {
        Arena *a = arena_new();
        Plan *p = planned(random_graph(a, "net", seed, kind), forms[seed % 3]);
        for (int i = 0; (k = mlp_kernels_at(i)); i++)
            check_plan(p, k, seed);
        arena_free(a);
    }
}

static void small_nets_agree_with_the_reference(void **state)
{
    (void)state;
    random_nets(RANDOM_SMALL, 0, 120);
}

static void nets_agree_with_the_reference(void **state)
{
    (void)state;
    random_nets(RANDOM_ANY, 1000, 1060);
}

static void wide_nets_agree_with_the_reference(void **state)
{
    (void)state;
    random_nets(RANDOM_WIDE, 2000, 2012);
}

/* ---- particular nets ------------------------------------------------------------------------------------- */

typedef struct Net {
    Arena *a;
    Graph *g;
    Diag d;
} Net;

static Net net_new(void)
{
    Net n = {.a = arena_new()};
    n.g = graph_new(n.a, "t.lua");
    n.g->name = "net";
    diag_init(&n.d, n.a);
    return n;
}

static void bind(Graph *g, uint64_t seed)
{
    Random r = {seed};
    for (int i = 0; i < g->nparam; i++) {
        Param *p = g->param[i];
        float *v = ARENA_ARRAY(g->arena, param_count(p), float);
        for (size_t k = 0; k < param_count(p); k++)
            v[k] = p->role == ROLE_RUNNING_VAR ? 1.0f : random_normal(&r) / sqrtf((float)p->cols);
        p->value = v;
    }
}

/* in -> out, and nothing else. */
static Plan *dense_net(Net *n, int in, int out)
{
    Node *x = graph_input(n->g, &n->d, pos, in, NULL);
    graph_outputs(n->g, &(Output){"y", graph_dense(n->g, &n->d, pos, x, out, true, INIT_HE, NULL)}, 1);
    bind(n->g, 1);
    return planned(n->g, WEIGHTS_BAKED);
}

/* Every number of outputs around the panels and strips of all sets, few and many inputs: so every kernel is
 * called. */
static void layers_of_all_shapes(void **state)
{
    (void)state;
    static const int ins[] = {1, 2, 3, 7, 8, 17, 33, 70, 200};
    const mlp_kernels *k;
    for (size_t i = 0; i < sizeof ins / sizeof *ins; i++)
        for (int out = 1; out < 150; out += out < 34 ? 1 : 13) {
            Net n = net_new();
            Plan *p = dense_net(&n, ins[i], out);
            for (int set = 0; (k = mlp_kernels_at(set)); set++)
                check_plan(p, k, (uint64_t)out);
            arena_free(n.a);
        }
}

/* An op without a kernel would be found by the first user of it. */
static void every_element_op_has_a_kernel(void **state)
{
    (void)state;
    const mlp_kernels *k;
    for (Op op = 0; op < OP_COUNT; op++) {
        if (op_info[op].kind != KIND_ELEMENT || op == OP_PRELU || op == OP_AFFINE)
            continue;
        double attr[2] = {op_info[op].attr[0].standard, op_info[op].attr[1].standard};
        Net n = net_new();
        Node *x = graph_input(n.g, &n.d, pos, 19, NULL);
        Node *y = graph_unary(n.g, &n.d, pos, op, graph_unary(n.g, &n.d, pos, op, x, attr, NULL), attr, NULL);
        graph_outputs(n.g, &(Output){"y", y}, 1);
        bind(n.g, 3);
        Plan *p = planned(n.g, WEIGHTS_ARGUMENT); /* unknown values: batchnorm stays */
        for (int set = 0; (k = mlp_kernels_at(set)); set++)
            check_plan(p, k, 5);
        arena_free(n.a);
    }
}

/* No samples: nothing is read or written. */
static void no_samples_are_fine(void **state)
{
    (void)state;
    Net n = net_new();
    Plan *p = dense_net(&n, 3, 20);
    Jit *j = jit_compile(p, &n.d);
    assert_non_null(j);
    float *scratch = jit_scratch(j);
    const float *x = NULL;
    float *y = NULL;
    jit_run(j, NULL, 0, &x, &y, scratch);
    free(scratch);
    jit_free(j);
    arena_free(n.a);
}

/* Nets live side by side, and one that is freed leaves the others alone; graph and plan may go before. */
static void many_nets_live_at_once(void **state)
{
    (void)state;
    enum { NETS = 40 };
    Jit *j[NETS];
    float want[NETS][20], y[20], *out = y;
    float x[3] = {0.5f, -1.0f, 2.0f};
    const float *in = x;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NETS; i++) {
            if (round == 0) {
                Net n = net_new();
                Node *input = graph_input(n.g, &n.d, pos, 3, NULL);
                Node *node = graph_dense(n.g, &n.d, pos, input, 1 + i % 20, true, INIT_HE, NULL);
                graph_outputs(n.g, &(Output){"y", graph_unary(n.g, &n.d, pos, OP_TANH, node, NULL, NULL)}, 1);
                bind(n.g, (uint64_t)i);
                j[i] = jit_compile(planned(n.g, WEIGHTS_BAKED), &n.d);
                assert_non_null(j[i]);
                arena_free(n.a);
            }
            float *scratch = jit_scratch(j[i]);
            jit_run(j[i], NULL, 1, &in, &out, scratch);
            free(scratch);
            if (round == 0)
                memcpy(want[i], y, sizeof y);
            else
                assert_memory_equal(want[i], y, (size_t)(1 + i % 20) * sizeof(float));
            if (round == 1)
                jit_free(j[i]);
        }
}

/* ---- what libtcc says ------------------------------------------------------------------------------------ */

static const char *said(Diag *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    diag_flush(d, f);
    fclose(f);
    const char *copy = arena_strdup(d->arena, text);
    free(text);
    return copy;
}

static void twice(float *x)
{
    *x *= 2.0f;
}

static void text_calls_symbols_and_is_found_by_name(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    const mlp_symbol symbol = {"twice", "void twice(float *x);", (void (*)(void))twice};
    const char *text = arena_printf(a, "%s\n"
                                       "void four(float *x) { twice(x); twice(x); }\n"
                                       "void two(float *x) { twice(x); }\n",
                                    symbol.prototype);
    JitFunction f[] = {{"four", NULL}, {"two", NULL}, {NULL, NULL}};
    JitCode *code = jit_code(text, &symbol, 1, f, &d);
    assert_non_null(code);
    void (*four)(float *);
    memcpy(&four, &f[0].address, sizeof four);
    float x = 1.5f;
    four(&x);
    assert_true(x == 6.0f); /* exact: powers of two */
    assert_non_null(f[1].address);
    jit_code_free(code);
    arena_free(a);
}

static void mistakes_are_told_at_the_line_of_the_script(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    JitFunction f[] = {{NULL, NULL}};
    assert_null(jit_code("void f(void)\n{\n#line 7 \"dir/a b.lua\"\nthis is no C;\n}\n", NULL, 0, f, &d));
    assert_non_null(strstr(said(&d), "dir/a b.lua:7: error: internal error: libtcc does not take our code: "));
    assert_int_equal(d.errors, 1);
    arena_free(a);
}

static void missing_symbols_and_functions_are_told(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    JitFunction none[] = {{NULL, NULL}};
    assert_null(jit_code("void mlp_nowhere(void);\nvoid f(void) { mlp_nowhere(); }\n", NULL, 0, none, &d));
    assert_non_null(strstr(said(&d), "mlp_nowhere"));
    JitFunction f[] = {{"g", NULL}, {NULL, NULL}};
    JitCode *code = jit_code("void f(void) {}\n", NULL, 0, f, &d);
    assert_non_null(code);
    assert_null(f[0].address);
    jit_code_free(code);
    arena_free(a);
}

static void text_is_self_contained_and_names_the_script(void **state)
{
    (void)state;
    Net n = net_new();
    Plan *p = dense_net(&n, 20, 20);
    float constants[16] = {0};
    JitText t = jit_text(p, mlp_kernels_best(), constants, n.a);
    assert_null(strstr(t.text, "#include"));
    assert_non_null(strstr(t.text, "#line 1 \"t.lua\"\n"));
    arena_free(n.a);
}

/* A path may hold anything but NUL. */
static void any_path_of_a_script_is_taken(void **state)
{
    (void)state;
    Net n = net_new();
    Pos strange = {"a\"b\\c\n\x01 \xc3\xa9.lua", 3};
    Node *x = graph_input(n.g, &n.d, strange, 3, NULL);
    graph_outputs(n.g, &(Output){"y", graph_dense(n.g, &n.d, strange, x, 30, true, INIT_HE, NULL)}, 1);
    bind(n.g, 1);
    Jit *j = jit_compile(planned(n.g, WEIGHTS_BAKED), &n.d);
    if (!j)
        fail_msg("%s", said(&n.d));
    jit_free(j);
    arena_free(n.a);
}

/* ---- many times, many threads ---------------------------------------------------------------------------- */

/* What malloc holds, and the pages of the process, in bytes. */
static size_t memory_now(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &pages, &resident) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (size_t)pages * 4096;
}

static void compilations_leak_nothing(void **state)
{
    (void)state;
    const int times = getenv("MLPC_LONG") ? 10000 : 2000;
    Net n = net_new();
    Node *x = graph_input(n.g, &n.d, pos, 2, NULL);
    Node *h = graph_unary(n.g, &n.d, pos, OP_TANH, graph_dense(n.g, &n.d, pos, x, 8, true, INIT_HE, NULL), NULL, NULL);
    graph_outputs(n.g, &(Output){"y", graph_dense(n.g, &n.d, pos, h, 1, true, INIT_HE, NULL)}, 1);
    bind(n.g, 1);
    Plan *p = planned(n.g, WEIGHTS_BAKED);
    size_t before = 0;
    for (int i = 0; i < times; i++) {
        if (i == 100) /* by then every allocator has what it keeps */
            before = memory_now();
        Jit *j = jit_compile(p, &n.d);
        assert_non_null(j);
        jit_free(j);
    }
    size_t after = memory_now();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep what is freed */
    assert_true(after <= before + (1 << 20));
#endif
    (void)before, (void)after;
    arena_free(n.a);
}

static void *compile_and_run(void *seed)
{
    uint64_t from = *(const uint64_t *)seed;
    random_nets(RANDOM_SMALL, from, from + 12);
    return NULL;
}

static void threads_compile_and_run_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    uint64_t seed[THREADS];
    for (int i = 0; i < THREADS; i++) {
        seed[i] = 5000 + 100 * (uint64_t)i;
        assert_int_equal(pthread_create(&thread[i], NULL, compile_and_run, &seed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

typedef struct Shared {
    const Jit *j;
    int differences;
} Shared;

static void *run_shared(void *shared)
{
    Shared *s = shared;
    float x[40], y[20], first[20], *out = y, *scratch = jit_scratch(s->j);
    const float *in = x;
    for (int i = 0; i < 40; i++)
        x[i] = (float)i / 10;
    for (int i = 0; i < 2000; i++) {
        jit_run(s->j, NULL, 1, &in, &out, scratch);
        if (i == 0)
            memcpy(first, y, sizeof y);
        s->differences += memcmp(first, y, sizeof y) != 0;
    }
    free(scratch);
    return NULL;
}

static void threads_share_a_net(void **state)
{
    (void)state;
    Net n = net_new();
    Node *x = graph_input(n.g, &n.d, pos, 40, NULL);
    Node *h = graph_unary(n.g, &n.d, pos, OP_TANH, graph_dense(n.g, &n.d, pos, x, 30, true, INIT_HE, NULL), NULL, NULL);
    graph_outputs(n.g, &(Output){"y", graph_dense(n.g, &n.d, pos, h, 20, true, INIT_HE, NULL)}, 1);
    bind(n.g, 1);
    Jit *j = jit_compile(planned(n.g, WEIGHTS_BAKED), &n.d);
    assert_non_null(j);
    pthread_t thread[3];
    Shared shared[3];
    for (int i = 0; i < 3; i++) {
        shared[i] = (Shared){j, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, run_shared, &shared[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(shared[i].differences, 0);
    }
    jit_free(j);
    arena_free(n.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_nets_agree_with_the_reference),
        cmocka_unit_test(nets_agree_with_the_reference),
        cmocka_unit_test(wide_nets_agree_with_the_reference),
        cmocka_unit_test(layers_of_all_shapes),
        cmocka_unit_test(every_element_op_has_a_kernel),
        cmocka_unit_test(no_samples_are_fine),
        cmocka_unit_test(many_nets_live_at_once),
        cmocka_unit_test(text_calls_symbols_and_is_found_by_name),
        cmocka_unit_test(mistakes_are_told_at_the_line_of_the_script),
        cmocka_unit_test(missing_symbols_and_functions_are_told),
        cmocka_unit_test(text_is_self_contained_and_names_the_script),
        cmocka_unit_test(any_path_of_a_script_is_taken),
        cmocka_unit_test(compilations_leak_nothing),
        cmocka_unit_test(threads_compile_and_run_at_once),
        cmocka_unit_test(threads_share_a_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
