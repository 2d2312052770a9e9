/* narrow.c: weights of dense layers rounded to what the generated code is to keep of them, after every pass that makes new
 * weights. What is kept becomes the parameter's value: the reference evaluator, the tests and the C see the same numbers. */
#include <math.h>

#include "pass/pass.h"

typedef struct Narrow {
    Graph *g;
    Diag *d;
    const StorageInfo *to;
    size_t weights, lost; /* lost: became 0 */
    const char *first_lost;
    bool ok;
} Narrow;

/* "dense1.weight[3][17], 1e-9" */
static const char *weight_name(const Narrow *w, const Param *p, int row, int col)
{
    return arena_printf(w->g->arena, "%s[%d][%d], %.9g", p->name, row, col,
                        (double)p->value[(size_t)row * (size_t)p->cols + (size_t)col]);
}

/* What one step of output `row` is worth: its largest weight over the largest code, rounded up where that does not fit. */
static float scale_of(const Narrow *w, const Param *p, int row)
{
    double most = 0;
    for (size_t k = 0; k < (size_t)p->cols; k++)
        most = fmax(most, fabs((double)p->value[(size_t)row * (size_t)p->cols + k]));
    float scale = (float)(most / w->to->most);
    while (most > 0 && most / (double)scale >= w->to->most + 0.5)
        scale = nextafterf(scale, INFINITY);
    return scale;
}

static void narrow_row(Narrow *w, const Param *from, int row, double scale, int *code, float *value, double *exact)
{
    for (int col = 0; col < from->cols; col++) {
        size_t k = (size_t)row * (size_t)from->cols + (size_t)col;
        double was = (double)from->value[k];
        code[k] = was == 0 && w->to->most ? 0 : w->to->code(was / scale);
        if (code[k] == STORAGE_NONE) {
            if (w->ok)
                w->ok = diag_error(w->d, w->g->pos, "%s does not fit %s", weight_name(w, from, row, col), w->to->name);
            code[k] = 0;
        }
        exact[k] = w->to->value(code[k]) * scale;
        value[k] = (float)exact[k];
        if (was != 0 && exact[k] == 0 && w->lost++ == 0)
            w->first_lost = weight_name(w, from, row, col);
    }
    w->weights += (size_t)from->cols;
}

/* The parameter as it will be kept, in the place of the one that was: others may still read that. */
static void narrow_param(Narrow *w, Node *n, Storage storage)
{
    Arena *a = w->g->arena;
    const Param *from = n->param[ROLE_WEIGHT];
    Param *p = ARENA_NEW(a, Param);
    size_t count = param_count(from);
    int *code = ARENA_ARRAY(a, count, int);
    float *value = ARENA_ARRAY(a, count, float), *scale = ARENA_ARRAY(a, (size_t)from->rows, float);
    double *exact = ARENA_ARRAY(a, count, double);
    *p = *from;
    for (int row = 0; row < from->rows; row++) {
        scale[row] = w->to->most ? scale_of(w, from, row) : 1;
        narrow_row(w, from, row, (double)scale[row], code, value, exact);
    }
    p->storage = storage;
    p->code = code;
    p->scale = w->to->most ? scale : NULL;
    p->value = value;
    p->exact = exact;
    for (int i = 0; i < w->g->nparam; i++)
        if (w->g->param[i] == from)
            w->g->param[i] = p;
    n->param[ROLE_WEIGHT] = p;
}

bool pass_narrow(Graph *g, Diag *d, Storage storage)
{
    Narrow w = {.g = g, .d = d, .to = &storage_info[storage], .ok = true};
    for (int i = 0; i < g->nnode && storage != STORAGE_F32; i++)
        if (g->node[i]->op == OP_DENSE && g->node[i]->param[ROLE_WEIGHT]->storage == STORAGE_F32)
            narrow_param(&w, g->node[i], storage);
    if (w.lost)
        graph_note(g, "%zu of %zu weights are 0 as %s, the first is %s", w.lost, w.weights, w.to->name, w.first_lost);
    return w.ok;
}
