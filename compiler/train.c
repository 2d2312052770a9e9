/* train.c: the verbs that learn and measure: net.lua and data -> net.safetensors and what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "cli.h"
#include "train/save.h"
#include "train/training.h"

/* One run of mlpc train or eval. */
typedef struct Run {
    Cli *cli;
    Diag *d;
    Arena *a;
    const TrainArgs *args;
    const char *output; /* the weights file */
    Training t;
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
    static const char *const ending[] = {".csv", ".csv.gz"};
    for (int i = 0; i < 2 && !args->data && !args->labels; i++) {
        const char *path = beside(r, ending[i]);
        if (exists(path)) {
            args->data = path;
            diag_note(r->d, (Pos){path, 0}, "data from here");
        }
    }
    return args->data != NULL;
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
            if (read[k] && path_same_file(r->a, written[i], read[k]) && (written[i] != x->checkpoint || read[k] != x->resume))
                return cli_usage(r->cli, "%s would be overwritten: it is read", written[i]);
        for (size_t k = 0; k < i; k++)
            if (written[k] && path_same_file(r->a, written[i], written[k]))
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
    const char *settings = settings_save(&r->t.s, r->a), *how = "";
    Metadata m = metadata_new(r->a, r->t.g, r->t.task.classes);
    for (const char *line = settings; *line; line += strcspn(line, "\n") + 1)
        how = arena_printf(r->a, "%s%s%.*s", how, *how ? " " : "", (int)strcspn(line, "\n"), line);
    metadata_add(&m, "trained", how);
    metadata_add(&m, "samples", arena_printf(r->a, "%zu", r->t.task.part[0].samples.count));
    metadata_add(&m, "steps", arena_printf(r->a, "%llu", (unsigned long long)result->step));
    if (result->restored)
        metadata_add(&m, "best_epoch", arena_printf(r->a, "%zu", result->best_epoch));
    metadata_classes(&m, r->a, r->t.task.classes, r->t.task.class_name);
    return m;
}

/* The weights, and what a later build needs besides. */
static bool save(Run *r, const mlp_result *result)
{
    Metadata m = metadata_of(r, result);
    return save_weights(r->output, r->t.g, r->t.w, &m, r->d);
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

/* The loop, and the weights into their file. */
static bool learn(Run *r)
{
    mlp_result result;
    mlp_status status;
    mlp_error err;
    bool learnt = training_learn(&r->t, &result, &status, &err);
    bool logged = report_end(&r->t.report, r->d);
    bool keeps = learnt && save(r, &result);
    if (result.ending == MLP_DIVERGED)
        training_tell_divergence(&r->t, &err, keeps ? arena_printf(r->a, "the last good weights are in %s", r->output)
                                                    : "nothing was learnt");
    else if (status != MLP_OK)
        diag_error(r->d, (Pos){err.file[0] ? arena_strdup(r->a, err.file) : NULL, 0}, "%s", mlp_error_detail(&err));
    if (status == MLP_OK && keeps)
        diag_note(r->d, (Pos){r->output, 0}, "%s", training_ending(&r->t, &result));
    else if (status == MLP_OK && !learnt)
        diag_error(r->d, (Pos){0}, "interrupted before the first step: nothing was learnt, nothing is written");
    return status == MLP_OK && keeps && logged;
}

/* ---- before and after ---------------------------------------------------------------------------------------------- */

/* What is asked for that makes no sense together. */
static int check_args(Run *r)
{
    const TrainArgs *x = r->args;
    const char *problem = x->data ? training_problem(x) : "no data: say --data FILE, or put NET.csv beside NET.lua";
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
    TrainingFault fault;
    const char *problem = training_settings(&r->t, &fault);
    if (problem && fault == FAULT_ARGUMENTS)
        return cli_usage(r->cli, "%s", problem);
    if (problem && fault == FAULT_SCRIPT)
        diag_error(r->d, r->t.g->pos, "net: %s", problem);
    return problem ? EXIT_WRONG : EXIT_OK;
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
    bool printed = good && training_print(&r->t, &t, NULL);
    diag_flush(r->d, stderr);
    int status = !printed ? EXIT_WRONG : r->output && strcmp(r->output, "-") == 0 ? print_aside(&t) : cli_print(r->cli, &t);
    text_free(&t);
    training_end(&r->t);
    return status;
}

static Run run_of(Cli *cli)
{
    Compile *c = &cli->compile;
    Training t = {.d = &c->diag, .a = c->arena, .args = &cli->learn, .dashes = "--"};
    return (Run){.cli = cli, .d = &c->diag, .a = c->arena, .args = &cli->learn, .t = t};
}

/* The net, of a script that is read now. */
static bool read_net(Run *r)
{
    Compile *c = &r->cli->compile;
    if (!compile_run(c, STAGE_GRAPH))
        return false;
    r->t.g = c->graph;
    r->t.weights = c->weights_used;
    return true;
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
    if (!read_net(&r))
        return EXIT_WRONG;
    status = read_settings(&r);
    status = status ? status : check_places(&r);
    if (status)
        return status;
    if (!training_prepare(&r.t) || !report_begin(&r.t.report, &r.t.task, stderr, args->log, r.a, r.d)) {
        training_end(&r.t);
        return EXIT_WRONG;
    }
    training_announce(&r.t);
    diag_flush(r.d, stderr);
    bool good = learn(&r);
    return finish(&r, good);
}

int verb_eval(Cli *cli)
{
    Run r = run_of(cli);
    find_data(&r);
    int status = check_args(&r);
    if (status)
        return status;
    if (!read_net(&r))
        return EXIT_WRONG;
    TrainingFault fault;
    const char *problem = training_settings(&r.t, &fault);
    if (problem && fault == FAULT_ARGUMENTS)
        return cli_usage(cli, "%s", problem);
    if (!graph_bound(r.t.g)) {
        diag_error(r.d, (Pos){r.t.g->file, 0}, "there are no weights: mlpc train makes them, --weights FILE names them");
        return EXIT_WRONG;
    }
    if (!training_prepare_eval(&r.t))
        return EXIT_WRONG;
    if (r.t.task.note)
        diag_note(r.d, (Pos){r.args->data, 0}, "%s", r.t.task.note);
    return finish(&r, true);
}
