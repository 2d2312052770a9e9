/* training.c: data, settings and a net into learnt weights. Reports to a diag; prints nothing but the report's
 * progress. */
#include "train/training.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/block.h"
#include "graph/scale.h"
#include "train/health.h"

/* ---- what a checkpoint belongs to ----------------------------------------------------------------------------------
 */

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

/* ---- interrupts ----------------------------------------------------------------------------------------------------
 */

/* Trainings may be nested, by a function that is told of progress: the outermost one catches signals for all. */
static volatile sig_atomic_t interrupted;
static struct sigaction before[2];
static int catching;
static const int signals[2] = {SIGINT, SIGTERM};

/* The first signal asks the loop to stop; a second one does what it did before. */
static void on_signal(int number)
{
    interrupted = 1;
    sigaction(number, &before[number == SIGTERM], NULL);
}

void training_stop(void) { interrupted = 1; }

static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESTART};
    sigemptyset(&act.sa_mask);
    if (catching++)
        return;
    interrupted = 0;
    for (int i = 0; i < 2; i++)
        sigaction(signals[i], &act, &before[i]);
}

static void release_signals(void)
{
    if (--catching)
        return;
    for (int i = 0; i < 2; i++)
        sigaction(signals[i], &before[i], NULL);
}

/* ---- before --------------------------------------------------------------------------------------------------------
 */

const char *training_problem(const TrainArgs *x)
{
    if (x->val_labels && !x->val)
        return "--val-labels needs --val FILE";
    if (x->test_labels && !x->test)
        return "--test-labels needs --test FILE";
    if (x->split && x->val)
        return "--split makes a validation part of the data: --val has no place";
    if (x->every && !x->checkpoint)
        return "--every needs --checkpoint FILE";
    if (x->delimiter && strlen(x->delimiter) != 1 && strcmp(x->delimiter, "tab") && strcmp(x->delimiter, "blank"))
        return "--delimiter wants one character, tab or blank";
    return NULL;
}

const char *training_settings(Training *t, TrainingFault *fault)
{
    bool in_script;
    mlp_error err;
    *fault = FAULT_FILE;
    if (t->args->resume) {
        char *text = mlp_checkpoint_settings(t->args->resume, &err);
        if (!text) {
            diag_error(t->d, (Pos){0}, "%s", err.text);
            return "";
        }
        t->saved = arena_strdup(t->a, text);
        free(text);
    }
    const char *problem = settings_read(&t->s, t->args, t->saved, &t->g->train, t->a, &in_script);
    *fault = in_script ? FAULT_SCRIPT : FAULT_ARGUMENTS;
    return problem;
}

/* A block of zeros that lives as long as the arena. */
static float *block_of(Arena *a, size_t count)
{
    float *block = block_new(count);
    memset(block, 0, count * sizeof *block);
    arena_defer(a, free, block);
    return block;
}

bool training_prepare(Training *t)
{
    Graph *g = t->g;
    Settings *s = &t->s;
    if (!task_read(&t->task, g, t->d, t->args, true))
        return false;
    if (s->split > 0 && !task_split(&t->task, g, t->d, s->split, s->seed))
        return false;
    if (s->scale != MLP_SCALE_NONE && graph_input_scale(g, 0))
        return diag_error(t->d, (Pos){t->weights, 0}, "%s a scaling already: leave %sscale out",
                          t->weights ? "has" : "the net has", t->dashes);
    if (!task_scale(&t->task, g, t->d, s->scale))
        return false;
    task_scale_targets(&t->task, g);
    s->epochs = s->epochs ? s->epochs : settings_epochs(s, t->task.part[0].samples.count);
    GradOptions grad = {.labels = t->task.labels};
    LearnerOptions options = {.grad = &grad, .scores = true, .threads = s->threads};
    t->learner = learner_new(g, t->d, &options);
    if (!t->learner)
        return false;
    t->learner->run.heads = t->task.head;
    t->learner->run.head_count = t->task.heads;
    t->w = ARENA_ARRAY(t->a, graph_params(g), float);
    t->block = block_of(t->a, t->learner->run.params);
    learner_start(g, s->seed, t->w);
    return true;
}

bool training_prepare_eval(Training *t)
{
    if (!task_read(&t->task, t->g, t->d, t->args, false))
        return false;
    task_scale_targets(&t->task, t->g);
    LearnerOptions options = {.scores = true, .threads = t->s.threads};
    t->learner = learner_new(t->g, t->d, &options);
    if (!t->learner)
        return false;
    mlp_learner *run = &t->learner->run;
    run->heads = t->task.head;
    run->head_count = t->task.heads;
    for (size_t h = 0; h < t->task.heads; h++)
        run->targets += t->task.head[h].targets;
    t->w = ARENA_ARRAY(t->a, graph_params(t->g) + 1, float);
    t->block = block_of(t->a, run->params);
    learner_start(t->g, 0, t->w); /* the values that are bound */
    t->learner->load(t->learner, t->w, t->block);
    return true;
}

