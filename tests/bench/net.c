/* net.c: a script and its weights -> a Net to measure, and what runs it: shared objects and the JIT. */
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"
#include "back/live.h"
#include "kernels.h"
#include "learner.h"
#include "mlp.h"

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t blocks_of(size_t batch)
{
    size_t blocks = BLOCKS;
    while (blocks * batch > BATCH_MAX)
        blocks /= 2;
    return blocks;
}

/* Large blocks in huge pages: which pages of 4 KB fall on the same sets of the second cache is luck, other in each run. */
float *take_floats(size_t count)
{
    enum { HUGE_PAGE = 2 << 20 };
    void *memory;
    size_t size = (count + 128) * sizeof(float), unit = size > HUGE_PAGE / 8 ? HUGE_PAGE : 64;
    if (posix_memalign(&memory, unit, (size + unit - 1) / unit * unit))
        die("bench: out of memory");
    if (unit == HUGE_PAGE)
        madvise(memory, (size + unit - 1) / unit * unit, MADV_HUGEPAGE);
    return memory;
}

static void fill(float *x, size_t count, mlp_rng *rng)
{
    for (size_t i = 0; i < count; i++)
        x[i] = 2.0f * mlp_rng_uniform(rng) - 1.0f;
}

/* ---- nets ------------------------------------------------------------------------------------------------- */

void write_weights(const char *script, const char *path)
{
    Compile c;
    mlp_error err;
    compile_begin(&c);
    c.script = script;
    c.weights = "none";
    if (!compile_run(&c, STAGE_GRAPH))
        die("bench: %s does not compile", script);
    const Graph *g = c.graph;
    float *w = take_floats(graph_params(g));
    mlp_tensor *tensor = ARENA_ARRAY(c.arena, (size_t)g->nparam, mlp_tensor);
    learner_start(g, 1, w);
    for (int p = 0, i = 0; p < g->nparam; p++) {
        const Param *q = g->param[p];
        size_t *shape = ARENA_ARRAY(c.arena, 2, size_t);
        shape[0] = (size_t)q->rows, shape[1] = (size_t)q->cols;
        tensor[p] =
            (mlp_tensor){.name = q->name, .data = w + i, .count = param_count(q), .shape = shape, .rank = q->ndim};
        i += (int)param_count(q);
    }
    if (mlp_params_write(path, tensor, (size_t)g->nparam, NULL, 0, &err))
        die("bench: %s", err.text);
    free(w);
    compile_end(&c);
}

static void add_layer(Net *n, const Step *s)
{
    const Node *d = s->node;
    if (s->kind == STEP_ROW && n->nlayer) {
        n->layer[n->nlayer - 1].act = op_info[d->op].name;
        return;
    }
    if (s->kind != STEP_DENSE || n->nlayer == LAYERS_MAX || d->nepi > 1)
        die("bench: %s is not a chain of dense layers with an activation each", n->name);
    n->layer[n->nlayer++] = (Layer){.in = d->in[0]->width,
                                    .out = d->width,
                                    .act = d->nepi ? op_info[d->epi[0]->op].name : "linear",
                                    .w = d->param[ROLE_WEIGHT]->value,
                                    .b = d->param[ROLE_BIAS] ? d->param[ROLE_BIAS]->value : NULL};
    n->floats += param_count(d->param[ROLE_WEIGHT]) + (size_t)d->width;
}

void net_load(Net *n, const char *script)
{
    mlp_rng rng;
    *n = (Net){0};
    compile_begin(&n->compile);
    n->compile.script = script;
    if (!compile_run(&n->compile, STAGE_PLAN) || n->compile.as != WEIGHTS_BAKED)
        die("bench: %s does not compile, or has no weights", script);
    const Plan *p = n->compile.plan;
    n->name = p->graph->name;
    for (int i = 0; i < p->nstep; i++)
        add_layer(n, &p->step[i]);
    n->in = n->layer[0].in;
    n->out = n->layer[n->nlayer - 1].out;
    n->macs = p->macs;
    n->x = take_floats((size_t)n->in * BATCH_MAX);
    n->y = take_floats((size_t)n->out * BATCH_MAX);
    mlp_rng_seed(&rng, 2, 0);
    fill(n->x, (size_t)n->in * BATCH_MAX, &rng);
}

void net_free(Net *n)
{
    free(n->x);
    free(n->y);
    compile_end(&n->compile);
}

/* ---- generated code --------------------------------------------------------------------------------------- */

typedef void Loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                  float *scratch);

typedef struct Object {
    Loop *loop;
    float *p, *scratch; /* p: the file of numbers, or NULL */
} Object;

static double time_object(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const Object *o = s->state;
    double start = now();
    o->loop(calls, batch, o->p, n->x, batch * (size_t)n->in, blocks_of(batch), n->y, o->scratch);
    return now() - start;
}

static float *read_floats(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st))
        die("bench: cannot read %s", path);
    float *p = take_floats((size_t)st.st_size / sizeof(float));
    if (fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        die("bench: cannot read %s", path);
    fclose(f);
    return p;
}

