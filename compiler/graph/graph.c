/* graph.c: building, measuring and pruning the graph. Checks of single nodes are here; of the whole graph in check.c. */
#include "graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Appends item to a growing arena array. */
#define PUSH(g, list, n, cap, item)                                                                                    \
    do {                                                                                                               \
        if ((n) == (cap)) {                                                                                            \
            int new_cap = (cap) ? 2 * (cap) : 16;                                                                      \
            void *grown = arena_array((g)->arena, (size_t)new_cap, sizeof *(list));                                    \
            if (n)                                                                                                     \
                memcpy(grown, (list), (size_t)(n) * sizeof *(list));                                                   \
            (list) = grown;                                                                                            \
            (cap) = new_cap;                                                                                           \
        }                                                                                                              \
        (list)[(n)++] = (item);                                                                                        \
    } while (0)

Graph *graph_new(Arena *arena, const char *file)
{
    Graph *g = ARENA_NEW(arena, Graph);
    g->arena = arena;
    g->file = arena_strdup(arena, file);
    g->name = "net";
    g->pos.file = g->file;
    TrainOpts *t = &g->train;
    t->lr = t->momentum = t->beta1 = t->beta2 = t->eps = t->weight_decay = t->l1 = t->l2 = t->clip = t->delta = (double)NAN;
    t->warmup = t->decay = t->epochs = t->batch = t->seed = t->patience = t->threads = (double)NAN;
    return g;
}

Node *graph_add(Graph *g, Op op, Pos pos, const char *name, int width, int nin, Node *const *in)
{
    if (g->nnode == NODES_MAX)
        die("a graph of more than %d nodes", NODES_MAX);
    Node *n = ARENA_NEW(g->arena, Node);
    n->op = op;
    n->id = g->nnode;
    n->width = width;
    n->nin = nin;
    for (int i = 0; i < nin; i++)
        n->in[i] = in[i];
    g->count[op]++;
    n->name = name ? arena_strdup(g->arena, name) : arena_printf(g->arena, "%s%d", op_info[op].name, g->count[op]);
    n->named = name != NULL;
    n->pos = pos;
    graph_put(g, n);
    return n;
}

void graph_put(Graph *g, Node *n)
{
    n->id = g->nnode;
    PUSH(g, g->node, g->nnode, g->node_cap, n);
}

/* The copies of `n` nodes of a graph, `twin` by id. */
static Node **twins(const Graph *g, Node *const *of, int n, Node *const *twin)
{
    Node **list = ARENA_ARRAY(g->arena, (size_t)n, Node *);
    for (int i = 0; i < n; i++)
        list[i] = twin[of[i]->id];
    return list;
}

Graph *graph_copy(const Graph *g)
{
    Graph *c = ARENA_NEW(g->arena, Graph);
    *c = *g;
    c->node = ARENA_ARRAY(g->arena, (size_t)g->nnode, Node *);
    c->node_cap = g->nnode;
    for (int i = 0; i < g->nnode; i++) {
        Node *n = c->node[i] = ARENA_NEW(g->arena, Node);
        *n = *g->node[i];
        for (int k = 0; k < n->nin; k++)
            n->in[k] = c->node[n->in[k]->id];
        n->epi = ARENA_ARRAY(g->arena, (size_t)n->nepi, Node *);
        for (int e = 0; e < n->nepi; e++) {
            n->epi[e] = ARENA_NEW(g->arena, Node);
            *n->epi[e] = *g->node[i]->epi[e];
        }
    }
    c->input = twins(g, g->input, g->ninput, c->node);
    c->input_cap = g->ninput;
    c->target = twins(g, g->target, g->ntarget, c->node);
    c->loss = twins(g, g->loss, g->ntarget, c->node);
    c->sample_weight = g->sample_weight ? c->node[g->sample_weight->id] : NULL;
    c->output = ARENA_ARRAY(g->arena, (size_t)g->noutput, Output);
    for (int o = 0; o < g->noutput; o++)
        c->output[o] = (Output){g->output[o].name, c->node[g->output[o].node->id]};
    c->param = ARENA_ARRAY(g->arena, (size_t)g->nparam, Param *);
    c->param_cap = g->nparam;
    if (g->nparam)
        memcpy(c->param, g->param, (size_t)g->nparam * sizeof *c->param);
    c->note = ARENA_ARRAY(g->arena, (size_t)g->nnote, const char *);
    c->note_cap = g->nnote;
    if (g->nnote)
        memcpy(c->note, g->note, (size_t)g->nnote * sizeof *c->note);
    return c;
}

