/* save.c: weights and what belongs to them into a safetensors file. Used by mlpc train and by n:save. */
#include "train/save.h"

#include "graph/scale.h"
#include "version.h"

enum { PAIRS_MAX = 24 };

void metadata_add(Metadata *m, const char *key, const char *value) { m->pair[m->count++] = (mlp_pair){key, value}; }

Metadata metadata_new(Arena *a, const Graph *g, size_t classes)
{
    Metadata m = {ARENA_ARRAY(a, PAIRS_MAX + classes, mlp_pair), 0};
    metadata_add(&m, "format", "mlpc");
    metadata_add(&m, "mlpc", MLPC_VERSION);
    metadata_add(&m, "net", g->name);
    return m;
}

void metadata_classes(Metadata *m, Arena *a, size_t classes, const char *const *name)
{
    if (!classes)
        return;
    metadata_add(m, "classes", arena_printf(a, "%zu", classes));
    for (size_t i = 0; i < classes; i++)
        metadata_add(m, arena_printf(a, "class.%zu", i), name[i]);
}

/* The scaling of an input as two more tensors. */
static void add_scaling(const Graph *g, Arena *a, int input, mlp_tensor *tensor, size_t *count)
{
    const Node *n = graph_input_scale(g, input);
    for (int k = 0; k < 2 && n; k++) {
        mlp_tensor *t = &tensor[(*count)++];
        float *v = ARENA_ARRAY(a, (size_t)n->width, float);
        size_t *shape = ARENA_ARRAY(a, 1, size_t);
        for (int j = 0; j < n->width; j++)
            v[j] = (float)(k ? n->shift : n->scale)[j];
        shape[0] = (size_t)n->width;
        *t = (mlp_tensor){.name = arena_printf(a, "%s.%s", g->input[input]->name, k ? "shift" : "scale"),
                          .data = v,
                          .count = shape[0],
                          .shape = shape,
                          .rank = 1};
    }
}

bool save_weights(const char *path, const Graph *g, const float *w, const Metadata *m, Diag *d)
{
    size_t count = 0;
    Arena *a = d->arena;
    mlp_tensor *tensor = ARENA_ARRAY(a, (size_t)(g->nparam + 2 * g->ninput), mlp_tensor);
    mlp_error err;
    for (int i = 0; i < g->nparam; i++) {
        const Param *p = g->param[i];
        size_t *shape = ARENA_ARRAY(a, 2, size_t);
        shape[0] = (size_t)p->rows;
        shape[1] = (size_t)p->cols;
        tensor[count++] =
            (mlp_tensor){.name = p->name, .data = w, .count = param_count(p), .shape = shape, .rank = p->ndim};
        w += param_count(p);
    }
    for (int i = 0; i < g->ninput; i++)
        add_scaling(g, a, i, tensor, &count);
    return mlp_params_write(path, tensor, count, m->pair, m->count, &err) == MLP_OK ||
           diag_error(d, (Pos){0}, "%s", err.text);
}
