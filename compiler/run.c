/* run.c: the verb run: rows of numbers in, through the net as machine code, rows of answers out; as they come, and never more
 * of them in memory than a batch. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "back/live.h"
#include "base/path.h"
#include "cli.h"
#include "mlp.h"
#include "rows.h"
#include "run/rows_out.h"

/* Numbers of a batch: enough rows to keep the kernels busy, few enough to stay close to the processor. */
enum { BATCH_NUMBERS = 1 << 17, BATCH_LEAST = 12, BATCH_MOST = 4096 };

typedef struct Run {
    Cli *cli;
    Diag *d;
    const Graph *g;
    const char *data, *output;
    mlp_rows_format in, out;
    char delimiter;
    size_t width, batch;
    float *row;          /* a batch as it is read: the inputs of a sample one after the other */
    float **x, **y;      /* for each input, and for each output, a batch */
    mlp_rows *rows;
    Live *live;
    RowsOut *file;        /* the answers; NULL: not begun, or ended */
    pthread_mutex_t lock; /* of file */
} Run;

/* ---- what is asked for ------------------------------------------------------------------------------------------ */

/* Kinds of files, by what is said or by their names. */
static int choose_formats(Run *r)
{
    mlp_rows_format by_data = mlp_rows_format_of(r->data), by_output = mlp_rows_format_of(r->output);
    const bool piped = strcmp(r->data, "-") == 0;
    if (r->cli->format >= 0)
        r->in = (mlp_rows_format)r->cli->format;
    else if (by_data != MLP_ROWS_FORMATS || piped)
        r->in = piped ? MLP_ROWS_CSV : by_data;
    else
        return cli_usage(r->cli, "what kind of file is %s? Say --format csv, npy or f32", r->data);
    r->out = by_output != MLP_ROWS_FORMATS ? by_output : r->in;
    if (r->cli->names && r->out != MLP_ROWS_CSV)
        return cli_usage(r->cli, "--labels answers with text: say -o FILE.csv");
    return EXIT_OK;
}

static int check_args(Run *r)
{
    const Compile *c = &r->cli->compile;
    const char *delimiter = r->cli->learn.delimiter;
    const char *read[] = {c->script, c->weights, r->data};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i] && path_same_file(r->d->arena, read[i], r->output))
            return cli_usage(r->cli, "%s would be overwritten: it is read", r->output);
    if (strcmp(r->data, "-") == 0 && (strcmp(c->script, "-") == 0 || (c->weights && strcmp(c->weights, "-") == 0)))
        return cli_usage(r->cli, "standard input cannot be both %s and the rows: say --data FILE",
                         strcmp(c->script, "-") == 0 ? "the script" : "the weights");
    if (delimiter && strlen(delimiter) != 1 && strcmp(delimiter, "tab") && strcmp(delimiter, "blank"))
        return cli_usage(r->cli, "--delimiter wants one character, tab or blank");
    r->delimiter = !delimiter ? 0 : strcmp(delimiter, "tab") == 0 ? '\t' : strcmp(delimiter, "blank") == 0 ? ' ' : *delimiter;
    return choose_formats(r);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static bool told(Run *r, const mlp_error *err)
{
    return diag_error(r->d, (Pos){err->file[0] ? arena_strdup(r->d->arena, err->file) : NULL, (int)err->line}, "%s",
                      mlp_error_detail(err));
}

/* Memory for a batch. */
static void take_batch(Run *r)
{
    const Graph *g = r->g;
    Arena *a = r->d->arena;
    size_t numbers = r->width;
    for (int o = 0; o < g->noutput; o++)
        numbers += (size_t)g->output[o].node->width;
    r->batch = BATCH_NUMBERS / numbers / BATCH_LEAST * BATCH_LEAST;
    r->batch = r->batch < BATCH_LEAST ? BATCH_LEAST : r->batch > BATCH_MOST ? BATCH_MOST : r->batch;
    r->row = ARENA_ARRAY(a, r->batch * r->width, float);
    r->x = ARENA_ARRAY(a, (size_t)g->ninput, float *);
    r->y = ARENA_ARRAY(a, (size_t)g->noutput, float *);
    for (int i = 0; i < g->ninput; i++)
        r->x[i] = g->ninput == 1 ? r->row : ARENA_ARRAY(a, r->batch * (size_t)g->input[i]->width, float);
    for (int o = 0; o < g->noutput; o++)
        r->y[o] = ARENA_ARRAY(a, r->batch * (size_t)g->output[o].node->width, float);
}

/* Rows as they are read into rows of each input. */
static void part_inputs(Run *r, size_t n)
{
    const float *from = r->row;
    if (r->g->ninput == 1)
        return;
    for (size_t s = 0; s < n; s++)
        for (int i = 0; i < r->g->ninput; i++) {
            size_t width = (size_t)r->g->input[i]->width;
            memcpy(r->x[i] + s * width, from, width * sizeof *from);
            from += width;
        }
}

