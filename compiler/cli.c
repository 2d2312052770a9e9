/* cli.c: reads the command line by two tables, then runs a verb. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <unistd.h>

#include "front/words.h"
#include "mlp.h"
#include "version.h"

typedef enum OptionKind {
    OPTION_TEXT,   /* const char * in Cli */
    OPTION_FLAG,   /* bool in Cli */
    OPTION_CHOICE, /* int in Cli: which of the words in `arg` */
    OPTION_DEFINE,
    OPTION_WARNING,
    OPTION_HELP,
    OPTION_VERSION
} OptionKind;

typedef struct Option {
    const char *name; /* "--by-order", "-o" */
    const char *arg;  /* what it takes, with what stands before it: " FILE", "=table|file"; NULL: nothing */
    const char *help;
    OptionKind kind;
    size_t at;          /* where in Cli */
    const char *letter; /* a short form, or NULL */
    const char *of;     /* NULL, or the verbs that it means this for: for others another row has the name */
} Option;

#define TEXT(field) OPTION_TEXT, offsetof(Cli, field), NULL, NULL
#define FLAG(field) OPTION_FLAG, offsetof(Cli, field), NULL, NULL
#define CHOICE(field) OPTION_CHOICE, offsetof(Cli, field), NULL, NULL
#define FLAG_OF(verbs, field) OPTION_FLAG, offsetof(Cli, field), NULL, verbs
#define TEXT_OF(verbs, field) OPTION_TEXT, offsetof(Cli, field), NULL, verbs

