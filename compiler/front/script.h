/* script.h: a net's Lua script -> Graph. The first stage of the flow; its mistakes are reported with file and line. */
#ifndef MLPC_SCRIPT_H
#define MLPC_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "graph/graph.h"

/* One -D name=value from the command line; both texts outlive the call. Of two with one name the last counts. */
typedef struct ScriptDefine {
    const char *name, *value;
} ScriptDefine;

/* One param(name, default) that the script asked for. Numbers and booleans are written as Lua writes them. */
typedef struct ScriptParam {
    const char *name, *standard, *value; /* standard: the script's default; value: what it got */
    bool given;                          /* by -D */
    Pos pos;
} ScriptParam;

/* What a run told besides the graph; all of it arena text. Filled in as far as the script came, also after errors. */
typedef struct ScriptInfo {
    ScriptParam *param; /* in order of first use */
    int nparam;
    const char **file; /* the script, then what it required, in order: what a build depends on */
    int nfile;
} ScriptInfo;

/* Limits that end any script within 2 s and 512 MB. Reaching one is an error that pcall cannot catch. */
enum {
    SCRIPT_BYTES_MAX = 4 << 20,    /* one file, and one string inside a script */
    SCRIPT_MEMORY_MAX = 256 << 20, /* everything the script holds, nodes included */
    SCRIPT_STEPS_MAX = 25000000,   /* instructions of the Lua machine */
    SCRIPT_MILLISECONDS_MAX = 600, /* of CPU time: holds where single instructions are slow; half on a busy machine */
    SCRIPT_NODES_MAX = 20000,
    SCRIPT_ERRORS_MAX = 20 /* reported before giving up */
};

/* Runs the script at `path` ("-": standard input) in a fresh sandbox and returns the one net that it returned, complete
 * but not yet checked as a whole (graph_check), nodes that nothing uses still in it. NULL after errors, all reported to
 * d. info may be NULL. The graph and every text live in the arena. Any thread; no state is kept between calls. */
Graph *script_load(Arena *a, Diag *d, const char *path, const ScriptDefine *defs, int ndefs, ScriptInfo *info);

/* The same for text at hand. `name` stands in messages; its folder is where `require` looks. */
Graph *script_load_text(Arena *a, Diag *d, const char *name, const char *text, size_t size, const ScriptDefine *defs,
                        int ndefs, ScriptInfo *info);

#endif
