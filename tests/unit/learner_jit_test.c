/* learner_jit_test.c: the learner over code made in memory, and the code that --train prints, against the reference: losses,
 * gradients and running statistics of random nets; blocks, rows of several inputs, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "back/emit.h"
#include "base/block.h"
#include "graph/loss.h"
#include "learner.h"
#include "optim.h"
#include "support/random_lesson.h"

enum { GRAPHS = 400, SHAKES = 4 };

/* A batch for a learner, and what it makes of it. */
typedef struct Samples {
    mlp_batch b;
    float *x, *t, *weight;
} Samples;

/* Targets such as each loss wants them: a class number, probabilities that add up to 1, or numbers in 0..1. */
static void fill_targets(const Graph *g, const GradOptions *o, Random *r, float *t)
{
    for (int i = 0; i < g->noutput; i++) {
        LossRead read = loss_read(g, g->train.loss, g->output[i].node);
        const int width = read.value->width;
        float sum = 0;
        if (read.op == OP_CROSS_ENTROPY && o->labels) {
            *t++ = (float)random_below(r, width);
            continue;
        }
        for (int j = 0; j < width; j++)
            sum += t[j] = (float)random_between(r, 0, 1);
        for (int j = 0; j < width && read.op == OP_CROSS_ENTROPY; j++)
            t[j] /= sum;
        t += width;
    }
}

static Samples samples_new(const Graph *g, const GradOptions *o, const mlp_learner *l, size_t n, Random *r)
{
    Samples b = {.x = malloc(n * l->inputs * sizeof(float)), .t = malloc(n * l->targets * sizeof(float)),
               .weight = malloc(n * sizeof(float))}; /* exact: the sanitizer sees what is read beyond */
    for (size_t i = 0; i < n * l->inputs; i++)
        b.x[i] = random_normal(r);
    for (size_t i = 0; i < n; i++) {
        fill_targets(g, o, r, b.t + i * l->targets);
        b.weight[i] = (float)random_between(r, 0.2, 2);
    }
    b.b = (mlp_batch){.n = n, .x = b.x, .t = b.t, .seed = random_bits(r), .step = 1 + random_bits(r) % 1000};
    b.b.weight = o->sample_weights && random_chance(r, 70) ? b.weight : NULL;
    return b;
}

static void samples_free(Samples *b)
{
    free(b->x);
    free(b->t);
    free(b->weight);
}

/* Gradient in the PyTorch layout, statistics in the places of statistics. */
static double gradient(const Learner *l, const float *w, size_t params, const mlp_batch *b, float *g)
{
    float *block = block_new(l->run.params), *slope = block_new(l->run.params);
    memset(block, 0, l->run.params * sizeof *block);
    memset(slope, 0xff, l->run.params * sizeof *slope); /* NaN: all of it must be written */
    memset(g, 0xff, params * sizeof *g);
    l->load(l, w, block);
    double loss = (double)l->run.grad(l->run.context, block, b, slope);
    l->store(l, slope, g);
    free(block);
    free(slope);
    return loss;
}

/* v times 1 + up to `reach` units of rounding either way. */
static void shake(float *v, size_t count, int reach, Random *r)
{
    for (size_t i = 0; i < count; i++)
        v[i] *= 1 + (float)(random_below(r, 2 * reach + 1) - reach) * 0x1p-23f;
}

/* sign jumps: nets with it are shaken more, so that those near a jump are seen to be. */
static int reach_of(const Graph *g)
{
    int reach = 4;
    for (int i = 0; i < g->nnode; i++)
        reach = g->node[i]->op == OP_SIGN ? 400 : reach;
    return reach;
}

/* What the gradient is made of: values by the reference and how far they move. */
typedef struct Want {
    float *g;
    double loss, loss_moves, *moves;
} Want;

/* The bound comes from the problem itself: the reference's own result when inputs, parameters, targets and weights are off
 * by up to 4 roundings each, the most of SHAKES times. Single precision does as much to every value on the way: a layer's
 * bias and scale stand for what comes out of it. */
