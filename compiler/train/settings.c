/* settings.c: how to train, read from the command line, a checkpoint and the script by one table. Used by train.c. */
#include "train/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum Number {
    NUMBER_EPOCHS,
    NUMBER_BATCH,
    NUMBER_LR,
    NUMBER_MOMENTUM,
    NUMBER_BETA1,
    NUMBER_BETA2,
    NUMBER_EPS,
    NUMBER_WEIGHT_DECAY,
    NUMBER_CLIP,
    NUMBER_WARMUP,
    NUMBER_DECAY,
    NUMBER_SEED,
    NUMBER_PATIENCE,
    NUMBER_THREADS,
    NUMBER_SPLIT,
    NUMBER_EVERY,
    NUMBERS
} Number;

enum { NOWHERE = -1 };
#define ARG(field) (int)offsetof(TrainArgs, field)
#define OPT(field) (int)offsetof(TrainOpts, field)

/* Each number: its name (the option's, without dashes), where it is found, and its range, ends included. */
static const struct {
    const char *name;
    int arg, opt;
    double low, high;
    bool whole, above; /* above: low itself is too little; high, where it is 1, too much */
    bool fixed;        /* a run that goes on cannot change it */
} numbers[NUMBERS] = {
    [NUMBER_EPOCHS] = {"epochs", ARG(epochs), OPT(epochs), 1, 1e9, true, false, false},
    [NUMBER_BATCH] = {"batch", ARG(batch), OPT(batch), 1, 1e9, true, false, true},
    [NUMBER_LR] = {"lr", ARG(lr), OPT(lr), 0, 1e6, false, true, false},
    [NUMBER_MOMENTUM] = {"momentum", ARG(momentum), OPT(momentum), 0, 1, false, false, false},
    [NUMBER_BETA1] = {"beta1", NOWHERE, OPT(beta1), 0, 1, false, false, false},
    [NUMBER_BETA2] = {"beta2", NOWHERE, OPT(beta2), 0, 1, false, false, false},
    [NUMBER_EPS] = {"eps", NOWHERE, OPT(eps), 0, 1, false, false, false},
    [NUMBER_WEIGHT_DECAY] = {"weight-decay", ARG(weight_decay), OPT(weight_decay), 0, 1e6, false, false, false},
    [NUMBER_CLIP] = {"clip", ARG(clip), OPT(clip), 0, 1e30, false, true, false},
    [NUMBER_WARMUP] = {"warmup", ARG(warmup), OPT(warmup), 0, 1e9, false, false, false},
    [NUMBER_DECAY] = {"decay", ARG(decay), OPT(decay), 0, 1e9, false, false, false},
    [NUMBER_SEED] = {"seed", ARG(seed), OPT(seed), 0, 9007199254740992.0, true, false, true},
    [NUMBER_PATIENCE] = {"patience", ARG(patience), OPT(patience), 0, 1e9, true, false, false},
    [NUMBER_THREADS] = {"threads", ARG(threads), OPT(threads), 1, 256, true, false, false},
    [NUMBER_SPLIT] = {"split", ARG(split), NOWHERE, 0, 1, false, true, true},
    [NUMBER_EVERY] = {"every", ARG(every), NOWHERE, 1, 1e9, true, false, false},
};

/* What is said in words. */
static const struct {
    const char *name;
    int arg, opt;
    bool fixed; /* of the optimizer the loop itself looks whether it is the same */
} words[] = {{"optimizer", ARG(optimizer), OPT(optimizer), false},
             {"schedule", ARG(schedule), OPT(schedule), false},
             {"scale", ARG(scale), NOWHERE, true}};

typedef enum Word { WORD_OPTIMIZER, WORD_SCHEDULE, WORD_SCALE, WORDS } Word;

/* Everything that was said. Numbers that were not are NaN, words NULL. */
typedef struct Said {
    double number[NUMBERS];
    const char *word[WORDS];
} Said;

static const char *text_at(const TrainArgs *args, int at)
{
    return at == NOWHERE || !args ? NULL : *(const char *const *)(const void *)((const char *)args + at);
}

/* The value of `name` in lines of name=value, or NULL. */
static const char *saved_value(const char *saved, const char *name, Arena *a)
{
    size_t n = strlen(name);
    for (const char *line = saved; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, n) == 0 && line[n] == '=')
            return arena_printf(a, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
    return NULL;
}

static bool in_range(Number i, double v)
{
    bool inside = v >= numbers[i].low && v <= numbers[i].high && (!numbers[i].whole || v == floor(v));
    return inside && !(numbers[i].above && (v <= numbers[i].low || (numbers[i].high == 1 && v >= 1)));
}

