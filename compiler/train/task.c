/* task.c: what a net learns from which data. Reads files, decides what each output's target is, splits, scales. */
#include "train/task.h"

#include <math.h>
#include <string.h>

#include "graph/loss.h"
#include "graph/scale.h"

/* Reading one task. */
typedef struct Reader {
    Task *t;
    const Graph *g;
    Diag *d;
    const TrainArgs *args;
    mlp_data_spec spec; /* of the first file; then of those that must be like it */
    LossRead *read;     /* by output */
    size_t inputs;
} Reader;

static void release(void *data)
{
    mlp_data_free(data);
}

static bool report(Reader *r, const mlp_error *err)
{
    const char *file = err->file[0] ? arena_strdup(r->g->arena, err->file) : NULL;
    return diag_error(r->d, (Pos){file, (int)err->line}, "%s", mlp_error_detail(err));
}

/* ---- what the outputs want ---------------------------------------------------------------------------------------- */

static bool only_output(const Reader *r, Op op)
{
    return r->g->noutput == 1 && r->read[0].op == op;
}

static bool is_binary(Op op)
{
    return op == OP_BINARY_CROSS_ENTROPY || op == OP_BINARY_CROSS_ENTROPY_LOGITS;
}

/* A net that gives as much as it takes may be there to rebuild it. */
static bool may_rebuild(const Reader *r)
{
    return r->g->noutput == 1 && (size_t)r->read[0].value->width == r->inputs && r->inputs > 1 &&
           r->read[0].op != OP_CROSS_ENTROPY;
}

/* What is asked of the data before it is seen. */
static void set_spec(Reader *r, bool learn)
{
    const Graph *g = r->g;
    mlp_data_spec *s = &r->spec;
    size_t width = (size_t)r->read[0].value->width;
    const char *delimiter = r->args->delimiter;
    *s = (mlp_data_spec){.inputs = r->inputs, .label = r->args->label, .min_classes = learn ? 2 : 0};
    s->delimiter = !delimiter ? 0 : strcmp(delimiter, "tab") == 0 ? '\t' : strcmp(delimiter, "blank") == 0 ? ' ' : *delimiter;
    if (g->noutput > 1) {
        s->target = MLP_TARGET_VALUES;
    } else if (only_output(r, OP_CROSS_ENTROPY)) {
        s->target = MLP_TARGET_CLASS;
        s->classes = width;
    } else if (is_binary(r->read[0].op) && width == 1) {
        s->classes = 2;
    } else if (width == 1) {
        s->target = MLP_TARGET_VALUES;
        s->target_width = 1;
    } else if (!may_rebuild(r)) {
        s->classes = width;
    } else {
        s->min_classes = 0; /* a column of labels is not what it learns */
    }
    if (g->nlabel && s->classes == (size_t)g->nlabel)
        s->class_names = g->label;
}

/* ---- what the data has ------------------------------------------------------------------------------------------- */

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static bool wrong_width(Reader *r, const char *path, size_t has)
{
    Arena *a = r->g->arena;
    const char *wants = "";
    for (int o = 0; o < r->g->noutput; o++)
        wants = arena_printf(a, "%s%s%s %d", wants, o ? ", " : "", r->g->output[o].name, r->read[o].value->width);
    if (has == 0)
        return diag_error(r->d, (Pos){path, 0}, "holds no targets to learn from: %zu columns are what the net takes", r->inputs);
    return diag_error(r->d, (Pos){path, 0}, "%zu target value%s a row, the net's outputs take %s", has, plural(has), wants);
}

/* With several outputs, each cross entropy takes a class number or a row of probabilities: all of them the same. */
static bool several_targets(Reader *r, const char *path, const mlp_data *data)
{
    size_t labels = 0, rows = 0;
    for (int o = 0; o < r->g->noutput; o++) {
        size_t width = (size_t)r->read[o].value->width;
        labels += r->read[o].op == OP_CROSS_ENTROPY ? 1 : width;
        rows += width;
    }
    r->t->labels = data->t.width == labels && labels != rows;
    return data->t.width == labels || data->t.width == rows || wrong_width(r, path, data->t.width);
}

