/* live.c: one net, up to two pieces of code for it, and a pointer to the better one. */
#include "back/live.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "back/emit.h"
#include "back/jit.h"
#include "back/native.h"
#include "base/block.h"
#include "pass/pass.h"

/* Code of either kind, with the numbers that it is called with. */
typedef struct Tier {
    const char *name;
    JitNet *net;
    const float *numbers;
} Tier;

struct Live {
    Tier tcc, cc;
    _Atomic(const Tier *) now;
    float *scratch; /* enough for both */
    Jit *jit;
    /* The C compiler's part: text and numbers are made before its thread starts. */
    Text text;
    float *numbers;
    Native *native;
    NativeJob job;
    pthread_t thread;
    bool threaded;
    atomic_bool done, waits;
    bool told;
    char why[NATIVE_WHY], news[NATIVE_WHY + 32];
    double tcc_seconds, cc_seconds, began;
    LiveCost cost;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the C compiler's code -------------------------------------------------------------------------------------- */

static const char entry[] = "mlpc_live_net";

/* The generated file's two functions behind one of the type JitNet. */
static void add_entry(Text *t, const Plan *p)
{
    const Graph *g = p->graph;
    text_printf(t, "\nvoid %s(const float *mlpc_p, size_t mlpc_n, const float *const *mlpc_in, float *const *mlpc_out, "
                   "float *mlpc_scratch)\n{\n", entry);
    text_add(t, "    (void)mlpc_in, (void)mlpc_scratch;\n");
    for (int batch = 0; batch < 2; batch++) {
        text_printf(t, batch ? "    else if (mlpc_n)\n        %s_batch(mlpc_p, mlpc_n" : "    if (mlpc_n == 1)\n        %s(mlpc_p",
                    g->name);
        for (int i = 0; i < g->ninput; i++)
            text_printf(t, ", mlpc_in[%d]", i);
        for (int o = 0; o < g->noutput; o++)
            text_printf(t, ", mlpc_out[%d]", o);
        text_add(t, p->scratch_argument ? ", mlpc_scratch);\n" : ");\n");
    }
    text_add(t, "}\n");
}

/* Text and numbers. The numbers stay out of the text: what compilers take long over is text. */
static void prepare(Live *l, const Plan *p)
{
    EmitOptions o = {.prefix = p->graph->name, .command = "mlpc", .script = "memory", .weights_file = "memory"};
    emit_source(p, &o, &l->text);
    add_entry(&l->text, p);
    l->numbers = block_new(p->numbers);
    memset(l->numbers, 0, p->numbers * sizeof *l->numbers);
    for (int i = 0; i < p->ntable; i++)
        for (size_t k = 0; k < p->table[i]->count && !p->table[i]->baked; k++)
            l->numbers[p->table[i]->offset + k] = table_value(p->table[i], k);
}

/* From text to the swap. */
static void compile(Live *l)
{
    l->native = native_load(l->text.data, &l->job, l->why);
    text_free(&l->text);
    void *address = l->native ? native_symbol(l->native, entry) : NULL;
    l->cc_seconds = l->native ? now() - l->began : 0;
    if (address) {
        l->cc = (Tier){"cc", NULL, l->numbers};
        memcpy(&l->cc.net, &address, sizeof l->cc.net);
        atomic_store(&l->now, &l->cc);
    }
    atomic_store(&l->waits, false);
    atomic_store(&l->done, true);
}

static void *compile_behind(void *live)
{
    compile(live);
    return NULL;
}

/* Signals are for the threads that were there before. */
static void start_behind(Live *l)
{
    sigset_t all, before;
    sigfillset(&all);
    atomic_store(&l->waits, true);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->threaded = pthread_create(&l->thread, NULL, compile_behind, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!l->threaded)
        compile(l);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

/* The passes, on a copy in an arena that ends with the compile; nothing of them is told twice. */
static Graph *fused(const Graph *g, Arena *a, Diag *quiet)
{
    Graph lent = *g;
    lent.arena = a;
    Graph *copy = graph_copy(&lent);
    diag_init(quiet, a);
    if (!pass_fold(copy, quiet))
        die("internal error: a net that was checked cannot be folded");
    pass_fuse(copy);
    return copy;
}

Live *live_new(const Graph *g, LiveJit jit, Diag *d)
{
    if (!graph_bound(g)) {
        diag_error(d, (Pos){g->file, 0}, "there are no weights: mlpc train makes them, --weights FILE names them");
        return NULL;
    }
    Live *l = calloc(1, sizeof *l);
    if (!l)
        die("out of memory");
    l->began = now();
    Arena *a = arena_new();
    Diag quiet;
    Graph *copy = fused(g, a, &quiet);
    const Plan *baked = plan_make(copy, WEIGHTS_BAKED, TARGET_SIMD);
    l->cost = (LiveCost){baked->macs, baked->flash};
    l->jit = jit_compile(baked, d);
    if (!l->jit) {
        arena_free(a);
        free(l);
        return NULL;
    }
    l->tcc = (Tier){"tcc", l->jit->net, NULL};
    l->tcc_seconds = now() - l->began;
    atomic_init(&l->now, &l->tcc);
    size_t scratch = l->jit->scratch;
    if (jit != LIVE_TCC) {
        Plan *p = plan_make(copy, WEIGHTS_FILE, TARGET_SIMD);
        size_t wanted = (p->ram_one > p->ram_batch ? p->ram_one : p->ram_batch) / sizeof(float);
        scratch = scratch > wanted ? scratch : wanted;
        prepare(l, p);
    }
    l->scratch = block_new(scratch);
    arena_free(a);
    if (jit == LIVE_CC)
        compile(l);
    else if (jit == LIVE_AUTO)
        start_behind(l);
    return l;
}

void live_free(Live *l)
{
    if (!l)
        return;
    if (l->threaded) {
        native_stop(&l->job);
        pthread_join(l->thread, NULL);
    }
    jit_free(l->jit);
    native_free(l->native);
    text_free(&l->text);
    free(l->numbers);
    free(l->scratch);
    free(l);
}

void live_run(Live *l, size_t n, const float *const *in, float *const *out)
{
    const Tier *t = atomic_load_explicit(&l->now, memory_order_acquire);
    t->net(t->numbers, n, in, out, l->scratch);
}

void live_stop(Live *l)
{
    native_stop(&l->job);
    while (live_waits(l))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

const char *live_tier(const Live *l)
{
    return atomic_load(&l->now)->name;
}

bool live_waits(const Live *l)
{
    return atomic_load(&l->waits);
}

const char *live_news(Live *l)
{
    if (l->told || !atomic_load(&l->done))
        return NULL;
    l->told = true;
    if (atomic_load(&l->now) == &l->cc)
        snprintf(l->news, sizeof l->news, "cc takes over after %.2g s", l->cc_seconds);
    else
        snprintf(l->news, sizeof l->news, "stays on tcc: %s", *l->why ? l->why : "what cc made is not what was asked for");
    return l->news;
}

LiveCost live_cost(const Live *l)
{
    return l->cost;
}

double live_seconds_tcc(const Live *l)
{
    return l->tcc_seconds;
}

double live_seconds_cc(const Live *l)
{
    return l->cc_seconds;
}
