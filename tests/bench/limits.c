/* limits.c: what the machine can do: multiply-adds in registers, and reading from each level of its memory. */
#include <math.h>
#include <stdlib.h>

#include "bench.h"
#include "kernels.h"

static volatile float sink;

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

int limit_subjects(Subject *s, const Net *n)
{
    int count = 0;
    const mlp_kernels *k;
    for (int i = 0; (k = mlp_kernels_at(i)); i++)
        s[count++] = (Subject){.name = k->name, .set = k->name, .time = time_peak, .state = (void *)(size_t)k};
    if (!n->learns)
        s[count++] =
            (Subject){.name = "stream", .set = "", .time = time_stream, .state = (void *)(size_t)mlp_kernels_best()};
    return count;
}

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