/* That a net stays on tcc is told once. */
static void tell_news(Run *r)
{
    const char *news = live_news(r->live);
    if (!news || strcmp(live_tier(r->live), "cc") == 0)
        return;
    diag_note(r->d, (Pos){r->g->file, 0}, "%s", news);
    diag_flush(r->d, stderr);
}

static bool put_answers(Run *r, size_t n)
{
    pthread_mutex_lock(&r->lock);
    bool good = rows_out_add(r->file, n, r->y);
    pthread_mutex_unlock(&r->lock);
    return good;
}

/* Puts the answers where they belong, or away. */
static bool end_answers(Run *r, bool good)
{
    pthread_mutex_lock(&r->lock);
    if (r->file)
        good = rows_out_end(r->file, good);
    r->file = NULL;
    pthread_mutex_unlock(&r->lock);
    return good;
}

static bool answer(Run *r)
{
    mlp_error err;
    for (size_t n;;) {
        if (mlp_rows_next(r->rows, r->batch, r->row, &n, &err) != MLP_OK)
            return told(r, &err);
        if (n == 0)
            return true;
        part_inputs(r, n);
        live_run(r->live, n, (const float *const *)r->x, r->y);
        if (!put_answers(r, n))
            return false;
        tell_news(r);
    }
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

/* Who is ended by a signal ends first what would stay: a C compiler that works for him, and a file of answers. */
typedef struct Watch {
    Run *run;
    sigset_t signals, before;
    pthread_t thread;
    bool runs;
} Watch;

static void *watch(void *watch)
{
    Watch *w = watch;
    int number;
    if (sigwait(&w->signals, &number) != 0)
        return NULL;
    live_stop(w->run->live);
    end_answers(w->run, false);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    raise(number);
    return NULL;
}

/* From here on the signals wait for somebody to watch. */
static void watch_prepare(Watch *w)
{
    sigemptyset(&w->signals);
    sigaddset(&w->signals, SIGINT);
    sigaddset(&w->signals, SIGTERM);
    sigaddset(&w->signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &w->signals, &w->before);
}

static void watch_begin(Watch *w, Run *r)
{
    w->run = r;
    w->runs = pthread_create(&w->thread, NULL, watch, w) == 0;
    if (!w->runs)
        pthread_sigmask(SIG_SETMASK, &w->before, NULL);
}

static void watch_end(Watch *w)
{
    if (!w->runs)
        return;
    pthread_cancel(w->thread);
    pthread_join(w->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &w->before, NULL);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

/* The C compiler works in the background also where it is waited for. */
static bool make_code(Run *r, Watch *w)
{
    const LiveJit jit = (LiveJit)r->cli->jit;
    watch_prepare(w);
    r->live = live_new(r->g, jit == LIVE_CC ? LIVE_AUTO : jit, r->d);
    if (!r->live)
        return false;
    watch_begin(w, r);
    while (jit == LIVE_CC && live_waits(r->live))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return true;
}

static bool open_rows(Run *r)
{
    mlp_error err;
    mlp_group *groups = ARENA_ARRAY(r->d->arena, (size_t)r->g->ninput, mlp_group);
    for (int i = 0; i < r->g->ninput; i++) {
        groups[i] = (mlp_group){graph_input_name(r->g, i), (size_t)r->g->input[i]->width};
        r->width += groups[i].width;
    }
    r->rows = mlp_rows_open(r->data, r->in, r->delimiter, groups, (size_t)r->g->ninput, &err);
    return r->rows || told(r, &err);
}

static bool run(Run *r)
{
    tell_news(r);
    diag_flush(r->d, stderr); /* before it waits for somebody to type */
    if (!open_rows(r))
        return false;
    RowsOutOptions o = {.path = r->output, .format = r->out, .header = mlp_rows_named(r->rows), .classes = r->cli->names,
                        .count = mlp_rows_count(r->rows)};
    take_batch(r);
    pthread_mutex_lock(&r->lock);
    r->file = rows_out_new(r->g, &o, r->d);
    pthread_mutex_unlock(&r->lock);
    return r->file && end_answers(r, answer(r));
}

int verb_run(Cli *cli)
{
    Run r = {.cli = cli, .d = &cli->compile.diag, .lock = PTHREAD_MUTEX_INITIALIZER};
    r.data = cli->learn.data ? cli->learn.data : "-";
    r.output = cli->output ? cli->output : "-";
    int status = check_args(&r);
    if (status)
        return status;
    if (!compile_run(&cli->compile, STAGE_GRAPH))
        return EXIT_WRONG;
    r.g = cli->compile.graph;
    Watch w = {.runs = false};
    bool good = make_code(&r, &w) && run(&r);
    mlp_rows_close(r.rows);
    watch_end(&w);
    live_free(r.live);
    return good ? EXIT_OK : EXIT_WRONG;
}
