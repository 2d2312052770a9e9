/* learner.c: first weights, which learner does the work, and the reference learner over the double-precision evaluators. */
#include "learner.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "graph/loss.h"

/* ---- first weights ------------------------------------------------------------------------------------------------ */

void learner_start_range(const Node *n, const Param *p, double *center, double *bound)
{
    double in = p->cols, out = p->rows;
    *center = *bound = 0;
    if (n->op != OP_DENSE) {
        *center = n->op == OP_PRELU ? n->attr[0] : p->role == ROLE_WEIGHT || p->role == ROLE_RUNNING_VAR;
        return;
    }
    if (n->init == INIT_TORCH) { /* torch.nn.Linear: weights and biases alike, by the inputs */
        *bound = 1 / sqrt(n->param[ROLE_WEIGHT]->cols);
        return;
    }
    if (p->role != ROLE_WEIGHT)
        return;
    switch (n->init) {
    case INIT_HE: /* He et al., 2015: variance 2 / in */
        *bound = sqrt(6 / in);
        break;
    case INIT_GLOROT: /* Glorot and Bengio, 2010: 2 / (in + out) */
        *bound = sqrt(6 / (in + out));
        break;
    case INIT_LECUN: /* LeCun et al., 1998: 1 / in */
        *bound = sqrt(3 / in);
        break;
    default:
        break;
    }
}

static const Node *owner_of(const Graph *g, const Param *p)
{
    for (int i = 0; i < g->nnode; i++)
        if (g->node[i]->param[p->role] == p)
            return g->node[i];
    die("internal error: parameter %s belongs to no node", p->name);
}

void learner_start(const Graph *g, uint64_t seed, float *w)
{
    mlp_rng rng;
    mlp_rng_seed(&rng, seed, 0x5354415254u); /* "START": a stream of its own */
    for (int i = 0; i < g->nparam; i++) {
        const Param *p = g->param[i];
        double center, bound;
        learner_start_range(owner_of(g, p), p, &center, &bound);
        /* Numbers from -2^23 to 2^23 - 1 are exact in a float: one rounding makes the value. */
        float first = (float)center, step = (float)(bound * 0x1p-23);
        for (size_t k = 0; k < param_count(p); k++)
            w[k] = step > 0 ? first + step * (float)((int)(mlp_rng_u32(&rng) >> 8) - (1 << 23)) : first;
        for (size_t k = 0; k < param_count(p) && p->value; k++)
            w[k] = p->value[k];
        w += param_count(p);
    }
}

/* ---- the reference ------------------------------------------------------------------------------------------------ */

typedef struct Reference {
    Learner base;
    Arena *arena;
    Graph *forward, *training; /* training: NULL if it only answers */
    mlp_range *statistics;
    pthread_mutex_t one; /* parameters are bound to a block while a call runs: one at a time */
} Reference;

static void bind_block(Graph *g, const float *block)
{
    for (int i = 0; i < g->nparam; i++) {
        g->param[i]->value = block;
        block += param_count(g->param[i]);
    }
}

/* Rows of floats, `total` wide, as one block of doubles for each of the nodes, which stand one after the other. */
static const double *const *spread(Arena *a, Node *const *node, int count, const float *rows, size_t total, size_t n)
{
    const double **list = ARENA_ARRAY(a, (size_t)count, const double *);
    for (int i = 0; i < count; i++) {
        size_t width = (size_t)node[i]->width;
        double *to = ARENA_ARRAY(a, n * width, double);
        list[i] = to;
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < width; j++)
                *to++ = (double)rows[r * total + j];
        rows += width;
    }
    return list;
}

static float reference_grad(void *context, const float *w, const mlp_batch *b, float *g)
{
    Reference *f = context;
    const Graph *t = f->training;
    Arena *a = arena_new();
    double loss = 0, **grad = ARENA_ARRAY(a, (size_t)t->nparam, double *);
    TrainBatch batch = {.n = b->n, .seed = b->seed, .step = b->step};
    batch.in = spread(a, t->input, t->ninput, b->x, f->base.run.inputs, b->n);
    batch.target = spread(a, t->target, t->ntarget, b->t, f->base.run.targets, b->n);
    for (int i = 0; i < t->nparam; i++)
        grad[i] = ARENA_ARRAY(a, param_count(t->param[i]), double);
    if (t->sample_weight) {
        double *weight = ARENA_ARRAY(a, b->n, double);
        for (size_t i = 0; i < b->n; i++)
            weight[i] = b->weight ? (double)b->weight[i] : 1;
        batch.weight = weight;
    }
    pthread_mutex_lock(&f->one);
    bind_block(f->training, w);
    if (!graph_eval_train(t, &batch, &loss, grad))
        die("internal error: the reference cannot learn");
    pthread_mutex_unlock(&f->one);
    for (int i = 0; i < t->nparam; i++)
        for (size_t k = 0; k < param_count(t->param[i]); k++)
            *g++ = (float)grad[i][k];
    arena_free(a);
    return (float)loss;
}

