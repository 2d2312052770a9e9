/* calibrate.c: what narrow weights change, on data: the reference evaluator over the net before and after. */
#include "calibrate.h"

#include <math.h>
#include <string.h>

#include "base/path.h"
#include "mlp.h"

typedef struct Worst {
    double size; /* NaN: one net has no number where the other has one */
    size_t row;
    int output, index;
} Worst;

/* Features alone, or features and targets behind them. */
static mlp_data *read_data(Diag *d, const char *path, size_t width)
{
    mlp_error err, other;
    mlp_data_spec spec = {.inputs = width, .target = MLP_TARGET_NONE};
    mlp_data *data = mlp_data_read(path, NULL, &spec, &err);
    if (!data && strcmp(path, "-") != 0) {
        spec.target = MLP_TARGET_AUTO;
        data = mlp_data_read(path, NULL, &spec, &other);
    }
    if (!data)
        diag_error(d, (Pos){err.file[0] ? arena_strdup(d->arena, err.file) : NULL, (int)err.line}, "%s", mlp_error_detail(&err));
    return data;
}

static double **buffers(Arena *a, const Graph *g)
{
    double **row = ARENA_ARRAY(a, (size_t)g->noutput, double *);
    for (int o = 0; o < g->noutput; o++)
        row[o] = ARENA_ARRAY(a, (size_t)g->output[o].node->width, double);
    return row;
}

static void compare(const Graph *g, size_t row, double *const *was, double *const *is, Worst *worst)
{
    for (int o = 0; o < g->noutput; o++)
        for (int k = 0; k < g->output[o].node->width; k++) {
            double a = was[o][k], b = is[o][k], size = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);
            if (size > worst->size || (isnan(size) && !isnan(worst->size)))
                *worst = (Worst){size, row, o, k};
        }
}

static bool compare_all(Arena *a, const Graph *wide, const Graph *narrow, const mlp_data *data, Worst *worst)
{
    float *row = ARENA_ARRAY(a, data->x.width, float);
    double *x = ARENA_ARRAY(a, data->x.width, double);
    const double **in = ARENA_ARRAY(a, (size_t)wide->ninput, const double *);
    double **was = buffers(a, wide), **is = buffers(a, narrow);
    for (int i = 0, at = 0; i < wide->ninput; at += wide->input[i]->width, i++)
        in[i] = x + at;
    for (size_t r = 0; r < data->rows; r++) {
        mlp_gather(&data->x, &r, 1, row);
        for (size_t k = 0; k < data->x.width; k++)
            x[k] = (double)row[k];
        if (!graph_eval(wide, 1, in, was) || !graph_eval(narrow, 1, in, is))
            return false;
        compare(wide, r, was, is, worst);
    }
    return true;
}

bool calibrate(Diag *d, const Graph *wide, Graph *narrow, const char *path)
{
    size_t width = 0;
    for (int i = 0; i < wide->ninput; i++)
        width += (size_t)wide->input[i]->width;
    mlp_data *data = read_data(d, path, width);
    if (!data)
        return false;
    Arena *scratch = arena_new();
    Worst worst = {0};
    bool ok = compare_all(scratch, wide, narrow, data, &worst);
    if (ok && data->rows)
        graph_note(narrow, "largest difference on the %zu rows of %s: %.3g, in %s[%d] of row %zu", data->rows, path_base(path),
                   worst.size, wide->output[worst.output].name, worst.index, worst.row + 1);
    arena_free(scratch);
    mlp_data_free(data);
    return ok || diag_error(d, wide->pos, "the reference needs weights");
}
