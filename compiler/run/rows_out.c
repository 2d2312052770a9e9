/* rows_out.c: rows of floats into files; classes by name. */
#include "run/rows_out.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "convert.h"
#include "graph/loss.h"
#include "mlp.h"

enum { NPY_HEADER = 128, CLASSES_SHOWN = 10 };

/* What an output's values are made into. */
typedef enum Form { FORM_NUMBERS, FORM_AS_THEY_ARE, FORM_EXP, FORM_SOFTMAX, FORM_SIGMOID } Form;

struct RowsOut {
    const Graph *g;
    Diag *d;
    RowsOutOptions o;
    mlp_file *file;
    Text text;
    Form *form; /* of each output */
    int *order; /* classes, the most likely first */
    float *share;
    size_t width;
    uint64_t rows;
};

static bool failed(RowsOut *r, const mlp_error *err)
{
    return diag_error(r->d, (Pos){err->file[0] ? arena_strdup(r->d->arena, err->file) : NULL, (int)err->line}, "%s",
                      mlp_error_detail(err));
}

/* ---- classes ---------------------------------------------------------------------------------------------------- */

/* The last thing that is done to an output. */
static const Node *ending_of(const Node *n)
{
    while (n->op == OP_DROPOUT)
        n = n->in[0];
    return n;
}

/* How an output that the labels belong to becomes probabilities. */
static Form form_of(const Graph *g, Node *output)
{
    if (output->width != g->nlabel)
        return FORM_NUMBERS;
    switch (ending_of(output)->op) {
    case OP_SOFTMAX:
    case OP_SIGMOID:
        return FORM_AS_THEY_ARE;
    case OP_LOG_SOFTMAX:
        return FORM_EXP;
    default:
        break;
    }
    Op loss = loss_read(g, g->train.loss, output).op; /* scores, if it is trained as such */
    return loss == OP_CROSS_ENTROPY ? FORM_SOFTMAX : loss == OP_BINARY_CROSS_ENTROPY ? FORM_SIGMOID : FORM_AS_THEY_ARE;
}

static void shares(Form form, int n, const float *y, float *share)
{
    double most = (double)y[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = fmax(most, (double)y[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)y[i] - most);
    for (int i = 0; i < n; i++) {
        double v = (double)y[i];
        share[i] = (float)(form == FORM_EXP       ? exp(v)
                           : form == FORM_SOFTMAX ? exp(v - most) / sum
                           : form == FORM_SIGMOID ? 1 / (1 + exp(-v))
                                                  : v);
    }
}

/* The largest first, of equal ones the first: by repeated search, since few are shown. */
static int sort_shares(int n, const float *share, int *order)
{
    int shown = n < CLASSES_SHOWN ? n : CLASSES_SHOWN;
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = 0; i < shown; i++) {
        int best = i;
        for (int k = i + 1; k < n; k++)
            if (share[order[k]] > share[order[best]] || (share[order[k]] == share[order[best]] && order[k] < order[best]))
                best = k;
        int t = order[i];
        order[i] = order[best];
        order[best] = t;
    }
    return shown;
}

/* ---- CSV -------------------------------------------------------------------------------------------------------- */

/* As RFC 4180 wants it. */
static void add_text(Text *t, const char *s)
{
    if (!strpbrk(s, ",\"\n\r") && *s != ' ' && *s) {
        text_add(t, s);
        return;
    }
    text_char(t, '"');
    for (; *s; s++)
        text_add_n(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
    text_char(t, '"');
}

static void add_names(RowsOut *r)
{
    const char *comma = "";
    for (int o = 0; o < r->g->noutput; o++) {
        const Output *output = &r->g->output[o];
        const bool lone = r->g->noutput == 1;
        if (r->form[o] != FORM_NUMBERS)
            for (int i = 0; i < output->node->width && i < CLASSES_SHOWN; i++, comma = ",") {
                text_printf(&r->text, "%s%s%slabel", comma, lone ? "" : output->name, lone ? "" : "_");
                text_printf(&r->text, i ? "%d," : ",", i + 1);
                text_printf(&r->text, "%s%sprobability", lone ? "" : output->name, lone ? "" : "_");
                if (i)
                    text_printf(&r->text, "%d", i + 1);
            }
        else
            for (int i = 0; i < output->node->width; i++, comma = ",") {
                text_printf(&r->text, "%s%s", comma, output->name);
                if (output->node->width > 1)
                    text_printf(&r->text, "%d", i + 1);
            }
    }
    text_char(&r->text, '\n');
}

static void add_csv(RowsOut *r, size_t n, float *const *y)
{
    for (size_t s = 0; s < n; s++) {
        for (int o = 0; o < r->g->noutput; o++) {
            const int width = r->g->output[o].node->width;
            const float *row = y[o] + s * (size_t)width;
            if (r->form[o] == FORM_NUMBERS) {
                for (int i = 0; i < width; i++) {
                    text_number(&r->text, row[i]);
                    text_char(&r->text, ',');
                }
                continue;
            }
            shares(r->form[o], width, row, r->share);
            int shown = sort_shares(width, r->share, r->order);
            for (int i = 0; i < shown; i++) {
                add_text(&r->text, r->g->label[r->order[i]]);
                text_char(&r->text, ',');
                text_number(&r->text, r->share[r->order[i]]);
                text_char(&r->text, ',');
            }
        }
        r->text.data[r->text.size - 1] = '\n';
    }
}

/* ---- arrays ----------------------------------------------------------------------------------------------------- */

static void add_floats(RowsOut *r, size_t n, float *const *y)
{
    for (size_t s = 0; s < n; s++)
        for (int o = 0; o < r->g->noutput; o++) {
            const size_t width = (size_t)r->g->output[o].node->width, at = r->text.size;
            text_add_n(&r->text, (const char *)(y[o] + s * width), width * sizeof(float));
            if (!mlp_host_is_little())
                mlp_swap_bytes(r->text.data + at, width, sizeof(float));
        }
}

/* As numpy.lib.format says, of the same length for any number of rows. */
static void add_npy_header(RowsOut *r, uint64_t rows)
{
    size_t at = r->text.size;
    text_add_n(&r->text, "\x93NUMPY\x01\x00v\x00", 10); /* 'v': the 118 bytes that follow */
    text_printf(&r->text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %zu), }", (unsigned long long)rows, r->width);
    while (r->text.size - at < NPY_HEADER - 1)
        text_char(&r->text, ' ');
    text_char(&r->text, '\n');
}

