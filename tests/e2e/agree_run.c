/* agree_run.c: runs generated nets (nets.inc lists them) over the rows that agree_nets.c wrote, and compares. C99, and
 * the same file C++11, so that it is built by whatever compiler built the nets.
 *
 * Every block handed to a net ends (or, the second time, begins) exactly at a page that cannot be touched; the stack and
 * the scratch are filled with NaN before each call. Prints one line: nets, values, the largest difference over its bound,
 * the largest in itself (relative for values beyond 1), values without a bound. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void Call(const float *p, size_t n, const float *const *x, float *const *y, float *scratch);

typedef struct Net {
    const char *name;
    int nin;
    const int *in;
    int nout;
    const int *out;
    size_t params, scratch, batch_scratch;
    Call *one, *batch;
    void (*pack)(const float *tensors, float *p);
    void (*unpack)(const float *p, float *tensors);
} Net;

#include "nets.inc" /* the nets, and NETS: the rows of this table */
static const Net nets[] = {NETS};

enum { SAMPLES = 40, MOST = 200, PAGE = 4096 };

static int failures;
static double worst, largest;
static long values, unbounded;

static void fail(const Net *n, const char *text, int sample, int feature, double got, double want, double bound)
{
    if (failures++ < 20)
        printf("%s: %s, sample %d, number %d: got %.9g, expected %.9g, bound %g\n", n->name, text, sample, feature, got,
               want, bound);
}

/* ---- blocks with a fence ----------------------------------------------------------------------------------------- */

typedef struct Block {
    char *map;
    size_t mapped;
    float *at;
} Block;

static Block fenced(size_t floats, int at_end)
{
    size_t bytes = floats * sizeof(float), inner = (bytes + PAGE - 1) / PAGE * PAGE;
    Block b;
    b.mapped = inner + 2 * PAGE;
    b.map = (char *)mmap(NULL, b.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.map == (char *)MAP_FAILED || (inner && mprotect(b.map + PAGE, inner, PROT_READ | PROT_WRITE))) {
        perror("agree_run");
        exit(1);
    }
    b.at = (float *)(void *)(b.map + PAGE + (at_end ? inner - bytes : 0));
    memset(b.map + PAGE, 0xff, inner); /* NaN */
    return b;
}

static void release(Block b)
{
    munmap(b.map, b.mapped);
}

/* NaN where the stack frame of the next call will be. */
static void spoil_stack(void)
{
    volatile float junk[40000];
    for (int i = 0; i < 40000; i++)
        junk[i] = (float)NAN;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

typedef struct Data {
    float *tensors;
    float *x[8];
    double *want[8]; /* value, bound */
    float *one[8];   /* what the function for one sample gave */
} Data;

static void *get(size_t size)
{
    void *p = calloc(size ? size : 1, 1);
    if (!p)
        exit(1);
    return p;
}

static void read_in(FILE *f, void *to, size_t size)
{
    if (size && fread(to, size, 1, f) != 1) {
        fprintf(stderr, "agree_run: data cut short\n");
        exit(1);
    }
}

static Data load(const Net *n, const char *dir)
{
    char path[1000];
    Data d;
    memset(&d, 0, sizeof d);
    snprintf(path, sizeof path, "%s/%s.dat", dir, n->name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    d.tensors = (float *)get(n->params * sizeof(float));
    read_in(f, d.tensors, n->params * sizeof(float));
    for (int i = 0; i < n->nin; i++)
        d.x[i] = (float *)get((size_t)n->in[i] * SAMPLES * sizeof(float));
    for (int o = 0; o < n->nout; o++) {
        d.want[o] = (double *)get((size_t)n->out[o] * SAMPLES * 2 * sizeof(double));
        d.one[o] = (float *)get((size_t)n->out[o] * SAMPLES * sizeof(float));
    }
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < n->nin; i++)
            read_in(f, d.x[i] + (size_t)(s * n->in[i]), (size_t)n->in[i] * sizeof(float));
        for (int o = 0; o < n->nout; o++)
            read_in(f, d.want[o] + (size_t)(2 * s * n->out[o]), (size_t)n->out[o] * 2 * sizeof(double));
    }
    if (fgetc(f) != EOF)
        fail(n, "the data is not what the header says", 0, 0, 0, 0, 0);
    fclose(f);
    return d;
}