static Want want_of(const Learner *l, const float *w, size_t params, const Samples *b, int reach, Random *r)
{
    Want v = {.g = malloc(params * sizeof(float)), .moves = calloc(params, sizeof(double))};
    float *near = malloc(params * sizeof *near), *g = malloc(params * sizeof *g);
    const size_t inputs = b->b.n * l->run.inputs;
    float *x = malloc(inputs * sizeof *x);
    v.loss = gradient(l, w, params, &b->b, v.g);
    for (int k = 0; k < SHAKES; k++) {
        mlp_batch moved = b->b;
        memcpy(near, w, params * sizeof *near);
        memcpy(x, b->x, inputs * sizeof *x);
        shake(near, params, reach, r);
        shake(x, inputs, reach, r);
        moved.x = x;
        v.loss_moves = fmax(v.loss_moves, fabs(gradient(l, near, params, &moved, g) - v.loss));
        for (size_t i = 0; i < params; i++)
            v.moves[i] = fmax(v.moves[i], fabs((double)g[i] - (double)v.g[i]));
    }
    free(near);
    free(g);
    free(x);
    return v;
}

static void want_free(Want *v)
{
    free(v->g);
    free(v->moves);
}

/* Each number within 32 times what the shakes moved its tensor, or 1e-5 of the largest of the tensor (sums of some hundred
 * terms that cancel lose about so much), or 1e-6 of the largest gradient of all (what cancels before it reaches the tensor).
 * The gradient that leaves a normalisation is the small rest of a subtraction, which shakes do not show: where there is one
 * it is 1e-4. 1e-7 is a rounding of numbers about 1, which all inputs and targets are. Returns the largest share of the bound that was seen. */
static double compare(const Graph *g, const Want *want, const float *got, const char *what)
{
    double worst = 0, most = 0, share = 1e-6;
    size_t at = 0;
    for (int i = 0; i < g->nnode; i++)
        if (g->node[i]->op == OP_BATCHNORM || g->node[i]->op == OP_LAYERNORM)
            share = 1e-4;
    for (int p = 0; p < g->nparam; at += param_count(g->param[p]), p++)
        for (size_t k = 0; k < param_count(g->param[p]) && g->param[p]->trained; k++)
            most = fmax(most, fabs((double)want->g[at + k]));
    at = 0;
    for (int p = 0; p < g->nparam; at += param_count(g->param[p]), p++) {
        double largest = 0, moves = 0;
        for (size_t k = at; k < at + param_count(g->param[p]); k++) {
            largest = fmax(largest, fabs((double)want->g[k]));
            moves = fmax(moves, want->moves[k]);
        }
        const double bound = 32 * moves + 1e-5 * largest + share * most + 1e-7;
        for (size_t k = at; k < at + param_count(g->param[p]); k++) {
            double off = fabs((double)got[k] - (double)want->g[k]);
            if (!(off <= bound))
                fail_msg("%s: %s, number %zu: got %.9g, expected %.9g, bound %g", what, g->param[p]->name, k - at,
                         (double)got[k], (double)want->g[k], bound);
            worst = fmax(worst, off / bound);
        }
    }
    return worst;
}

static size_t count_of(Random *r, bool few)
{
    static const size_t count[] = {1, 2, 3, 5, 8, 13, 24, 31, 47, 700}; /* the last: more than a tile */
    return count[random_below(r, few ? 7 : 10)];
}

/* A random net that can learn; NULL if it cannot. Both learners must say so. */
typedef struct Pair {
    Arena *a;
    Graph *g;
    GradOptions o;
    Learner *jit, *reference;
    float *w;
    size_t params;
    Random r;
} Pair;

static bool pair_new(Pair *p, uint64_t seed, RandomKind kind, bool printed, int threads)
{
    Diag d;
    *p = (Pair){.a = arena_new(), .r = {seed}};
    diag_init(&d, p->a);
    p->g = random_lesson(p->a, &d, seed, kind, &p->r, &p->o);
    if (printed) /* what the functions that are printed take */
        p->o = (GradOptions){0};
    LearnerOptions o = {.grad = &p->o, .scores = random_chance(&p->r, 50), .threads = threads};
    const mlp_kernels *k = mlp_kernels_at((int)(seed % 4)); /* each set has its turn, the best one more often */
    p->jit = learner_jit_for(p->g, k ? k : mlp_kernels_best(), &d, &o);
    p->reference = learner_reference(p->g, &d, &o);
    assert_true(!p->jit == !p->reference);
    p->params = graph_params(p->g);
    p->w = ARENA_ARRAY(p->a, p->params + 1, float);
    learner_start(p->g, seed, p->w); /* the values that are bound */
    for (size_t i = 0; i < p->params; i++) /* products with denormals vanish in single precision, and sign sees it */
        p->w[i] = fabsf(p->w[i]) < 1e-30f ? 0 : p->w[i];
    return p->jit;
}

