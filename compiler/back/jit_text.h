/* jit_text.h: text of calls under construction: what jit_text.c (inference, and the steps that both have) and jit_train.c
 * share. For these two alone. */
#ifndef MLPC_JIT_TEXT_H
#define MLPC_JIT_TEXT_H

#include "back/jit.h"

typedef struct JitPrinter {
    const Plan *p;
    const mlp_kernels *kernels;
    const float *constants; /* where the baked tables are */
    Text body;
    bool used[MLP_KERNEL_COUNT];
    bool one;     /* printing the way of one sample, else the loop over m samples at a time */
    const size_t *slot_at; /* one: where in the scratch the buffers begin, the one beyond the plan's last */
    int spare;    /* one: the buffer beyond the plan's for a value on its way to an output; floats it needs */
    Pos at;       /* where libtcc believes the line that comes next to be */
} JitPrinter;

/* ---- jit_text.c: pieces of statements, all added to the body ------------------------------------------------ */

/* "h0+16"; "s+32" for a row that the whole batch has. */
void jit_add_place(JitPrinter *q, Place at);

/* Where a table begins, `skip` floats on; "0" for none. */
void jit_add_table(JitPrinter *q, const Table *t, int skip);
void jit_add_number(JitPrinter *q, double v);

/* The number of the kernel called mlp_NAME; dies if there is none. */
int jit_kernel(const char *name);

/* "mlp_tanh(", and "mlp_tanh(m,64," for samples of `width`. */
void jit_open_kernel(JitPrinter *q, int kernel);
void jit_open_call(JitPrinter *q, int kernel, int width);

/* Places as arguments, with their strides: "x0,640" and "x0,640,h0+16,128". */
void jit_add_rows(JitPrinter *q, Place at);
void jit_add_io(JitPrinter *q, Place x, Place y);

/* How far behind the kernel for one partial sum that for `split` of them is. */
int jit_split(int split);

/* A step as a line, at its place in the script. */
void jit_add_step(JitPrinter *q, const Step *s);

/* "x0+=m*784;" for every input, output and target. */
void jit_add_advance(JitPrinter *q);

/* The text: declarations of what the body uses, then head and body. Frees the body. */
void jit_finish(JitPrinter *q, JitText *made, const char *head, Arena *a);

/* ---- jit_train.c: what only training has -------------------------------------------------------------------- */

/* The statement of a step that only training has. */
void jit_add_train_step(JitPrinter *q, const Step *s);

/* The text of a plan that learns; see jit_text. */
JitText jit_train_text(const Plan *p, const mlp_kernels *k, const float *constants, Arena *a);

#endif