/* What number i must be, told to somebody who wrote v: a limit that nobody would reach is named to who went beyond. */
static const char *range_text(Number i, double v, Arena *a)
{
    const char *what = numbers[i].whole ? "a whole number" : "a number";
    if (isfinite(v) && v > numbers[i].high && numbers[i].high > 256)
        return arena_printf(a, "%s of at most %g", what, numbers[i].high);
    if (numbers[i].above && numbers[i].high == 1)
        return arena_printf(a, "%s between %g and %g", what, numbers[i].low, numbers[i].high);
    if (numbers[i].above)
        return arena_printf(a, "%s above %g", what, numbers[i].low);
    return numbers[i].high <= 256 ? arena_printf(a, "%s from %g to %g", what, numbers[i].low, numbers[i].high)
                                  : arena_printf(a, "%s of at least %g", what, numbers[i].low);
}

/* A number of the command line or a checkpoint. */
static const char *read_number(Number i, const char *text, double *v, Arena *a)
{
    char *end;
    *v = strtod(text, &end);
    bool plain = *text && strspn(text, "0123456789.eE+-") == strlen(text) && end == text + strlen(text);
    return plain && in_range(i, *v)
               ? NULL
               : arena_printf(a, "--%s wants %s, not '%s'", numbers[i].name, range_text(i, *v, a), text);
}

/* What a run that goes on cannot have otherwise. */
static const char *changed(const char *name, const char *now, const char *before, Arena *a)
{
    return arena_printf(a, "--%s %s: the run to go on with has %s", name, now, before);
}

static const char *read_numbers(Said *said, const TrainArgs *args, const char *saved, const TrainOpts *o, Arena *a,
                                bool *in_script)
{
    for (Number i = 0; i < NUMBERS; i++) {
        const char *arg = text_at(args, numbers[i].arg), *before = saved_value(saved, numbers[i].name, a),
                   *problem = NULL;
        double *v = &said->number[i], old = nan("");
        *v = nan("");
        if (before && read_number(i, before, &old, a))
            before = NULL; /* "none" */
        if (arg)
            problem = read_number(i, arg, v, a);
        else if (before)
            *v = old;
        else if (!saved && numbers[i].opt != NOWHERE)
            *v = *(const double *)(const void *)((const char *)o + numbers[i].opt);
        if (problem)
            return problem;
        if (arg && saved && numbers[i].fixed && !(*v == old))
            return changed(numbers[i].name, arg, before ? before : "none", a);
        if (!isnan(*v) && !in_range(i, *v)) {
            *in_script = true;
            return arena_printf(a, "%s must be %s, not %g", numbers[i].name, range_text(i, *v, a), *v);
        }
    }
    return NULL;
}

static const char *read_words(Said *said, const TrainArgs *args, const char *saved, const TrainOpts *o, Arena *a)
{
    for (Word i = 0; i < WORDS; i++) {
        const char *arg = text_at(args, words[i].arg), *before = saved_value(saved, words[i].name, a);
        said->word[i] = arg      ? arg
                        : before ? before
                        : !saved && words[i].opt != NOWHERE
                            ? *(const char *const *)(const void *)((const char *)o + words[i].opt)
                            : NULL;
        if (arg && before && words[i].fixed && strcmp(arg, before) != 0)
            return changed(words[i].name, arg, before, a);
    }
    return NULL;
}

static double or_else(double v, double standard) { return isnan(v) ? standard : v; }

/* Momentum makes of plain sgd the method of that name. */
static mlp_optimizer optimizer_of(const Said *said, mlp_method method)
{
    double momentum = said->number[NUMBER_MOMENTUM];
    method = method == MLP_SGD && momentum > 0 ? MLP_MOMENTUM : method;
    mlp_optimizer o = mlp_optimizer_default(method);
    o.lr = or_else(said->number[NUMBER_LR], o.lr);
    o.momentum = or_else(momentum, o.momentum);
    o.beta1 = or_else(said->number[NUMBER_BETA1], o.beta1);
    if (method == MLP_RMSPROP) /* the one mean square that it keeps */
        o.alpha = or_else(said->number[NUMBER_BETA2], o.alpha);
    else
        o.beta2 = or_else(said->number[NUMBER_BETA2], o.beta2);
    o.eps = or_else(said->number[NUMBER_EPS], o.eps);
    o.weight_decay = or_else(said->number[NUMBER_WEIGHT_DECAY], o.weight_decay);
    return o;
}

/* "--optimizer adm: unknown ..." as one sentence; a word of the script was checked when it was read. */
static const char *word_problem(Word i, const mlp_error *err, Arena *a)
{
    return arena_printf(a, "--%s: %s", words[i].name, mlp_error_detail(err));
}