void training_announce(Training *t)
{
    const Settings *s = &t->s;
    if (t->task.note && !t->args->text)
        diag_note(t->d, (Pos){t->args->data, 0}, "%s", t->task.note);
    const char *parts = "";
    for (int i = 0; i < t->task.parts; i++)
        parts =
            arena_printf(t->a, "%s%s%s %zu", parts, i ? ", " : "", t->task.part[i].name, t->task.part[i].samples.count);
    diag_note(t->d, (Pos){t->g->file, 0}, "%zu parameters; samples: %s; %s, lr %g, batch %zu, seed %llu%s%s",
              graph_params(t->g), parts, mlp_method_name(s->optimizer.method), s->optimizer.lr, s->batch,
              (unsigned long long)s->seed, t->args->resume ? ", goes on from " : "",
              t->args->resume ? t->args->resume : "");
}

/* ---- the loop ------------------------------------------------------------------------------------------------------
 */

static void progress(void *context, const mlp_progress *p)
{
    Training *t = context;
    report_progress(&t->report, p);
    if (t->progress)
        t->progress(t->context, p);
}

static void diverged(void *context, const float *block, const mlp_batch *b, float loss)
{
    Training *t = context;
    float *w = malloc((graph_params(t->g) + 1) * sizeof *w);
    (void)loss;
    if (!w)
        return;
    t->learner->store(t->learner, block, w);
    t->overflow = health_find_overflow(t->g, w, b->n, b->x, &t->overflow_text);
    for (size_t i = 0; i < b->n * t->learner->run.inputs; i++)
        t->largest = fmax(t->largest, fabs((double)b->x[i]));
    free(w);
}

void training_tell_divergence(Training *t, const mlp_error *err, const char *kept)
{
    bool scaled = graph_input_scale(t->g, 0) != NULL;
    const char *help = arena_printf(t->a, "a lower %slr than %g", t->dashes, t->s.optimizer.lr);
    if (!(t->s.clip > 0))
        help = arena_printf(t->a, "%s, or %sclip%c1", help, t->dashes, *t->dashes ? ' ' : '=');
    if (!scaled && t->largest > 10)
        help = arena_printf(t->a, "%s, or %sscale%cstandard (inputs reach %.3g)", help, t->dashes,
                            *t->dashes ? ' ' : '=', t->largest);
    const char *where = t->overflow ? arena_printf(t->a, ": %s", t->overflow_text) : "";
    diag_error(t->d, t->overflow ? t->overflow->pos : (Pos){0}, "%s%s; %s may help; %s", err->text, where, help, kept);
}

static mlp_training options_of(Training *t, const Part *val)
{
    const Settings *s = &t->s;
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
                          .interval = t->report.live ? 0.1 : 0,
                          .diverged = diverged,
                          .context = t,
                          .checkpoint = t->args->checkpoint,
                          .every = s->every,
                          .resume = t->args->resume,
                          .net = fingerprint(t->g, t->learner),
                          .settings = settings_save(s, t->a)};
}

const char *training_ending(const Training *t, const mlp_result *result)
{
    const char *best =
        result->restored ? arena_printf(t->a, ", weights of epoch %zu, the best one", result->best_epoch) : "";
    const char *again =
        t->args->checkpoint ? arena_printf(t->a, "; %sresume %s goes on", t->dashes, t->args->checkpoint) : "";
    switch (result->ending) {
    case MLP_PATIENCE:
        return arena_printf(t->a, "stopped after epoch %zu: no better for %zu epochs%s", result->epochs, t->s.patience,
                            best);
    case MLP_INTERRUPTED:
        return arena_printf(t->a, "interrupted in epoch %zu after %llu steps%s%s", result->epochs + 1,
                            (unsigned long long)result->step, best, again);
    default:
        return arena_printf(t->a, "%zu epochs, %llu steps in %.3g s%s", result->epochs,
                            (unsigned long long)result->step, result->seconds, best);
    }
}

bool training_learn(Training *t, mlp_result *result, mlp_status *status, mlp_error *err)
{
    const Part *val = task_part(&t->task, "validation");
    mlp_training o = options_of(t, val);
    t->learner->load(t->learner, t->w, t->block);
    catch_signals();
    *status =
        mlp_train(&t->learner->run, &o, &t->task.part[0].samples, val ? &val->samples : NULL, t->block, result, err);
    release_signals();
    t->learner->store(t->learner, t->block, t->w);
    return result->ending == MLP_DIVERGED ? result->good_step > 0 : result->step > 0;
}

/* ---- after ---------------------------------------------------------------------------------------------------------
 */

/* The lesson of XOR, where a net could learn it. */
static void add_linear_hint(const Training *t, Text *out, double right)
{
    bool separates = t->task.heads == 1 && t->task.head[0].task != MLP_VALUES;
    if (separates && right < 0.995 && health_is_linear(t->g))
        text_add(
            out,
            "note: this net is one linear separator: between two classes it draws one straight border, and gets wrong\n"
            "what lies on the other side (of XOR never more than 75 % right); a hidden layer with an activation bends "
            "it\n");
}

bool training_print(Training *t, Text *out, double *right)
{
    double accuracy;
    if (!report_parts(out, &t->task, t->g, t->learner, t->block, t->s.threads, t->d, &accuracy) ||
        !health_report(out, t->g, t->w, &t->task.part[0].samples, t->d))
        return false;
    add_linear_hint(t, out, accuracy);
    if (right)
        *right = accuracy;
    return true;
}

void training_end(Training *t)
{
    learner_free(t->learner);
    t->learner = NULL;
}
