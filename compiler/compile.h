/* compile.h: the pipeline as one function; the command line (and later the REPL) fill in a Compile and call it. */
#ifndef MLPC_COMPILE_H
#define MLPC_COMPILE_H

#include "back/plan.h"
#include "base/diag.h"
#include "base/text.h"
#include "front/script.h"
#include "graph/graph.h"

/* How far to go. */
typedef enum Stage {
    STAGE_GRAPH, /* script read, weights bound, checked */
    STAGE_GRAD,  /* backward nodes added; only when it is the last */
    STAGE_FOLD,  /* constant work done */
    STAGE_FUSE,  /* element-wise work in the stores */
    STAGE_PLAN,  /* everything decided */
    STAGE_COUNT
} Stage;

/* One compile: what is asked for, and what came of it. */
typedef struct Compile {
    /* asked */
    const char *script;      /* path, "-" for standard input */
    const ScriptDefine *defs;
    int ndefs;
    const char *weights;     /* path; NULL: the file beside the script if there is one; "none": no weights */
    bool by_order;
    bool train;              /* the parameters stay an argument, whatever weights there are */
    bool weights_as_file;
    Target target;
    Storage storage;         /* of the weights of dense layers, where they are tables */
    const char *calibrate;   /* data to tell by what that changes; NULL: none */
    /* made */
    Arena *arena;
    Diag diag;
    ScriptInfo info;
    Graph *graph;            /* rewritten stage by stage */
    const char *weights_used; /* path, or NULL */
    WeightsAs as;
    Stage next;              /* the first that did not run yet */
    Plan *plan, *learning;   /* learning becomes plan->train */
} Compile;

/* A Compile with defaults and an arena of its own; the caller sets what it asks for, and ends with compile_end. */
void compile_begin(Compile *c);
void compile_end(Compile *c);

/* Runs the stages up to and with `last` that did not run yet: a later call goes on. false: errors, in c->diag; the
 * Compile is then at its end. */
bool compile_run(Compile *c, Stage last);

/* The form of the graph (or plan) after `stage` as text: what -d graph|grad|fold|fuse|plan prints. */
void compile_print(const Compile *c, Stage stage, FILE *out);

#endif
