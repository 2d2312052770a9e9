/* memory.c: nets compiled in memory: as run and the prompt have them answer, and as train has them learn. */
#include <stdlib.h>
#include <string.h>

#include "back/live.h"
#include "bench.h"
#include "kernels.h"
#include "learner.h"
#include "train.h"

/* ---- answers: by libtcc, or by the C compiler ------------------------------------------------------------------- */

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

static void end_live(Subject *s) { live_free(s->state); }

static int live_subjects(Subject *s, const Net *n)
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
            s[count++] = (Subject){
                .name = name[i], .set = mlp_kernels_best()->name, .time = time_live, .state = l, .end = end_live};
        else
            live_free(l);
    }
    return count;
}

/* ---- steps of training: what mlp_train does with a batch -------------------------------------------------------- */

typedef struct School {
    Compile compile; /* its graph is the learner's */
    mlp_data data;
    mlp_samples samples;
    mlp_run run;
    size_t threads, ready; /* ready: the batch that run has been made for, 0: none */
} School;

static void end_run(School *c)
{
    mlp_step_end(&c->run);
    mlp_pool_free(c->run.pool);
    c->run.parts = NULL;
    c->run.pool = NULL;
}

/* Makes the run ready for batches of that size, and counts on where it was. */
static bool begin_run(School *c, size_t batch)
{
    if (c->ready)
        end_run(c);
    c->run.o.batch = batch;
    c->run.pool = mlp_pool_new(c->run.o.threads, c->run.err);
    c->ready = batch;
    return c->run.pool && mlp_step_begin(&c->run) == MLP_OK;
}

static double time_school(Subject *s, const Net *n, size_t batch, size_t calls)
{
    School *c = s->state;
    (void)n;
    if (c->ready != batch && !begin_run(c, batch))
        return -1;
    double start = now();
    for (size_t i = 0; i < calls; i++) {
        mlp_step_take(&c->run, (i & (blocks_of(batch) - 1)) * batch, batch);
        c->run.at.step++;
    }
    return now() - start;
}

static void end_school(Subject *s)
{
    School *c = s->state;
    if (c->ready)
        end_run(c);
    free(c->run.w);
    free(c->run.state);
    learner_free((Learner *)(size_t)c->run.learner); /* a Learner begins with it */
    compile_end(&c->compile);
}

/* NULL: this system lets nobody run code that was made in memory. */
static School *new_school(const Net *n, mlp_method method, int threads)
{
    Arena *a = n->compile.arena;
    School *c = ARENA_NEW(a, School);
    const GradOptions grad = {0};
    const LearnerOptions options = {.grad = &grad, .threads = threads};
    compile_begin(&c->compile);
    c->compile.script = n->compile.script;
    Learner *l =
        compile_run(&c->compile, STAGE_GRAPH) ? learner_jit(c->compile.graph, &c->compile.diag, &options) : NULL;
    if (!l) {
        compile_end(&c->compile);
        return NULL;
    }
    c->data = (mlp_data){.rows = BATCH_MAX,
                         .x = {MLP_F32, BATCH_MAX, (size_t)n->in, n->x},
                         .target = MLP_TARGET_VALUES,
                         .t = {MLP_F32, BATCH_MAX, (size_t)n->out, n->y}};
    c->samples = (mlp_samples){.data = &c->data, .count = BATCH_MAX};
    c->run = (mlp_run){.learner = &l->run, .train = &c->samples, .lr = 1e-4, .err = ARENA_NEW(a, mlp_error)};
    c->run.o = (mlp_training){.optimizer = mlp_optimizer_default(method), .threads = threads};
    c->run.order = ARENA_ARRAY(a, BATCH_MAX, size_t);
    for (size_t i = 0; i < BATCH_MAX; i++)
        c->run.order[i] = i;
    size_t state = mlp_optimizer_state(&c->run.o.optimizer, l->run.params);
    float *w = take_floats(graph_params(c->compile.graph));
    c->run.w = take_floats(l->run.params);
    c->run.state = take_floats(state);
    memset(c->run.w, 0, l->run.params * sizeof *w);
    memset(c->run.state, 0, state * sizeof *w);
    learner_start(c->compile.graph, 1, w);
    l->load(l, w, c->run.w);
    free(w);
    return c;
}

static int school_subjects(Subject *s, const Net *n)
{
    static const struct {
        const char *name;
        mlp_method method;
        int threads;
    } school[] = {{"SGD train", MLP_SGD, 1},
                  {"SGD train 2 threads", MLP_SGD, 2},
                  {"Adam train", MLP_ADAM, 1},
                  {"Adam train 2 threads", MLP_ADAM, 2}};
    int count = 0;
    for (size_t i = 0; i < sizeof school / sizeof *school; i++) {
        School *c = new_school(n, school[i].method, school[i].threads);
        if (c)
            s[count++] = (Subject){.name = school[i].name,
                                   .set = mlp_kernels_best()->name,
                                   .time = time_school,
                                   .state = c,
                                   .end = end_school};
    }
    return count;
}

int memory_subjects(Subject *s, const Net *n) { return n->learns ? school_subjects(s, n) : live_subjects(s, n); }