/* Parameters of the copy's own, so that binding values to them does not show in the graph that it was copied from. */
static void own_params(Graph *g)
{
    Param **own = ARENA_ARRAY(g->arena, (size_t)g->params_made + 1, Param *);
    for (int i = 0; i < g->nparam; i++) {
        Param *p = own[g->param[i]->id] = ARENA_NEW(g->arena, Param);
        *p = *g->param[i];
        p->exact = NULL;
        g->param[i] = p;
    }
    for (int i = 0; i < g->nnode; i++)
        for (int r = 0; r < ROLE_COUNT; r++) {
            Node *n = g->node[i];
            n->param[r] = n->param[r] ? own[n->param[r]->id] : NULL;
        }
}

Graph *graph_copy_into(Arena *arena, const Graph *g)
{
    Graph lent = *g; /* graph_copy takes memory from the arena of the graph that it copies */
    lent.arena = arena;
    Graph *copy = graph_copy(&lent);
    own_params(copy);
    return copy;
}

Param *graph_param(Graph *g, Node *node, Role role, int ndim, int rows, int cols)
{
    static const char *const suffix[ROLE_COUNT] = {"weight", "bias", "running_mean", "running_var"};
    Param *p = ARENA_NEW(g->arena, Param);
    p->name = arena_printf(g->arena, "%s.%s", node->name, suffix[role]);
    p->role = role;
    p->id = g->params_made++;
    p->ndim = ndim;
    p->rows = rows;
    p->cols = cols;
    p->trained = role == ROLE_WEIGHT || role == ROLE_BIAS;
    node->param[role] = p;
    PUSH(g, g->param, g->nparam, g->param_cap, p);
    return p;
}

/* A number for a message; what printf makes of NaN depends on the machine. */
static const char *shown(Diag *d, double v)
{
    return isnan(v) ? "NaN" : arena_printf(d->arena, "%.14g", v);
}

/* A usable width for whatever the script gave; complains when it is not one. */
static int checked_width(Diag *d, Pos pos, const char *what, double width)
{
    if (isfinite(width) && width == floor(width) && width >= 1 && width <= WIDTH_MAX)
        return (int)width;
    diag_error(d, pos, "%s needs a whole width from 1 to %d, not %s", what, WIDTH_MAX, shown(d, width));
    return 1;
}

void graph_put_input(Graph *g, Node *n)
{
    PUSH(g, g->input, g->ninput, g->input_cap, n);
}

Node *graph_input(Graph *g, Diag *d, Pos pos, double width, const char *name)
{
    Node *n = graph_add(g, OP_INPUT, pos, name, checked_width(d, pos, "input", width), 0, NULL);
    graph_put_input(g, n);
    return n;
}

Node *graph_dense(Graph *g, Diag *d, Pos pos, Node *x, double width, bool bias, Init init, const char *name)
{
    int out = checked_width(d, pos, "dense", width);
    Node *n = graph_add(g, OP_DENSE, pos, name, out, 1, &x);
    n->init = init;
    graph_param(g, n, ROLE_WEIGHT, 2, out, x->width);
    if (bias)
        graph_param(g, n, ROLE_BIAS, 1, out, 1);
    return n;
}

Node *graph_unary(Graph *g, Diag *d, Pos pos, Op op, Node *x, const double *attr, const char *name)
{
    const OpInfo *info = &op_info[op];
    Node *n = graph_add(g, op, pos, name, x->width, 1, &x);
    for (int i = 0; i < info->nattr; i++) {
        const struct OpAttr *a = &info->attr[i];
        n->attr[i] = attr ? attr[i] : a->standard;
        if (!(n->attr[i] >= a->low && n->attr[i] <= a->high)) {
            diag_error(d, pos, "%s needs %s from %.14g to %.14g, not %s", info->name, a->name, a->low, a->high,
                       shown(d, n->attr[i]));
            n->attr[i] = a->standard;
        }
    }
    if (op == OP_BATCHNORM || op == OP_LAYERNORM) {
        graph_param(g, n, ROLE_WEIGHT, 1, x->width, 1);
        graph_param(g, n, ROLE_BIAS, 1, x->width, 1);
    }
    if (op == OP_BATCHNORM) {
        graph_param(g, n, ROLE_RUNNING_MEAN, 1, x->width, 1);
        graph_param(g, n, ROLE_RUNNING_VAR, 1, x->width, 1);
    }
    return n;
}

