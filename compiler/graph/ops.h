/* ops.h: the one table of operators. What an op is called, computes, costs and looks like in C stands in ops.c. */
#ifndef MLPC_OPS_H
#define MLPC_OPS_H

#include <stdbool.h>

struct Node;

typedef enum Op {
    OP_INPUT,
    OP_DENSE,
    OP_BATCHNORM,
    OP_LAYERNORM,
    OP_DROPOUT,
    OP_AFFINE,
    OP_RELU,
    OP_LEAKY_RELU,
    OP_PRELU,
    OP_ELU,
    OP_SELU,
    OP_GELU,
    OP_SILU,
    OP_SIGMOID,
    OP_TANH,
    OP_HARD_SIGMOID,
    OP_HARD_TANH,
    OP_SOFTPLUS,
    OP_SOFTSIGN,
    OP_SIGN,
    OP_EXP,
    OP_SOFTMAX,
    OP_LOG_SOFTMAX,
    OP_MUL,
    OP_ADD,
    OP_SUB,
    OP_CONCAT,
    OP_SLICE,
    OP_COUNT
} Op;

typedef enum OpKind {
    KIND_SOURCE,  /* a value from outside */
    KIND_DENSE,   /* matrix times row */
    KIND_ELEMENT, /* one input, each feature by itself: can ride in another op's store */
    KIND_ROW,     /* one input, a feature needs the whole row */
    KIND_JOIN,    /* two inputs of one width, element by element */
    KIND_SHAPE    /* moves features, computes nothing */
} OpKind;

typedef struct OpInfo {
    const char *name; /* as scripts, messages and the text form write it */
    OpKind kind;
    int nattr;
    struct OpAttr {
        const char *name;
        double standard, low, high; /* the default and the allowed range, ends included */
    } attr[2];
    bool linear;     /* a linear (affine) map of its input */
    bool saturating; /* flat outside about -2..2 */
    /* KIND_ELEMENT: value and derivative of one feature (j-th) in double precision; y is the value already computed. */
    double (*value)(const struct Node *n, int j, double x);
    double (*slope)(const struct Node *n, int j, double x, double y);
    /* All others: one row. in[i] is input i's row, out the node's. */
    void (*row)(const struct Node *n, const double *const *in, double *out);
    /* KIND_ELEMENT and KIND_JOIN: C text over vectors. %x the value (first operand), %b the second operand, %0 %1 the
     * attributes, %p %s %t one vector of the node's weight, scale, shift. KIND_ROW: name of the row function. */
    const char *c;
    const char *snippets; /* what of runtime/vmath.h or kernel.h the text calls, separated by spaces */
    double flops;         /* a feature, an estimate in the manner of "one division counts one" */
    const char *doc;      /* one line for the manual: the formula */
} OpInfo;

extern const OpInfo op_info[OP_COUNT];

/* The op called `name` in scripts, or OP_COUNT. */
Op op_find(const char *name);

#endif