/* Whether the targets take two values, which tells yes from no. */
static bool two_values(const mlp_samples *s, double *middle)
{
    float low = 0, high = 0;
    for (size_t i = 0; i < s->count; i++) {
        float v;
        size_t row = s->rows ? s->rows[i] : i;
        mlp_gather(&s->data->t, &row, 1, &v);
        if (i == 0)
            low = high = v;
        if (v == low || v == high)
            continue;
        if (low != high) /* neither of the two seen so far */
            return false;
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    *middle = ((double)low + (double)high) / 2;
    return low < high;
}

static mlp_loss loss_of(Op op)
{
    return op == OP_CROSS_ENTROPY ? MLP_CROSS_ENTROPY
           : is_binary(op)        ? MLP_BINARY_CROSS_ENTROPY
           : op == OP_MSE         ? MLP_MSE
           : op == OP_MAE         ? MLP_MAE
                                  : MLP_HUBER;
}

static void make_heads(Reader *r, const mlp_samples *s)
{
    Task *t = r->t;
    t->heads = (size_t)r->g->noutput;
    t->head = ARENA_ARRAY(r->g->arena, t->heads, mlp_head);
    for (size_t o = 0; o < t->heads; o++) {
        const LossRead *read = &r->read[o];
        mlp_head *h = &t->head[o];
        h->loss = loss_of(read->op);
        h->form = read->form == LOSS_OF_PROBABILITIES ? MLP_PROBABILITIES : MLP_LOGITS;
        h->width = (size_t)read->value->width;
        h->targets = read->op == OP_CROSS_ENTROPY && t->labels ? 1 : h->width;
        h->delta = isnan(r->g->train.delta) ? 0 : r->g->train.delta;
        bool one_hot = s->teach == MLP_TEACH_ONE_HOT;
        h->task = h->loss == MLP_CROSS_ENTROPY || (one_hot && h->loss != MLP_BINARY_CROSS_ENTROPY) ? MLP_CLASSES
                  : h->loss == MLP_BINARY_CROSS_ENTROPY && s->teach != MLP_TEACH_INPUT              ? MLP_BINARY
                                                                                                    : MLP_VALUES;
        if (t->heads == 1 && h->task == MLP_VALUES && h->width == 1 && s->data->target == MLP_TARGET_VALUES &&
            two_values(s, &h->middle))
            h->task = MLP_BINARY;
    }
}

/* How the first file's targets are taught. */
static bool choose_teaching(Reader *r, const char *path, mlp_samples *s)
{
    const mlp_data *data = s->data;
    size_t width = (size_t)r->read[0].value->width;
    bool classes = data->target == MLP_TARGET_CLASS;
    if (r->g->noutput > 1)
        return several_targets(r, path, data);
    if (only_output(r, OP_CROSS_ENTROPY)) {
        r->t->labels = classes;
        return true;
    }
    if (may_rebuild(r) && data->target != MLP_TARGET_VALUES) {
        s->teach = MLP_TEACH_INPUT;
        r->t->note = arena_printf(r->g->arena, "the targets are the inputs: %s", classes ? "the column of labels is not used"
                                                                                         : "an autoencoder");
        return true;
    }
    if (classes && width > 1)
        s->teach = MLP_TEACH_ONE_HOT;
    if (!classes && data->t.width != width)
        return wrong_width(r, path, data->target == MLP_TARGET_NONE ? 0 : data->t.width);
    return true;
}

/* ---- values that a loss cannot take ------------------------------------------------------------------------------- */

/* One target of one sample. */
static bool good_target(const mlp_head *h, float v)
{
    if (h->loss == MLP_CROSS_ENTROPY && h->targets == 1)
        return v >= 0 && v < (float)h->width && v == floorf(v);
    return (h->loss != MLP_CROSS_ENTROPY && h->loss != MLP_BINARY_CROSS_ENTROPY) || (v >= 0 && v <= 1);
}

static bool check_targets(Reader *r, const Part *p, const char *path)
{
    const mlp_samples *s = &p->samples;
    const Task *t = r->t;
    if (s->data->target != MLP_TARGET_VALUES || s->teach == MLP_TEACH_INPUT)
        return true;
    Arena *scratch = arena_new();
    float *v = ARENA_ARRAY(scratch, s->data->t.width, float);
    bool ok = true;
    for (size_t row = 0; row < s->count && ok; row++) {
        const float *at = v;
        mlp_gather(&s->data->t, &row, 1, v);
        for (size_t o = 0; o < t->heads && ok; at += t->head[o].targets, o++)
            for (size_t j = 0; j < t->head[o].targets && ok; j++)
                if (!good_target(&t->head[o], at[j]))
                    ok = diag_error(r->d, (Pos){path, 0}, "row %zu: the target %g is no %s", row + 1, (double)at[j],
                                    t->head[o].loss == MLP_CROSS_ENTROPY && t->head[o].targets == 1
                                        ? arena_printf(r->g->arena, "class from 0 to %zu", t->head[o].width - 1)
                                        : "probability: entropies learn what lies in 0..1");
    }
    arena_free(scratch);
    return ok;
}

/* ---- parts -------------------------------------------------------------------------------------------------------- */

/* Reads a file by r->spec into the next part. */
static mlp_data *read_part(Reader *r, const char *name, const char *path, const char *labels)
{
    mlp_error err;
    const TrainArgs *args = r->args;
    mlp_data_spec spec = r->spec;
    spec.header = args->text ? -1 : spec.header; /* rows of numbers that somebody wrote down */
    mlp_data *data = args->text && path == args->data ? mlp_data_parse(args->text, args->text_size, path, &spec, &err)
                                                      : mlp_data_read(path, labels, &r->spec, &err);
    if (!data) {
        report(r, &err);
        return NULL;
    }
    arena_defer(r->g->arena, release, data);
    Part *p = &r->t->part[r->t->parts++];
    *p = (Part){name, {.data = data, .count = data->rows}};
    return data;
}

/* What the first file turned out to be is what the others must be. */
static void follow_first(Reader *r, const mlp_data *first)
{
    mlp_data_spec *s = &r->spec;
    s->min_classes = 0;
    if (r->t->part[0].samples.teach == MLP_TEACH_INPUT)
        return;
    s->target = first->target;
    s->target_width = first->target == MLP_TARGET_VALUES ? first->t.width : 0;
    if (first->target == MLP_TARGET_CLASS) {
        s->classes = s->classes ? s->classes : first->classes;
        s->class_names = first->class_names && s->classes == first->classes ? (const char *const *)first->class_names
                                                                            : s->class_names;
    }
}

static void name_classes(Reader *r, const mlp_data *first)
{
    Task *t = r->t;
    bool named = first->target == MLP_TARGET_CLASS && first->class_names && t->part[0].samples.teach != MLP_TEACH_INPUT;
    if (r->g->nlabel) {
        t->classes = (size_t)r->g->nlabel;
        t->class_name = r->g->label;
    } else if (named) {
        t->classes = first->classes;
        t->class_name = (const char *const *)first->class_names;
    }
}

static bool read_more(Reader *r, const char *name, const char *path, const char *labels)
{
    if (!path)
        return true;
    if (!read_part(r, name, path, labels))
        return false;
    Part *p = &r->t->part[r->t->parts - 1];
    p->samples.teach = r->t->part[0].samples.teach;
    return check_targets(r, p, labels ? labels : path);
}

bool task_read(Task *t, const Graph *g, Diag *d, const TrainArgs *args, bool learn)
{
    Reader r = {.t = t, .g = g, .d = d, .args = args};
    *t = (Task){0};
    r.read = ARENA_ARRAY(g->arena, (size_t)g->noutput, LossRead);
    for (int o = 0; o < g->noutput; o++)
        r.read[o] = loss_read(g, g->train.loss, g->output[o].node);
    for (int i = 0; i < g->ninput; i++)
        r.inputs += (size_t)g->input[i]->width;
    set_spec(&r, learn);
    const mlp_data *first = read_part(&r, learn ? "training" : "data", args->data, args->labels);
    if (!first)
        return false;
    const char *path = args->labels ? args->labels : args->data;
    t->note = first->note[0] ? first->note : NULL;
    if (!choose_teaching(&r, path, &t->part[0].samples))
        return false;
    make_heads(&r, &t->part[0].samples);
    if (!check_targets(&r, &t->part[0], path))
        return false;
    name_classes(&r, first);
    follow_first(&r, first);
    return read_more(&r, "validation", args->val, args->val_labels) && read_more(&r, "test", args->test, args->test_labels);
}

bool task_split(Task *t, const Graph *g, Diag *d, double share, uint64_t seed)
{
    mlp_samples *s = &t->part[0].samples;
    size_t *rows = ARENA_ARRAY(g->arena, s->count, size_t), first;
    mlp_error err;
    bool stratified = s->teach != MLP_TEACH_INPUT;
    if (mlp_split(s->data, share, stratified, seed, rows, &first, &err))
        return diag_error(d, (Pos){0}, "%s", err.text);
    Part *rest = &t->part[t->parts++];
    *rest = t->part[0];
    rest->name = "validation";
    rest->samples.rows = rows + first;
    rest->samples.count = s->count - first;
    s->rows = rows;
    s->count = first;
    if (t->parts == PARTS_MAX) { /* in the order in which they are told */
        Part test = t->part[1];
        t->part[1] = t->part[2];
        t->part[2] = test;
    }
    return true;
}

bool task_scale(Task *t, Graph *g, Diag *d, mlp_scaling scaling)
{
    const mlp_samples *s = &t->part[0].samples;
    size_t width = s->data->x.width;
    float *numbers = ARENA_ARRAY(g->arena, 2 * width, float), *scale = numbers, *shift = numbers + width;
    mlp_error err;
    if (scaling == MLP_SCALE_NONE)
        return true;
    if (mlp_scaling_learn(&s->data->x, s->rows, s->count, scaling, scale, shift, &err))
        return diag_error(d, (Pos){0}, "%s", err.text);
    for (int i = 0; i < g->ninput; i++) {
        size_t n = (size_t)g->input[i]->width;
        double *both = ARENA_ARRAY(g->arena, 2 * n, double);
        for (size_t j = 0; j < n; j++) {
            both[j] = (double)*scale++;
            both[n + j] = (double)*shift++;
        }
        graph_scale_input(g, i, both, both + n, "learnt from the training part");
    }
    return true;
}

void task_scale_targets(Task *t, const Graph *g)
{
    mlp_samples *first = &t->part[0].samples;
    size_t width = first->data->x.width;
    float *scale = ARENA_ARRAY(g->arena, 2 * width, float), *shift = scale + width;
    bool scaled = false;
    if (first->teach != MLP_TEACH_INPUT)
        return;
    for (int i = 0, at = 0; i < g->ninput; at += g->input[i]->width, i++) {
        const Node *n = graph_input_scale(g, i);
        scaled = scaled || n;
        for (int j = 0; j < g->input[i]->width; j++) {
            scale[at + j] = n ? (float)n->scale[j] : 1;
            shift[at + j] = n ? (float)n->shift[j] : 0;
        }
    }
    for (int p = 0; p < t->parts && scaled; p++) {
        t->part[p].samples.scale = scale;
        t->part[p].samples.shift = shift;
    }
}

const Part *task_part(const Task *t, const char *name)
{
    for (int i = 0; i < t->parts; i++)
        if (strcmp(t->part[i].name, name) == 0)
            return &t->part[i];
    return NULL;
}