int generated_subjects(Subject *s, const Net *n, const char *dir)
{
    static const struct {
        const char *name, *file, *set;
    } way[] = {{"gcc -O2", "gcc-sse2", "sse2"},        {"clang -O2", "clang-sse2", "sse2"},
               {"gcc -O3 avx2", "gcc-avx2", "avx2"},   {"clang -O3 avx2", "clang-avx2", "avx2"},
               {"gcc -O3 native", "gcc-native", NULL}, {"clang -O3 native", "clang-native", NULL},
               {"gcc -O3 OpenMP", "gcc-openmp", NULL}};
    Arena *a = n->compile.arena;
    int count = 0;
    float *p = read_floats(arena_printf(a, "%s/%s.weights", dir, n->name)), *scratch = take_floats((size_t)1 << 22);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        void *object = dlopen(arena_printf(a, "%s/%s.%s.so", dir, n->name, way[i].file), RTLD_NOW | RTLD_LOCAL);
        void *address = object ? dlsym(object, "bench_loop") : NULL;
        Object *o = ARENA_NEW(a, Object);
        if (!address)
            continue;
        o->p = p;
        o->scratch = scratch;
        memcpy(&o->loop, &address, sizeof o->loop);
        s[count++] = (Subject){way[i].name, way[i].set ? way[i].set : mlp_kernels_best()->name, time_object, o, 0};
    }
    return count;
}

/* ---- in memory -------------------------------------------------------------------------------------------- */

/* By libtcc, or by the C compiler: both as run and the prompt have them. */
static double time_live(Subject *s, const Net *n, size_t batch, size_t calls)
{
    size_t step = batch * (size_t)n->in, blocks = blocks_of(batch);
    float *y = n->y;
    double start = now();
    for (size_t i = 0; i < calls; i++) {
        const float *x = n->x + (i & (blocks - 1)) * step;
        live_run(s->state, batch, &x, &y);
    }
    return now() - start;
}

int live_subjects(Subject *s, const Net *n)
{
    static const char *const name[] = {"JIT tcc", "JIT cc"};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        Compile c;
        compile_begin(&c);
        c.script = n->compile.script;
        Live *l = compile_run(&c, STAGE_GRAPH) ? live_new(c.graph, i ? LIVE_CC : LIVE_TCC, &c.diag) : NULL;
        compile_end(&c);
        if (l && strcmp(live_tier(l), i ? "cc" : "tcc") == 0)
            s[count++] = (Subject){name[i], mlp_kernels_best()->name, time_live, l, 0};
    }
    return count;
}

/* ---- limits ----------------------------------------------------------------------------------------------- */

static volatile float sink;

/* calls * batch samples' multiply-adds. */
static double time_peak(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const mlp_kernels *k = s->state;
    double rounds = 2.0 * n->macs * (double)(batch * calls) / k->peak_flops, start = now();
    sink = k->peak((size_t)rounds + 1);
    return now() - start;
}

/* All weights and biases once a call: the same addresses, hence the same level of the memory. */
static double time_stream(Subject *s, const Net *n, size_t batch, size_t calls)
{
    static float *block;
    static size_t floats;
    const mlp_kernels *k = s->state;
    (void)batch;
    if (floats < n->floats) {
        mlp_rng rng;
        free(block);
        floats = n->floats;
        block = take_floats(floats);
        mlp_rng_seed(&rng, 3, 0);
        fill(block, floats + 127, &rng);
    }
    double start = now();
    for (size_t i = 0; i < calls; i++)
        sink = k->stream(block, (n->floats + 127) / 128 * 128);
    return now() - start;
}

int limit_subjects(Subject *s)
{
    int count = 0;
    const mlp_kernels *k;
    for (int i = 0; (k = mlp_kernels_at(i)); i++)
        s[count++] = (Subject){k->name, k->name, time_peak, (void *)(size_t)k, 0};
    s[count++] = (Subject){"stream", "", time_stream, (void *)(size_t)mlp_kernels_best(), 0};
    return count;
}

/* What the machine can do at all: multiply-adds, and reading from each level of its memory. */
void print_limits(void)
{
    static const struct {
        const char *name;
        size_t floats;
    } level[] = {
        {"L1, 24 KB", 6 << 10}, {"L2, 512 KB", 128 << 10}, {"L3, 8 MB", 2 << 20}, {"memory, 256 MB", 64 << 20}};
    const mlp_kernels *k = NULL;
    Net n = {.macs = 1e6};
    for (int i = 0; (k = mlp_kernels_at(i)); i++) {
        Subject s = {.state = (void *)(size_t)k};
        double best = 1;
        for (int r = 0; r < 9; r++)
            best = fmin(best, time_peak(&s, &n, 1, 100));
        printf("%-8s multiply-adds   %8.1f GFLOP/s\n", k->name, 0.2 / best);
    }
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        Subject s = {.state = (void *)(size_t)mlp_kernels_best()};
        size_t calls = ((size_t)64 << 20) / level[i].floats;
        double best = 1;
        n.floats = level[i].floats;
        for (int r = 0; r < 5; r++)
            best = fmin(best, time_stream(&s, &n, 1, calls) / (double)calls);
        printf("%-16s reads   %8.1f GB/s\n", level[i].name, 4e-9 * (double)n.floats / best);
    }
}
