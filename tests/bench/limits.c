/* limits.c: what the machine can do: multiply-adds in registers, and reading from each level of its memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kernels.h"

enum { L1_FLOATS = 8192 };

static volatile float sink;

/* ---- throughput ------------------------------------------------------------------------------------------ */

/* calls * batch samples' multiply-adds. */
static double time_peak(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const mlp_kernels *k = s->state;
    double rounds = 2.0 * n->macs * (double)(batch * calls) / k->peak_flops, start = now();
    sink = k->peak((size_t)rounds + 1);
    return now() - start;
}

/* All weights and biases once a call, where generated code has them too. Of small nets many times as much, since it
 * costs more to begin than to read them. */
static double time_stream(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const mlp_kernels *k = s->state;
    size_t floats = n->floats > BLOCK_LEAST ? n->floats : BLOCK_LEAST;
    double start = now();
    (void)batch;
    sink = k->stream(n->block, floats, calls);
    return (now() - start) * (double)n->floats / (double)floats;
}

/* ---- a chain of latencies, for nets whose weights are no matter ------------------------------------------ */

#ifdef __FP_FAST_FMAF
enum {
    FMA = 4,
    SUM = 4,
    FOLD = 7,
    HAND_ON = 10
}; /* cycles: FOLD: half of a vector onto the other; HAND_ON: store and load */

/* From the last product to the layer's value. */
static int activation_cycles(const char *act)
{
    return strcmp(act, "relu") == 0 ? 4 : strcmp(act, "tanh") == 0 ? 34 : strcmp(act, "sigmoid") == 0 ? 45 : 0;
}

/* Cycles from a layer's inputs to its outputs if everything else waits: each output sums `terms` products, in one to
 * eight sums that are added at last, and two of all the layer's multiply-adds fit in a cycle. */
static double sums_cycles(double terms, double all)
{
    double least = HUGE_VAL;
    for (int split = 0; split <= 3; split++)
        least = fmin(least, fmax(FMA * ceil(terms / (1 << split)), all / 2) + SUM * split);
    return least;
}

static double chain_cycles(const Net *n, int lanes)
{
    double cycles = 0;
    for (int l = 0; l < n->nlayer; l++) {
        const Layer *d = &n->layer[l];
        double across = sums_cycles(d->in, d->in * ceil((double)d->out / lanes)), along = ceil((double)d->in / lanes);
        along = sums_cycles(along, along * d->out) + FOLD * log2(lanes);
        cycles += fmin(across, along) + activation_cycles(d->act) + HAND_ON;
    }
    return cycles;
}

/* As many cycles in multiply-adds that wait for each other. */
static double time_chain(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const mlp_kernels *k = s->state;
    float a = 1, shrink = 0.5f, add = 0.25f;
    size_t count = (size_t)(chain_cycles(n, k->lanes) / FMA * (double)(calls * batch));
    double start = now();
    for (; count > 0; count--)
        a = fmaf(a, shrink, add);
    sink = a;
    return now() - start;
}
#endif

int limit_subjects(Subject *s, const Net *n)
{
    int count = 0;
    const mlp_kernels *k;
    void *best = (void *)(size_t)mlp_kernels_best();
    for (int i = 0; (k = mlp_kernels_at(i)); i++)
        s[count++] = (Subject){.name = k->name, .set = k->name, .time = time_peak, .state = (void *)(size_t)k};
    if (!n->learns)
        s[count++] = (Subject){.name = "stream", .set = "", .time = time_stream, .state = best};
#ifdef __FP_FAST_FMAF
    if (!n->learns && n->floats < L1_FLOATS)
        s[count++] = (Subject){.name = "chain", .set = "chain", .time = time_chain, .state = best, .only = 1};
#endif
    return count;
}

/* ---- the machine ----------------------------------------------------------------------------------------- */

void print_limits(void)
{
    static const struct {
        const char *name;
        size_t floats;
    } level[] = {
        {"L1, 24 KB", 6 << 10}, {"L2, 512 KB", 128 << 10}, {"L3, 8 MB", 2 << 20}, {"memory, 256 MB", 64 << 20}};
    enum { MOST = 64 << 20 };
    const mlp_kernels *k;
    float *block = take_floats(MOST);
    Net n = {.macs = 1e6, .block = block};
    for (int i = 0; (k = mlp_kernels_at(i)); i++) {
        Subject s = {.state = (void *)(size_t)k};
        double best = 1;
        for (int r = 0; r < 9; r++)
            best = fmin(best, time_peak(&s, &n, 1, 100));
        printf("%-8s multiply-adds   %8.1f GFLOP/s\n", k->name, 0.2 / best);
    }
    fill(block, MOST, 3);
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        Subject s = {.state = (void *)(size_t)mlp_kernels_best()};
        size_t calls = (size_t)MOST / level[i].floats;
        double best = 1;
        n.floats = level[i].floats;
        for (int r = 0; r < 5; r++)
            best = fmin(best, time_stream(&s, &n, 1, calls) / (double)calls);
        printf("%-16s reads   %8.1f GB/s\n", level[i].name, 4e-9 * (double)n.floats / best);
    }
    free(block);
}
