/* summary.c: what came of training, or of saved weights: losses and metrics of every part, and which classes are mixed up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report.h"

enum { TABLE_MAX = 20, PAIRS_MAX = 10, NAME_MAX_BYTES = 24 };

static void add_number(Text *t, double v, const char *format)
{
    if (isnan(v))
        text_add(t, "         -");
    else
        text_printf(t, format, v);
}

/* The columns of a head that stand after its loss. */
static void head_line(Text *t, const mlp_head *h)
{
    if (h->task != MLP_VALUES)
        text_add(t, "  accuracy");
    if (h->loss != MLP_CROSS_ENTROPY && h->loss != MLP_BINARY_CROSS_ENTROPY)
        text_add(t, h->task == MLP_VALUES ? "       mse       mae        r2" : "       mse");
}

static void part_line(Text *t, const mlp_head *h, const mlp_metrics *m)
{
    if (h->task != MLP_VALUES)
        add_number(t, m->accuracy, "%10.4f");
    if (h->loss == MLP_CROSS_ENTROPY || h->loss == MLP_BINARY_CROSS_ENTROPY)
        return;
    add_number(t, m->mse, "%10.4g");
    if (h->task != MLP_VALUES)
        return;
    add_number(t, m->mae, "%10.4g");
    add_number(t, m->r2, "%10.4f");
}

/* ---- confusion ----------------------------------------------------------------------------------------------------- */

/* The name of class c, cut to fit a table; its number if there are no names. */
static const char *class_name(const Task *task, size_t classes, size_t c, Arena *a)
{
    if (task->classes != classes)
        return arena_printf(a, "%zu", c);
    const char *name = task->class_name[c];
    size_t n = strlen(name);
    if (n <= NAME_MAX_BYTES)
        return name;
    for (n = NAME_MAX_BYTES - 3; n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80;)
        n--; /* not into the middle of a character */
    return arena_printf(a, "%.*s...", (int)n, name);
}

/* Characters that a text takes on the screen: bytes that begin one. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void add_padded(Text *t, const char *text, size_t width, bool right)
{
    size_t n = width_of(text);
    for (; right && n < width; n++)
        text_char(t, ' ');
    text_add(t, text);
    for (; !right && n < width; n++)
        text_char(t, ' ');
}

static void confusion_table(Text *t, const Task *task, const mlp_metrics *m, Arena *a)
{
    size_t left = strlen("right"), digits = 1, n = m->classes;
    for (size_t c = 0; c < n; c++) {
        size_t w = width_of(class_name(task, n, c, a));
        left = w > left ? w : left;
    }
    for (size_t i = 0; i < n * n; i++) {
        size_t w = strlen(arena_printf(a, "%zu", m->confusion[i]));
        digits = w > digits ? w : digits;
    }
    digits = digits < 3 ? 3 : digits; /* room for the numbers of classes above */
    text_add(t, "  ");
    add_padded(t, "right", left, false);
    text_add(t, " \\ chosen");
    text_char(t, '\n');
    text_add(t, "  ");
    add_padded(t, "", left + 5, false);
    for (size_t c = 0; c < n; c++)
        text_printf(t, " %*zu", (int)digits, c);
    text_add(t, "   found\n");
    for (size_t r = 0; r < n; r++) {
        size_t all = 0;
        text_add(t, "  ");
        add_padded(t, class_name(task, n, r, a), left, false);
        text_printf(t, " %4zu", r);
        for (size_t c = 0; c < n; c++) {
            size_t v = m->confusion[r * n + c];
            all += v;
            if (v)
                text_printf(t, " %*zu", (int)digits, v);
            else
                text_printf(t, " %*s", (int)digits, ".");
        }
        if (all)
            text_printf(t, "  %5.1f %%", 100 * (double)m->confusion[r * n + r] / (double)all);
        text_char(t, '\n');
    }
}

/* Of many classes the pairs that are mixed up most often. */
static void confusion_pairs(Text *t, const Task *task, const mlp_metrics *m, Arena *a)
{
    size_t n = m->classes, before = SIZE_MAX, last = 0;
    text_add(t, "  most often mixed up (right -> chosen):\n");
    for (int k = 0; k < PAIRS_MAX; k++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < n * n; i++) {
            bool after = m->confusion[i] < before || (m->confusion[i] == before && i > last);
            if (i / n != i % n && after && m->confusion[i] > 0 && (best == SIZE_MAX || m->confusion[i] > m->confusion[best]))
                best = i;
        }
        if (best == SIZE_MAX)
            return;
        before = m->confusion[best];
        last = best;
        text_printf(t, "  %6zu  %s -> %s\n", before, class_name(task, n, best / n, a), class_name(task, n, best % n, a));
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------- */

bool report_parts(Text *t, const Task *task, const Graph *g, const Learner *l, const float *block, int threads, Diag *d,
                  double *right)
{
    mlp_metrics *m = calloc((size_t)task->parts * task->heads, sizeof *m);
    mlp_error err;
    bool ok = m != NULL;
    for (int p = 0; p < task->parts && ok; p++)
        if (mlp_evaluate(&l->run, block, &task->part[p].samples, threads, m + (size_t)p * task->heads, NULL, &err))
            ok = diag_error(d, (Pos){0}, "%s", err.text);
    if (right)
        *right = ok ? m[0].accuracy : nan("");
    for (size_t h = 0; h < task->heads && ok; h++) {
        const char *which = task->heads > 1 ? arena_printf(g->arena, "  (%s)", g->output[h].name) : "";
        text_add(t, "part         samples      loss");
        head_line(t, &task->head[h]);
        text_printf(t, "%s\n", which);
        for (int p = 0; p < task->parts; p++) {
            const mlp_metrics *one = &m[(size_t)p * task->heads + h];
            text_printf(t, "%-11s %8zu", task->part[p].name, one->samples);
            add_number(t, one->loss, "%10.4g");
            part_line(t, &task->head[h], one);
            text_char(t, '\n');
        }
        const mlp_metrics *last = &m[(size_t)(task->parts - 1) * task->heads + h];
        if (last->classes) {
            text_printf(t, "confusion on %s%s\n", task->part[task->parts - 1].name, which);
            (last->classes <= TABLE_MAX ? confusion_table : confusion_pairs)(t, task, last, g->arena);
        }
    }
    for (size_t i = 0; m && i < (size_t)task->parts * task->heads; i++)
        mlp_metrics_free(&m[i]);
    free(m);
    return ok;
}
