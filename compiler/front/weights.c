/* weights.c: a safetensors file -> the values of a Graph's parameters. */
#include "front/weights.h"

#include <string.h>

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

static void bind_by_name(Bind *b)
{
    int missing = 0;
    const Param *first = NULL;
    bool *used = ARENA_ARRAY(b->g->arena, b->file->count + 1, bool);
    for (int i = 0; i < b->g->nparam; i++) {
        const mlp_tensor *t = mlp_params_find(b->file, b->g->param[i]->name);
        if (t) {
            bind(b, b->g->param[i], t);
            used[t - b->file->tensors] = true;
        } else if (!missing++) {
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
        if (!mlp_params_find(b->file, b->g->param[i]->name))
            complain(b, b->g->param[i], arena_printf(b->g->arena, "no tensor '%s' %s", b->g->param[i]->name,
                                                     wanted_text(b->g->arena, b->g->param[i])));
    for (size_t i = 0; i < b->file->count; i++) {
        const char *name = b->file->tensors[i].name;
        if (!used[i] && !is_counter(name))
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
    return b.ok;
}
