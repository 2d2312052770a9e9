/* train.c: the verbs that learn and measure: net.lua and data -> net.safetensors and what came of it. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "graph/scale.h"
#include "learner.h"
#include "train/health.h"
#include "train/report.h"
#include "train/save.h"
#include "train/task.h"

/* One run of mlpc train. */
typedef struct Run {
    Cli *cli;
    Graph *g;
    Diag *d;
    Arena *a;
    const TrainArgs *args;
    const char *output;   /* the weights file */
    const char *saved;    /* settings of the checkpoint to go on from, or NULL */
    Settings s;
    Task task;
    Learner *learner;
    float *w, *block;     /* in the PyTorch layout, and as the learner has them */
    Report report;
    const Node *overflow; /* where the loss went wrong */
    const char *overflow_text;
    double largest; /* of the inputs of that batch, by size */
} Run;

/* ---- files --------------------------------------------------------------------------------------------------------- */

/* The script's path with another ending, NULL for standard input. */
static const char *beside(const Run *r, const char *ending)
{
    const char *script = r->cli->compile.script, *slash = strrchr(script, '/'), *dot = strrchr(script, '.');
    if (strcmp(script, "-") == 0)
        return NULL;
    bool cut = dot && (!slash || dot > slash);
    return arena_printf(r->a, "%.*s%s", cut ? (int)(dot - script) : (int)strlen(script), script, ending);
}

static bool exists(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0;
}

/* The data file beside the script, when no other is named. */
static bool find_data(Run *r)
{
    TrainArgs *args = &r->cli->learn;
    const char *path = args->data ? args->data : beside(r, ".csv");
    if (!args->data && exists(path) && !args->labels) {
        args->data = path;
        diag_note(r->d, (Pos){path, 0}, "data from here");
    }
    return args->data != NULL;
}

/* Whether two paths are, or would be, one file. */
static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    bool here = stat(a, &x) == 0, there = stat(b, &y) == 0;
    if (here != there)
        return false;
    return here ? S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino : strcmp(a, b) == 0;
}

/* What is written must not be what is read, nor another thing that is written; and it must be possible to write it, which
 * is better known before an hour of training. */
static int check_places(Run *r)
{
    const TrainArgs *x = r->args;
    const char *written[] = {r->output, x->checkpoint, x->log};
    const char *read[] = {r->cli->compile.script, x->data, x->labels, x->val, x->val_labels, x->test, x->test_labels,
                          x->resume};
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        if (!written[i] || strcmp(written[i], "-") == 0)
            continue;
        for (size_t k = 0; k < sizeof read / sizeof *read; k++)
            if (read[k] && same_file(written[i], read[k]) && (written[i] != x->checkpoint || read[k] != x->resume))
                return cli_usage(r->cli, "%s would be overwritten: it is read", written[i]);
        for (size_t k = 0; k < i; k++)
            if (written[k] && same_file(written[i], written[k]))
                return cli_usage(r->cli, "two outputs cannot be one file: %s", written[i]);
        if (written[i] == x->log)
            continue; /* report_begin tries it */
        mlp_error err;
        mlp_file *file = mlp_file_create(written[i], &err);
        mlp_file_abort(file);
        if (!file) {
            diag_error(r->d, (Pos){0}, "%s", err.text);
            return EXIT_WRONG;
        }
    }
    return EXIT_OK;
}

/* ---- saving -------------------------------------------------------------------------------------------------------- */

static Metadata metadata_of(const Run *r, const mlp_result *result)
{
    const char *settings = settings_save(&r->s, r->a), *how = "";
    Metadata m = metadata_new(r->a, r->g, r->task.classes);
    for (const char *line = settings; *line; line += strcspn(line, "\n") + 1)
        how = arena_printf(r->a, "%s%s%.*s", how, *how ? " " : "", (int)strcspn(line, "\n"), line);
    metadata_add(&m, "trained", how);
    metadata_add(&m, "samples", arena_printf(r->a, "%zu", r->task.part[0].samples.count));
    metadata_add(&m, "steps", arena_printf(r->a, "%llu", (unsigned long long)result->step));
    if (result->restored)
        metadata_add(&m, "best_epoch", arena_printf(r->a, "%zu", result->best_epoch));
    metadata_classes(&m, r->a, r->task.classes, r->task.class_name);
    return m;
}