static void reference_forward(void *context, int thread, const float *w, size_t n, const float *x, float *y)
{
    Reference *f = context;
    const Graph *g = f->forward;
    Arena *a = arena_new();
    double **out = ARENA_ARRAY(a, (size_t)g->noutput, double *);
    size_t at = 0;
    (void)thread;
    for (int o = 0; o < g->noutput; o++)
        out[o] = ARENA_ARRAY(a, n * (size_t)g->output[o].node->width, double);
    pthread_mutex_lock(&f->one);
    bind_block(f->forward, w);
    if (!graph_eval(g, n, spread(a, g->input, g->ninput, x, f->base.run.inputs, n), out))
        die("internal error: the reference has no weights");
    pthread_mutex_unlock(&f->one);
    for (int o = 0; o < g->noutput; o++) {
        size_t width = (size_t)g->output[o].node->width;
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < width; j++)
                y[r * f->base.run.outputs + at + j] = (float)out[o][r * width + j];
        at += width;
    }
    arena_free(a);
}

static void reference_load(const Learner *l, const float *w, float *block)
{
    memcpy(block, w, l->run.params * sizeof *w);
}

static void reference_store(const Learner *l, const float *block, float *w)
{
    memcpy(w, block, l->run.params * sizeof *w);
}

static void reference_free(Learner *l)
{
    Reference *f = l->run.context;
    pthread_mutex_destroy(&f->one);
    arena_free(f->arena);
}

/* Where running statistics lie in the block. */
static void find_statistics(Reference *f, const Graph *g)
{
    f->statistics = ARENA_ARRAY(f->arena, (size_t)g->nparam, mlp_range);
    size_t at = 0, count = 0;
    for (int i = 0; i < g->nparam; at += param_count(g->param[i]), i++)
        if (!g->param[i]->trained)
            f->statistics[count++] = (mlp_range){at, param_count(g->param[i])};
    f->base.run.statistics = f->statistics;
    f->base.run.statistics_count = count;
}

Learner *learner_reference(const Graph *g, Diag *d, const LearnerOptions *o)
{
    Arena *a = arena_new();
    Reference *f = ARENA_NEW(a, Reference);
    mlp_learner *run = &f->base.run;
    f->base = (Learner){.name = "reference", .load = reference_load, .store = reference_store, .free = reference_free};
    f->arena = a;
    f->forward = graph_copy_into(a, g);
    for (int i = 0; i < g->noutput && o->scores; i++)
        f->forward->output[i].node = f->forward->node[loss_read(g, g->train.loss, g->output[i].node).value->id];
    if (o->grad) {
        f->training = graph_copy_into(a, g);
        if (!pass_grad(f->training, d, o->grad)) {
            arena_free(a);
            return NULL;
        }
        run->grad = reference_grad;
        find_statistics(f, g);
        run->whole_batch = run->statistics_count > 0;
        for (int i = 0; i < f->training->ntarget; i++)
            run->targets += (size_t)f->training->target[i]->width;
    }
    run->params = graph_params(g);
    run->context = f;
    run->forward = reference_forward;
    for (int i = 0; i < g->ninput; i++)
        run->inputs += (size_t)g->input[i]->width;
    for (int i = 0; i < g->noutput; i++)
        run->outputs += (size_t)f->forward->output[i].node->width;
    pthread_mutex_init(&f->one, NULL);
    return &f->base;
}

Learner *learner_new(const Graph *g, Diag *d, const LearnerOptions *o)
{
    const int errors = d->errors;
    Learner *l = learner_jit(g, d, o);
    return l || d->errors > errors ? l : learner_reference(g, d, o);
}

void learner_free(Learner *l)
{
    if (l)
        l->free(l);
}
