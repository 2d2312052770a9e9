/* emit_step.h: one step of a plan as the C call that does it. For emit.c and emit_train.c alone. */
#ifndef MLPC_EMIT_STEP_H
#define MLPC_EMIT_STEP_H

#include "back/code.h"
#include "back/emit.h"
#include "back/plan.h"

typedef struct Named {
    struct Named *next;
    Epilogue epi;
} Named;

typedef struct Emit {
    const Plan *p;
    const EmitOptions *o;
    const Graph *g;
    Code c;
    bool block; /* the functions take the block of numbers as their first argument, p */
    bool learns; /* gradients may be steps of the optimiser at once, where there is a rule */
    bool *takes_block; /* by step: its function does */
    Named *epilogues;  /* made so far */
} Emit;

/* What a call of a step is made of: the number of samples, operands and result, as C. */
typedef struct Operands {
    const char *n;
    const char *in[NODE_IN_MAX];
    const char *out;
} Operands;

bool emit_portable(const Emit *e);

/* A float literal. Arena text. */
const char *emit_literal(Emit *e, double v);

/* Where a table begins, as C: its own name, or an offset in the block p. Arena text, in our names. */
const char *emit_table_at(Emit *e, const Table *t);

/* "dense1 (batchnorm1 folded in) + relu1" */
const char *emit_title(Emit *e, const Node *n);

/* path without its folder */
const char *emit_base_name(const char *path);

/* The statement that does step s, without indentation and newline, in our names (for code_text). *takes_block: whether it
 * reads the block p. */
const char *emit_call(Emit *e, const Step *s, const Operands *o, bool *takes_block);

/* emit_train.c: the functions init, grad and step, printed into the body and into *out; their declarations. */
void emit_training(Emit *e, Text *out);
void emit_training_declarations(Emit *e, Text *t);

/* emit.c: the names and widths of inputs as the prototypes have them. */
const char *emit_input_name(const Emit *e, int i);

/* What a parameter or variable of ours is called beside the inputs: "step", or "step_" where an input has that name. */
const char *emit_own_name(const Emit *e, const char *name);

#endif