/* The weights, and what a later build needs besides. */
static bool save(Run *r, const mlp_result *result)
{
    Metadata m = metadata_of(r, result);
    return save_weights(r->output, r->g, r->w, &m, r->d);
}

/* ---- what a checkpoint belongs to ---------------------------------------------------------------------------------- */

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), 64 bits. */
static void hash(uint64_t *h, const void *bytes, size_t size)
{
    for (const unsigned char *b = bytes; size > 0; size--, b++)
        *h = (*h ^ *b) * UINT64_C(0x100000001B3);
}

/* Tells nets apart that compute or learn differently; lines of the script may move. */
static uint64_t fingerprint(const Graph *g, const Learner *l)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    const TrainOpts *t = &g->train;
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        int numbers[] = {(int)n->op, n->width, (int)n->shared};
        hash(&h, n->name, strlen(n->name) + 1);
        hash(&h, numbers, sizeof numbers);
        hash(&h, n->attr, sizeof n->attr);
        for (int k = 0; k < n->nin; k++)
            hash(&h, &n->in[k]->id, sizeof n->in[k]->id);
        if (n->scale) {
            hash(&h, n->scale, (size_t)n->width * sizeof *n->scale);
            hash(&h, n->shift, (size_t)n->width * sizeof *n->shift);
        }
    }
    for (int o = 0; o < g->noutput; o++)
        hash(&h, &g->output[o].node->id, sizeof g->output[o].node->id);
    hash(&h, t->loss ? t->loss : "", t->loss ? strlen(t->loss) : 0);
    double penalties[] = {isnan(t->l1) ? 0 : t->l1, isnan(t->l2) ? 0 : t->l2, isnan(t->delta) ? 0 : t->delta};
    hash(&h, penalties, sizeof penalties);
    hash(&h, l->name, strlen(l->name)); /* the block's layout is its own */
    return h;
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t interrupted;

/* The first signal asks the loop to stop; a second one does what it always does. */
static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}

static void release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void progress(void *context, const mlp_progress *p)
{
    Run *r = context;
    report_progress(&r->report, p);
}

static void diverged(void *context, const float *block, const mlp_batch *b, float loss)
{
    Run *r = context;
    float *w = malloc((graph_params(r->g) + 1) * sizeof *w);
    (void)loss;
    if (!w)
        return;
    r->learner->store(r->learner, block, w);
    r->overflow = health_find_overflow(r->g, w, b->n, b->x, &r->overflow_text);
    for (size_t i = 0; i < b->n * r->learner->run.inputs; i++)
        r->largest = fmax(r->largest, fabs((double)b->x[i]));
    free(w);
}

/* One line: when, where, and what might help. */
static void tell_divergence(Run *r, const mlp_error *err, bool kept)
{
    bool scaled = graph_input_scale(r->g, 0) != NULL;
    const char *help = arena_printf(r->a, "a lower --lr than %g", r->s.optimizer.lr);
    if (!(r->s.clip > 0))
        help = arena_printf(r->a, "%s, or --clip 1", help);
    if (!scaled && r->largest > 10)
        help = arena_printf(r->a, "%s, or --scale standard (inputs reach %.3g)", help, r->largest);
    const char *where = r->overflow ? arena_printf(r->a, ": %s", r->overflow_text) : "";
    const char *saved = kept ? arena_printf(r->a, "the last good weights are in %s", r->output) : "nothing was learnt";
    diag_error(r->d, r->overflow ? r->overflow->pos : (Pos){0}, "%s%s; %s may help; %s", err->text, where, help, saved);
}

