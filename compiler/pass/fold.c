/* fold.c: Graph -> Graph, the constant work done now: normalisation, scaling and linear stacks become one matrix each. */
#include "pass/pass.h"

#include <math.h>
#include <string.h>

typedef struct Fold {
    Graph *g;
    Diag *d;
    Node **become; /* by id: who stands for a removed node, or the node itself */
    int *uses;     /* by id: readers left */
    bool ok;
} Fold;

static bool known(const Node *n)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        if (n->param[r] && !n->param[r]->value)
            return false;
    return true;
}

/* `by` takes over all readers of `n`, and gives up the one read that n was. */
static void replace(Fold *f, Node *n, Node *by)
{
    f->become[n->id] = by;
    f->uses[by->id] += f->uses[n->id] - 1;
    f->uses[n->id] = 0;
}

static void remember(Fold *f, Node *n, const char *text)
{
    n->history = n->history ? arena_printf(f->g->arena, "%s, %s", n->history, text) : text;
}

/* A parameter like p with values of its own, zero so far: the caller's tensors stay as they were read. */
static Param *fresh(Fold *f, const Param *p, float **value)
{
    Param *q = ARENA_NEW(f->g->arena, Param);
    *q = *p;
    q->value = *value = ARENA_ARRAY(f->g->arena, param_count(p), float);
    return q;
}

/* Stores value as float; a folded number that is not finite is the user's problem, named once a node. */
static float narrow(Fold *f, const Node *n, double value)
{
    if (fabs(value) <= 3.4028234663852886e38)
        return (float)value;
    if (f->ok)
        diag_error(f->d, n->pos, "%s: folding its constants gives %s, not a number that fits single precision", n->name,
                   isnan(value) ? "NaN" : "infinity");
    f->ok = false;
    return 0;
}

/* batchnorm with known statistics is an affine map; it keeps its name. */
static void batchnorm_to_affine(Fold *f, Node *n)
{
    double *scale = ARENA_ARRAY(f->g->arena, (size_t)n->width, double);
    double *shift = ARENA_ARRAY(f->g->arena, (size_t)n->width, double);
    for (int j = 0; j < n->width; j++) {
        double var = (double)n->param[ROLE_RUNNING_VAR]->value[j];
        if (!(var + n->attr[0] > 0) && f->ok)
            f->ok = diag_error(f->d, n->pos, "%s: running_var[%d] is %g, a variance cannot be negative", n->name, j,
                               var);
        scale[j] = (double)n->param[ROLE_WEIGHT]->value[j] / sqrt(var + n->attr[0]);
        shift[j] = (double)n->param[ROLE_BIAS]->value[j] - (double)n->param[ROLE_RUNNING_MEAN]->value[j] * scale[j];
        narrow(f, n, scale[j]);
        narrow(f, n, shift[j]);
    }
    memset(n->param, 0, sizeof n->param);
    n->op = OP_AFFINE;
    n->scale = scale;
    n->shift = shift;
}

static bool identity(const Node *affine)
{
    for (int j = 0; j < affine->width; j++)
        if (affine->scale[j] != 1 || affine->shift[j] != 0)
            return false;
    return true;
}

/* affine behind affine: one affine, at the place of the second. */
static void merge_affines(Fold *f, Node *first, Node *second)
{
    double *scale = ARENA_ARRAY(f->g->arena, (size_t)first->width, double);
    double *shift = ARENA_ARRAY(f->g->arena, (size_t)first->width, double);
    for (int j = 0; j < first->width; j++) {
        scale[j] = first->scale[j] * second->scale[j];
        shift[j] = first->shift[j] * second->scale[j] + second->shift[j];
        narrow(f, second, scale[j]);
        narrow(f, second, shift[j]);
    }
    second->scale = scale;
    second->shift = shift;
    second->in[0] = first->in[0];
    f->uses[first->id]--;
    f->uses[first->in[0]->id]++;
    remember(f, second, arena_printf(f->g->arena, "%s merged in", first->name));
}

/* The bias of a dense layer as a fresh tensor, made of zeros when it had none. */
static Param *fresh_bias(Fold *f, const Node *dense, float **value)
{
    Param *old = dense->param[ROLE_BIAS];
    if (old) {
        Param *b = fresh(f, old, value);
        memcpy(*value, old->value, param_count(old) * sizeof(float));
        return b;
    }
    Param like = {.name = arena_printf(f->g->arena, "%s.bias", dense->name), .role = ROLE_BIAS, .ndim = 1,
                  .id = f->g->params_made++,
                  .rows = dense->width, .cols = 1, .trained = true};
    return fresh(f, &like, value);
}

/* dense, then y * scale + shift. */
static void fold_behind(Fold *f, Node *dense, const Node *affine)
{
    const Param *w = dense->param[ROLE_WEIGHT];
    float *weight, *bias;
    Param *fw = fresh(f, w, &weight), *fb = fresh_bias(f, dense, &bias);
    size_t in = (size_t)w->cols;
    for (size_t o = 0; o < (size_t)w->rows; o++) {
        for (size_t i = 0; i < in; i++)
            weight[o * in + i] = narrow(f, affine, (double)w->value[o * in + i] * affine->scale[o]);
        bias[o] = narrow(f, affine, (double)bias[o] * affine->scale[o] + affine->shift[o]);
    }
    dense->param[ROLE_WEIGHT] = fw;
    dense->param[ROLE_BIAS] = fb;
    remember(f, dense, arena_printf(f->g->arena, "%s folded in", affine->name));
}

