/* grad.c: Graph -> Graph, the net learns: targets, losses and backward nodes join the forward ones. Before fold. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/loss.h"
#include "pass/pass.h"

typedef struct Grad {
    Graph *g;
    Diag *d;
    GradOptions o;
    int forward;      /* nodes of the forward part, the first in the list */
    bool *learns;     /* by id of a forward node: its gradient is of use, it or something before it has parameters */
    Node **dy;        /* by id: the gradient of its value so far, NULL: nothing has come yet */
    int *made, *sums; /* by id: backward nodes made from it, and additions to its gradient, for names */
    const char **taken; /* names of the script's that could be one of ours */
    int ntaken, reached; /* reached: counts parameters that get a gradient */
} Grad;

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Collects the names that a script gave itself and that look like ours, in order. */
static void find_taken(Grad *q, Arena *scratch)
{
    static const char *const ours[] = {"_back",   "_grad", "_stats",   "_sum",
                                       "_target", "_loss", "_penalty", "sample_weight"};
    q->taken = ARENA_ARRAY(scratch, (size_t)q->g->nnode, const char *);
    for (int i = 0; i < q->g->nnode; i++)
        for (size_t k = 0; q->g->node[i]->named && k < sizeof ours / sizeof *ours; k++)
            if (strstr(q->g->node[i]->name, ours[k])) {
                q->taken[q->ntaken++] = q->g->node[i]->name;
                break;
            }
    if (q->ntaken)
        qsort(q->taken, (size_t)q->ntaken, sizeof *q->taken, by_text);
}

/* "dense1_back", for the second of a kind "dense1_back2"; another number when a layer is called that. */
static const char *name_of(Grad *q, const char *base, const char *suffix, int number)
{
    for (;; number++) {
        const char *name = number > 1 ? arena_printf(q->g->arena, "%s%s%d", base, suffix, number)
                                      : arena_printf(q->g->arena, "%s%s", base, suffix);
        if (!q->ntaken || !bsearch(&name, q->taken, (size_t)q->ntaken, sizeof *q->taken, by_text))
            return name;
    }
}

/* A node made because of forward node n; in ends with NULL. */
static Node *make(Grad *q, Op op, const Node *n, const char *suffix, int number, int width, Node *const *in)
{
    int nin = 0;
    while (nin < NODE_IN_MAX && in[nin])
        nin++;
    Node *made = graph_add(q->g, op, n->pos, name_of(q, n->name, suffix, number), width, nin, in);
    made->named = false;
    return made;
}

#define IN(...) ((Node *const[NODE_IN_MAX + 1]){__VA_ARGS__, NULL})

/* The node through which the gradient of n's value comes to one of its inputs. */
static Node *back(Grad *q, Op op, const Node *n, int width, Node *const *in)
{
    return make(q, op, n, "_back", ++q->made[n->id], width, in);
}

/* The node that sums the gradients of n's parameters, or of one of its roles. */
static Node *grad(Grad *q, Op op, const Node *n, int width, Node *const *in)
{
    Node *sum = make(q, op, n, "_grad", 1, width, in);
    memcpy(sum->attr, n->attr, sizeof sum->attr);
    for (int r = 0; r < ROLE_COUNT; r++) {
        sum->grad[r] = n->param[r] && n->param[r]->trained ? n->param[r] : NULL;
        q->reached += sum->grad[r] != NULL;
    }
    return sum;
}

/* ---- the forward part as training computes it -------------------------------------------------------------------- */

/* Lays out the nodes anew: batch statistics before each batch normalisation, dropout with random numbers. */
static void lay_out_forward(Grad *q)
{
    Graph *g = q->g;
    Node **old = g->node;
    int count = g->nnode, streams = 0;
    g->node = NULL;
    g->nnode = g->node_cap = 0;
    for (int i = 0; i < count; i++) {
        Node *n = old[i];
        if (n->op == OP_BATCHNORM) {
            Node *stats = make(q, OP_BATCHNORM_STATS, n, "_stats", 1, 2 * n->width, IN(n->in[0]));
            stats->attr[0] = n->attr[0];
            stats->grad[ROLE_RUNNING_MEAN] = n->param[ROLE_RUNNING_MEAN];
            stats->grad[ROLE_RUNNING_VAR] = n->param[ROLE_RUNNING_VAR];
            n->op = OP_BATCHNORM_TRAIN;
            n->in[n->nin++] = stats;
        } else if (n->op == OP_DROPOUT) {
            if (n->attr[0] > 0)
                n->op = OP_DROPOUT_TRAIN;
            n->stream = streams++;
        }
        graph_put(g, n);
    }
    q->forward = g->nnode;
}