static const Option options[] = {
    {"-o", " FILE", "the C file to write, and its header beside it; - is standard output (no header). train: the weights "
     "(default: NET.safetensors beside NET.lua). run: the answers", TEXT(output)},
    {"--header", " FILE", "where the header goes, if not beside the C file", TEXT(header)},
    {"--single-header", NULL, "one header, with the code behind #ifdef NAME_IMPLEMENTATION", FLAG(single_header)},
    {"--prefix", " NAME", "of every name in the C, instead of the net's name", TEXT(prefix)},
    {"--target", "=simd|portable", "vector code chosen by #if (simd, the default), or small plain loops (portable)",
     CHOICE(target)},
    {"--weights", " FILE", "safetensors with the parameters (default: NET.safetensors beside NET.lua, if it is there); "
     "none: leave them an argument of the C functions. train: what to begin with (default: none)", TEXT(compile.weights)},
    {"--by-order", NULL, "bind weights by order and shape, whatever their names", FLAG(compile.by_order)},
    {"--weights-as", "=table|file", "numbers in the C file (table, the default), or in one raw file beside it (file)",
     CHOICE(weights_as)},
    {"--weights-type", "=f32|bf16|f16|i8", "how tables, or the file, keep the weights of dense layers: as floats (f32, the default), in two "
     "bytes (bf16, f16), or in one byte and a scale for each output (i8); sums are float32, or exact where the machine multiplies bytes", CHOICE(weights_type)},
    {"--calibrate", " FILE", "samples by which the report states the largest difference that --weights-type makes",
     TEXT(compile.calibrate)},
    {"--train", NULL, "keep the parameters an argument even if there are weights", FLAG(compile.train)},
    {"-D", " NAME=VALUE", "sets a param() of the script", OPTION_DEFINE, 0, NULL, NULL},
    {"-W", "no-NAME", "silences a warning; -Wno-all: all of them; -Werror: makes them errors", OPTION_WARNING, 0, NULL, NULL},
    {"-d", " graph|grad|fold|fuse|plan", "prints the net after that stage, and stops", CHOICE(dump)},
    {"--data", " FILE", "samples: CSV, IDX, NPY, NPZ or f32, each also gzipped (default: NET.csv[.gz] beside NET.lua, if it is "
     "there). run: CSV, NPY or f32 (default: standard input)", TEXT(learn.data)},
    {"--labels", " FILE", "what belongs to them, if not in the same file", TEXT_OF("train eval", learn.labels)},
    {"--labels", NULL, "answers with the names of the classes and their probabilities, the most likely first",
     FLAG_OF("run", names)},
    {"--format", "=csv|npy|f32", "of the rows that come in, where no file name says it (default: csv); the answers are the same "
     "kind unless -o says otherwise", CHOICE(format)},
    {"--jit", "=tcc|cc|auto", "who makes the code: libtcc, at once (tcc, the default); the C compiler $CC or cc, which takes a "
     "second or more; or auto, tcc until cc is done", CHOICE(jit)},
    {"--val", " FILE", "samples to judge each epoch by", TEXT(learn.val)},
    {"--val-labels", " FILE", "what belongs to them", TEXT(learn.val_labels)},
    {"--test", " FILE", "samples to judge the trained net by", TEXT(learn.test)},
    {"--test-labels", " FILE", "what belongs to them", TEXT(learn.test_labels)},
    {"--label", " COLUMNS", "the target's column: a name or a position from 1, --label=-1: the last; several with commas",
     TEXT(learn.label)},
    {"--delimiter", " CHARACTER", "between columns of tables, or tab, or blank (default: found out)", TEXT(learn.delimiter)},
    {"--scale", "=none|standard|minmax|1/255", "of the inputs, learnt from the training part, and part of the net from then on",
     TEXT(learn.scale)},
    {"--split", " SHARE", "of the samples to learn from, 0.8 for example; each epoch is judged by the rest", TEXT(learn.split)},
    {"--epochs", " N", "times that every sample is learnt from (default: 10, or 2000 steps if that is more)",
     TEXT(learn.epochs)},
    {"--batch", " N", "samples a step (default: 32)", TEXT(learn.batch)},
    {"--lr", " RATE", "learning rate (default: 0.001 for adam and adamw, 0.1 for sgd, 0.01 for others)", TEXT(learn.lr)},
    {"--optimizer", " NAME", "sgd, momentum, nesterov, rmsprop, adam (the default) or adamw", TEXT(learn.optimizer)},
    {"--schedule", " NAME", "of the rate: constant (the default), step (a tenth after every --decay epochs) or cosine",
     TEXT(learn.schedule)},
    {"--warmup", " EPOCHS", "in which the rate rises from 0, fractions allowed", TEXT(learn.warmup)},
    {"--decay", " EPOCHS", "of --schedule step (default: a third of all)", TEXT(learn.decay)},
    {"--momentum", " SHARE", "of momentum and nesterov (default: 0.9), or for rmsprop", TEXT(learn.momentum)},
    {"--weight-decay", " RATE", "(default: 0.01 for adamw, else 0)", TEXT(learn.weight_decay)},
    {"--clip", " LENGTH", "gradients longer than this are cut to it", TEXT(learn.clip)},
    {"--seed", " N", "of first weights, order, split and dropout (default: 1)", TEXT(learn.seed)},
    {"--patience", " EPOCHS", "without a better loss (--val or --split, else training) that end training; the best weights are "
     "kept", TEXT(learn.patience)},
    {"--threads", " N", "(default: 1); the last bits of the weights depend on their number", TEXT(learn.threads)},
    {"--checkpoint", " FILE", "where to keep the state of training, whole at any moment", TEXT(learn.checkpoint)},
    {"--every", " EPOCHS", "between checkpoints (default: 1)", TEXT(learn.every)},
    {"--resume", " FILE", "goes on from a checkpoint, with its settings, to the same weights as if never stopped",
     TEXT(learn.resume)},
    {"--log", " FILE", "a line an epoch: .csv, or .jsonl for JSON", TEXT(learn.log)},
    {"--dot", NULL, "the graph, for Graphviz", FLAG(dot)},
    {"--json", NULL, "the table as JSON", FLAG(json)},
    {"--help", NULL, "this text", OPTION_HELP, 0, "-h", NULL},
    {"--version", NULL, "the version", OPTION_VERSION, 0, NULL, NULL},
};

enum { OPTIONS = sizeof options / sizeof *options, WORDS_MAX = 8, NAMES_MAX = 64 };

static int verb_help(Cli *cli);