static mlp_training options_of(Run *r, const Part *val)
{
    const Settings *s = &r->s;
    return (mlp_training){.optimizer = s->optimizer,
                          .schedule = s->schedule,
                          .clip = s->clip,
                          .epochs = s->epochs,
                          .batch = s->batch,
                          .seed = s->seed,
                          .patience = s->patience,
                          .threads = s->threads,
                          .measured = val ? 0 : 1000,
                          .stop = &interrupted,
                          .progress = progress,
                          .interval = r->report.live ? 0.1 : 0,
                          .diverged = diverged,
                          .context = r,
                          .checkpoint = r->args->checkpoint,
                          .every = s->every,
                          .resume = r->args->resume,
                          .net = fingerprint(r->g, r->learner),
                          .settings = settings_save(s, r->a)};
}

static const char *how_it_ended(Run *r, const mlp_result *result)
{
    const char *best = result->restored ? arena_printf(r->a, ", weights of epoch %zu, the best one", result->best_epoch) : "";
    const char *again = r->args->checkpoint ? arena_printf(r->a, "; --resume %s goes on", r->args->checkpoint) : "";
    switch (result->ending) {
    case MLP_PATIENCE:
        return arena_printf(r->a, "stopped after epoch %zu: no better for %zu epochs%s", result->epochs, r->s.patience, best);
    case MLP_INTERRUPTED:
        return arena_printf(r->a, "interrupted in epoch %zu after %llu steps%s%s", result->epochs + 1,
                            (unsigned long long)result->step, best, again);
    default:
        return arena_printf(r->a, "%zu epochs, %llu steps in %.3g s%s", result->epochs, (unsigned long long)result->step,
                            result->seconds, best);
    }
}

/* The loop, and the weights into their file. */
static bool learn(Run *r, mlp_result *result)
{
    const Part *val = task_part(&r->task, "validation");
    mlp_training o = options_of(r, val);
    mlp_error err;
    r->learner->load(r->learner, r->w, r->block);
    catch_signals();
    mlp_status status = mlp_train(&r->learner->run, &o, &r->task.part[0].samples, val ? &val->samples : NULL, r->block,
                                  result, &err);
    release_signals();
    bool logged = report_end(&r->report, r->d);
    bool learnt = result->ending == MLP_DIVERGED ? result->good_step > 0 : result->step > 0;
    r->learner->store(r->learner, r->block, r->w);
    bool keeps = learnt && save(r, result);
    if (result->ending == MLP_DIVERGED)
        tell_divergence(r, &err, keeps);
    else if (status != MLP_OK)
        diag_error(r->d, (Pos){err.file[0] ? arena_strdup(r->a, err.file) : NULL, 0}, "%s", mlp_error_detail(&err));
    if (status == MLP_OK && keeps)
        diag_note(r->d, (Pos){r->output, 0}, "%s", how_it_ended(r, result));
    else if (status == MLP_OK && !learnt)
        diag_error(r->d, (Pos){0}, "interrupted before the first step: nothing was learnt, nothing is written");
    return status == MLP_OK && keeps && logged;
}

/* ---- before and after ---------------------------------------------------------------------------------------------- */

/* What is asked for that makes no sense together. */
static int check_args(Run *r)
{
    const TrainArgs *x = r->args;
    const char *problem = NULL;
    if (!x->data)
        problem = "no data: say --data FILE, or put NET.csv beside NET.lua";
    else if (x->val_labels && !x->val)
        problem = "--val-labels needs --val FILE";
    else if (x->test_labels && !x->test)
        problem = "--test-labels needs --test FILE";
    else if (x->split && x->val)
        problem = "--split makes a validation part of the data: --val has no place";
    else if (x->every && !x->checkpoint)
        problem = "--every needs --checkpoint FILE";
    else if (x->delimiter && strlen(x->delimiter) != 1 && strcmp(x->delimiter, "tab") && strcmp(x->delimiter, "blank"))
        problem = "--delimiter wants one character, tab or blank";
    const char *in[] = {r->cli->compile.script, r->cli->compile.weights, x->data, x->labels, x->val, x->val_labels, x->test,
                        x->test_labels};
    int standard_input = 0;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        standard_input += in[i] && strcmp(in[i], "-") == 0;
    if (!problem && standard_input > 1)
        problem = "only one file can be standard input";
    return problem ? cli_usage(r->cli, "%s", problem) : EXIT_OK;
}

