/* cli.c: reads the command line by two tables, then runs a verb. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "version.h"

typedef struct Option {
    const char *name; /* "--by-order", "-o" */
    const char *arg;  /* what it takes, NULL: nothing */
    const char *help;
    char kind;        /* how it is kept: see set_option */
    size_t at;        /* where in Cli */
} Option;

#define TEXT(field) 't', offsetof(Cli, field)
#define FLAG(field) 'f', offsetof(Cli, field)

static const Option options[] = {
    {"-o", "FILE", "the C file to write, and its header beside it; - is standard output (no header)", TEXT(output)},
    {"--header", "FILE", "where the header goes, if not beside the C file", TEXT(header)},
    {"--single-header", NULL, "one header with the code behind #define NAME_IMPLEMENTATION", FLAG(single_header)},
    {"--prefix", "NAME", "of every name in the C, instead of the net's name", TEXT(prefix)},
    {"--target", "simd|portable", "vector code chosen by #if (simd, the default), or small plain loops (portable)", 'T', 0},
    {"--weights", "FILE", "safetensors with the parameters; none: leave them an argument of the C functions",
     TEXT(compile.weights)},
    {"--by-order", NULL, "bind weights by order and shape, whatever their names", FLAG(compile.by_order)},
    {"--weights-as", "table|file", "numbers in the C file (table), or in one raw file beside it (file)", 'A', 0},
    {"--train", NULL, "keep the parameters an argument even if there are weights", FLAG(compile.train)},
    {"-D", "NAME=VALUE", "sets a param() of the script", 'D', 0},
    {"-W", "NAME", "-Wno-NAME silences a warning, -Wno-all all, -Werror makes them errors", 'W', 0},
    {"-d", "STAGE", "prints the net after graph, fold, fuse or plan, and stops", TEXT(dump)},
    {"--dot", NULL, "the graph for Graphviz", FLAG(dot)},
    {"--json", NULL, "the table as JSON", FLAG(json)},
    {"--help", NULL, "this text", 'h', 0},
    {"--version", NULL, "the version", 'v', 0},
};

const Verb verbs[] = {
    {"", "NET.lua -o FILE.c [options]", "compiles a net to standalone C",
     "-o --header --single-header --prefix --target --weights --by-order --weights-as --train -D -W -d", verb_build},
    {"check", "check NET.lua [options]", "prints errors and warnings, nothing else", "-D -W --weights --by-order",
     verb_check},
    {"show", "show NET.lua [options]", "layers, shapes, parameters and cost as a table, as JSON or for Graphviz",
     "--dot --json --weights --by-order --weights-as --train --target -D -W", verb_show},
    {"reference", "reference NET.lua < IN.f32 > OUT.f64", "evaluates the net in double precision, slowly: the oracle of tests",
     "--weights --by-order -D -W", verb_reference},
    {0},
};