Node *graph_prelu(Graph *g, Diag *d, Pos pos, Node *x, bool shared, double a, const char *name)
{
    Node *n = graph_unary(g, d, pos, OP_PRELU, x, &a, name);
    n->shared = shared;
    graph_param(g, n, ROLE_WEIGHT, 1, shared ? 1 : x->width, 1);
    return n;
}

Node *graph_join(Graph *g, Diag *d, Pos pos, Op op, Node *a, Node *b)
{
    static const char sign[] = {[OP_MUL - OP_MUL] = '*', [OP_ADD - OP_MUL] = '+', [OP_SUB - OP_MUL] = '-'};
    if (a->width != b->width) {
        diag_error(d, pos, "'%c' needs equal widths: %s has %d (%s:%d), %s has %d (%s:%d)", sign[op - OP_MUL], a->name,
                   a->width, a->pos.file, a->pos.line, b->name, b->width, b->pos.file, b->pos.line);
        b = a;
    }
    return graph_add(g, op, pos, NULL, a->width, 2, (Node *[]){a, b});
}

Node *graph_concat(Graph *g, Diag *d, Pos pos, Node *a, Node *b)
{
    Node *both[] = {a, b};
    if (a->width > WIDTH_MAX - b->width) {
        diag_error(d, pos, "'..' makes a width of %d, over the limit of %d", a->width + b->width, WIDTH_MAX);
        return a;
    }
    return graph_add(g, OP_CONCAT, pos, NULL, a->width + b->width, 2, both);
}

Node *graph_slice(Graph *g, Diag *d, Pos pos, Node *x, double i, double j)
{
    double first = i < 0 ? x->width + i + 1 : i, last = j < 0 ? x->width + j + 1 : j;
    bool whole = first == floor(first) && last == floor(last); /* false for NaN */
    if (!whole || first < 1 || last > x->width || first > last) {
        diag_error(d, pos, "slice(%s, %s) is not a part of %s, which has features 1 to %d (%s:%d)", shown(d, i),
                   shown(d, j), x->name, x->width, x->pos.file, x->pos.line);
        first = 1;
        last = x->width;
    }
    Node *n = graph_add(g, OP_SLICE, pos, NULL, (int)(last - first) + 1, 1, &x);
    n->attr[0] = first;
    n->attr[1] = last;
    return n;
}

/* One constant per feature from one for all or one each; complains about any other number of them. */
static const double *spread(Graph *g, Diag *d, Pos pos, const char *what, const Node *x, const double *v, int n)
{
    double *all = ARENA_ARRAY(g->arena, (size_t)x->width, double);
    bool fits = n == 1 || n == x->width;
    if (!fits)
        diag_error(d, pos, "affine needs one %s or one per feature: %s has %d features (%s:%d), %d given", what, x->name,
                   x->width, x->pos.file, x->pos.line, n);
    for (int j = 0; j < x->width; j++) {
        all[j] = fits ? v[n == 1 ? 0 : j] : 1;
        if (!(fabs(all[j]) <= 3.4028234663852886e38)) {
            diag_error(d, pos, "affine needs finite single-precision numbers: %s %d is %s", what, j + 1, shown(d, all[j]));
            all[j] = 1;
            break;
        }
    }
    return all;
}

Node *graph_affine(Graph *g, Diag *d, Pos pos, Node *x, const double *scale, int nscale, const double *shift, int nshift)
{
    Node *n = graph_add(g, OP_AFFINE, pos, NULL, x->width, 1, &x);
    n->scale = spread(g, d, pos, "scale", x, scale, nscale);
    n->shift = spread(g, d, pos, "shift", x, shift, nshift);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Output *)a)->name, ((const Output *)b)->name);
}

