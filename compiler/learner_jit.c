/* learner_jit.c: the learner that training runs on: plans compiled in memory, over the kernels of the runtime. The net that
 * answers and the net that learns are two plans over one block, each with its own code. */
#include "learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/jit.h"
#include "graph/loss.h"
#include "optim.h"

/* Where a parameter lies: in the PyTorch layout, and in the block. */
typedef struct Piece {
    size_t from, to, count;
    size_t in, out; /* in panels: a dense layer's widths; else 0 */
    bool dot;
} Piece;

/* What one call at a time works with. */
typedef struct Bench {
    float *forward, *grad;
    size_t room; /* samples that grad has room for, where a batch is taken whole */
    const float **in;
    float **out;
} Bench;

typedef struct JitLearner {
    Learner base;
    Arena *arena;
    const mlp_kernels *kernels;
    Jit *forward, *grad;
    Piece *piece;
    int pieces;
    int ninput, ntarget, noutput;
    size_t *x_at, *t_at, *y_at; /* where each begins in a row */
    size_t trained, numbers;    /* floats of the block that have gradients; and statistics; then what nothing depends on */
    mlp_range statistics;
    Bench *bench; /* by thread */
    int threads;
} JitLearner;

/* ---- the block ------------------------------------------------------------------------------------------------ */

static void jit_load(const Learner *base, const float *w, float *block)
{
    const JitLearner *l = base->run.context;
    for (int i = 0; i < l->pieces; i++) {
        const Piece *p = &l->piece[i];
        if (p->in)
            l->kernels->pack(p->in, p->out, p->dot, w + p->from, block + p->to);
        else
            memcpy(block + p->to, w + p->from, p->count * sizeof *w);
    }
}

static void jit_store(const Learner *base, const float *block, float *w)
{
    const JitLearner *l = base->run.context;
    for (int i = 0; i < l->pieces; i++) {
        const Piece *p = &l->piece[i];
        if (p->in)
            l->kernels->unpack(p->in, p->out, p->dot, block + p->to, w + p->from);
        else
            memcpy(w + p->from, block + p->to, p->count * sizeof *w);
    }
}

/* The pieces of the script's parameters, in the order of the PyTorch layout. What the plan has no table for (nothing
 * depends on it) lies behind what it has. */
static void make_pieces(JitLearner *l, const Graph *g, const Plan *p)
{
    size_t from = 0, rest = p->numbers;
    l->piece = ARENA_ARRAY(l->arena, (size_t)g->nparam + 1, Piece);
    for (int i = 0; i < g->nparam; i++) {
        const Table *t = p->table_of[g->param[i]->id];
        Piece *piece = &l->piece[l->pieces++];
        *piece = (Piece){.from = from, .to = t ? t->offset : rest, .count = param_count(g->param[i])};
        if (t && t->layout == LAYOUT_PANELS) {
            piece->in = (size_t)t->cols;
            piece->out = (size_t)t->rows;
            piece->dot = t->tail_dot;
        }
        from += piece->count;
        rest += t ? 0 : piece->count;
    }
    l->trained = p->trained;
    l->numbers = p->numbers;
    l->base.run.params = rest;
}

/* Both plans must mean the same block. */
static bool same_block(const Graph *g, const Plan *a, const Plan *b)
{
    bool same = a->numbers == b->numbers && a->trained == b->trained;
    for (int i = 0; i < g->nparam && same; i++) {
        const Table *x = a->table_of[g->param[i]->id], *y = b->table_of[g->param[i]->id];
        same = !x == !y && (!x || (x->offset == y->offset && x->layout == y->layout && x->tail_dot == y->tail_dot));
    }
    return same;
}

/* ---- calls ---------------------------------------------------------------------------------------------------- */

static void jit_forward(void *context, int thread, const float *w, size_t n, const float *x, float *y)
{
    const JitLearner *l = context;
    Bench *b = &l->bench[thread];
    if (!b->forward)
        b->forward = jit_scratch(l->forward);
    for (int i = 0; i < l->ninput; i++)
        b->in[i] = x + l->x_at[i];
    for (int o = 0; o < l->noutput; o++)
        b->out[o] = y + l->y_at[o];
    jit_run(l->forward, w, n, b->in, b->out, b->forward);
}