static int usage_error(const char *format, const char *what)
{
    fputs("mlpc: error: ", stderr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(stderr, format, what);
#pragma GCC diagnostic pop
    fputs(" (see mlpc --help)\n", stderr);
    return EXIT_USAGE;
}

static const Verb *find_verb(const char *name)
{
    for (const Verb *v = verbs; v->name; v++)
        if (*v->name && strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

static bool takes(const Verb *v, const char *option)
{
    size_t n = strlen(option);
    for (const char *at = v->options; (at = strstr(at, option)) != NULL; at += n)
        if ((at == v->options || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return strcmp(option, "--help") == 0 || strcmp(option, "--version") == 0;
}

static void print_option(const Option *o)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", o->name, !o->arg ? "" : o->name[1] == '-' || o->arg[0] == 'F' ? " " : "",
             o->arg ? o->arg : "");
    printf("  %-26s %s\n", left, o->help);
}

static int help(const Verb *verb, bool all)
{
    if (all) {
        puts("mlpc compiles multilayer perceptrons, written as Lua scripts, to standalone C.\n");
        for (const Verb *v = verbs; v->name; v++)
            printf("  mlpc %-34s %s\n", v->usage, v->summary);
        puts("\nOptions of the first form:");
    } else {
        printf("mlpc %s\n%s\n\n", verb->usage, verb->summary);
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (takes(verb, options[i].name))
            print_option(&options[i]);
    if (all) {
        puts("\nWarnings:");
#define X(id, name, text) printf("  %-26s %s\n", name, text);
        WARNINGS(X)
#undef X
        puts("\nmlpc VERB --help tells about a verb. Exit status: 0 fine, 1 the input is wrong, 2 wrong usage.");
    }
    return EXIT_OK;
}

/* Keeps one option. Returns EXIT_OK, or the status to end with. */
static int set_option(Cli *cli, const Option *o, const char *value)
{
    switch (o->kind) {
    case 't':
        *(const char **)(void *)((char *)cli + o->at) = value;
        return EXIT_OK;
    case 'f':
        *(bool *)((char *)cli + o->at) = true;
        return EXIT_OK;
    case 'T':
        if (strcmp(value, "portable") && strcmp(value, "simd"))
            return usage_error("--target is simd or portable, not '%s'", value);
        cli->compile.target = *value == 'p' ? TARGET_PORTABLE : TARGET_SIMD;
        return EXIT_OK;
    case 'A':
        if (strcmp(value, "table") && strcmp(value, "file"))
            return usage_error("--weights-as is table or file, not '%s'", value);
        cli->compile.weights_as_file = *value == 'f';
        return EXIT_OK;
    case 'D': {
        const char *equals = strchr(value, '=');
        if (!equals || equals == value)
            return usage_error("-D wants NAME=VALUE, not '%s'", value);
        cli->defs[cli->ndefs++] = (ScriptDefine){
            arena_printf(cli->compile.arena, "%.*s", (int)(equals - value), value), equals + 1};
        return EXIT_OK;
    }
    case 'W':
        if (!diag_option(&cli->compile.diag, value))
            return usage_error("there is no warning -W%s", value);
        return EXIT_OK;
    default:
        return EXIT_OK;
    }
}

/* The option that arg names ("-o", "--x", "--x=v", "-Dn=v", "-Wx"); *value: what is joined to it, or NULL. */
static const Option *find_option(const char *arg, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const Option *o = &options[i];
        size_t n = strlen(o->name);
        if (strcmp(arg, o->name) == 0)
            return o;
        if (strncmp(arg, o->name, n) == 0 && o->arg && (o->name[1] != '-' || arg[n] == '=')) {
            *value = arg + n + (o->name[1] == '-');
            return o;
        }
    }
    return NULL;
}

static int read_arguments(Cli *cli, const Verb *v, int argc, char **argv)
{
    bool only_names = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i], *value;
        if (!only_names && strcmp(arg, "--") == 0) {
            only_names = true;
            continue;
        }
        if (only_names || arg[0] != '-' || !arg[1]) {
            if (cli->compile.script)
                return usage_error("one script at a time: what is '%s'?", arg);
            cli->compile.script = arg;
            continue;
        }
        const Option *o = find_option(arg, &value);
        if (!o)
            return usage_error("there is no option '%s'", arg);
        if (!takes(v, o->name))
            return usage_error(*v->name ? "'%s' is not an option of this verb" : "'%s' is not an option of the build", arg);
        if (o->arg && !value) {
            if (i + 1 == argc)
                return usage_error("'%s' wants a value", arg);
            value = argv[++i];
        }
        int status = set_option(cli, o, value);
        if (status)
            return status;
    }
    return EXIT_OK;
}

static bool has(int argc, char **argv, const char *option)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

int cli_run(int argc, char **argv)
{
    if (argc < 2) {
        fputs("mlpc: error: no script (see mlpc --help)\n", stderr);
        return EXIT_USAGE;
    }
    const Verb *verb = find_verb(argv[1]);
    int skip = verb ? 2 : 1;
    if (has(argc - skip, argv + skip, "--help"))
        return help(verb ? verb : &verbs[0], !verb);
    if (has(argc - skip, argv + skip, "--version")) {
        puts("mlpc " MLPC_VERSION);
        return EXIT_OK;
    }
    if (!verb)
        verb = &verbs[0];
    Cli cli = {.verb = verb->name};
    compile_begin(&cli.compile);
    cli.defs = ARENA_ARRAY(cli.compile.arena, (size_t)argc, ScriptDefine);
    int status = read_arguments(&cli, verb, argc - skip, argv + skip);
    if (!status && !cli.compile.script)
        status = usage_error("mlpc %s needs a script", verb->name);
    if (!status) {
        cli.compile.defs = cli.defs;
        cli.compile.ndefs = cli.ndefs;
        status = verb->run(&cli);
    }
    diag_flush(&cli.compile.diag, stderr);
    compile_end(&cli.compile);
    return status;
}
