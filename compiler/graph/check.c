/* check.c: what can only be said of the whole graph: what makes it impossible, and what the lecture warns about. */
#include <string.h>

#include "graph/graph.h"

/* So many sigmoid or tanh layers in a row are worth a warning: four sigmoids pass on at most (1/4)^4, 1/256 of a
 * gradient, and tanh is no better once it saturates. */
enum { SATURATING_ROW = 4 };

/* Parameters of one net: 4 GB of them. */
static const double PARAMS_MAX = 1073741824.0;

/* What a node's value is as a linear map of the last values that were not made linearly ("roots"). */
typedef struct Flow {
    const Node *root;   /* the only root, or NULL: there are several */
    const Node *dense;  /* the nearest dense layer of the linear part, or NULL */
    const Node *narrow; /* what last lowered the rank, or NULL */
    bool all_dense;     /* nothing comes in but through dense layers */
    bool shared;        /* some dense layer of the linear part also feeds an activation: no mere stack */
    double full, rank;  /* features of the roots together; bound of the map's rank */
} Flow;

/* Sigmoid-like layers on the way to a node with nothing between that would keep gradients up. */
typedef struct Row {
    int length;
    const Node *first, *last;
} Row;

typedef struct Check {
    const Graph *g;
    Diag *d;
    int *uses;       /* readers that some output depends on, and being an output */
    bool *alive;     /* an output depends on it */
    bool *output;    /* is one */
    bool *nonlinear; /* something that is not linear reads it, directly or through linear nodes other than dense */
    bool stacked;    /* some layers will be merged */
} Check;

static const char *place(const Check *c, const Node *n)
{
    return arena_printf(c->g->arena, "%s:%d", n->pos.file, n->pos.line);
}

/* Linear, and neither the beginning of a linear part nor a matrix. */
static bool passes_on(const Node *n) { return op_info[n->op].linear && n->op != OP_DENSE && n->nin > 0; }

static void find_roles(Check *c)
{
    const Graph *g = c->g;
    for (int o = 0; o < g->noutput; o++) {
        int id = g->output[o].node->id;
        c->alive[id] = c->output[id] = true;
        c->uses[id]++;
    }
    for (int i = g->nnode - 1; i >= 0; i--) {
        const Node *n = g->node[i];
        for (int k = 0; c->alive[i] && k < n->nin; k++) {
            int in = n->in[k]->id;
            c->alive[in] = true;
            c->uses[in]++;
            if (n->op != OP_DENSE)
                c->nonlinear[in] = c->nonlinear[in] || !passes_on(n) || c->nonlinear[i];
        }
    }
}

/* ---- linear stacks ---------------------------------------------------------------------------------------------- */

static double least(double a, double b) { return a < b ? a : b; }

static void lower_rank(Flow *f, const Node *n)
{
    if (n->width < f->rank) {
        f->rank = n->width;
        f->narrow = n;
    }
}

/* What flows out of n, a linear node that is no dense layer. */
static Flow through(const Node *n, const Flow *flow)
{
    Flow f = flow[n->in[0]->id];
    for (int k = 1; k < n->nin; k++) {
        const Flow *b = &flow[n->in[k]->id];
        bool one = f.root && f.root == b->root;
        f.full = one ? f.full : f.full + b->full;
        f.rank = least(f.rank + b->rank, f.full);
        f.root = one ? f.root : NULL;
        f.all_dense = f.all_dense && b->all_dense;
        f.shared = f.shared || b->shared;
        if (!f.dense || (b->dense && b->dense->id > f.dense->id))
            f.dense = b->dense;
        f.narrow = NULL; /* the parts lowered it together: nobody to blame */
    }
    lower_rank(&f, n);
    return f;
}

/* Dense layer n reads what is linear already: f. */
static void warn_stack(Check *c, const Node *n, const Flow *f)
{
    const Node *before = f->dense, *in = n->in[0];
    Arena *a = c->g->arena;
    const char *between = in == before ? "" : arena_printf(a, " (%s is linear too)", in->name);
    const char *map =
        f->root ? arena_printf(a, "%d -> %d", f->root->width, n->width) : arena_printf(a, "to %d features", n->width);
    diag_warn(c->d, WARN_LINEAR_STACK, n->pos,
              "%s (%d -> %d) follows %s (%d -> %d, %s) with no activation between them%s: together they are one linear "
              "map %s of rank at most %.0f",
              n->name, in->width, n->width, before->name, before->in[0]->width, before->width, place(c, before),
              between, map, least(f->rank, n->width));
    c->stacked = true;
}