const char *settings_read(Settings *s, const TrainArgs *args, const char *saved, const TrainOpts *o, Arena *a,
                          bool *in_script)
{
    Said said;
    mlp_error err;
    mlp_method method = MLP_ADAM;
    *s = (Settings){.schedule = {.curve = MLP_CONSTANT}};
    *in_script = false;
    const char *problem = read_numbers(&said, args, saved, o, a, in_script);
    problem = problem ? problem : read_words(&said, args, saved, o, a);
    if (problem)
        return problem;
    if (said.word[WORD_OPTIMIZER] && mlp_method_parse(said.word[WORD_OPTIMIZER], &method, &err))
        return word_problem(WORD_OPTIMIZER, &err, a);
    if (said.word[WORD_SCHEDULE] && mlp_curve_parse(said.word[WORD_SCHEDULE], &s->schedule.curve, &err))
        return word_problem(WORD_SCHEDULE, &err, a);
    if (said.word[WORD_SCALE] && mlp_scaling_parse(said.word[WORD_SCALE], &s->scale, &err))
        return word_problem(WORD_SCALE, &err, a);
    s->optimizer = optimizer_of(&said, method);
    if (mlp_optimizer_check(&s->optimizer, &err)) {
        *in_script = true;
        return arena_strdup(a, mlp_error_detail(&err));
    }
    const double *v = said.number;
    s->schedule.warmup = or_else(v[NUMBER_WARMUP], 0);
    s->schedule.decay = or_else(v[NUMBER_DECAY], 0);
    s->clip = or_else(v[NUMBER_CLIP], 0);
    s->split = or_else(v[NUMBER_SPLIT], 0);
    s->epochs = (size_t)or_else(v[NUMBER_EPOCHS], 0);
    s->batch = (size_t)or_else(v[NUMBER_BATCH], SETTINGS_BATCH);
    s->patience = (size_t)or_else(v[NUMBER_PATIENCE], 0);
    s->every = (size_t)or_else(v[NUMBER_EVERY], 1);
    s->seed = (uint64_t)or_else(v[NUMBER_SEED], 1);
    s->threads = (int)or_else(v[NUMBER_THREADS], 1);
    return NULL;
}

mlp_optimizer settings_optimizer(const TrainOpts *o)
{
    Arena *a = arena_new();
    Settings s;
    bool in_script;
    settings_read(&s, NULL, NULL, o, a, &in_script);
    arena_free(a);
    return s.optimizer;
}

size_t settings_epochs(const Settings *s, size_t samples)
{
    enum { EPOCHS = 10, STEPS = 2000 };
    size_t batch = s->batch < samples ? s->batch : samples, steps = batch ? (samples + batch - 1) / batch : 1;
    return steps * EPOCHS >= STEPS ? EPOCHS : (STEPS + steps - 1) / steps;
}

/* "name=value" with as few digits as bring back every bit. */
static const char *line(Arena *a, const char *name, double v)
{
    const char *text = "";
    for (int digits = 15; digits <= 17; digits++) {
        text = arena_printf(a, "%.*g", digits, v);
        if (!(strtod(text, NULL) != v))
            break;
    }
    return arena_printf(a, "%s=%s\n", name, text);
}

const char *settings_save(const Settings *s, Arena *a)
{
    static const char *const scalings[] = {"none", "standard", "minmax", "1/255"};
    static const char *const curves[] = {"constant", "step", "cosine"};
    const mlp_optimizer *o = &s->optimizer;
    bool adam = o->method == MLP_ADAM || o->method == MLP_ADAMW;
    const struct {
        const char *name;
        double value;
        bool written;
    } all[] = {{"epochs", (double)s->epochs, true},
               {"batch", (double)s->batch, true},
               {"lr", o->lr, true},
               {"momentum", o->momentum, !adam && o->method != MLP_SGD},
               {"beta1", o->beta1, adam},
               {"beta2", o->method == MLP_RMSPROP ? o->alpha : o->beta2, adam || o->method == MLP_RMSPROP},
               {"eps", o->eps, adam || o->method == MLP_RMSPROP},
               {"weight-decay", o->weight_decay, true},
               {"warmup", s->schedule.warmup, s->schedule.warmup > 0},
               {"decay", s->schedule.decay, s->schedule.curve == MLP_STEP},
               {"clip", s->clip, s->clip > 0},
               {"seed", (double)s->seed, true},
               {"patience", (double)s->patience, true},
               {"threads", s->threads, true},
               {"split", s->split, s->split > 0},
               {"every", (double)s->every, true}};
    const char *text = arena_printf(a, "optimizer=%s\nschedule=%s\nscale=%s\n", mlp_method_name(o->method),
                                    curves[s->schedule.curve], scalings[s->scale]);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        text = all[i].written ? arena_printf(a, "%s%s", text, line(a, all[i].name, all[i].value)) : text;
    return text;
}