/* The number of rows, now that it is known. */
static bool patch_npy_header(RowsOut *r)
{
    mlp_error err;
    FILE *f = mlp_file_stream(r->file);
    r->text.size = 0;
    add_npy_header(r, r->rows);
    if (fseeko(f, 0, SEEK_SET) != 0)
        return diag_error(r->d, (Pos){r->o.path, 0}, "cannot go back to write the number of rows");
    return mlp_file_write(r->file, r->text.data, r->text.size, &err) == MLP_OK || failed(r, &err);
}

/* ---- all formats ------------------------------------------------------------------------------------------------ */

/* To the system, so that a reader sees it now. */
static bool put(RowsOut *r)
{
    mlp_error err;
    bool good = mlp_file_write(r->file, r->text.data, r->text.size, &err) == MLP_OK || failed(r, &err);
    r->text.size = 0;
    if (good && strcmp(r->o.path, "-") == 0 && fflush(mlp_file_stream(r->file)) != 0)
        return diag_error(r->d, (Pos){"standard output", 0}, "cannot write: %s", strerror(errno));
    return good;
}

/* The header of an NPY says how many rows there are: they must be counted before, or the file one to go back in. */
static bool counts_rows(const RowsOut *r)
{
    struct stat st;
    bool seekable = fstat(fileno(mlp_file_stream(r->file)), &st) == 0 && S_ISREG(st.st_mode);
    if (r->o.format != MLP_ROWS_NPY || r->o.count != UINT64_MAX || (seekable && strcmp(r->o.path, "-") != 0))
        return true;
    return diag_error(r->d, (Pos){0}, "an NPY file begins with the number of its rows, which is not known before the end: "
                                      "say -o FILE.npy");
}

static bool has_classes(const RowsOut *r)
{
    for (int o = 0; o < r->g->noutput; o++)
        if (r->form[o] != FORM_NUMBERS)
            return true;
    return diag_error(r->d, (Pos){r->g->file, 0}, "the script names no classes: net(..., { labels = { ... } })");
}

RowsOut *rows_out_new(const Graph *g, const RowsOutOptions *o, Diag *d)
{
    RowsOut *r = ARENA_NEW(d->arena, RowsOut);
    *r = (RowsOut){.g = g, .d = d, .o = *o};
    r->form = ARENA_ARRAY(d->arena, (size_t)g->noutput, Form);
    r->order = ARENA_ARRAY(d->arena, (size_t)g->nlabel + 1, int);
    r->share = ARENA_ARRAY(d->arena, (size_t)g->nlabel + 1, float);
    for (int i = 0; i < g->noutput; i++) {
        r->width += (size_t)g->output[i].node->width;
        r->form[i] = o->classes ? form_of(g, g->output[i].node) : FORM_NUMBERS;
    }
    mlp_error err;
    if (o->classes && !has_classes(r))
        return NULL;
    r->file = mlp_file_create(o->path, &err);
    if (!r->file)
        failed(r, &err);
    if (!r->file || !counts_rows(r)) {
        mlp_file_abort(r->file);
        return NULL;
    }
    if (o->format == MLP_ROWS_CSV && o->header)
        add_names(r);
    else if (o->format == MLP_ROWS_NPY)
        add_npy_header(r, o->count == UINT64_MAX ? 0 : o->count);
    return r;
}

bool rows_out_add(RowsOut *r, size_t n, float *const *y)
{
    r->rows += n;
    if (r->o.format == MLP_ROWS_CSV)
        add_csv(r, n, y);
    else
        add_floats(r, n, y);
    return put(r);
}

bool rows_out_end(RowsOut *r, bool good)
{
    mlp_error err;
    if (r->text.size && good)
        good = mlp_file_write(r->file, r->text.data, r->text.size, &err) == MLP_OK || failed(r, &err);
    if (good && r->o.format == MLP_ROWS_NPY && r->rows != r->o.count)
        good = patch_npy_header(r);
    if (!good) {
        mlp_file_abort(r->file);
    } else if (mlp_file_commit(r->file, &err) != MLP_OK) {
        good = failed(r, &err);
    }
    text_free(&r->text);
    return good;
}