static void warn_bottleneck(Check *c, const Node *n, const Flow *f, bool *said)
{
    const Node *narrow = f->narrow;
    if (!narrow || f->rank >= f->full || f->rank >= n->width || said[narrow->id])
        return;
    said[narrow->id] = true;
    diag_warn(c->d, WARN_RANK_BOTTLENECK, narrow->pos,
              "%s leaves %.0f of %.0f features and %s (%d -> %d, %s) widens them again, all of it linear: rank at most "
              "%.0f, where %.0f would be possible",
              narrow->name, f->rank, f->full, n->name, n->in[0]->width, n->width, place(c, n), f->rank,
              least(f->full, n->width));
}

static void check_stacks(Check *c)
{
    const Graph *g = c->g;
    Flow *flow = ARENA_ARRAY(g->arena, (size_t)g->nnode, Flow);
    bool *said = ARENA_ARRAY(g->arena, (size_t)g->nnode, bool);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        Flow *f = &flow[i];
        if (passes_on(n)) {
            *f = through(n, flow);
        } else if (n->op == OP_DENSE) {
            *f = flow[n->in[0]->id];
            bool stack = f->dense && (f->all_dense || f->root) && !f->shared;
            if (c->alive[i] && stack) {
                warn_stack(c, n, f);
                warn_bottleneck(c, n, f, said);
            }
            lower_rank(f, n);
            f->dense = n;
            f->all_dense = true;
            f->shared = c->nonlinear[i];
        } else {
            *f = (Flow){.root = n, .full = n->width, .rank = n->width};
        }
    }
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

static void check_saturation(Check *c)
{
    const Graph *g = c->g;
    Row *row = ARENA_ARRAY(g->arena, (size_t)g->nnode, Row);
    bool *longer = ARENA_ARRAY(g->arena, (size_t)g->nnode, bool); /* another one follows */
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        if (!c->alive[i] || n->nin == 0)
            continue;
        row[i] = row[n->in[0]->id];
        for (int k = 1; k < n->nin; k++) { /* of two ways for the gradient the better counts; a product needs both */
            const Row *b = &row[n->in[k]->id];
            if (n->op == OP_MUL ? b->length > row[i].length : b->length < row[i].length)
                row[i] = *b;
        }
        if (op_info[n->op].saturating) {
            if (c->output[i]) /* belongs to the loss, which undoes its flat ends */
                continue;
            if (row[i].last)
                longer[row[i].last->id] = true;
            row[i].first = row[i].length ? row[i].first : n;
            row[i].last = n;
            row[i].length++;
        } else if (!op_info[n->op].linear || n->op == OP_BATCHNORM) {
            if (n->op != OP_MUL)
                row[i] = (Row){0};
        }
    }
    for (int i = 0; i < g->nnode; i++) {
        const Row *r = &row[i];
        if (r->last != g->node[i] || r->length < SATURATING_ROW || longer[i])
            continue;
        diag_warn(
            c->d, WARN_SATURATING_DEPTH, g->node[i]->pos,
            "%s is saturating layer %d in a row since %s (%s): outside about -2..2 they are flat, and little of a "
            "gradient comes back through %d; relu or prelu, batchnorm before each, or fewer layers would help",
            g->node[i]->name, r->length, r->first->name, place(c, r->first), r->length);
    }
}

/* sign without ste has no slope: whatever is learnt before it stays as it was. */
static void check_sign(Check *c)
{
    const Graph *g = c->g;
    const Node **learner = ARENA_ARRAY(g->arena, (size_t)g->nnode, const Node *); /* nearest with parameters */
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        for (int k = 0; k < n->nin; k++)
            if (!learner[i] || (learner[n->in[k]->id] && learner[n->in[k]->id]->id > learner[i]->id))
                learner[i] = learner[n->in[k]->id];
        if (n->param[ROLE_WEIGHT])
            learner[i] = n;
        if (n->op == OP_SIGN && c->alive[i] && n->attr[0] == 0 && learner[i])
            diag_warn(c->d, WARN_SIGN_UNTRAINABLE, n->pos,
                      "%s has slope 0 everywhere: %s (%s) and what is before it cannot learn through it; "
                      "sign{ste = true} lets the gradient pass where the input is in -1..1",
                      n->name, learner[i]->name, place(c, learner[i]));
    }
}

