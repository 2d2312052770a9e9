/* jit.h: Plan -> C text of calls -> machine code in memory, by libtcc. The other way out of plan, beside
 * emit.h.
 *
 * Same plan, same tables, same order of sums as the generated file, but each step is a call of a kernel of
 * the runtime (runtime/kernels.h), since libtcc does not vectorise; steps so small that a call costs more
 * than the work are straight lines of scalar C. The text has no #include, and libtcc needs no file of its
 * own to compile it. */
#ifndef MLPC_JIT_H
#define MLPC_JIT_H

#include "back/plan.h"
#include "base/diag.h"
#include "base/text.h"
#include "kernels.h"

/* ---- any text -------------------------------------------------------------------------------------------- */

/* Machine code in memory of its own. */
typedef struct JitCode JitCode;

/* A function of a text: its name, and its address once the text is compiled. The list ends with name NULL. */
typedef struct JitFunction {
    const char *name;
    void *address;
} JitFunction;

/* Compiles C text (no #include) in which the `count` symbols may be used; text must declare what it uses of
 * them. The addresses must live as long as the code runs. Fills in the addresses of `functions`, which may
 * not be static. NULL: reported to d, at the place that the text's #line says. Any thread: libtcc works on
 * one text at a time, so threads wait for each other here. */
JitCode *jit_code(const char *text, const mlp_symbol *symbols, int count, JitFunction *functions, Diag *d);

/* Frees the code; nobody may be running it. NULL is allowed. */
void jit_code_free(JitCode *code);

/* ---- text of a plan -------------------------------------------------------------------------------------- */

/* What a plan's functions are called with. n samples, row by row; p: the block of parameters (Plan.numbers
 * floats, best aligned to 64 bytes; NULL when that is 0), in and out: a pointer for each input in order of
 * creation and for each output in order of name, scratch: JitText.scratch floats, aligned to 64 bytes, of
 * this call alone. Inputs and outputs must not overlap. */
typedef void JitNet(const float *p, size_t n, const float *const *in, float *const *out, float *scratch);

/* What the function of a plan that learns is called with. n samples (at least 1), row by row; p as above; in: a pointer
 * for each input, each target and the samples' weights (NULL: all alike; not looked at where the graph has none); g: the
 * gradient, Plan.trained floats, and behind it the running statistics, which the call moves; scratch: JitText.scratch +
 * n * JitText.sample floats, aligned to 64 bytes; *loss is added to. share: 1 / n. seed, step: of dropout. rule: an mlp_rule
 * over the same p and g (Plan.learns), by which p changes at once unless the loss is not finite; g is no gradient then. NULL:
 * p stays. */
typedef void JitGrad(const float *p, size_t n, const float *const *in, float *g, float *scratch, double *loss, float share,
                     uint64_t seed, uint64_t step, const void *rule);

/* The C text of a plan and what goes with it; lives in the arena. */
typedef struct JitText {
    const char *text;          /* defines JitNet mlp_net, or JitGrad mlp_grad */
    mlp_symbol *symbol;        /* what it uses */
    int nsymbol;
    size_t scratch;    /* floats */
    size_t sample;     /* further floats for each sample, where a batch is taken whole */
    size_t rows;       /* samples worked on at a time */
} JitText;

/* Prints the text of a plan (TARGET_SIMD), of inference or of a graph that learns, for the kernels k. constants: Plan.constants floats,
 * aligned to 64 bytes, where the baked tables will be as long as the code runs: their addresses stand in the
 * text. */
JitText jit_text(const Plan *p, const mlp_kernels *k, const float *constants, Arena *a);

/* Fills constants[0..Plan.constants) with the baked tables. */
void jit_constants(const Plan *p, const mlp_kernels *k, float *constants);

/* ---- all of it ------------------------------------------------------------------------------------------- */

/* A net that runs. Constant once made: any number of threads may run it at once, each with its own scratch. */
typedef struct Jit {
    JitNet *net;   /* of a graph that learns: NULL */
    JitGrad *grad; /* of one that does not: NULL */
    float *constants; /* the baked tables, its own copy: the plan and its graph may go */
    size_t scratch, sample; /* floats, see JitText */
    const mlp_kernels *kernels;
    JitCode *code;
} Jit;

/* Text, code and constants of a plan, for the best kernels of this machine (or k). With
 * WEIGHTS_BAKED all the numbers are constants, and p is not looked at. NULL: reported to d. Any thread, as
 * long as no two share a graph. */
Jit *jit_compile(const Plan *p, Diag *d);
Jit *jit_compile_for(const Plan *p, const mlp_kernels *k, Diag *d);

/* Frees the code and the constants; nobody may be running it. NULL is allowed. */
void jit_free(Jit *j);

/* Scratch for one call at a time, of up to n samples where a batch is taken whole, aligned; the caller frees it with
 * free(). Never NULL. */
float *jit_scratch(const Jit *j);
float *jit_scratch_for(const Jit *j, size_t n);

/* Runs n samples: see JitNet. */
static inline void jit_run(const Jit *j, const float *p, size_t n, const float *const *in, float *const *out,
                           float *scratch)
{
    j->net(p, n, in, out, scratch);
}

#endif
