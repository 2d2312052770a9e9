/* report.c: what a user sees while a net learns: a live line on a terminal, else a line an epoch, and the log. */
#include "train/report.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR = 20, LINE_MAX_BYTES = 8192 };

#define INTERVAL 0.1 /* seconds between changes of the live line */

const char *report_metric(const mlp_head *h, const mlp_metrics *m, double *value)
{
    bool entropy = h->loss == MLP_CROSS_ENTROPY || h->loss == MLP_BINARY_CROSS_ENTROPY;
    *value = h->task != MLP_VALUES ? m->accuracy : entropy ? m->loss : m->r2;
    return h->task != MLP_VALUES ? "accuracy" : entropy ? "loss" : "r2";
}

/* ---- the log ------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), k = strlen(ending);
    return n >= k && strcmp(text + n - k, ending) == 0;
}

/* A number, or nothing (in JSON: null) where there is none. */
static void log_number(Report *r, const char *name, double v, bool last)
{
    if (r->log_lines)
        fprintf(r->log_file, "\"%s\": ", name);
    if (isfinite(v))
        fprintf(r->log_file, "%.9g", v);
    else if (r->log_lines)
        fputs("null", r->log_file);
    fputs(last ? r->log_lines ? "}\n" : "\n" : r->log_lines ? ", " : ",", r->log_file);
}

static void log_epoch(Report *r, const mlp_progress *p)
{
    double train = nan(""), val = nan(""), ignored;
    mlp_metrics none = {.loss = nan("")};
    const char *metric = report_metric(&r->task->head[0], p->val ? p->val : p->train ? p->train : &none, &ignored);
    if (p->train)
        report_metric(&r->task->head[0], p->train, &train);
    if (p->val)
        report_metric(&r->task->head[0], p->val, &val);
    if (r->log_lines)
        fputc('{', r->log_file);
    log_number(r, "epoch", (double)p->epoch, false);
    log_number(r, "step", (double)p->step, false);
    log_number(r, "lr", p->lr, false);
    log_number(r, "loss", p->loss, false);
    log_number(r, metric, train, false);
    log_number(r, "val_loss", p->val_loss, false);
    log_number(r, arena_printf(r->arena, "val_%s", metric), val, false);
    log_number(r, "samples_per_second", p->samples_per_second, false);
    log_number(r, "seconds", p->seconds, true);
    if (fflush(r->log_file) != 0 && !r->failed) {
        r->failed = true;
        r->errnum = errno;
    }
}

/* The epoch of a line of the log; 0: none. */
static unsigned long epoch_of(const char *line)
{
    unsigned long epoch = 0;
    const char *digits = strpbrk(line, "0123456789");
    bool first = digits == line || strncmp(line, "{\"epoch\": ", 10) == 0;
    return first && digits && sscanf(digits, "%lu", &epoch) == 1 ? epoch : 0;
}