static void pair_free(Pair *p)
{
    learner_free(p->jit);
    learner_free(p->reference);
    arena_free(p->a);
}

static void same_sizes(const Pair *p)
{
    const mlp_learner *a = &p->jit->run, *b = &p->reference->run;
    assert_int_equal(a->inputs, b->inputs);
    assert_int_equal(a->outputs, b->outputs);
    assert_int_equal(a->targets, b->targets);
    assert_int_equal(a->whole_batch, b->whole_batch);
    size_t x = 0, y = 0;
    for (size_t i = 0; i < a->statistics_count; i++)
        x += a->statistics[i].count;
    for (size_t i = 0; i < b->statistics_count; i++)
        y += b->statistics[i].count;
    assert_int_equal(x, y);
}

/* Whether both are the same to rounding: a step is `moved` at most. */
static void same_block(const float *got, const float *want, size_t count, double moved, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        const double size = fmax(fabs((double)want[i]), moved);
        if (!(fabs((double)got[i] - (double)want[i]) <= 4e-6 * size) && !(isnan(got[i]) && isnan(want[i])))
            fail_msg("%s, number %zu: %.9g, expected %.9g", what, i, (double)got[i], (double)want[i]);
    }
}

/* A step at once is the gradient, and then the optimiser's step; none where the loss is not finite. */
static bool check_step(Pair *p, Samples *b, const char *what)
{
    const mlp_learner *l = &p->jit->run;
    const size_t params = l->params, trained = l->statistics_count ? l->statistics[0].from : params;
    mlp_optimizer o = mlp_optimizer_default((mlp_method)random_below(&p->r, 6));
    if (!l->step)
        return false;
    o.momentum = random_chance(&p->r, 50) ? 0.9 : 0;
    o.weight_decay = random_chance(&p->r, 50) ? 0.1 : 0;
    const size_t states = mlp_optimizer_state(&o, params);
    float *w = block_new(params), *v = block_new(params), *g = block_new(params), *s = block_new(states), *u = block_new(states);
    memset(w, 0, params * sizeof *w);
    p->jit->load(p->jit, p->w, w);
    memcpy(v, w, params * sizeof *w);
    for (size_t i = 0; i < states; i++)
        u[i] = s[i] = (float)random_between(&p->r, 0, 1);
    const float loss = l->grad(l->context, v, &b->b, g);
    const double most = mlp_norm(g, trained) + 1;
    mlp_optimizer_step(&o, params, v, g, u, b->b.step, 0.01);
    assert_true(l->step(l->context, w, &b->b, g, &o, s, 0.01) == loss);
    same_block(w, v, trained, 0.01 * most, arena_printf(p->a, "%s, %s: parameters", what, mlp_method_name(o.method)));
    for (size_t at = 0; at < states; at += params)
        same_block(s + at, u + at, trained, most * most, arena_printf(p->a, "%s, %s: state", what, mlp_method_name(o.method)));
    for (size_t i = 0; i < b->b.n * l->inputs; i++)
        b->x[i] = nanf("");
    memcpy(v, w, params * sizeof *w);
    memcpy(u, s, states * sizeof *s);
    if (!isfinite(l->step(l->context, w, &b->b, g, &o, s, 0.01))) {
        assert_memory_equal(w, v, params * sizeof *w);
        assert_memory_equal(s, u, states * sizeof *s);
    }
    free(w);
    free(v);
    free(g);
    free(s);
    free(u);
    return true;
}