/* Nothing comes through sign, unless it is asked to let the gradient pass. */
static bool blocks(const Node *n)
{
    return n->op == OP_SIGN && n->attr[0] == 0;
}

static void find_learners(Grad *q)
{
    for (int i = 0; i < q->forward; i++) {
        const Node *n = q->g->node[i];
        for (int r = 0; r < ROLE_COUNT; r++)
            q->learns[i] |= n->param[r] && n->param[r]->trained;
        for (int k = 0; k < n->nin; k++)
            q->learns[i] |= q->learns[n->in[k]->id] && !blocks(n);
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* "cross_entropy, mse" */
static const char *known_losses(Arena *a)
{
    const char *list = loss_names[0];
    for (int i = 1; loss_names[i]; i++)
        list = arena_printf(a, "%s, %s", list, loss_names[i]);
    return list;
}

static Node *source(Grad *q, Op op, Pos pos, const char *base, const char *suffix, int width)
{
    Node *n = graph_add(q->g, op, pos, name_of(q, base, suffix, 1), width, 0, NULL);
    n->named = false;
    return n;
}

/* Before anything is changed: what each output's loss reads. */
static bool find_losses(Grad *q, LossRead *read)
{
    Graph *g = q->g;
    for (int o = 0; o < g->noutput; o++) {
        read[o] = loss_read(g, g->train.loss, g->output[o].node);
        if (read[o].op == OP_COUNT)
            return diag_error(q->d, g->train.loss_pos, "unknown loss '%s'; there are %s", g->train.loss,
                              known_losses(g->arena));
        if (read[o].op == OP_CROSS_ENTROPY && read[o].value->width == 1)
            return diag_error(q->d, g->output[o].node->pos,
                              "cross_entropy chooses among classes, and the output %s has only one: with one class "
                              "there is nothing to learn; sigmoid with binary_cross_entropy is for yes or no",
                              g->output[o].name);
    }
    return true;
}

static void contribute(Grad *q, const Node *x, Node *dx);

static void add_losses(Grad *q, const LossRead *read)
{
    Graph *g = q->g;
    g->ntarget = g->noutput;
    g->target = ARENA_ARRAY(g->arena, (size_t)g->noutput, Node *);
    g->loss = ARENA_ARRAY(g->arena, (size_t)g->noutput, Node *);
    if (q->o.sample_weights)
        g->sample_weight = source(q, OP_SAMPLE_WEIGHT, g->pos, "sample_weight", "", 1);
    for (int o = 0; o < g->noutput; o++) {
        Node *value = read[o].value;
        bool label = q->o.labels && read[o].op == OP_CROSS_ENTROPY;
        int width = label ? 1 : value->width, nin = g->sample_weight ? 3 : 2;
        g->target[o] = source(q, OP_TARGET, g->output[o].node->pos, g->output[o].name, "_target", width);
        const char *name = name_of(q, g->output[o].name, "_loss", 1);
        Node *in[] = {value, g->target[o], g->sample_weight};
        Node *loss = g->loss[o] = graph_add(g, read[o].op, value->pos, name, value->width, nin, in);
        loss->named = false;
        loss->attr[0] = label;
        if (read[o].op == OP_HUBER)
            loss->attr[0] = isnan(g->train.delta) ? op_info[OP_HUBER].attr[0].standard : g->train.delta;
    }
    for (int o = 0; o < g->noutput; o++)
        contribute(q, read[o].value, g->loss[o]);
}

static void add_penalties(Grad *q)
{
    double l2 = isnan(q->g->train.l2) ? 0 : q->g->train.l2, l1 = isnan(q->g->train.l1) ? 0 : q->g->train.l1;
    for (int i = 0; i < q->forward && (l2 > 0 || l1 > 0); i++) {
        Node *n = q->g->node[i];
        if (n->op != OP_DENSE)
            continue;
        Node *p = make(q, OP_PENALTY, n, "_penalty", 1, 0, IN(NULL));
        p->attr[0] = l2;
        p->attr[1] = l1;
        p->param[ROLE_WEIGHT] = p->grad[ROLE_WEIGHT] = n->param[ROLE_WEIGHT];
    }
}

/* ---- the backward part ------------------------------------------------------------------------------------------- */

static bool wanted(const Grad *q, const Node *x)
{
    return q->learns[x->id];
}

/* dx is a part of the gradient of x, beside what has come already. */
static void contribute(Grad *q, const Node *x, Node *dx)
{
    Node **dy = &q->dy[x->id];
    if (wanted(q, x))
        *dy = *dy ? make(q, OP_ADD, x, "_sum", ++q->sums[x->id], x->width, IN(*dy, dx)) : dx;
}

/* The input x of n times constants that n has, or -1. */
static Node *times_constant(Grad *q, const Node *n, const double *scale, Node *dy)
{
    double *all = ARENA_ARRAY(q->g->arena, (size_t)n->width, double);
    for (int j = 0; j < n->width; j++)
        all[j] = scale ? scale[j] : -1;
    Node *dx = back(q, OP_AFFINE, n, n->width, IN(dy));
    dx->scale = all;
    dx->shift = ARENA_ARRAY(q->g->arena, (size_t)n->width, double);
    return dx;
}

static void back_sub(Grad *q, const Node *n, Node *dy)
{
    const Node *b = n->in[1];
    contribute(q, n->in[0], dy);
    Node *so_far = q->dy[b->id];
    if (!wanted(q, b))
        return;
    q->dy[b->id] = so_far ? make(q, OP_SUB, b, "_sum", ++q->sums[b->id], b->width, IN(so_far, dy))
                          : times_constant(q, n, NULL, dy);
}

static void back_slice(Grad *q, const Node *n, Node *dy)
{
    const Node *x = n->in[0];
    Node *so_far = q->dy[x->id];
    Node *dx = back(q, OP_SLICE_BACK, n, x->width, so_far ? IN(so_far, dy) : IN(dy));
    memcpy(dx->attr, n->attr, sizeof dx->attr);
    q->dy[x->id] = dx;
}

static void back_concat(Grad *q, const Node *n, Node *dy)
{
    for (int k = 0, first = 1; k < n->nin; first += n->in[k]->width, k++) {
        if (!wanted(q, n->in[k]))
            continue;
        Node *dx = back(q, OP_SLICE, n, n->in[k]->width, IN(dy));
        dx->attr[0] = first;
        dx->attr[1] = first + n->in[k]->width - 1;
        contribute(q, n->in[k], dx);
    }
}

static Node *back_element(Grad *q, Node *n, Node *dy)
{
    bool reads_y = op_slope_reads_y(n->op, n->attr);
    Node *dx = back(q, OP_ACT_BACK, n, n->width, IN(dy, reads_y ? n : n->in[0]));
    dx->of = n->op;
    dx->shared = n->shared;
    memcpy(dx->attr, n->attr, sizeof dx->attr);
    memcpy(dx->param, n->param, sizeof dx->param);
    return dx;
}

/* A layer with one input that gradients go to: sums for its parameters first, then the gradient of the input. A dense layer's
 * input comes first: it reads weights that the sums may change at once. */
static void back_layer(Grad *q, Node *n, Node *dy)
{
    Node *x = n->nin ? n->in[0] : NULL, *dx = NULL, *sums = NULL;
    if (n->op == OP_DENSE && wanted(q, x))
        dx = back(q, OP_DENSE_BACK, n, x->width, IN(dy));
    if (n->op == OP_DENSE)
        grad(q, OP_DENSE_GRAD, n, 0, IN(dy, x));
    else if (n->op == OP_PRELU)
        grad(q, OP_PRELU_GRAD, n, 0, IN(dy, x));
    else if (n->op == OP_LAYERNORM)
        grad(q, OP_LAYERNORM_GRAD, n, 0, IN(dy, x));
    else if (n->op == OP_BATCHNORM_TRAIN)
        sums = grad(q, OP_BATCHNORM_GRAD, n, 2 * n->width, IN(dy, x, n->in[1]));
    if (!x || !wanted(q, x))
        return;
    switch (n->op) {
    case OP_DENSE:
        break;
    case OP_LAYERNORM:
        dx = back(q, OP_LAYERNORM_BACK, n, n->width, IN(dy, x));
        break;
    case OP_BATCHNORM_TRAIN:
        dx = back(q, OP_BATCHNORM_BACK, n, n->width, IN(dy, x, n->in[1], sums));
        break;
    case OP_SOFTMAX:
        dx = back(q, OP_SOFTMAX_BACK, n, n->width, IN(dy, n));
        break;
    case OP_LOG_SOFTMAX:
        dx = back(q, OP_LOG_SOFTMAX_BACK, n, n->width, IN(dy, n));
        break;
    case OP_DROPOUT: /* of probability 0 */
        contribute(q, x, dy);
        return;
    case OP_DROPOUT_TRAIN:
        dx = back(q, OP_DROPOUT_TRAIN, n, n->width, IN(dy));
        dx->stream = n->stream;
        break;
    case OP_AFFINE:
        dx = times_constant(q, n, n->scale, dy);
        break;
    default:
        dx = back_element(q, n, dy);
    }
    if (dx->op != OP_ACT_BACK && dx->op != OP_AFFINE) {
        memcpy(dx->attr, n->attr, sizeof dx->attr);
        dx->param[ROLE_WEIGHT] = n->param[ROLE_WEIGHT];
    }
    contribute(q, x, dx);
}

static void back_node(Grad *q, Node *n, Node *dy)
{
    switch (n->op) {
    case OP_MUL:
        for (int k = 0; k < 2; k++)
            if (wanted(q, n->in[k]))
                contribute(q, n->in[k], back(q, OP_MUL, n, n->width, IN(dy, n->in[1 - k])));
        break;
    case OP_ADD:
        contribute(q, n->in[0], dy);
        contribute(q, n->in[1], dy);
        break;
    case OP_SUB:
        back_sub(q, n, dy);
        break;
    case OP_CONCAT:
        back_concat(q, n, dy);
        break;
    case OP_SLICE:
        back_slice(q, n, dy);
        break;
    default:
        back_layer(q, n, dy);
    }
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* Says why no parameter gets a gradient. */
static bool nothing_learns(Grad *q)
{
    for (int i = 0; i < q->forward; i++) {
        const Node *n = q->g->node[i];
        if (blocks(n) && q->learns[n->in[0]->id])
            return diag_error(q->d, n->pos,
                              "nothing in this net can learn: %s has slope 0 everywhere, and all parameters come "
                              "before it; sign{ste = true} lets the gradient pass where the input is in -1..1",
                              n->name);
    }
    return diag_error(q->d, q->g->pos, "the net '%s' has no parameters: there is nothing to train", q->g->name);
}

bool pass_grad(Graph *g, Diag *d, const GradOptions *o)
{
    Arena *scratch = arena_new();
    Grad q = {.g = g, .d = d, .o = o ? *o : (GradOptions){0}};
    size_t nodes = 2 * (size_t)g->nnode + 1;
    LossRead *read = ARENA_ARRAY(scratch, (size_t)g->noutput, LossRead);
    q.learns = ARENA_ARRAY(scratch, nodes, bool);
    q.dy = ARENA_ARRAY(scratch, nodes, Node *);
    q.made = ARENA_ARRAY(scratch, nodes, int);
    q.sums = ARENA_ARRAY(scratch, nodes, int);
    bool ok = find_losses(&q, read);
    if (ok) {
        find_taken(&q, scratch);
        lay_out_forward(&q);
        find_learners(&q);
        add_losses(&q, read);
        for (int i = q.forward - 1; i >= 0; i--)
            if (q.dy[i])
                back_node(&q, g->node[i], q.dy[i]);
        add_penalties(&q);
        g->training = true;
        ok = q.reached || nothing_learns(&q);
    }
    arena_free(scratch);
    return ok;
}