/* The gradient, or, where there is a rule, a step by it. */
static float jit_pass(const JitLearner *l, const float *w, const mlp_batch *batch, float *g, const mlp_rule *rule)
{
    Bench *b = &l->bench[batch->thread];
    double loss = 0;
    if (!b->grad || (l->grad->sample && batch->n > b->room)) {
        free(b->grad);
        b->grad = jit_scratch_for(l->grad, batch->n);
        b->room = batch->n;
    }
    for (int i = 0; i < l->ninput; i++)
        b->in[i] = batch->x + l->x_at[i];
    for (int i = 0; i < l->ntarget; i++)
        b->in[l->ninput + i] = batch->t + l->t_at[i];
    b->in[l->ninput + l->ntarget] = batch->weight;
    const size_t statistics = l->numbers - l->trained, all = l->base.run.params;
    if (statistics) /* the code moves them where the gradient is */
        memcpy(g + l->trained, w + l->trained, statistics * sizeof *g);
    if (all > l->numbers)
        memset(g + l->numbers, 0, (all - l->numbers) * sizeof *g);
    l->grad->grad(w, batch->n, b->in, g, b->grad, &loss, 1.0f / (float)batch->n, batch->seed, batch->step, rule);
    return (float)loss;
}

static float jit_gradient(void *context, const float *w, const mlp_batch *batch, float *g)
{
    return jit_pass(context, w, batch, g, NULL);
}

static float jit_step(void *context, float *w, const mlp_batch *batch, float *g, const mlp_optimizer *o, float *state,
                      double lr)
{
    const JitLearner *l = context;
    const size_t all = l->base.run.params;
    const mlp_rule rule = mlp_optimizer_rule(o, all, w, g, state, batch->step, lr, 1);
    const float loss = jit_pass(l, w, batch, g, &rule);
    if (isfinite(loss))
        mlp_rule_apply(&rule, l->numbers, all - l->numbers, g + l->numbers); /* what nothing depends on may decay */
    return loss;
}

/* ---- making one ----------------------------------------------------------------------------------------------- */

static void jit_end(Learner *base)
{
    JitLearner *l = base->run.context;
    for (int i = 0; i < l->threads; i++) {
        free(l->bench[i].forward);
        free(l->bench[i].grad);
    }
    jit_free(l->forward);
    jit_free(l->grad);
    arena_free(l->arena);
}

/* A copy whose parameters are unknown to passes and plan: they are the caller's block. */
static Graph *unbound_copy(Arena *a, const Graph *g)
{
    Graph *copy = graph_copy_into(a, g);
    for (int i = 0; i < copy->nparam; i++)
        copy->param[i]->value = NULL;
    return copy;
}

/* NULL: reported to d. */
static Plan *plan_forward(Arena *a, const Graph *g, bool scores, Diag *d)
{
    Graph *f = unbound_copy(a, g);
    for (int o = 0; o < g->noutput && scores; o++)
        f->output[o].node = f->node[loss_read(g, g->train.loss, g->output[o].node).value->id];
    graph_prune(f);
    if (!pass_fold(f, d))
        return NULL;
    pass_fuse(f);
    return plan_make(f, WEIGHTS_ARGUMENT, TARGET_SIMD);
}

static Plan *plan_grad(Arena *a, const Graph *g, const GradOptions *o, Diag *d)
{
    Graph *f = unbound_copy(a, g);
    if (!pass_grad(f, d, o))
        return NULL;
    f->noutput = 0; /* learning needs the losses only */
    graph_prune(f);
    pass_fuse(f);
    return plan_make(f, WEIGHTS_ARGUMENT, TARGET_SIMD);
}

