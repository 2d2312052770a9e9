/* cli.h: one table of verbs, one table of options; --help is printed from them, the manual and the completion are
 * tested against them. */
#ifndef MLPC_CLI_H
#define MLPC_CLI_H

#include "compile.h"
#include "train/settings.h"

enum { EXIT_OK = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

/* What the command line said. Verbs read what concerns them. */
typedef struct Cli {
    Compile compile;
    const struct Verb *verb;
    const char *output, *header, *prefix;
    const char *command;    /* how to make the C again, where it was no command line that asked; NULL: this one */
    int target, weights_as, weights_type; /* which of the option's words */
    int dump;               /* a Stage, or -1 */
    bool single_header, dot, json, names; /* names: run --labels */
    int jit, format;        /* run: which of the words; format -1: not said */
    ScriptDefine *defs;
    int ndefs;
    TrainArgs learn;        /* train, eval */
} Cli;

typedef struct Verb {
    const char *name;    /* "" is the build */
    const char *usage;   /* after "mlpc " */
    const char *summary; /* one line */
    const char *options; /* names of the options it takes, separated by spaces */
    int (*run)(Cli *cli);
    bool no_script;  /* works without one */
    bool takes_data; /* a second word is --data */
} Verb;

extern const Verb verbs[]; /* ends with name NULL */

/* Runs the whole program: returns its exit status (0 fine, 1 the user's input is wrong, 2 usage). */
int cli_run(int argc, char **argv);

/* Reports "mlpc: error: TEXT (see mlpc VERB --help)". Returns EXIT_USAGE. */
int cli_usage(Cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints t to standard output and frees it. EXIT_OK, or EXIT_WRONG with the reason reported. */
int cli_print(Cli *cli, Text *t);

/* Ends what was printed to standard output: EXIT_OK, or EXIT_WRONG with the reason reported. */
int cli_flush_stdout(Cli *cli);

/* build.c: what -o asks for, into its files, or the C file alone as text. EXIT_OK or a status after a report; false likewise. */
int build_write(Cli *cli);
bool build_text(Cli *cli, Text *t);

/* build.c, show.c, reference.c, train.c, run.c, bench.c: the verbs. */
int verb_build(Cli *cli);
int verb_check(Cli *cli);
int verb_show(Cli *cli);
int verb_reference(Cli *cli);
int verb_train(Cli *cli);
int verb_eval(Cli *cli);
int verb_run(Cli *cli);
int verb_bench(Cli *cli);
int verb_repl(Cli *cli); /* repl/repl.c */

#endif
