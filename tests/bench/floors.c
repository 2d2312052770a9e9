/* floors.c: what is asked of the generated code, as a table, and what was measured of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { COMPILERS = 2, ASKED_MAX = 3 };

static const char *const compiler[COMPILERS] = {"gcc", "clang"};

/* How often as fast a subject must be as what it is held against, for each net and batch or, where that is said, in the
 * worst or the middle case. */
typedef struct Floor {
    const char *title;   /* NULL: that of the line before */
    const char *subject; /* %: the compiler */
    const char *against; /* likewise; of several the fastest; "peak": of the subject's instruction set; NULL: `least` is
                          * microseconds at most */
    const char *nets;    /* with blanks between; NULL: any */
    size_t batch[ASKED_MAX]; /* none: any */
    enum { EACH, WORST, MIDDLE } of;
    double least;
} Floor;

#define NATIVE "% -O3 native"
#define WIDE "b784_512_512_10 b1024_4096_1024 b8x1024"
#define SMALL "b2_8_1 b16_64_32_32_5 b1000_1"
#define LARGE "b1024_4096_1024 b8x1024 b256x16"
#define FROM_64 "b64_64_10 b784_256_10 ad b784_512_512_10 b1024_4096_1024 b8x1024 b256x16"

static const Floor floors[] = {
    {"one sample, weights in L1 or L2: of the stream rate", NATIVE, "stream", "b784_256_10 ad", {1}, EACH, 0.88},
    {NULL, NATIVE, "stream", "b64_64_10", {1}, EACH, 0.6},
    {"one sample, weights from beyond L2: of the stream rate", NATIVE, "stream", WIDE " b256x16", {1}, EACH, 0.95},
    {"one sample of a small net: of its chain of latencies", NATIVE, "chain", SMALL, {1}, EACH, 1 / 1.5},
    {"one sample of a small net: microseconds, at most", NATIVE, NULL, "b16_64_32_32_5", {1}, EACH, 0.095},
    {NULL, NATIVE, NULL, "b2_8_1", {1}, EACH, 0.013},
    {"batches: of the peak of multiply-adds", NATIVE, "peak", WIDE, {96, 1024}, EACH, 0.88},
    {NULL, NATIVE, "peak", "b784_256_10 ad", {96, 1024}, EACH, 0.82},
    {NULL, NATIVE, "peak", "b16_64_32_32_5", {96, 1024}, EACH, 0.7},
    {"times the speed of PyTorch frozen and onnxruntime", NATIVE, "PyTorch frozen,onnxruntime", NULL, {0}, WORST, 0.92},
    {NULL, NATIVE, "PyTorch frozen,onnxruntime", NULL, {0}, MIDDLE, 1},
    {"training by SGD: of the peak of multiply-adds", "SGD " NATIVE, "peak", WIDE, {128, 256, 1024}, EACH, 0.8},
    {"training by Adam: of the speed of SGD", "Adam " NATIVE, "SGD " NATIVE, NULL, {256}, EACH, 1 / 1.08},
    {"tanh: of the speed with ReLU", NATIVE, "relu " NATIVE, "b64_64_10", {96}, EACH, 1 / 1.1},
    {"sigmoid: of the speed with ReLU", "sigmoid " NATIVE, "relu " NATIVE, "b64_64_10", {96}, EACH, 1 / 1.1},
    {"GELU: of the speed with ReLU", "gelu " NATIVE, "relu " NATIVE, "b64_64_10", {96}, EACH, 1 / 1.1},
    {"softmax: of the speed with ReLU", "softmax " NATIVE, "relu " NATIVE, "b64_64_10", {96}, EACH, 1 / 1.1},
    {"SSE2 (-O2): of its peak of multiply-adds", "% -O2", "peak", FROM_64, {96}, EACH, 0.75},
    {"AVX2: of its peak of multiply-adds", "% -O3 avx2", "peak", FROM_64, {96}, EACH, 0.8},
    {"two threads: times the speed of one", "% -O3 OpenMP", NATIVE, LARGE, {1024}, EACH, 1.7},
    {NULL, "% -O3 OpenMP", NATIVE, NULL, {0}, WORST, 1},
    {"training on two threads: times the speed of one", "SGD train 2 threads", "SGD train", WIDE, {256, 1024}, EACH, 1.7},
    {"weights as bf16: times the speed of float32", "bf16 " NATIVE, NATIVE, "b784_512_512_10", {1}, EACH, 1.8},
    {"weights as i8: times the speed of float32", "i8 " NATIVE, NATIVE, "b784_512_512_10", {1}, EACH, 3},
};

/* One case: how often as fast, and how much of that may be chance. */
typedef struct Case {
    const Result *of;
    double ratio, spread;
} Case;

/* Whether a list with `between` between its entries has that one; a % in an entry stands for the compiler. */
static bool has(const char *list, char between, const char *entry, const char *by)
{
    for (const char *at = list; at; at = strchr(at, between) ? strchr(at, between) + 1 : NULL) {
        size_t n = 0, i = 0;
        for (; at[i] && at[i] != between; i++) {
            if (at[i] == '%' && strncmp(entry + n, by, strlen(by)) == 0)
                n += strlen(by);
            else if (at[i] == entry[n])
                n++;
            else
                break;
        }
        if ((!at[i] || at[i] == between) && !entry[n])
            return true;
    }
    return false;
}

