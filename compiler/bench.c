/* bench.c: the verb bench, and what it measures: first the machine, then making the code, then running it. Best of several
 * rounds everywhere, since whatever else runs can only make a round slower. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "back/live.h"
#include "base/block.h"
#include "base/json.h"
#include "cli.h"
#include "kernels.h"
#include "learner.h"

enum { ROUNDS = 8, TURNS = 3, COMPILES = 51, BATCHES = 3, BATCH_MOST = 256, TIERS = 2 };

static const double ROUND = 2e-3, ENOUGH = 0.2; /* seconds: of a round at least, of rounds before a fourth */
static const int batches[BATCHES] = {1, 16, BATCH_MOST}; /* powers of two */
static const size_t ROOM = (size_t)1 << 26;                /* floats: batches with more in and out are left out */

/* One line of the table. */
typedef struct Speed {
    const char *tier;
    int batch;
    double us, gflops, gbytes, share; /* microseconds a sample; share of the nearer of the two limits */
    bool by_stream;                   /* which one that is */
} Speed;

typedef struct Bench {
    const Graph *g;
    LiveCost cost;
    /* the machine */
    const mlp_kernels *kernels;
    const char *level; /* of cache, where the weights fit */
    double gflops, gbytes;
    /* making the code */
    double tcc_ms, cc_s;
    const char *news; /* why there is no cc; NULL: there is */
    /* running it */
    int sizes; /* so many of the batches */
    float **x;        /* rows of each input */
    const float **in; /* what calls take: for each row from which a call begins, a pointer for each input */
    float **out;
    Speed speed[TIERS * BATCHES];
    int speeds;
} Bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- rounds ----------------------------------------------------------------------------------------------------- */