static int read_settings(Run *r)
{
    bool in_script;
    mlp_error err;
    if (r->args->resume) {
        char *text = mlp_checkpoint_settings(r->args->resume, &err);
        if (!text) {
            diag_error(r->d, (Pos){0}, "%s", err.text);
            return EXIT_WRONG;
        }
        r->saved = arena_strdup(r->a, text);
        free(text);
    }
    const char *problem = settings_read(&r->s, r->args, r->saved, &r->g->train, r->a, &in_script);
    if (!problem)
        return EXIT_OK;
    if (!in_script)
        return cli_usage(r->cli, "%s", problem);
    diag_error(r->d, r->g->pos, "net: %s", problem);
    return EXIT_WRONG;
}

/* The data, the scaling in the net, the learner, the first weights. */
static bool prepare(Run *r)
{
    Graph *g = r->g;
    Settings *s = &r->s;
    if (!task_read(&r->task, g, r->d, r->args, true))
        return false;
    if (s->split > 0 && !task_split(&r->task, g, r->d, s->split, s->seed))
        return false;
    if (s->scale != MLP_SCALE_NONE && graph_input_scale(g, 0))
        return diag_error(r->d, (Pos){r->cli->compile.weights_used, 0}, "has a scaling already: leave --scale out");
    if (!task_scale(&r->task, g, r->d, s->scale))
        return false;
    task_scale_targets(&r->task, g);
    s->epochs = s->epochs ? s->epochs : settings_epochs(s, r->task.part[0].samples.count);
    GradOptions grad = {.labels = r->task.labels};
    LearnerOptions options = {.grad = &grad, .scores = true, .threads = s->threads};
    r->learner = learner_new(g, r->d, &options);
    if (!r->learner)
        return false;
    r->learner->run.heads = r->task.head;
    r->learner->run.head_count = r->task.heads;
    r->w = ARENA_ARRAY(r->a, graph_params(g), float);
    r->block = ARENA_ARRAY(r->a, r->learner->run.params, float);
    learner_start(g, s->seed, r->w);
    return true;
}

/* What begins, in a line; and what was found out about the data. */
static void announce(Run *r)
{
    const Settings *s = &r->s;
    if (r->task.note)
        diag_note(r->d, (Pos){r->args->data, 0}, "%s", r->task.note);
    const char *parts = "";
    for (int i = 0; i < r->task.parts; i++)
        parts = arena_printf(r->a, "%s%s%s %zu", parts, i ? ", " : "", r->task.part[i].name, r->task.part[i].samples.count);
    diag_note(r->d, (Pos){r->g->file, 0}, "%zu parameters; samples: %s; %s, lr %g, batch %zu, seed %llu%s%s", graph_params(r->g),
              parts, mlp_method_name(s->optimizer.method), s->optimizer.lr, s->batch, (unsigned long long)s->seed,
              r->args->resume ? ", goes on from " : "", r->args->resume ? r->args->resume : "");
}

/* The lesson of XOR, where a net could learn it. */
static void add_linear_hint(Run *r, Text *t, double right)
{
    bool separates = r->task.heads == 1 && r->task.head[0].task != MLP_VALUES;
    if (separates && right < 0.995 && health_is_linear(r->g))
        text_add(t, "note: this net is one linear separator: between two classes it draws one straight border, and gets wrong\n"
                    "what lies on the other side (of XOR never more than 75 % right); a hidden layer with an activation bends it\n");
}

