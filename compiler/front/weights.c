/* weights.c: a safetensors file -> the values of a Graph's parameters. */
#include "front/weights.h"

#include <stdlib.h>
#include <string.h>

#include "graph/scale.h"
#include "mlp.h"

typedef struct Bind {
    Graph *g;
    Diag *d;
    Pos at; /* the weights file */
    const mlp_params *file;
    bool ok;
} Bind;

static void release(void *params)
{
    mlp_params_free(params);
}

/* "[128][640]" */
static const char *shape_text(Arena *a, const size_t *size, int rank)
{
    char *s = arena_strdup(a, rank ? "" : "one number");
    for (int i = 0; i < rank; i++)
        s = arena_printf(a, "%s[%zu]", s, size[i]);
    return s;
}

static const char *wanted_text(Arena *a, const Param *p)
{
    return shape_text(a, (size_t[]){(size_t)p->rows, (size_t)p->cols}, p->ndim);
}

static bool same_shape(const Param *p, const mlp_tensor *t)
{
    if (t->rank == 0) /* one number, as some writers store a shared slope */
        return param_count(p) == 1 && p->ndim == 1;
    return t->rank == p->ndim && t->shape[0] == (size_t)p->rows && (t->rank == 1 || t->shape[1] == (size_t)p->cols);
}

/* Whose parameter it is: a line of the script for the message. */
static const Node *owner_of(const Graph *g, const Param *p)
{
    for (int i = 0; i < g->nnode; i++)
        for (int r = 0; r < ROLE_COUNT; r++)
            if (g->node[i]->param[r] == p)
                return g->node[i];
    die("internal error: parameter %s belongs to no node", p->name);
}

static void complain(Bind *b, const Param *p, const char *text)
{
    const Node *n = owner_of(b->g, p);
    b->ok = diag_error(b->d, b->at, "%s (%s at %s:%d)", text, n->name, n->pos.file, n->pos.line);
}

static void bind(Bind *b, Param *p, const mlp_tensor *t)
{
    Arena *a = b->g->arena;
    if (!same_shape(p, t)) {
        complain(b, p, arena_printf(a, "tensor '%s' has shape %s, the net needs %s for %s", t->name,
                                    shape_text(a, t->shape, t->rank), wanted_text(a, p), p->name));
    } else if (!t->data) {
        complain(b, p, arena_printf(a, "tensor '%s' is %s, weights are read as F32, F16, BF16 or F64", t->name, t->dtype));
    } else if (t->nonfinite) {
        complain(b, p, arena_printf(a, "tensor '%s' has %zu value%s NaN or infinite, the first is number %zu", t->name,
                                    t->nonfinite, t->nonfinite == 1 ? " that is" : "s that are", t->first_nonfinite));
    } else {
        p->value = t->data;
        if (p->role == ROLE_RUNNING_VAR)
            for (size_t i = 0; i < t->count && b->ok; i++)
                if (t->data[i] < 0)
                    complain(b, p, arena_printf(a, "tensor '%s' holds variances, but number %zu is %g", t->name, i,
                                                (double)t->data[i]));
    }
}

/* PyTorch counts batches beside every batch normalisation; no net needs the count. */
static bool is_counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(dot ? dot + 1 : name, "num_batches_tracked") == 0;
}

/* The tensor with the scale or the shift of an input, or NULL. */
static const mlp_tensor *scaling_tensor(const Bind *b, const Node *input, const char *what)
{
    return mlp_params_find(b->file, arena_printf(b->g->arena, "%s.%s", input->name, what));
}

static bool is_scaling(const Bind *b, const mlp_tensor *t)
{
    for (int i = 0; i < b->g->ninput; i++)
        if (t == scaling_tensor(b, b->g->input[i], "scale") || t == scaling_tensor(b, b->g->input[i], "shift"))
            return true;
    return false;
}

/* One number a feature; `standard` everywhere if the file has none. NULL after an error. */
static const double *scaling_numbers(Bind *b, const Node *input, const char *what, double standard)
{
    Arena *a = b->g->arena;
    const mlp_tensor *t = scaling_tensor(b, input, what);
    double *v = ARENA_ARRAY(a, (size_t)input->width, double);
    const char *wrong = !t                                                     ? NULL
                        : t->rank != 1 || t->count != (size_t)input->width     ? "has another shape"
                        : !t->data                                             ? "is of a type that is not read"
                        : t->nonfinite                                         ? "has a value that is NaN or infinite"
                                                                               : NULL;
    if (wrong) {
        b->ok = diag_error(b->d, b->at, "tensor '%s' %s: the input takes %d numbers of single precision (%s at %s:%d)",
                           t->name, wrong, input->width, input->name, input->pos.file, input->pos.line);
        return NULL;
    }
    for (int j = 0; j < input->width; j++)
        v[j] = t ? (double)t->data[j] : standard;
    return v;
}

/* The scaling that was learnt with the weights becomes part of the net. */
static void bind_scaling(Bind *b)
{
    for (int i = 0; i < b->g->ninput && b->ok; i++) {
        const Node *input = b->g->input[i];
        if (!scaling_tensor(b, input, "scale") && !scaling_tensor(b, input, "shift"))
            continue;
        const double *scale = scaling_numbers(b, input, "scale", 1), *shift = scaling_numbers(b, input, "shift", 0);
        if (scale && shift)
            graph_scale_input(b->g, i, scale, shift, "from the weights file");
    }
}