static void random_gradients(RandomKind kind, uint64_t from, uint64_t to)
{
    int learning = 0, at_once = 0;
    double worst = 0;
    for (uint64_t seed = from; seed < to; seed++) {
        Pair p;
        if (pair_new(&p, seed, kind, false, 1)) {
            const char *what = arena_printf(p.a, "random graph %llu", (unsigned long long)seed);
            const size_t n = count_of(&p.r, kind == RANDOM_ANY);
            Samples b = samples_new(p.g, &p.o, &p.jit->run, n, &p.r);
            same_sizes(&p);
            Want want = want_of(p.reference, p.w, p.params, &b, reach_of(p.g), &p.r);
            if (fabs(want.loss) < 1e6 && want.loss_moves < 1e-3 * fabs(want.loss)) { /* not exp of exp */
                float *got = malloc(p.params * sizeof *got), *again = malloc(p.params * sizeof *again);
                double loss = gradient(p.jit, p.w, p.params, &b.b, got);
                if (!(fabs(loss - want.loss) <= 1e-5 * fabs(want.loss) + 32 * want.loss_moves))
                    fail_msg("%s: the loss is %.9g, expected %.9g", what, loss, want.loss);
                worst = fmax(worst, compare(p.g, &want, got, what));
                gradient(p.jit, p.w, p.params, &b.b, again);
                assert_memory_equal(got, again, p.params * sizeof *got);
                b.b.n = 0; /* no samples, no gradient */
                gradient(p.jit, p.w, p.params, &b.b, again);
                for (size_t i = 0; i < p.params && !p.jit->run.statistics_count; i++)
                    assert_true(again[i] == 0 || p.g->train.l2 > 0 || p.g->train.l1 > 0);
                b.b.n = n;
                at_once += check_step(&p, &b, what);
                free(got);
                free(again);
                learning++;
            }
            want_free(&want);
            samples_free(&b);
        }
        pair_free(&p);
    }
    printf("%d nets, worst %.3f of the bound; %d take steps at once\n", learning, worst, at_once);
    assert_true(learning * 2 > (int)(to - from) && at_once * 4 > learning);
}

static void gradients_are_the_reference_s(void **state)
{
    (void)state;
    random_gradients(RANDOM_SMALL, 1, getenv("MLPC_LONG") ? 10 * GRAPHS : GRAPHS);
    random_gradients(RANDOM_ANY, 20000, 20040);
    random_gradients(RANDOM_WIDE, 21040, 21050); /* three of them have layers whose samples are packed */
}

static void blocks_go_there_and_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        Pair p;
        if (pair_new(&p, seed, RANDOM_ANY, false, 1)) {
            float *block = block_new(p.jit->run.params), *back = malloc((p.params + 1) * sizeof *back);
            for (size_t i = 0; i < p.params; i++)
                p.w[i] = (float)i;
            p.jit->load(p.jit, p.w, block);
            p.jit->store(p.jit, block, back);
            assert_memory_equal(p.w, back, p.params * sizeof *back);
            free(block);
            free(back);
        }
        pair_free(&p);
    }
}

/* ---- the code that is printed ---------------------------------------------------------------------------------- */

enum { PRINTED = 48, PRINTED_CC = 5, PRINTED_WIDE = 3, ROWS_MAX = 40 };

/* What the wrapper of a printed gradient takes; it returns the floats of scratch when g is NULL. */
typedef double Printed(float *p, size_t n, const float *const *in, float *g, float *scratch, uint64_t seed, uint64_t step);

static Plan *plan_of(Arena *a, const Graph *g)
{
    Diag d;
    diag_init(&d, a);
    Graph *f = graph_copy_into(a, g), *t = graph_copy_into(a, g);
    for (int i = 0; i < g->nparam; i++)
        f->param[i]->value = t->param[i]->value = NULL;
    assert_true(pass_grad(t, &d, NULL));
    t->noutput = 0;
    graph_prune(t);
    pass_fuse(t);
    assert_true(pass_fold(f, &d));
    pass_fuse(f);
    Plan *p = plan_make(f, WEIGHTS_ARGUMENT, TARGET_SIMD);
    p->train = plan_make(t, WEIGHTS_ARGUMENT, TARGET_SIMD);
    return p;
}

/* What the wrapper of a printed step takes: at once, or a gradient and then the step; it returns the floats of state when p is
 * NULL. */