static bool print_results(Run *r, Text *t)
{
    double right;
    if (!report_parts(t, &r->task, r->g, r->learner, r->block, r->s.threads, r->d, &right) ||
        !health_report(t, r->g, r->w, &r->task.part[0].samples, r->d))
        return false;
    add_linear_hint(r, t, right);
    return true;
}

/* Where standard output holds the weights. */
static int print_aside(const Text *t)
{
    fwrite(t->data, 1, t->size, stderr);
    return EXIT_OK;
}

static int finish(Run *r, bool good)
{
    Text t = {0};
    bool printed = good && print_results(r, &t);
    diag_flush(r->d, stderr);
    int status = !printed ? EXIT_WRONG : r->output && strcmp(r->output, "-") == 0 ? print_aside(&t) : cli_print(r->cli, &t);
    text_free(&t);
    learner_free(r->learner);
    return status;
}

static Run run_of(Cli *cli)
{
    return (Run){.cli = cli, .d = &cli->compile.diag, .a = cli->compile.arena, .args = &cli->learn};
}

int verb_train(Cli *cli)
{
    Run r = run_of(cli);
    Compile *c = &cli->compile;
    TrainArgs *args = &cli->learn;
    find_data(&r);
    if (args->resume && !args->checkpoint)
        args->checkpoint = args->resume; /* what could be killed once can be killed again */
    int status = check_args(&r);
    if (status)
        return status;
    r.output = cli->output ? cli->output : beside(&r, ".safetensors");
    if (!r.output)
        return cli_usage(cli, "the script is standard input: say -o FILE.safetensors");
    if (!c->weights)
        c->weights = "none"; /* what lies beside the script is what will be written: a run starts anew */
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    r.g = c->graph;
    status = read_settings(&r);
    status = status ? status : check_places(&r);
    if (status)
        return status;
    if (!prepare(&r) || !report_begin(&r.report, &r.task, stderr, args->log, r.a, r.d)) {
        learner_free(r.learner);
        return EXIT_WRONG;
    }
    announce(&r);
    diag_flush(r.d, stderr);
    mlp_result result;
    bool good = learn(&r, &result);
    return finish(&r, good);
}

int verb_eval(Cli *cli)
{
    Run r = run_of(cli);
    Compile *c = &cli->compile;
    bool in_script;
    find_data(&r);
    int status = check_args(&r);
    if (status)
        return status;
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    r.g = c->graph;
    const char *problem = settings_read(&r.s, r.args, NULL, &r.g->train, r.a, &in_script);
    if (problem && !in_script)
        return cli_usage(cli, "%s", problem);
    if (!graph_bound(r.g)) {
        diag_error(r.d, (Pos){r.g->file, 0}, "there are no weights: mlpc train makes them, --weights FILE names them");
        return EXIT_WRONG;
    }
    if (!task_read(&r.task, r.g, r.d, r.args, false))
        return EXIT_WRONG;
    task_scale_targets(&r.task, r.g);
    LearnerOptions options = {.scores = true, .threads = r.s.threads};
    r.learner = learner_new(r.g, r.d, &options);
    if (!r.learner)
        return EXIT_WRONG;
    r.learner->run.heads = r.task.head;
    r.learner->run.head_count = r.task.heads;
    for (size_t h = 0; h < r.task.heads; h++)
        r.learner->run.targets += r.task.head[h].targets;
    r.w = ARENA_ARRAY(r.a, graph_params(r.g) + 1, float);
    r.block = ARENA_ARRAY(r.a, r.learner->run.params + 1, float);
    learner_start(r.g, 0, r.w); /* the values that are bound */
    r.learner->load(r.learner, r.w, r.block);
    if (r.task.note)
        diag_note(r.d, (Pos){r.args->data, 0}, "%s", r.task.note);
    return finish(&r, true);
}