/* Names of classes from the data, where the script gives none. */
static void bind_labels(Bind *b)
{
    const char *text = mlp_params_meta(b->file, "classes");
    int n = text && strlen(text) < 8 ? (int)strtol(text, NULL, 10) : 0;
    bool fits = false;
    for (int o = 0; o < b->g->noutput; o++) /* one sigmoid tells two classes apart */
        fits = fits || b->g->output[o].node->width == n || (b->g->output[o].node->width == 1 && n == 2);
    if (b->g->nlabel || n < 1 || !fits)
        return;
    const char **label = ARENA_ARRAY(b->g->arena, (size_t)n, const char *);
    for (int i = 0; i < n; i++) {
        const char *name = mlp_params_meta(b->file, arena_printf(b->g->arena, "class.%d", i));
        if (!name)
            return;
        label[i] = arena_strdup(b->g->arena, name);
    }
    b->g->label = label;
    b->g->nlabel = n;
}

/* By id: the node is worth having weights, because an output depends on it. */
static const bool *needed(const Graph *g)
{
    bool *need = ARENA_ARRAY(g->arena, (size_t)g->nnode + 1, bool);
    for (int o = 0; o < g->noutput; o++)
        need[g->output[o].node->id] = true;
    for (int i = g->nnode - 1; i >= 0; i--)
        for (int k = 0; need[i] && k < g->node[i]->nin; k++)
            need[g->node[i]->in[k]->id] = true;
    return need;
}

/* Whether the file must have a tensor for p: training writes none for layers that nothing reads. */
static bool must_have(const Bind *b, const Param *p, const bool *need)
{
    return !mlp_params_find(b->file, p->name) && need[owner_of(b->g, p)->id];
}

static void bind_by_name(Bind *b)
{
    int missing = 0;
    const Param *first = NULL;
    const bool *need = needed(b->g);
    bool *used = ARENA_ARRAY(b->g->arena, b->file->count + 1, bool);
    for (int i = 0; i < b->g->nparam; i++) {
        const mlp_tensor *t = mlp_params_find(b->file, b->g->param[i]->name);
        if (t) {
            bind(b, b->g->param[i], t);
            used[t - b->file->tensors] = true;
        } else if (must_have(b, b->g->param[i], need) && !missing++) {
            first = b->g->param[i];
        }
    }
    if (missing && missing == b->g->nparam && b->file->count) {
        complain(b, first, arena_printf(b->g->arena, "no tensor of the file has a name that the net knows (it has '%s', the "
                                        "net needs '%s'); --by-order binds by shape and order instead",
                                        b->file->tensors[0].name, first->name));
        return;
    }
    for (int i = 0; missing && i < b->g->nparam; i++)
        if (must_have(b, b->g->param[i], need))
            complain(b, b->g->param[i], arena_printf(b->g->arena, "no tensor '%s' %s", b->g->param[i]->name,
                                                     wanted_text(b->g->arena, b->g->param[i])));
    for (size_t i = 0; i < b->file->count; i++) {
        const char *name = b->file->tensors[i].name;
        if (!used[i] && !is_counter(name) && !is_scaling(b, &b->file->tensors[i]))
            diag_warn(b->d, WARN_EXTRA_WEIGHTS, b->at, "tensor '%s' is not used by the net", name);
    }
}

static void bind_by_order(Bind *b)
{
    Arena *a = b->g->arena;
    const mlp_tensor **list = ARENA_ARRAY(a, b->file->count + 1, const mlp_tensor *);
    size_t count = 0;
    mlp_error err;
    if (mlp_params_ordered(b->file, MLP_ORDER_AUTO, list, &count, &err)) {
        b->ok = diag_error(b->d, b->at, "%s", mlp_error_detail(&err));
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_scaling(b, list[i]))
            list[kept++] = list[i];
    count = kept;
    size_t want = (size_t)b->g->nparam;
    for (size_t i = 0; i < want && i < count; i++) {
        if (!same_shape(b->g->param[i], list[i])) {
            complain(b, b->g->param[i], arena_printf(a, "by order, tensor %zu is '%s' with shape %s, but parameter %zu of the "
                                                     "net is %s with shape %s", i + 1, list[i]->name,
                                                     shape_text(a, list[i]->shape, list[i]->rank), i + 1,
                                                     b->g->param[i]->name, wanted_text(a, b->g->param[i])));
            return;
        }
        bind(b, b->g->param[i], list[i]);
    }
    if (count < want)
        complain(b, b->g->param[count], arena_printf(a, "by order, the file ends after %zu tensors; the net has %zu "
                                                     "parameters, %s is next", count, want, b->g->param[count]->name));
    for (size_t i = want; i < count; i++)
        diag_warn(b->d, WARN_EXTRA_WEIGHTS, b->at, "tensor '%s' is not used by the net", list[i]->name);
}

bool weights_bind(Graph *g, Diag *d, const char *path, bool by_order)
{
    mlp_error err;
    Bind b = {.g = g, .d = d, .at = {arena_strdup(g->arena, path), 0}, .ok = true};
    mlp_params *file = mlp_params_read(path, &err);
    if (!file)
        return diag_error(d, (Pos){err.file[0] ? arena_strdup(g->arena, err.file) : b.at.file, (int)err.line}, "%s",
                          mlp_error_detail(&err));
    arena_defer(g->arena, release, file);
    b.file = file;
    if (by_order)
        bind_by_order(&b);
    else
        bind_by_name(&b);
    bind_scaling(&b);
    bind_labels(&b);
    return b.ok;
}