static void check_softmax_of_one(Check *c)
{
    for (int i = 0; i < c->g->nnode; i++) {
        const Node *n = c->g->node[i];
        if (c->alive[i] && n->width == 1 && (n->op == OP_SOFTMAX || n->op == OP_LOG_SOFTMAX))
            diag_warn(c->d, WARN_SOFTMAX_OF_ONE, n->pos,
                      "%s has one feature: it is always %s; sigmoid makes a "
                      "probability of one score",
                      n->name, n->op == OP_SOFTMAX ? "1" : "0");
    }
}

/* A hidden layer of one unit, and nothing else for the dense layer after it to read. Products and sums of such layers
 * are another matter: there several numbers meet. */
static void check_waist(Check *c)
{
    for (int i = 0; i < c->g->nnode; i++) {
        const Node *n = c->g->node[i], *from = n->nin ? n->in[0] : NULL;
        if (!c->alive[i] || n->op != OP_DENSE || from->width != 1)
            continue;
        while (from->nin == 1 && from->op != OP_DENSE && from->op != OP_SLICE && c->uses[from->id] == 1)
            from = from->in[0];
        if (from->op == OP_DENSE && from->width == 1 && c->uses[from->id] == 1)
            diag_warn(c->d, WARN_WAIST_OF_ONE, from->pos,
                      "%s has one unit, and %s (%d -> %d, %s) reads nothing else: "
                      "one number is all that gets through",
                      from->name, n->name, n->in[0]->width, n->width, place(c, n));
    }
}

static void check_unused(Check *c)
{
    const Graph *g = c->g;
    const int *readers = graph_uses(g, g->arena);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        if (c->alive[i])
            continue;
        if (n->op == OP_INPUT)
            diag_warn(c->d, WARN_UNUSED, n->pos, "no output depends on the input %s", n->name);
        else if (readers[i] == 0) /* what only this one reads goes with it, without a line of its own */
            diag_warn(c->d, WARN_UNUSED, n->pos, "no output depends on %s", n->name);
    }
}

/* ---- loss ------------------------------------------------------------------------------------------------------- */

/* What to say about `loss` on an output made by n; NULL: they fit. Linear outputs are scores (logits). */
static const char *mismatch(const Node *n, const char *loss)
{
    bool entropy = strcmp(loss, "cross_entropy") == 0, binary = strcmp(loss, "binary_cross_entropy") == 0;
    bool softmax = n->op == OP_SOFTMAX || n->op == OP_LOG_SOFTMAX;
    bool scores = op_info[n->op].linear || n->op == OP_MUL || n->op == OP_INPUT;
    if (entropy && n->width == 1)
        return "cross_entropy chooses among classes and there is one output: sigmoid with binary_cross_entropy is for "
               "yes or no";
    if (entropy && n->op == OP_SIGMOID)
        return "cross_entropy wants softmax or plain scores: end with softmax, or use binary_cross_entropy";
    if (entropy && !softmax && !scores)
        return "cross_entropy wants softmax or plain scores";
    if (binary && softmax)
        return "binary_cross_entropy judges every output by itself and softmax ties them together: use cross_entropy";
    if (binary && !scores && n->op != OP_SIGMOID && n->op != OP_HARD_SIGMOID)
        return "binary_cross_entropy wants sigmoid or plain scores";
    if (!entropy && !binary && n->op == OP_LOG_SOFTMAX)
        return "logarithms of probabilities are for cross_entropy";
    return NULL;
}