/* Opens the log when the first epoch has ended: a run that goes on keeps what the log has of the epochs before. */
static void open_log(Report *r, size_t epoch)
{
    Text kept = {0};
    char line[LINE_MAX_BYTES];
    FILE *old = epoch > 1 ? fopen(r->log, "r") : NULL;
    while (old && fgets(line, sizeof line, old)) {
        unsigned long e = epoch_of(line);
        if (e > 0 && e < epoch && strchr(line, '\n'))
            text_add(&kept, line);
    }
    if (old)
        fclose(old);
    r->log_file = fopen(r->log, "w");
    if (r->log_file && !r->log_lines) {
        const char *metric = r->task->head[0].task != MLP_VALUES ? "accuracy" : "r2";
        fprintf(r->log_file, "epoch,step,lr,loss,%s,val_loss,val_%s,samples_per_second,seconds\n", metric, metric);
    }
    if (r->log_file && kept.size)
        fwrite(kept.data, 1, kept.size, r->log_file);
    if (!r->log_file) {
        r->failed = true;
        r->errnum = errno;
    }
    text_free(&kept);
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

/* "850", "12.3k", "1.2M": three digits of a rate. */
static void add_rate(Text *t, double rate)
{
    static const char unit[] = " kMGT";
    int k = 0;
    for (; rate >= 999.5 && k < 4; k++)
        rate /= 1000;
    text_printf(t, "%.*f", rate < 9.995 ? 2 : rate < 99.95 ? 1 : 0, rate);
    if (k)
        text_char(t, unit[k]);
}

/* "3.4 s", "2 min 5 s", "1 h 3 min" */
static void add_time(Text *t, double seconds)
{
    if (seconds < 59.95)
        text_printf(t, "%.1f s", seconds);
    else if (seconds < 3600)
        text_printf(t, "%d min %d s", (int)(seconds / 60), (int)seconds % 60);
    else
        text_printf(t, "%.0f h %d min", floor(seconds / 3600), (int)(fmod(seconds, 3600) / 60));
}

static void add_metrics(Text *t, const Report *r, const char *part, double loss, const mlp_metrics *m)
{
    if (isfinite(loss))
        text_printf(t, "  %sloss %.4g", part, loss);
    for (size_t h = 0; h < r->task->heads && m; h++) {
        double v;
        const char *name = report_metric(&r->task->head[h], &m[h], &v);
        if (isfinite(v) && strcmp(name, "loss") != 0)
            text_printf(t, "  %s%s %.4f", part, name, v);
    }
}

/* What fits: the bar is there if there is room for it. */
static void add_live(Text *t, const Report *r, const mlp_progress *p, int bar)
{
    double epoch = p->batches ? (double)p->batch / (double)p->batches : 1;
    double done = ((double)p->epoch - 1 + epoch) / (double)p->epochs;
    text_printf(t, "epoch %zu/%zu%s", p->epoch, p->epochs, bar ? " [" : "");
    for (int i = 0; i < bar; i++)
        text_char(t, i < (int)(done * bar + 0.5) ? '=' : ' ');
    text_add(t, bar ? "]" : "");
    if (isfinite(p->loss))
        text_printf(t, "  loss %.4g", p->loss);
    text_printf(t, "%s  ", r->measured);
    add_rate(t, p->samples_per_second);
    text_add(t, "/s  ");
    add_time(t, p->seconds_left);
    text_add(t, " left");
}

static void show_live(Report *r, const mlp_progress *p)
{
    size_t room = r->columns > 1 ? (size_t)r->columns - 1 : 79; /* the last column would wrap on some terminals */
    Text t = {0};
    if (p->epoch_done) {
        add_metrics(&t, r, "", nan(""), p->train);
        add_metrics(&t, r, "val ", nan(""), p->val);
        if (p->val && !strstr(t.data ? t.data : "", "val ")) /* there is no other figure */
            add_metrics(&t, r, "val ", p->val_loss, NULL);
        snprintf(r->measured, sizeof r->measured, "%s", t.data ? t.data : "");
    }
    if (p->epoch_done && p->epoch < p->epochs && p->seconds - r->shown < INTERVAL) {
        text_free(&t);
        return;
    }
    r->shown = p->seconds;
    for (int bar = BAR; bar >= 0; bar -= BAR / 2) {
        text_free(&t);
        add_live(&t, r, p, bar);
        if (t.size <= room)
            break;
    }
    fprintf(r->out, "\r%.*s\033[K", (int)(t.size < room ? t.size : room), t.data);
    fflush(r->out);
    r->line_open = true;
    text_free(&t);
}

static void show_line(Report *r, const mlp_progress *p)
{
    Text t = {0};
    text_printf(&t, "epoch %zu/%zu", p->epoch, p->epochs);
    add_metrics(&t, r, "", p->loss, p->train);
    add_metrics(&t, r, "val ", p->val_loss, p->val);
    text_add(&t, "  ");
    add_rate(&t, p->samples_per_second);
    text_add(&t, " samples/s\n");
    fwrite(t.data, 1, t.size, r->out);
    text_free(&t);
}

void report_progress(void *report, const mlp_progress *p)
{
    Report *r = report;
    if (p->epoch_done && r->log) {
        if (!r->log_file && !r->failed)
            open_log(r, p->epoch);
        if (r->log_file)
            log_epoch(r, p);
    }
    if (!r->out)
        return;
    if (r->live)
        show_live(r, p);
    else if (p->epoch_done)
        show_line(r, p);
}

bool report_begin(Report *r, const Task *task, FILE *out, const char *log, Arena *a, Diag *d)
{
    *r = (Report){.task = task, .out = out, .log = log, .arena = a};
    r->live = out && isatty(fileno(out));
    struct winsize size;
    if (r->live && ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
        r->columns = size.ws_col;
    if (!log)
        return true;
    r->log_lines = ends_with(log, ".jsonl");
    FILE *probe = fopen(log, "a"); /* a log that cannot be written is better known before an hour of training */
    if (!probe)
        return diag_error(d, (Pos){log, 0}, "cannot write: %s", strerror(errno));
    fclose(probe);
    return true;
}

bool report_end(Report *r, Diag *d)
{
    if (r->line_open)
        fputc('\n', r->out);
    r->line_open = false;
    if (r->log_file && fclose(r->log_file) != 0 && !r->failed) {
        r->failed = true;
        r->errnum = errno;
    }
    r->log_file = NULL;
    return !r->failed || diag_error(d, (Pos){r->log, 0}, "cannot write: %s", strerror(r->errnum));
}