/* Where each of the nodes begins in a row of all of them; returns the row's width. */
static size_t places(Arena *a, size_t **at, int count, int (*width)(const Graph *g, int i), const Graph *g)
{
    size_t sum = 0;
    *at = ARENA_ARRAY(a, (size_t)count + 1, size_t);
    for (int i = 0; i < count; i++) {
        (*at)[i] = sum;
        sum += (size_t)width(g, i);
    }
    return sum;
}

static int input_width(const Graph *g, int i) { return g->input[i]->width; }
static int target_width(const Graph *g, int i) { return g->target[i]->width; }
static int output_width(const Graph *g, int i) { return g->output[i].node->width; }

static void set_run(JitLearner *l, const Plan *forward, const Plan *grad)
{
    mlp_learner *run = &l->base.run;
    l->ninput = forward->graph->ninput;
    l->noutput = forward->graph->noutput;
    run->inputs = places(l->arena, &l->x_at, l->ninput, input_width, forward->graph);
    run->outputs = places(l->arena, &l->y_at, l->noutput, output_width, forward->graph);
    run->context = l;
    run->forward = jit_forward;
    if (!grad)
        return;
    l->ntarget = grad->graph->ntarget;
    run->targets = places(l->arena, &l->t_at, l->ntarget, target_width, grad->graph);
    run->grad = jit_gradient;
    run->step = grad->learns ? jit_step : NULL;
    run->whole_batch = grad->whole_batch;
    run->macs = grad->macs;
    l->statistics = (mlp_range){l->trained, l->numbers - l->trained};
    run->statistics = &l->statistics;
    run->statistics_count = l->statistics.count > 0;
}

static void make_benches(JitLearner *l, int threads)
{
    l->threads = threads > 0 ? threads : 1;
    l->bench = ARENA_ARRAY(l->arena, (size_t)l->threads, Bench);
    for (int i = 0; i < l->threads; i++) {
        l->bench[i].in = ARENA_ARRAY(l->arena, (size_t)(l->ninput + l->ntarget) + 1, const float *);
        l->bench[i].out = ARENA_ARRAY(l->arena, (size_t)l->noutput + 1, float *);
    }
}

/* Why libtcc gave nothing, as a note. */
static void tell_why(Diag *quiet, Diag *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        die("out of memory");
    diag_flush(quiet, f);
    fclose(f);
    const char *what = strstr(text, "error: ");
    diag_note(d, (Pos){0}, "no code could be made in memory: the slow reference evaluator does the work (%.*s)",
              what ? (int)strcspn(what + 7, "\n") : 0, what ? what + 7 : "");
    free(text);
}

Learner *learner_jit(const Graph *g, Diag *d, const LearnerOptions *o)
{
    return learner_jit_for(g, mlp_kernels_best(), d, o);
}

Learner *learner_jit_for(const Graph *g, const mlp_kernels *k, Diag *d, const LearnerOptions *o)
{
    Arena *work = arena_new(); /* graphs and plans: code does not need them */
    Diag quiet;
    diag_init(&quiet, work);
    Plan *forward = plan_forward(work, g, o->scores, d), *grad = NULL;
    if (!forward || (o->grad && !(grad = plan_grad(work, g, o->grad, d)))) {
        arena_free(work);
        return NULL;
    }
    if (grad && !same_block(g, forward, grad))
        die("internal error: two plans of %s lay out its parameters differently", g->name);
    Arena *a = arena_new();
    JitLearner *l = ARENA_NEW(a, JitLearner);
    *l = (JitLearner){.arena = a, .kernels = k};
    l->base = (Learner){.name = "jit", .load = jit_load, .store = jit_store, .free = jit_end};
    make_pieces(l, g, grad ? grad : forward);
    set_run(l, forward, grad);
    make_benches(l, o->threads);
    plan_join_rows(forward);
    l->forward = jit_compile_for(forward, k, &quiet);
    if (grad && l->forward) {
        plan_join_rows(grad);
        l->grad = jit_compile_for(grad, k, &quiet);
    }
    if (!l->forward || (grad && !l->grad)) {
        tell_why(&quiet, d);
        jit_end(&l->base);
        l = NULL;
    }
    arena_free(work);
    return l ? &l->base : NULL;
}