const Verb verbs[] = {
    {"", "NET.lua -o FILE.c [options]", "compiles a net to standalone C",
     "-o --header --single-header --prefix --target --weights --by-order --weights-as --weights-type --calibrate --train -D -W -d", verb_build,
     false, false},
    {"check", "check NET.lua [options]", "prints errors and warnings, nothing else (weights: only those of --weights)",
     "--weights --by-order -D -W", verb_check, false, false},
    {"show", "show NET.lua [options]", "layers, shapes, parameters and cost: a table, JSON, or for Graphviz",
     "--json --dot --target --weights --by-order --weights-as --weights-type --calibrate --train -D -W", verb_show, false, false},
    {"train", "train NET.lua --data FILE [options]", "learns from data, and writes the weights beside the script",
     "--data --labels --val --val-labels --test --test-labels --label --delimiter --scale --split --epochs --batch --lr "
     "--optimizer --schedule --warmup --decay --momentum --weight-decay --clip --seed --patience --threads --checkpoint --every "
     "--resume --log -o --weights --by-order -D -W", verb_train, false, false},
    {"eval", "eval NET.lua --data FILE [options]", "measures saved weights on data: loss, accuracy, confusion, layers",
     "--data --labels --val --val-labels --test --test-labels --label --delimiter --threads --weights --by-order -D -W",
     verb_eval, false, false},
    {"run", "run NET.lua [FILE] [options]",
     "answers rows of numbers, of FILE or standard input: CSV, NPY or raw float32 in, the same out, as they come",
     "--data --format -o --labels --delimiter --jit --weights --by-order -D -W", verb_run, false, true},
    {"bench", "bench NET.lua [options]", "measures compile times and speed, against what this machine can do",
     "--json --weights --by-order -D -W", verb_bench, false, false},
    {"repl", "repl [NET.lua] [options]", "a prompt: Lua with nets that are made, trained, drawn and asked at once (also: mlpc -i)",
     "--weights --by-order -D -W", verb_repl, true, false},
    {"reference", "reference NET.lua [options]",
     "evaluates in double precision: rows of float32 from standard input, rows of float64 out",
     "--weights --by-order -D -W", verb_reference, false, false},
    {"help", "help [VERB]", "tells about a verb", "", verb_help, true, false},
    {0},
};

/* ---- messages and help --------------------------------------------------------------------------------------- */

/* A word of the command line as a message can hold it. */
static const char *shown(Cli *cli, const char *word)
{
    return word_shown(cli->compile.arena, word, strlen(word), 60);
}

int cli_usage(Cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(cli->compile.arena, format, args);
    const char *verb = cli->verb->no_script ? "" : cli->verb->name;
    va_end(args);
    diag_error(&cli->compile.diag, (Pos){0}, "%s (see mlpc %s%s--help)", text, verb, *verb ? " " : "");
    return EXIT_USAGE;
}

int cli_flush_stdout(Cli *cli)
{
    mlp_error err;
    mlp_file *out = mlp_file_create("-", &err);
    if (out && mlp_file_commit(out, &err) == MLP_OK)
        return EXIT_OK;
    diag_error(&cli->compile.diag, (Pos){0}, "%s", err.text);
    return EXIT_WRONG;
}

int cli_print(Cli *cli, Text *t)
{
    fwrite(t->data, 1, t->size, stdout);
    text_free(t);
    return cli_flush_stdout(cli);
}

