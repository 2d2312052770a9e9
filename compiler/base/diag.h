/* diag.h: the one error path. Stages report here; main prints and chooses the exit status. */
#ifndef MLPC_DIAG_H
#define MLPC_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

/* Where in a script something was written. file is arena text; line 0 means the file as a whole; file NULL: nowhere. */
typedef struct Pos {
    const char *file;
    int line;
} Pos;

/* Every warning, its name on the command line (-Wno-NAME) and the lesson behind it, for --help and the manual. */
#define WARNINGS(X)                                                                                                    \
    X(LINEAR_STACK, "linear-stack", "dense layers with no activation between them are one linear map")                \
    X(RANK_BOTTLENECK, "rank-bottleneck", "a narrow layer in a linear stack bounds the rank of the map")              \
    X(SATURATING_DEPTH, "saturating-depth", "four or more sigmoid or tanh layers in a row: gradients vanish")         \
    X(LOSS_MISMATCH, "loss-mismatch", "the loss does not fit the output activation")                                  \
    X(SOFTMAX_MSE, "softmax-mse", "softmax trained by squared error learns slowly")                                   \
    X(WAIST_OF_ONE, "waist-of-one", "a hidden layer of one unit passes one number on")                                \
    X(UNUSED, "unused", "a tensor or input that no output depends on")                                                \
    X(SIGN_UNTRAINABLE, "sign-untrainable", "sign has a zero gradient: nothing before it learns")                     \
    X(SOFTMAX_OF_ONE, "softmax-of-one", "softmax of one feature is always 1")                                         \
    X(CPP_NAME, "cpp-name", "a net named like an operator of C++ (xor) gives code for C only")                        \
    X(EXTRA_WEIGHTS, "extra-weights", "the weights file holds a tensor that the net does not use")

typedef enum Warning {
#define X(id, name, text) WARN_##id,
    WARNINGS(X)
#undef X
    WARN_COUNT
} Warning;

/* The diagnostics of one compile. Errors and warnings are kept in order and printed by diag_flush. */
typedef struct Diag {
    Arena *arena;
    struct DiagItem *first, *last;
    int errors, warnings;
    bool silenced[WARN_COUNT]; /* -Wno-x */
    bool warnings_are_errors;  /* -Werror */
} Diag;

void diag_init(Diag *d, Arena *arena);

/* Turns "no-linear-stack", "linear-stack", "error" or "no-all" (the text after -W) into settings; false: no such name. */
bool diag_option(Diag *d, const char *text);

/* The user's mistake at pos: "file:line: error: TEXT". Always returns false, so a stage can `return diag_error(...)`. */
bool diag_error(Diag *d, Pos pos, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A warning, with its name appended in brackets; counted as an error under -Werror; dropped when silenced. */
void diag_warn(Diag *d, Warning w, Pos pos, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Something worth telling that is not a complaint: "file:line: note: TEXT". */
void diag_note(Diag *d, Pos pos, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Hands out what was not yet printed, in order, instead of printing it: kind is "error", "warning" or "note". */
void diag_each(Diag *d, void (*take)(void *context, const char *kind, Pos pos, const char *text), void *context);

/* Prints what was not yet printed, in order, to `out` (stderr, or a test's memory stream). */
void diag_flush(Diag *d, FILE *out);

/* Our own mistake or a machine that gave up (no memory): prints "mlpc: internal error" style text and exits 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