typedef double PrintedStep(float *p, size_t n, const float *const *in, float *g, float *scratch, float *state, uint64_t seed,
                           int at_once);

/* Adds the net as text with names that begin with n7_, and its wrappers w7 and s7. */
static void print_net(const Pair *p, int number, Text *t)
{
    const Plan *plan = plan_of(p->a, p->g), *train = plan->train;
    const char *name = arena_printf(p->a, "n%d", number);
    EmitOptions o = {.prefix = name, .command = "mlpc net.lua --train", .script = "net.lua", .single_header = true};
    bool drops = false;
    text_printf(t, "#define N%d_IMPLEMENTATION\n", number);
    emit_source(plan, &o, t);
    for (int i = 0; i < train->graph->nnode; i++)
        drops |= train->graph->node[i]->op == OP_DROPOUT_TRAIN;
    text_printf(t, "\ndouble w%d(float *p, size_t n, const float *const *in, float *g, float *scratch, uint64_t seed, uint64_t "
                   "step)\n{\n    (void)seed, (void)step;\n    if (!g)\n        return (double)N%d_TRAIN_SCRATCH%s;\n"
                   "    return (double)n%d_grad(p, n", number, number, train->whole_batch ? "(n)" : "", number);
    for (int i = 0; i < p->g->ninput + train->graph->ntarget; i++)
        text_printf(t, ", in[%d]", i);
    text_printf(t, ", g, scratch%s);\n}\n", drops ? ", seed, step" : "");
    text_printf(t, "double s%d(float *p, size_t n, const float *const *in, float *g, float *scratch, float *state, uint64_t seed, "
                   "int at_once)\n{\n    (void)seed;\n    if (!p)\n        return (double)N%d_STATE;\n"
                   "    const double loss = at_once ? (double)n%d_train(p, n", number, number, number);
    for (int i = 0; i < p->g->ninput + train->graph->ntarget; i++)
        text_printf(t, ", in[%d]", i);
    text_printf(t, ", g, scratch%s, state, 3, 0.01f) : (double)n%d_grad(p, n", drops ? ", seed" : "", number);
    for (int i = 0; i < p->g->ninput + train->graph->ntarget; i++)
        text_printf(t, ", in[%d]", i);
    text_printf(t, ", g, scratch%s);\n    if (!at_once)\n        n%d_step(p, g, state, 3, 0.01f);\n    return loss;\n}\n",
                drops ? ", seed, 3" : "", number);
}

/* n rows of parts that lie one after the other, each part by itself. */
static void split_rows(float **part, const int *width, int count, const float *rows, size_t total, size_t n)
{
    for (int i = 0; i < count; rows += width[i], i++) {
        part[i] = malloc((n * (size_t)width[i] + 1) * sizeof(float));
        for (size_t r = 0; r < n; r++)
            memcpy(part[i] + r * (size_t)width[i], rows + r * total, (size_t)width[i] * sizeof(float));
    }
}