static bool covers(const Floor *f, const Result *r, const char *by)
{
    bool batch = f->batch[0] == 0;
    for (int i = 0; i < ASKED_MAX; i++)
        batch = batch || r->batch == f->batch[i];
    bool mine = strchr(f->subject, '%') || by == compiler[0]; /* what no compiler has made stands in the first column */
    return mine && batch && has(f->subject, ',', r->subject, by) && (!f->nets || has(f->nets, ' ', r->net, by));
}

/* What a result is held against, among those measured with it. */
static const Result *opponent(const Floor *f, const Result *r, const Results *all, const char *by)
{
    const Result *best = NULL;
    const char *against = strcmp(f->against, "peak") == 0 ? r->set : f->against;
    for (int i = 0; i < all->count; i++) {
        const Result *o = &all->result[i];
        bool together = strcmp(o->net, r->net) == 0 && o->learns == r->learns && o->batch == r->batch;
        if (together && against && has(against, ',', o->subject, by) && (!best || o->median < best->median))
            best = o;
    }
    return best;
}

static int ascending(const void *a, const void *b)
{
    double x = ((const Case *)a)->ratio, y = ((const Case *)b)->ratio;
    return (x > y) - (x < y);
}

/* The cases of one compiler that a floor is about, at one net and batch (`only`) or at all: the worst or the middle
 * one. of NULL: none. */
static Case judge(const Floor *f, const Results *all, const char *by, const Result *only)
{
    Case *c = calloc((size_t)all->count + 1, sizeof *c), chosen = {0};
    size_t n = 0;
    for (int i = 0; i < all->count; i++) {
        const Result *r = &all->result[i];
        if (!covers(f, r, by) || (only && (strcmp(r->net, only->net) != 0 || r->batch != only->batch)))
            continue;
        const Result *o = f->against ? opponent(f, r, all, by) : r;
        if (o)
            c[n++] = (Case){r, f->against ? o->median / r->median : r->median * 1e6,
                            f->against ? o->spread + r->spread : r->spread};
    }
    if (n) {
        qsort(c, n, sizeof *c, ascending);
        chosen = c[f->of == MIDDLE ? n / 2 : 0];
    }
    free(c);
    return chosen;
}

/* What is missing, as a share; not above 0: nothing. */
static double lack(const Floor *f, const Case *c)
{
    return !c->of ? -1 : f->against ? 1 - c->ratio / f->least : c->ratio / f->least - 1;
}

static void print_number(double x) { printf(" %7.*f", x < 0.2 ? 3 : 2, x); }

/* *title: still to be printed, or NULL. */
static void print_line(const Floor *f, const Results *all, const Result *only, const char **title)
{
    Case c[COMPILERS];
    double missing = -1, spread = 0;
    const Result *where = NULL;
    char name[64];
    for (int i = 0; i < COMPILERS; i++) {
        c[i] = judge(f, all, compiler[i], only);
        if (c[i].of && (!where || lack(f, &c[i]) > missing)) {
            where = c[i].of;
            missing = lack(f, &c[i]);
            spread = c[i].spread;
        }
    }
    if (!where)
        return;
    if (f->of == MIDDLE)
        snprintf(name, sizeof name, "in the middle case");
    else
        snprintf(name, sizeof name, "%s%s, batch %zu", f->of == WORST ? "at worst: " : "", where->net, where->batch);
    if (*title)
        puts(*title);
    *title = NULL;
    printf("  %-38s", name);
    print_number(f->least);
    for (int i = 0; i < COMPILERS; i++)
        if (c[i].of)
            print_number(c[i].ratio);
        else
            printf(" %7s", "");
    if (missing <= 0)
        puts("   reached");
    else {
        printf("   %.1f %% short%s", missing * 100, missing <= spread ? ", within the spread" : "");
        if (where->share < CORE_OURS)
            printf(", with %.2f of the core", where->share);
        putchar('\n');
    }
}

/* Whether an earlier result has the same net and batch, and the floor is about it too. */
static bool seen(const Floor *f, const Results *all, int i)
{
    for (int k = 0; k < i; k++)
        for (int by = 0; by < COMPILERS; by++)
            if (covers(f, &all->result[k], compiler[by]) && strcmp(all->result[k].net, all->result[i].net) == 0 &&
                all->result[k].batch == all->result[i].batch)
                return true;
    return false;
}

void print_floors(const Results *all)
{
    const char *title = NULL;
    printf("\n%-40s %7s %7s %7s\n", "what is asked for", "floor", compiler[0], compiler[1]);
    for (size_t k = 0; k < sizeof floors / sizeof *floors; k++) {
        const Floor *f = &floors[k];
        title = f->title ? f->title : title;
        if (f->of != EACH)
            print_line(f, all, NULL, &title);
        for (int i = 0; i < all->count && f->of == EACH; i++)
            if ((covers(f, &all->result[i], compiler[0]) || covers(f, &all->result[i], compiler[1])) &&
                !seen(f, all, i))
                print_line(f, all, &all->result[i], &title);
    }
}