void graph_outputs(Graph *g, const Output *out, int n)
{
    g->output = ARENA_ARRAY(g->arena, (size_t)n, Output);
    g->noutput = n;
    for (int i = 0; i < n; i++)
        g->output[i] = (Output){arena_strdup(g->arena, out[i].name), out[i].node};
    qsort(g->output, (size_t)n, sizeof *g->output, by_name);
}

int *graph_uses(const Graph *g, Arena *scratch)
{
    int *uses = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, int);
    for (int i = 0; i < g->nnode; i++)
        for (int k = 0; k < g->node[i]->nin; k++)
            uses[g->node[i]->in[k]->id]++;
    for (int o = 0; o < g->noutput; o++)
        uses[g->output[o].node->id]++;
    return uses;
}

/* Whether the node's parameters are its own: backward nodes read those of a layer. */
static bool owns_params(const Node *n)
{
    return n->op < OP_COUNT || n->op == OP_BATCHNORM_TRAIN;
}

/* Appends the parameters of n, and of what is fused behind it, to the list of those still in use. */
static void keep_params(Graph *g, const Node *n)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        if (n->param[r] && owns_params(n))
            PUSH(g, g->param, g->nparam, g->param_cap, n->param[r]);
    for (int e = 0; e < n->nepi; e++)
        keep_params(g, n->epi[e]);
}

static int by_id(const void *a, const void *b)
{
    return (*(Param *const *)a)->id - (*(Param *const *)b)->id;
}

void graph_prune(Graph *g)
{
    bool *alive = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, bool);
    for (int o = 0; o < g->noutput; o++)
        alive[g->output[o].node->id] = true;
    for (int i = 0; i < g->ninput; i++)
        alive[g->input[i]->id] = true;
    for (int i = 0; i < g->nnode; i++) {
        OpKind kind = op_info[g->node[i]->op].kind;
        alive[i] |= kind == KIND_LOSS || kind == KIND_SUM || kind == KIND_STATS;
    }
    for (int i = g->nnode - 1; i >= 0; i--)
        for (int k = 0; alive[i] && k < g->node[i]->nin; k++)
            alive[g->node[i]->in[k]->id] = true;
    int kept = 0;
    for (int i = 0; i < g->nnode; i++)
        if (alive[i])
            g->node[kept++] = g->node[i];
    g->nnode = kept;
    g->param = NULL;
    g->nparam = g->param_cap = 0;
    for (int i = 0; i < kept; i++) {
        g->node[i]->id = i;
        keep_params(g, g->node[i]);
    }
    if (g->nparam)
        qsort(g->param, (size_t)g->nparam, sizeof(Param *), by_id);
}

void graph_note(Graph *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(g->arena, format, args);
    va_end(args);
    PUSH(g, g->note, g->nnote, g->note_cap, text);
}

size_t node_params(const Node *n)
{
    size_t sum = 0;
    for (int r = 0; r < ROLE_COUNT; r++)
        sum += n->param[r] && owns_params(n) ? param_count(n->param[r]) : 0;
    for (int e = 0; e < n->nepi; e++)
        sum += node_params(n->epi[e]);
    return sum;
}

size_t graph_params(const Graph *g)
{
    size_t sum = 0;
    for (int i = 0; i < g->nparam; i++)
        sum += param_count(g->param[i]);
    return sum;
}

double node_macs(const Node *n)
{
    if (n->op == OP_DENSE_GRAD)
        return (double)n->in[0]->width * n->in[1]->width;
    return n->op == OP_DENSE || n->op == OP_DENSE_BACK ? (double)n->width * n->in[0]->width : 0;
}

double node_flops(const Node *n)
{
    int width = op_info[n->op].kind != KIND_SUM ? n->width : n->nin ? n->in[0]->width : 0;
    double flops = 2 * node_macs(n) + op_info[n->op].flops * width;
    for (int e = 0; e < n->nepi; e++)
        flops += op_info[n->epi[e]->op].flops * n->epi[e]->width;
    return flops;
}

const char *graph_input_name(const Graph *g, int i)
{
    return g->ninput == 1 && !g->input[0]->named ? "x" : g->input[i]->name;
}

bool graph_bound(const Graph *g)
{
    for (int i = 0; i < g->nparam; i++)
        if (!g->param[i]->value && !g->param[i]->exact)
            return false;
    return true;
}