static void check_loss(Check *c)
{
    const char *loss = c->g->train.loss;
    Pos pos = c->g->train.loss_pos;
    for (int o = 0; loss && o < c->g->noutput; o++) {
        const Node *n = c->g->output[o].node;
        while (n->op == OP_DROPOUT)
            n = n->in[0];
        const char *text = mismatch(n, loss);
        if (text)
            diag_warn(c->d, WARN_LOSS_MISMATCH, pos, "loss %s on %s (%s): %s", loss, n->name, place(c, n), text);
        else if (n->op == OP_SOFTMAX && strcmp(loss, "cross_entropy") != 0)
            diag_warn(c->d, WARN_SOFTMAX_MSE, pos,
                      "loss %s on %s (%s): where the softmax is sure and wrong its slope is "
                      "almost 0, so it hardly learns; cross_entropy has no such flat place",
                      loss, n->name, place(c, n));
    }
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/* Bytes of the value that dense layer n reads, if the code must hold it: not the net's input, and not what may never be
 * a value of its own because it is folded into a layer or put together in place. */
static double held_before(const Node *n, const bool *in_output)
{
    const Node *x = n->in[0];
    while (x->nin == 1 && op_info[x->op].linear && op_info[x->op].kind == KIND_ELEMENT)
        x = x->in[0];
    bool certain = x->op == OP_DENSE || x->op == OP_MUL || (x->nin == 1 && !op_info[x->op].linear);
    return certain && !in_output[x->id] ? 4.0 * x->width : 0;
}

/* Bytes of values between layers that exist at one time: what the neediest dense layer reads and writes, a lower bound
 * of what any code needs. */
static double least_ram(const Check *c)
{
    const Graph *g = c->g;
    bool *in_output = ARENA_ARRAY(g->arena, (size_t)g->nnode, bool); /* may be made in the place of an output */
    double most = 0;
    for (int i = g->nnode - 1; i >= 0; i--) {
        const Node *n = g->node[i];
        in_output[i] = in_output[i] || c->output[i];
        for (int k = 0; in_output[i] && n->op != OP_DENSE && k < n->nin; k++)
            in_output[n->in[k]->id] = true;
    }
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        if (!c->alive[i] || n->op != OP_DENSE)
            continue;
        double held = held_before(n, in_output) + (in_output[i] ? 0 : 4.0 * n->width);
        most = held > most ? held : most;
    }
    return most;
}

static void over_budget(const Check *c, const char *what, double need, double limit)
{
    if (limit > 0 && need > limit)
        diag_error(c->d, c->g->budget.pos, "over budget: the net needs at least %.0f %s, the script allows %.0f", need,
                   what, limit);
}

/* Bytes of a node's parameters in tables. Narrow weights cost a scale for each output where they need one. */
static double flash_of(const Check *c, const Node *n)
{
    const StorageInfo *s = &storage_info[c->g->storage];
    const Param *w = n->op == OP_DENSE ? n->param[ROLE_WEIGHT] : NULL;
    double all = sizeof(float) * (double)node_params(n);
    if (!w || c->g->storage == STORAGE_F32)
        return all;
    double scales = s->most ? w->rows : 0, weights = (double)param_count(w);
    return all + sizeof(float) * (scales - weights) + (double)s->bytes * weights;
}

/* What is certain before anything is planned. Batch normalisation costs nothing, it is folded away; where whole layers
 * will be merged nothing is certain. */
static void check_limits(const Check *c)
{
    double params = 0, flash = 0, macs = 0;
    for (int i = 0; i < c->g->nnode; i++) {
        const Node *n = c->g->node[i];
        if (!c->alive[i])
            continue;
        params += (double)node_params(n);
        flash += n->op == OP_BATCHNORM ? 0 : flash_of(c, n);
        macs += node_macs(n);
    }
    if (params > PARAMS_MAX)
        diag_error(c->d, c->g->pos, "the net has %.0f parameters (%.3g GB), the limit is %.0f", params, params * 4e-9,
                   PARAMS_MAX);
    if (c->stacked)
        return;
    over_budget(c, "bytes of flash for its parameters", flash, c->g->budget.flash);
    over_budget(c, "bytes of RAM for values between layers", least_ram(c), c->g->budget.ram);
    over_budget(c, "multiply-adds a sample", macs, c->g->budget.macs);
}

bool graph_check(const Graph *g, Diag *d)
{
    int errors = d->errors;
    if (g->noutput == 0)
        return diag_error(d, g->pos, "the net '%s' has no output", g->name);
    Arena *a = g->arena;
    size_t n = (size_t)g->nnode;
    Check c = {.g = g,
               .d = d,
               .uses = ARENA_ARRAY(a, n, int),
               .alive = ARENA_ARRAY(a, n, bool),
               .output = ARENA_ARRAY(a, n, bool),
               .nonlinear = ARENA_ARRAY(a, n, bool)};
    find_roles(&c);
    check_unused(&c);
    check_stacks(&c);
    check_saturation(&c);
    check_sign(&c);
    check_softmax_of_one(&c);
    check_waist(&c);
    check_loss(&c);
    check_limits(&c);
    return d->errors == errors;
}