/* Whether a word stands in a list of words separated by spaces. */
static bool lists(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; n > 0 && (at = strstr(at, word)) != NULL; at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static bool takes(const Verb *v, const Option *o)
{
    if (o->kind == OPTION_HELP || o->kind == OPTION_VERSION)
        return true;
    return lists(v->options, o->name) && (!o->of || lists(o->of, v->name));
}

/* "  LEFT            TEXT", the text in lines that fit a terminal. */
static void help_line(Text *t, const char *left, const char *text)
{
    enum { COLUMN = 31, WIDTH = 100 };
    size_t length = strlen(left), column;
    text_printf(t, "  %s ", left);
    if (2 + length >= COLUMN)
        text_char(t, '\n');
    text_column(t, COLUMN);
    for (column = COLUMN; *text; text += strspn(text, " ")) {
        size_t word = strcspn(text, " ");
        if (column > COLUMN && column + 1 + word > WIDTH) {
            text_char(t, '\n');
            text_column(t, COLUMN);
            column = COLUMN;
        } else if (column > COLUMN) {
            text_char(t, ' ');
            column++;
        }
        text_add_n(t, text, word);
        column += word;
        text += word;
    }
    text_char(t, '\n');
}

static int print_help(Cli *cli, const Verb *verb)
{
    Text t = {0};
    Arena *a = cli->compile.arena;
    bool all = !*verb->name;
    if (all) {
        text_add(&t, "mlpc compiles multilayer perceptrons, written as Lua scripts, to standalone C.\n\n");
        for (const Verb *v = verbs; v->name; v++)
            help_line(&t, arena_printf(a, "mlpc %s", v->usage), v->summary);
        text_add(&t, "\nOptions of the first form:\n");
    } else {
        text_printf(&t, "mlpc %s\n%s\n\nOptions:\n", verb->usage, verb->summary);
    }
    for (int i = 0; i < OPTIONS; i++) {
        const Option *o = &options[i];
        if (takes(verb, o))
            help_line(&t, arena_printf(a, "%s%s%s%s", o->letter ? o->letter : "", o->letter ? ", " : "", o->name,
                                       o->arg ? o->arg : ""), o->help);
    }
    if (all) {
        text_add(&t, "\nWarnings:\n");
#define X(id, name, text) help_line(&t, name, text);
        WARNINGS(X)
#undef X
        text_add(&t, "\nmlpc VERB --help tells about a verb. A NET.lua of - is standard input.\n"
                     "Exit status: 0 fine, 1 the input is wrong, 2 wrong usage.\n");
    }
    return cli_print(cli, &t);
}

/* ---- finding verbs and options ------------------------------------------------------------------------------- */

static const Verb *find_verb(const char *name)
{
    for (const Verb *v = verbs; v->name; v++)
        if (*v->name && strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

/* ", did you mean 'show'?", or nothing. */
static const char *near_verb(Cli *cli, const char *word)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (const Verb *v = verbs; v->name; v++)
        names[n++] = v->name;
    const char *near = word_near(word, names, n);
    return near ? arena_printf(cli->compile.arena, ", did you mean '%s'?", near) : "";
}

/* Whether arg names the option ("-o", "--x", "--x=v", "-Dn=v", "-Wx"); *value: what is joined to it, or NULL. */
static bool is_option(const Option *o, const char *arg, const char **value)
{
    size_t n = strlen(o->name);
    bool is_long = o->name[1] == '-';
    *value = NULL;
    if (strcmp(arg, o->name) == 0 || (o->letter && strcmp(arg, o->letter) == 0))
        return true;
    if (strncmp(arg, o->name, n) != 0 || !(is_long ? arg[n] == '=' : o->arg != NULL))
        return false;
    *value = arg + n + is_long;
    return true;
}

/* The option that arg names: the verb's own, else any verb's. */
static const Option *find_option(const Verb *verb, const char *arg, const char **value)
{
    for (int own = 1; own >= 0; own--)
        for (int i = 0; i < OPTIONS; i++)
            if ((!own || takes(verb, &options[i])) && is_option(&options[i], arg, value))
                return &options[i];
    return NULL;
}

static int unknown_option(Cli *cli, const char *arg)
{
    const char *names[OPTIONS];
    for (int i = 0; i < OPTIONS; i++)
        names[i] = takes(cli->verb, &options[i]) ? options[i].name : NULL;
    const char *word = arena_printf(cli->compile.arena, "%.*s", (int)strcspn(arg, "="), arg);
    const char *near = word_near(word, names, OPTIONS);
    if (!near && word[1] != '-') /* -json */
        near = word_near(arena_printf(cli->compile.arena, "-%s", word), names, OPTIONS);
    if (near)
        return cli_usage(cli, "there is no option '%s', did you mean '%s'?", shown(cli, arg), near);
    return cli_usage(cli, "there is no option '%s'", shown(cli, arg));
}

static const char *name_of(const Verb *v)
{
    return *v->name ? v->name : "the build";
}

static int foreign_option(Cli *cli, const Option *o)
{
    const char *others = "";
    for (const Verb *v = verbs; v->name; v++)
        if (takes(v, o))
            others = arena_printf(cli->compile.arena, "%s%s%s", others, *others ? ", " : "", name_of(v));
    return cli_usage(cli, "'%s' is no option of %s: it belongs to %s", o->name, name_of(cli->verb), others);
}

/* ---- keeping what was said ----------------------------------------------------------------------------------- */

/* Which of the words in o->arg ("=a|b") value is. */
static int set_choice(Cli *cli, const Option *o, const char *value)
{
    const char *word[WORDS_MAX], *list = o->arg + 1;
    int n = 0;
    for (const char *at = list; *at; at += *at == '|') {
        size_t length = strcspn(at, "|");
        word[n] = arena_printf(cli->compile.arena, "%.*s", (int)length, at);
        at += length;
        if (strcmp(word[n], value) == 0) {
            *(int *)(void *)((char *)cli + o->at) = n;
            return EXIT_OK;
        }
        n++;
    }
    const char *near = word_near(value, word, (size_t)n);
    if (near)
        return cli_usage(cli, "%s takes %s, not '%s', did you mean '%s'?", o->name, list, shown(cli, value), near);
    return cli_usage(cli, "%s takes %s, not '%s'", o->name, list, shown(cli, value));
}

static int set_warning(Cli *cli, const char *value)
{
    static const char *const names[] = {
#define X(id, name, text) name,
        WARNINGS(X)
#undef X
        "all", "error",
    };
    if (diag_option(&cli->compile.diag, value))
        return EXIT_OK;
    bool off = strncmp(value, "no-", 3) == 0;
    const char *near = word_near(off ? value + 3 : value, names, sizeof names / sizeof *names);
    if (near)
        return cli_usage(cli, "there is no warning '-W%s', did you mean '-W%s%s'?", shown(cli, value),
                         off ? "no-" : "", near);
    return cli_usage(cli, "there is no warning '-W%s'", shown(cli, value));
}

/* Keeps one option. Returns EXIT_OK, or the status to end with. */
static int set_option(Cli *cli, const Option *o, const char *value)
{
    switch (o->kind) {
    case OPTION_TEXT:
        *(const char **)(void *)((char *)cli + o->at) = value;
        return EXIT_OK;
    case OPTION_FLAG:
        *(bool *)((char *)cli + o->at) = true;
        return EXIT_OK;
    case OPTION_CHOICE:
        return set_choice(cli, o, value);
    case OPTION_DEFINE: {
        const char *equals = strchr(value, '=');
        if (!equals || equals == value)
            return cli_usage(cli, "-D wants NAME=VALUE, not '%s'", shown(cli, value));
        const char *name = arena_printf(cli->compile.arena, "%.*s", (int)(equals - value), value);
        cli->defs[cli->ndefs++] = (ScriptDefine){name, equals + 1};
        return EXIT_OK;
    }
    case OPTION_WARNING:
        return set_warning(cli, value);
    case OPTION_HELP:
    case OPTION_VERSION:
        break;
    }
    return EXIT_OK;
}

/* A second word that is no option: two scripts, or a verb that there is not. */
static int second_word(Cli *cli, const char *first, const char *second)
{
    if (!*cli->verb->name && !strpbrk(first, "./") && access(first, F_OK) != 0)
        return cli_usage(cli, "there is no verb '%s'%s", shown(cli, first), near_verb(cli, first));
    return cli_usage(cli, "one %s at a time: '%s', and what is '%s'?", cli->verb->no_script ? "verb" : "script",
                     shown(cli, first), shown(cli, second));
}

/* ---- going through the arguments ----------------------------------------------------------------------------- */

typedef struct Walk {
    int argc, at;
    char **argv;
    bool only_names; /* after "--" */
} Walk;

typedef struct Arg {
    const char *text;
    bool is_option;
    const Option *option; /* NULL: a word, or an option that there is not */
    const char *value;    /* NULL: none given */
} Arg;

/* What can stand behind an option as its value: not another option (-o --json is a forgotten file), but numbers below
 * zero are (--label -1). */
static bool is_value(const char *text)
{
    return text[0] != '-' || !text[1] || (text[1] >= '0' && text[1] <= '9') || text[1] == '.';
}

/* The next argument, with its value. */
static bool next_arg(Walk *w, const Verb *verb, Arg *arg)
{
    if (w->at < w->argc && !w->only_names && strcmp(w->argv[w->at], "--") == 0) {
        w->only_names = true;
        w->at++;
    }
    if (w->at >= w->argc)
        return false;
    *arg = (Arg){.text = w->argv[w->at++]};
    arg->is_option = !w->only_names && arg->text[0] == '-' && arg->text[1];
    if (!arg->is_option)
        return true;
    arg->option = find_option(verb, arg->text, &arg->value);
    if (!arg->option || !arg->option->arg || arg->value || w->at == w->argc)
        return true;
    const char *next = w->argv[w->at];
    if (is_value(next)) {
        arg->value = next;
        w->at++;
    }
    return true;
}

static int read_arguments(Cli *cli, int argc, char **argv)
{
    Walk w = {.argc = argc, .argv = argv};
    bool verb_read = !*cli->verb->name;
    for (Arg arg; next_arg(&w, cli->verb, &arg);) {
        const Option *o = arg.option;
        int status = EXIT_OK;
        if (arg.is_option && !o)
            return unknown_option(cli, arg.text);
        if (!o && !verb_read) {
            verb_read = true;
        } else if (!o) {
            if (cli->compile.script && cli->verb->takes_data && !cli->learn.data) {
                cli->learn.data = arg.text;
                continue;
            }
            if (cli->compile.script)
                return second_word(cli, cli->compile.script, arg.text);
            if (!*arg.text)
                return cli_usage(cli, "the script's name is empty");
            cli->compile.script = arg.text;
        } else if (!takes(cli->verb, o)) {
            return foreign_option(cli, o);
        } else if (!o->arg && arg.value) {
            return cli_usage(cli, "'%s' takes no value", o->name);
        } else if (o->arg && (!arg.value || !*arg.value)) {
            return cli_usage(cli, "'%s' wants a value: %s%s", o->name, o->name, o->arg);
        } else {
            status = set_option(cli, o, arg.value);
        }
        if (status)
            return status;
    }
    return EXIT_OK;
}

/* The verb, wherever it stands among the options, and whether help or the version is asked for. */
static OptionKind first_look(Cli *cli, int argc, char **argv)
{
    Walk w = {.argc = argc, .argv = argv};
    OptionKind asked = OPTION_TEXT;
    bool word = false;
    for (Arg arg; next_arg(&w, cli->verb, &arg);) {
        if (arg.option && arg.option->kind >= OPTION_HELP && asked == OPTION_TEXT)
            asked = arg.option->kind;
        if (arg.is_option || word)
            continue;
        word = true;
        const Verb *verb = w.only_names ? NULL : find_verb(arg.text);
        cli->verb = verb ? verb : cli->verb;
    }
    return asked;
}

static int verb_help(Cli *cli)
{
    const char *name = cli->compile.script;
    const Verb *verb = name ? find_verb(name) : &verbs[0];
    if (name && strcmp(name, "build") == 0)
        verb = &verbs[0];
    if (!verb)
        return cli_usage(cli, "there is no verb '%s'%s", shown(cli, name), near_verb(cli, name));
    return print_help(cli, verb);
}

static int run(Cli *cli, int argc, char **argv)
{
    OptionKind asked = first_look(cli, argc, argv);
    if (asked == OPTION_HELP)
        return print_help(cli, cli->verb);
    if (asked == OPTION_VERSION) {
        puts("mlpc " MLPC_VERSION);
        return cli_flush_stdout(cli);
    }
    int status = read_arguments(cli, argc, argv);
    if (status)
        return status;
    Compile *c = &cli->compile;
    if (!c->script && !cli->verb->no_script)
        return cli_usage(cli, "no script: mlpc %s", cli->verb->usage);
    if (c->script && !*cli->verb->name && !strpbrk(c->script, "./-") && access(c->script, F_OK) != 0 &&
        *near_verb(cli, c->script))
        return cli_usage(cli, "there is no script or verb '%s'%s", shown(cli, c->script), near_verb(cli, c->script));
    if (c->script && strcmp(c->script, "-") == 0 && c->weights && strcmp(c->weights, "-") == 0)
        return cli_usage(cli, "the script and the weights cannot both be standard input");
    c->defs = cli->defs;
    c->ndefs = cli->ndefs;
    c->target = (Target)cli->target;
    c->weights_as_file = cli->weights_as != 0;
    c->storage = (Storage)cli->weights_type;
    return cli->verb->run(cli);
}

/* A standard stream that was closed would be the next file that is opened. Its place is taken, opened the wrong way
 * round, so that using it is the error that it should be. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
}

/* A page that the system has just handed out costs as much as compiling a layer. So what was freed stays ours, up to a
 * limit, for the next net. */
static void keep_memory(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

int cli_run(int argc, char **argv)
{
    hold_standard_streams();
    keep_memory();
    Cli cli = {.verb = &verbs[0], .dump = -1, .format = -1};
    compile_begin(&cli.compile);
    cli.defs = ARENA_ARRAY(cli.compile.arena, (size_t)argc + 1, ScriptDefine);
    char repl[] = "repl";
    if (argc > 1 && strcmp(argv[1], "-i") == 0) /* as in Lua: mlpc -i [NET.lua] */
        argv[1] = repl;
    int status = run(&cli, argc - (argc > 0), argv + (argc > 0));
    diag_flush(&cli.compile.diag, stderr);
    compile_end(&cli.compile);
    return status;
}