/* Seconds of one call of work(context, times) divided by times: the best of several rounds. */
static double best_time(void (*work)(void *context, size_t times), void *context)
{
    size_t times = 1;
    double best = HUGE_VAL, began = now();
    for (int round = 0; round < ROUNDS && (round < 4 || now() - began < ENOUGH); round++) {
        double start = now();
        work(context, times);
        double took = now() - start;
        best = fmin(best, took / (double)times);
        if (took < ROUND) { /* still finding out how often */
            times = took < ROUND / 8 ? times * 8 : times * 2;
            round--;
        }
    }
    return best;
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

static volatile float kept; /* so that nothing is left out */

static void peak_work(void *bench, size_t times)
{
    kept = ((Bench *)bench)->kernels->peak(1000 * times);
}

typedef struct Block {
    const mlp_kernels *kernels;
    const float *x;
    size_t count;
} Block;

static void stream_work(void *block, size_t times)
{
    const Block *b = block;
    kept = b->kernels->stream(b->x, b->count, times);
}

static const char *level_of(size_t bytes)
{
    static const struct {
        int name;
        const char *level;
    } levels[] = {{_SC_LEVEL1_DCACHE_SIZE, "L1"}, {_SC_LEVEL2_CACHE_SIZE, "L2"}, {_SC_LEVEL3_CACHE_SIZE, "L3"}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        long size = sysconf(levels[i].name);
        if (size > 0 && bytes <= (size_t)size)
            return levels[i].level;
    }
    return "memory";
}

static float *take_floats(size_t count, float step)
{
    float *x = block_new(count);
    for (size_t i = 0; i < count; i++)
        x[i] = step * (float)((int)(i * 7919 % 2001) - 1000);
    return x;
}

/* Blocks as large as the weights, so that they come from the same level of cache; small ones cost more to begin than to
 * read. */
static void measure_machine(Bench *b)
{
    Block block = {.kernels = b->kernels, .count = b->cost.bytes / sizeof(float)};
    block.count = block.count < 2048 ? 2048 : block.count;
    float *x = take_floats(block.count, 1e-6f);
    block.x = x;
    b->gflops = 1000 * b->kernels->peak_flops / best_time(peak_work, b) * 1e-9;
    b->gbytes = (double)block.count * sizeof(float) / best_time(stream_work, &block) * 1e-9;
    b->level = level_of(block.count * sizeof(float));
    free(x);
}

/* ---- making the code -------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the time from graph to callable. */
static bool measure_tcc(Bench *b, Diag *d)
{
    double took[COMPILES], began = now();
    int n = 0;
    while (n < COMPILES && (n < 3 || now() - began < ENOUGH)) {
        Live *l = live_new(b->g, LIVE_TCC, d);
        if (!l)
            return false;
        took[n++] = live_seconds_tcc(l);
        b->cost = live_cost(l);
        live_free(l);
    }
    qsort(took, (size_t)n, sizeof *took, by_size);
    b->tcc_ms = took[n / 2] * 1e3;
    return true;
}

/* ---- running it ------------------------------------------------------------------------------------------------- */

typedef struct Calls {
    Bench *b;
    Live *l;
    int batch;
} Calls;

/* `times` calls; of one sample each, of which the next one is another. */
static void run_work(void *calls, size_t times)
{
    const Calls *c = calls;
    const size_t other = c->batch == 1 ? (size_t)batches[c->b->sizes - 1] - 1 : 0, inputs = (size_t)c->b->g->ninput;
    for (size_t k = 0; k < times; k++)
        live_run(c->l, (size_t)c->batch, c->b->in + (k & other) * inputs, c->b->out);
}

static Speed speed_of(const Bench *b, const char *tier, int batch, double seconds)
{
    double io = 0, samples = (double)batch / seconds;
    for (int i = 0; i < b->g->ninput; i++)
        io += (double)b->g->input[i]->width * sizeof(float);
    for (int o = 0; o < b->g->noutput; o++)
        io += (double)b->g->output[o].node->width * sizeof(float);
    Speed s = {.tier = tier, .batch = batch, .us = 1e6 / samples, .gflops = 2e-9 * b->cost.macs * samples,
               .gbytes = 1e-9 * ((double)b->cost.bytes / batch + io) * samples};
    double of_flops = s.gflops / b->gflops, of_stream = s.gbytes / b->gbytes;
    s.by_stream = of_stream > of_flops;
    s.share = s.by_stream ? of_stream : of_flops;
    return s;
}

/* Both in turns, so that a bad moment of the machine is a bad one for both. */
static void measure_tiers(Bench *b, Live *const *live, int tiers)
{
    for (int i = 0; i < b->sizes; i++) {
        double best[TIERS] = {HUGE_VAL, HUGE_VAL};
        for (int turn = 0; turn < TURNS * tiers; turn++) {
            Calls c = {b, live[turn % tiers], batches[i]};
            best[turn % tiers] = fmin(best[turn % tiers], best_time(run_work, &c));
        }
        for (int t = 0; t < tiers; t++)
            b->speed[t * b->sizes + i] = speed_of(b, live_tier(live[t]), batches[i], best[t]);
    }
    b->speeds = tiers * b->sizes;
}

static bool measure_speed(Bench *b, Diag *d)
{
    Live *live[TIERS] = {live_new(b->g, LIVE_TCC, d), live_new(b->g, LIVE_CC, d)};
    const bool good = live[0] && live[1];
    if (good) {
        const char *news = live_news(live[1]);
        const bool cc = strcmp(live_tier(live[1]), "cc") == 0;
        b->cc_s = live_seconds_cc(live[1]);
        b->news = cc ? NULL : arena_strdup(d->arena, news ? news : "");
        measure_tiers(b, live, cc ? 2 : 1);
    }
    live_free(live[0]);
    live_free(live[1]);
    return good;
}

static void take_rows(Bench *b, Arena *a)
{
    const Graph *g = b->g;
    size_t numbers = 0;
    for (int i = 0; i < g->ninput; i++)
        numbers += (size_t)g->input[i]->width;
    for (int o = 0; o < g->noutput; o++)
        numbers += (size_t)g->output[o].node->width;
    for (b->sizes = BATCHES; b->sizes > 1 && (size_t)batches[b->sizes - 1] * numbers > ROOM;)
        b->sizes--;
    const int most = batches[b->sizes - 1];
    b->in = ARENA_ARRAY(a, (size_t)g->ninput * (size_t)most, const float *);
    b->out = ARENA_ARRAY(a, (size_t)g->noutput, float *);
    b->x = ARENA_ARRAY(a, (size_t)g->ninput, float *);
    for (int i = 0; i < g->ninput; i++)
        b->x[i] = take_floats((size_t)most * (size_t)g->input[i]->width, 1e-3f);
    for (int k = 0; k < most * g->ninput; k++)
        b->in[k] = b->x[k % g->ninput] + (size_t)(k / g->ninput) * (size_t)g->input[k % g->ninput]->width;
    for (int o = 0; o < g->noutput; o++)
        b->out[o] = take_floats((size_t)most * (size_t)g->output[o].node->width, 0);
}

static void free_rows(Bench *b)
{
    for (int i = 0; i < b->g->ninput; i++)
        free(b->x[i]);
    for (int o = 0; o < b->g->noutput; o++)
        free(b->out[o]);
}

/* ---- what came out ---------------------------------------------------------------------------------------------- */

static const char *bytes_text(Arena *a, double bytes)
{
    return bytes >= 1e6   ? arena_printf(a, "%.3g MB", bytes * 1e-6)
           : bytes >= 1e3 ? arena_printf(a, "%.3g kB", bytes * 1e-3)
                          : arena_printf(a, "%.0f bytes", bytes);
}

static void print_table(const Bench *b, Text *t, Arena *a)
{
    text_printf(t, "net      %s: %.0f multiply-adds a sample, %s of weights (%s)\n", b->g->name, b->cost.macs,
                bytes_text(a, (double)b->cost.bytes), b->level);
    text_printf(t, "machine  one thread, %s: %.3g GFLOP/s, %.3g GB/s from blocks of that size\n", b->kernels->name, b->gflops,
                b->gbytes);
    text_printf(t, "compile  tcc %.3g ms", b->tcc_ms);
    if (b->news)
        text_printf(t, ", no cc: %s\n\n", b->news);
    else
        text_printf(t, ", cc %.3g ms\n\n", b->cc_s * 1e3);
    text_add(t, "code  batch  us/sample   GFLOP/s      GB/s  of the machine\n");
    for (int i = 0; i < b->speeds; i++) {
        const Speed *s = &b->speed[i];
        text_printf(t, "%-4s  %5d  %9.3g  %8.3g  %8.3g  %3.0f %% of its %s\n", s->tier, s->batch, s->us, s->gflops, s->gbytes,
                    100 * s->share, s->by_stream ? "GB/s" : "GFLOP/s");
    }
}

static void print_json(const Bench *b, Text *t)
{
    text_char(t, '{');
    json_string(t, true, "net", b->g->name);
    json_number(t, false, "macs", b->cost.macs);
    json_number(t, false, "weight_bytes", (double)b->cost.bytes);
    json_string(t, false, "kernels", b->kernels->name);
    json_string(t, false, "level", b->level);
    json_number(t, false, "peak_gflops", b->gflops);
    json_number(t, false, "stream_gbytes", b->gbytes);
    json_number(t, false, "tcc_ms", b->tcc_ms);
    json_key(t, false, "cc_ms");
    if (b->news)
        text_add(t, "null");
    else
        text_printf(t, "%.17g", b->cc_s * 1e3);
    json_string(t, false, "cc_problem", b->news);
    json_key(t, false, "speed");
    for (int i = 0; i < b->speeds; i++) {
        const Speed *s = &b->speed[i];
        text_add(t, i ? ", {" : "[{");
        json_string(t, true, "code", s->tier);
        json_number(t, false, "batch", s->batch);
        json_number(t, false, "us", s->us);
        json_number(t, false, "gflops", s->gflops);
        json_number(t, false, "gbytes", s->gbytes);
        json_number(t, false, "share", s->share);
        json_string(t, false, "limit", s->by_stream ? "gbytes" : "gflops");
        text_char(t, '}');
    }
    text_add(t, "]}\n");
}

bool bench_net(const Graph *g, bool json, Text *t, Diag *d)
{
    Bench b = {.g = g, .kernels = mlp_kernels_best()};
    if (!measure_tcc(&b, d))
        return false;
    measure_machine(&b);
    take_rows(&b, d->arena);
    bool good = measure_speed(&b, d);
    free_rows(&b);
    if (good && json)
        print_json(&b, t);
    else if (good)
        print_table(&b, t, d->arena);
    return good;
}

/* ---- the verb --------------------------------------------------------------------------------------------------- */

/* The speed of a net does not depend on its numbers, unless they are extreme. */
static void bind_any(Graph *g, Diag *d)
{
    float *w = ARENA_ARRAY(g->arena, graph_params(g) + 1, float);
    learner_start(g, 1, w);
    for (int i = 0; i < g->nparam; w += param_count(g->param[i]), i++)
        g->param[i]->value = w;
    diag_note(d, (Pos){g->file, 0}, "no weights: measured with random ones");
}

int verb_bench(Cli *cli)
{
    Compile *c = &cli->compile;
    Text t = {0};
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    if (!graph_bound(c->graph))
        bind_any(c->graph, &c->diag);
    diag_flush(&c->diag, stderr);
    if (!bench_net(c->graph, cli->json, &t, &c->diag)) {
        text_free(&t);
        return EXIT_WRONG;
    }
    return cli_print(cli, &t);
}
