/* cli.h: one table of verbs, one table of options; --help, the manual and the completion are printed from them. */
#ifndef MLPC_CLI_H
#define MLPC_CLI_H

#include "compile.h"

enum { EXIT_OK = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

/* What the command line said. Verbs read what concerns them. */
typedef struct Cli {
    Compile compile;
    const char *verb;
    const char *output, *header, *prefix, *dump, *warning;
    bool single_header, dot, json;
    ScriptDefine *defs;
    int ndefs;
} Cli;

typedef struct Verb {
    const char *name;    /* "" is the build */
    const char *usage;   /* after "mlpc " */
    const char *summary; /* one line */
    const char *options; /* names of the options it takes, separated by spaces */
    int (*run)(Cli *cli);
} Verb;

extern const Verb verbs[]; /* ends with name NULL */

/* Runs the whole program: returns its exit status (0 fine, 1 the user's input is wrong, 2 usage). */
int cli_run(int argc, char **argv);

/* Ends what was printed to standard output: EXIT_OK, or EXIT_WRONG with the reason reported. */
int cli_flush_stdout(Cli *cli);

/* build.c, show.c: the verbs. */
int verb_build(Cli *cli);
int verb_check(Cli *cli);
int verb_show(Cli *cli);
int verb_reference(Cli *cli);

#endif