static void unload(const Net *n, Data *d)
{
    free(d->tensors);
    for (int i = 0; i < n->nin; i++)
        free(d->x[i]);
    for (int o = 0; o < n->nout; o++) {
        free(d->want[o]);
        free(d->one[o]);
    }
}

static void compare(const Net *n, int s, int j, float got, const double *want)
{
    double y = (double)got;
    values++;
    if (isinf(want[1])) {
        unbounded++;
    } else if (isnan(want[0]) || isinf(want[0])) {
        if (!(isnan(want[0]) ? isnan(y) : y == want[0]))
            fail(n, "not finite", s, j, y, want[0], 0);
    } else if (!(fabs(y - want[0]) <= want[1])) {
        fail(n, "beyond the bound", s, j, y, want[0], want[1]);
    } else {
        if (want[1] > 0 && fabs(y - want[0]) / want[1] > worst)
            worst = fabs(y - want[0]) / want[1];
        if (fabs(y - want[0]) / fmax(1, fabs(want[0])) > largest)
            largest = fabs(y - want[0]) / fmax(1, fabs(want[0]));
    }
}

static int same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* n samples, the rows of the data over and over; batch 0: by the function for one sample (n is 1 and s which). */
static void run(const Net *n, Data *d, const float *p, int at_end, int batch, int count, int s)
{
    Block x[8], y[8], scratch = fenced(batch ? n->batch_scratch : n->scratch, at_end);
    const float *in[8];
    float *out[8];
    for (int i = 0; i < n->nin; i++) {
        size_t width = (size_t)n->in[i];
        x[i] = fenced(width * (size_t)count, at_end);
        for (int r = 0; r < count; r++)
            memcpy(x[i].at + width * (size_t)r, d->x[i] + width * (size_t)((s + r) % SAMPLES), width * sizeof(float));
        in[i] = x[i].at;
        mprotect(x[i].map, x[i].mapped - PAGE, count ? PROT_READ : PROT_NONE);
        mprotect(x[i].map, PAGE, PROT_NONE);
    }
    for (int o = 0; o < n->nout; o++) {
        y[o] = fenced((size_t)n->out[o] * (size_t)count, at_end);
        out[o] = y[o].at;
    }
    spoil_stack();
    (batch ? n->batch : n->one)(p, (size_t)count, in, out, scratch.at);
    for (int o = 0; o < n->nout; o++)
        for (int r = 0; r < count; r++)
            for (int j = 0; j < n->out[o]; j++) {
                int at = (s + r) % SAMPLES * n->out[o] + j;
                float got = out[o][r * n->out[o] + j];
                if (!batch && at_end) {
                    d->one[o][at] = got;
                    compare(n, s, j, got, d->want[o] + 2 * at);
                } else if (!same_bits(got, d->one[o][at])) {
                    fail(n, batch ? "not the same in a batch" : "not the same twice", r, j, (double)got,
                         (double)d->one[o][at], count);
                }
            }
    for (int i = 0; i < n->nin; i++)
        release(x[i]);
    for (int o = 0; o < n->nout; o++)
        release(y[o]);
    release(scratch);
}

static void check(const Net *n, const char *dir)
{
    static const int counts[] = {0, 1, 2, 3, 5, 7, 8, 9, 13, 24, 25, 97, MOST};
    Data d = load(n, dir);
    for (int at_end = 1; at_end >= 0; at_end--) {
        Block p = fenced(n->params, at_end), back = fenced(n->params, at_end), tensors = fenced(n->params, at_end);
        if (n->params)
            memcpy(tensors.at, d.tensors, n->params * sizeof(float));
        if (n->pack) {
            n->pack(tensors.at, p.at);
            n->unpack(p.at, back.at);
            if (n->params && memcmp(back.at, d.tensors, n->params * sizeof(float)) != 0)
                fail(n, "unpack does not undo pack", 0, 0, 0, 0, 0);
        } else if (n->params) {
            memcpy(p.at, d.tensors, n->params * sizeof(float));
        }
        for (int s = 0; s < SAMPLES; s++)
            run(n, &d, p.at, at_end, 0, 1, s);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            run(n, &d, p.at, at_end, 1, counts[c], (int)c);
        release(p);
        release(back);
        release(tensors);
    }
    unload(n, &d);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        check(&nets[i], argv[1]);
    printf("%d nets, %ld values, worst %.3f of the bound, largest %.3g, %ld without a bound\n",
           (int)(sizeof nets / sizeof *nets), values, worst, largest, unbounded);
    return failures != 0;
}