/* The gradient by the printed function, in the PyTorch layout. The learner's block is that function's block. */
static double printed_gradient(const Pair *p, Printed *call, PrintedStep *step, const mlp_batch *b, float *got, const char *what)
{
    const mlp_learner *l = &p->jit->run;
    float *in[64], *block = block_new(l->params), *g = block_new(l->params);
    int width[64], count = p->g->ninput;
    assert_in_range(p->g->ninput + p->g->noutput, 1, 64);
    for (int i = 0; i < count; i++)
        width[i] = p->g->input[i]->width;
    split_rows(in, width, count, b->x, l->inputs, b->n);
    for (int o = 0; o < p->g->noutput; o++)
        width[count + o] = loss_read(p->g, p->g->train.loss, p->g->output[o].node).value->width;
    split_rows(in + count, width + count, p->g->noutput, b->t, l->targets, b->n);
    memset(block, 0, l->params * sizeof *block);
    memset(g, 0xff, l->params * sizeof *g); /* NaN: all of it must be written */
    p->jit->load(p->jit, p->w, block);
    float *scratch = block_new((size_t)call(NULL, b->n, NULL, NULL, NULL, 0, 0));
    double loss = call(block, b->n, (const float *const *)in, g, scratch, b->seed, b->step);
    for (size_t s = 0; s < l->statistics_count; s++)
        memcpy(g + l->statistics[s].from, block + l->statistics[s].from, l->statistics[s].count * sizeof *g);
    p->jit->store(p->jit, g, got);
    const size_t trained = l->statistics_count ? l->statistics[0].from : l->params;
    const size_t states = (size_t)step(NULL, 0, NULL, NULL, NULL, NULL, 0, 0);
    const double most = mlp_norm(g, trained) + 1;
    float *w[2], *s[2], first[2];
    for (int at_once = 0; at_once < 2; at_once++) {
        w[at_once] = block_new(l->params);
        s[at_once] = block_new(states);
        memset(w[at_once], 0, l->params * sizeof *block);
        p->jit->load(p->jit, p->w, w[at_once]);
        for (size_t i = 0; i < states; i++)
            s[at_once][i] = (float)(i % 64) / 64;
        first[at_once] = (float)step(w[at_once], b->n, (const float *const *)in, g, scratch, s[at_once], b->seed, at_once);
    }
    assert_true(first[0] == first[1]);
    same_block(w[1], w[0], l->params, 0.01 * most, what);
    same_block(s[1], s[0], states, most * most, what);
    for (int at_once = 0; at_once < 2; at_once++) {
        free(w[at_once]);
        free(s[at_once]);
    }
    for (int i = 0; i < count + p->g->noutput; i++)
        free(in[i]);
    free(block);
    free(g);
    free(scratch);
    return loss;
}

/* Nets from..from + count - 1 printed into one file, built by the compiler, and both codes against the reference. */
static void check_printed(const char *compiler, uint64_t from, int count, RandomKind kind)
{
    static Pair pair[PRINTED];
    char dir[] = "/tmp/mlpc-test-XXXXXX", path[64], command[256];
    Text t = {0};
    double worst = 0;
    int compared = 0;
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < count; i++)
        if (pair_new(&pair[i], from + (uint64_t)i, kind, true, 1))
            print_net(&pair[i], i, &t);
    snprintf(path, sizeof path, "%s/nets.c", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite(t.data, 1, t.size, f);
    fclose(f);
    text_free(&t);
    snprintf(command, sizeof command, "%s -shared -fPIC -o %s/nets.so %s", compiler, dir, path);
    if (system(command) != 0)
        fail_msg("%s fails", command);
    snprintf(path, sizeof path, "%s/nets.so", dir);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail_msg("%s", dlerror());
    for (int i = 0; i < count; i++) {
        Pair *p = &pair[i];
        if (p->jit) {
            const char *what = arena_printf(p->a, "%s, random graph %llu", compiler, (unsigned long long)from + (unsigned)i);
            snprintf(path, sizeof path, "w%d", i);
            void *address = dlsym(library, path);
            assert_non_null(address);
            Printed *call;
            memcpy(&call, &address, sizeof call);
            snprintf(path, sizeof path, "s%d", i);
            address = dlsym(library, path);
            assert_non_null(address);
            PrintedStep *step;
            memcpy(&step, &address, sizeof step);
            Samples b = samples_new(p->g, &p->o, &p->jit->run,
                                    random_chance(&p->r, 20) ? 500 : 1 + (size_t)random_below(&p->r, ROWS_MAX), &p->r);
            Want want = want_of(p->reference, p->w, p->params, &b, reach_of(p->g), &p->r);
            if (fabs(want.loss) < 1e6 && want.loss_moves < 1e-3 * fabs(want.loss)) {
                float *got = malloc(p->params * sizeof *got);
                double loss = printed_gradient(p, call, step, &b.b, got, what);
                if (!(fabs(loss - want.loss) <= 1e-5 * fabs(want.loss) + 32 * want.loss_moves))
                    fail_msg("%s: the loss is %.9g, expected %.9g", what, loss, want.loss);
                worst = fmax(worst, compare(p->g, &want, got, what));
                gradient(p->jit, p->w, p->params, &b.b, got);
                compare(p->g, &want, got, what);
                free(got);
                compared++;
            }
            want_free(&want);
            samples_free(&b);
        }
        pair_free(p);
    }
    dlclose(library);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    printf("%s: %d nets, worst %.3f of the bound\n", compiler, compared, worst);
    assert_true(compared * 2 > count);
}

