/* run_script.h: runs a script given as text and keeps what was said about it. */
#ifndef RUN_SCRIPT_H
#define RUN_SCRIPT_H

#include "base/arena.h"
#include "base/diag.h"
#include "front/script.h"
#include "graph/graph.h"

typedef struct Run {
    Arena *arena;
    Diag diag;
    ScriptInfo info;
    Graph *graph;   /* NULL after errors */
    char *said;     /* all messages as main prints them */
    double seconds; /* of CPU time that it took */
} Run;

/* The script under the name "t.lua", with `-D` values as NAME=VALUE texts, NULL-terminated (NULL: none). Free with
 * run_end. */
Run run_text(const char *text, const char *const *defines);

/* The same for a file, and then graph_check if `check`. */
Run run_file(const char *path, bool check);
void run_end(Run *r);

/* Fails the cmocka test unless the text gives exactly these messages. */
void run_says(const char *text, const char *expected);

#endif