/* x * scale + shift, then dense. */
static void fold_before(Fold *f, const Node *affine, Node *dense)
{
    const Param *w = dense->param[ROLE_WEIGHT];
    float *weight, *bias;
    Param *fw = fresh(f, w, &weight), *fb = fresh_bias(f, dense, &bias);
    size_t in = (size_t)w->cols;
    for (size_t o = 0; o < (size_t)w->rows; o++) {
        double sum = (double)bias[o];
        for (size_t i = 0; i < in; i++) {
            sum += (double)w->value[o * in + i] * affine->shift[i];
            weight[o * in + i] = narrow(f, dense, (double)w->value[o * in + i] * affine->scale[i]);
        }
        bias[o] = narrow(f, dense, sum);
    }
    dense->param[ROLE_WEIGHT] = fw;
    dense->param[ROLE_BIAS] = fb;
    dense->in[0] = affine->in[0];
    f->uses[affine->id]--;
    f->uses[affine->in[0]->id]++;
    remember(f, dense, arena_printf(f->g->arena, "%s folded in", affine->name));
}

/* Whether one matrix costs less than two: out*in against out*mid + mid*in. */
static bool cheaper_as_one(const Node *first, const Node *second)
{
    double in = first->in[0]->width, mid = first->width, out = second->width;
    return in * out < in * mid + mid * out;
}

/* dense behind dense: W = W2 W1, b = W2 b1 + b2, at the place of the second. */
static void merge_denses(Fold *f, Node *first, Node *second)
{
    const Param *w1 = first->param[ROLE_WEIGHT], *w2 = second->param[ROLE_WEIGHT], *b1 = first->param[ROLE_BIAS];
    size_t in = (size_t)w1->cols, mid = (size_t)w1->rows, out = (size_t)w2->rows;
    float *weight, *bias;
    Param *w = fresh(f, &(Param){.name = w2->name, .role = ROLE_WEIGHT, .id = w2->id, .ndim = 2, .rows = w2->rows,
                                 .cols = w1->cols, .trained = true}, &weight);
    Param *b = fresh_bias(f, second, &bias);
    Arena *scratch = arena_new();
    double *row = ARENA_ARRAY(scratch, in, double);
    for (size_t o = 0; o < out; o++) {
        double sum = (double)bias[o];
        memset(row, 0, in * sizeof *row);
        for (size_t m = 0; m < mid; m++) {
            double v = (double)w2->value[o * mid + m];
            sum += b1 ? v * (double)b1->value[m] : 0;
            for (size_t i = 0; i < in; i++)
                row[i] += v * (double)w1->value[m * in + i];
        }
        for (size_t i = 0; i < in; i++)
            weight[o * in + i] = narrow(f, second, row[i]);
        bias[o] = narrow(f, second, sum);
    }
    arena_free(scratch);
    second->param[ROLE_WEIGHT] = w;
    second->param[ROLE_BIAS] = b;
    second->in[0] = first->in[0];
    f->uses[first->id]--;
    f->uses[first->in[0]->id]++;
    remember(f, second, arena_printf(f->g->arena, "%s (line %d) multiplied in", first->name, first->pos.line));
    graph_note(f->g, "%s and %s have no activation between them: merged, %zu-%zu-%zu is now %zu-%zu (%zu multiply-adds "
               "instead of %zu)", first->name, second->name, in, mid, out, in, out, in * out, in * mid + mid * out);
}

static void fold_affine(Fold *f, Node *n)
{
    Node *before = n->in[0];
    if (before->op == OP_AFFINE && f->uses[before->id] == 1) {
        merge_affines(f, before, n);
        before = n->in[0];
    }
    if (identity(n)) {
        replace(f, n, before);
    } else if (before->op == OP_DENSE && f->uses[before->id] == 1 && known(before) && !f->g->training) {
        fold_behind(f, before, n);
        replace(f, n, before);
    }
}

static void fold_dense(Fold *f, Node *n)
{
    if (!known(n) || f->g->training) /* backward nodes read the layer's own numbers */
        return;
    for (;;) {
        Node *before = n->in[0];
        if (before->op == OP_AFFINE)
            fold_before(f, before, n);
        else if (before->op == OP_DENSE && f->uses[before->id] == 1 && known(before) && cheaper_as_one(before, n))
            merge_denses(f, before, n);
        else
            return;
    }
}

bool pass_fold(Graph *g, Diag *d)
{
    Arena *scratch = arena_new();
    Fold f = {.g = g, .d = d, .uses = graph_uses(g, scratch), .ok = true};
    f.become = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, Node *);
    for (int i = 0; i < g->nnode; i++) {
        Node *n = f.become[i] = g->node[i];
        for (int k = 0; k < n->nin; k++)
            n->in[k] = f.become[n->in[k]->id];
        if (n->op == OP_BATCHNORM && known(n))
            batchnorm_to_affine(&f, n);
        if (n->op == OP_DROPOUT)
            replace(&f, n, n->in[0]);
        else if (n->op == OP_AFFINE)
            fold_affine(&f, n);
        else if (n->op == OP_DENSE)
            fold_dense(&f, n);
    }
    for (int o = 0; o < g->noutput; o++)
        g->output[o].node = f.become[g->output[o].node->id];
    graph_prune(g);
    arena_free(scratch);
    return f.ok;
}