static void printed_code_says_the_same(void **state)
{
    (void)state;
    const char *cc = getenv("CC");
    char command[256];
    check_printed("tcc", 30000, PRINTED, RANDOM_SMALL);
    snprintf(command, sizeof command, "%s -std=c99 -O1 -march=native", cc && *cc ? cc : "cc");
    check_printed(command, 30100, PRINTED_CC, RANDOM_SMALL);
    check_printed(command, 21040, PRINTED_WIDE, RANDOM_WIDE);
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

enum { THREADS = 4 };

typedef struct Work {
    const Learner *l;
    const float *block;
    mlp_batch b;
    float *g, *y, loss;
} Work;

static void *work(void *context)
{
    Work *w = context;
    for (int i = 0; i < 50; i++) {
        w->loss = w->l->run.grad(w->l->run.context, w->block, &w->b, w->g);
        w->l->run.forward(w->l->run.context, w->b.thread, w->block, w->b.n, w->b.x, w->y);
    }
    return NULL;
}

/* Four threads with one learner and block, each on samples of its own: what one alone makes of them. */
static void threads_do_not_meet(void **state)
{
    (void)state;
    for (uint64_t seed = 40; seed < 60; seed++) {
        Pair p;
        if (!pair_new(&p, seed, RANDOM_SMALL, false, THREADS)) {
            pair_free(&p);
            continue;
        }
        Samples b[THREADS];
        Work w[THREADS];
        pthread_t thread[THREADS];
        const size_t params = p.jit->run.params;
        float *block = block_new(params), *g = block_new(params);
        memset(block, 0, params * sizeof *block);
        p.jit->load(p.jit, p.w, block);
        for (int i = 0; i < THREADS; i++) {
            b[i] = samples_new(p.g, &p.o, &p.jit->run, 10 + 3 * (size_t)i, &p.r);
            b[i].b.thread = i;
            w[i] = (Work){p.jit, block, b[i].b, block_new(params), block_new(b[i].b.n * p.jit->run.outputs), 0};
            assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        for (int i = 0; i < THREADS; i++) {
            b[i].b.thread = 0;
            float loss = p.jit->run.grad(p.jit->run.context, block, &b[i].b, g);
            assert_true(loss == w[i].loss || isnan(loss));
            assert_memory_equal(g, w[i].g, params * sizeof *g);
            free(w[i].g);
            free(w[i].y);
            samples_free(&b[i]);
        }
        free(block);
        free(g);
        pair_free(&p);
    }
}

/* ---- without a JIT --------------------------------------------------------------------------------------------- */

/* Where the system refuses memory that is written and run, a note says so and the reference does the work. In a process of
 * its own, since there is no way back; kernels before 6.3 do not know how to refuse. */
static void the_reference_stands_in(void **state)
{
    (void)state;
    enum { SET_MDWE = 65, REFUSE_EXEC_GAIN = 1, REFUSED = 0, UNKNOWN = 77 };
    pid_t child = fork();
    if (child == 0) {
        if (prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0)
            _exit(UNKNOWN);
        Arena *a = arena_new();
        Diag d;
        GradOptions grad;
        diag_init(&d, a);
        Random r = {3};
        Graph *g = random_lesson(a, &d, 3, RANDOM_SMALL, &r, &grad);
        LearnerOptions o = {.grad = &grad};
        char *text = NULL;
        size_t size = 0;
        Learner *l = learner_new(g, &d, &o);
        FILE *f = open_memstream(&text, &size);
        diag_flush(&d, f);
        fclose(f);
        bool good = l && strcmp(l->name, "reference") == 0 && d.errors == 0 && strstr(text, "no code could be made in memory");
        _exit(good ? REFUSED : 1);
    }
    int status;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == UNKNOWN)
        skip();
    assert_int_equal(WEXITSTATUS(status), REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_reference_s),
        cmocka_unit_test(printed_code_says_the_same),
        cmocka_unit_test(blocks_go_there_and_back),
        cmocka_unit_test(threads_do_not_meet),
        cmocka_unit_test(the_reference_stands_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
