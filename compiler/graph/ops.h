/* ops.h: the one table of operators. What an op is called, computes, costs and looks like in C stands in ops.c. */
#ifndef MLPC_OPS_H
#define MLPC_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    OP_COUNT, /* so many a script can write; those that follow are made by pass/grad.c */
    OP_TARGET = OP_COUNT, /* from outside: what an output should have been */
    OP_SAMPLE_WEIGHT,     /* from outside: how much a sample counts */
    OP_CROSS_ENTROPY,     /* losses: the value is the gradient of what they read, the loss itself is summed */
    OP_BINARY_CROSS_ENTROPY,
    OP_BINARY_CROSS_ENTROPY_LOGITS,
    OP_MSE,
    OP_MAE,
    OP_HUBER,
    OP_PENALTY,
    OP_DENSE_BACK,
    OP_DENSE_GRAD,
    OP_ACT_BACK, /* of every element-wise op that has nothing better */
    OP_PRELU_GRAD,
    OP_SOFTMAX_BACK,
    OP_LOG_SOFTMAX_BACK,
    OP_LAYERNORM_BACK,
    OP_LAYERNORM_GRAD,
    OP_BATCHNORM_STATS,
    OP_BATCHNORM_TRAIN,
    OP_BATCHNORM_GRAD,
    OP_BATCHNORM_BACK,
    OP_DROPOUT_TRAIN, /* its own derivative: the same node over the gradient */
    OP_SLICE_BACK,
    OP_ALL
} Op;

typedef enum OpKind {
    KIND_SOURCE,  /* a value from outside */
    KIND_DENSE,   /* matrix times row */
    KIND_ELEMENT, /* one input, each feature by itself: can ride in another op's store */
    KIND_ROW,     /* one input, a feature needs the whole row */
    KIND_JOIN,    /* two inputs of one width, element by element */
    KIND_SHAPE,   /* moves features, computes nothing */
    /* Training only. Values are rows, one a sample, unless said otherwise. */
    KIND_LOSS,    /* reads a value, its target and perhaps the sample's weight; also adds to the batch's loss */
    KIND_MASK,    /* one input, element by element, by random numbers made from the place of the element */
    KIND_NORM,    /* element by element, some inputs being one row for the whole batch */
    KIND_SCATTER, /* adds a narrow input into a part of a wide one, or of zeros */
    KIND_STATS,   /* sums over the batch: its value is one row for the whole batch; also adds to gradients */
    KIND_SUM      /* adds to the gradients of its parameters and has no value */
} OpKind;

/* What the whole-batch functions of training are told besides their inputs. */
typedef struct Batch {
    size_t n;              /* samples */
    uint64_t seed, step;   /* of dropout: the run's seed, and the number of the optimiser's step */
    double *loss;          /* losses and penalties add to it */
    double *const *grad;   /* by id of the parameter: where its gradient, or its new value if it is a statistic, goes */
} Batch;

/* How far the running statistics of batch normalisation move towards those of a batch, as in PyTorch. */
#define BATCHNORM_MOMENTUM 0.1

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
    bool slope_of_y; /* the slope follows from y (if attribute a, where there is one, is not negative), else from x */
    /* KIND_ELEMENT: value and derivative of one feature (j-th) in double precision; y is the value. slope reads one of
     * x and y, as op_slope_reads_y says, and the other is NaN. */
    double (*value)(const struct Node *n, int j, double x);
    double (*slope)(const struct Node *n, int j, double x, double y);
    /* All others: one row. in[i] is input i's row, out the node's. */
    void (*row)(const struct Node *n, const double *const *in, double *out);
    /* Training, what row cannot do: all rows at once (one where an input or the node has but one). Those of the forward
     * part have value as well: what they do at inference. */
    void (*batch)(const struct Node *n, const Batch *b, const double *const *in, double *out);
    /* KIND_ELEMENT and KIND_JOIN: C text over vectors. %x the value (first operand), %b the second operand, %0 %1 the
     * attributes, %p %s %t one vector of the node's weight, scale, shift. KIND_ROW: name of the row function. */
    const char *c;
    const char *snippets; /* what of runtime/vmath.h or kernel.h the text calls, separated by spaces */
    const char *slope_c;  /* KIND_ELEMENT: C text of the slope; %b what it reads (x or y, see slope_of_y), %0 %p as above */
    const char *slope_snippets;
    double flops;         /* a feature, an estimate in the manner of "one division counts one" */
    const char *doc;      /* one line for the manual: the formula */
} OpInfo;

extern const OpInfo op_info[OP_ALL];

/* The op called `name` in scripts, or OP_COUNT. */
Op op_find(const char *name);

/* Whether the slope of an element-wise op with these attributes is told by its value y, which the next layer needs
 * anyway, rather than by its input x. */
bool op_slope_reads_y(Op op, const double *attr);

/* Whether dropout number `stream` of the net keeps feature `feature` of sample `sample` of the batch, both from 0, at
 * probability p of dropping. A counter-based hash, so that the backward pass finds the same mask without having kept
 * it; generated code makes the same one. With G = 0x9E3779B97F4A7C15 and the output function of SplitMix64 (G. L. Steele,
 * D. Lea, C. Flood, 2014)
 *     mix(z): z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9; z = (z ^ z >> 27) * 0x94D049BB133111EB; z ^ z >> 31     (64 bits)
 *     key     = mix((mix((mix(seed + G) ^ step) + G) ^ stream) + G)                        once a step and node
 *     row     = mix((key ^ sample) + G), a = its low 32 bits, b = its high 32 bits         once a sample
 *     v       = a + feature * 0x9E3779B9; v = (v ^ v >> 16) * 0x7FEB352D + b;                                 (32 bits)
 *               v = (v ^ v >> 15) * 0x846CA68B; v = v ^ v >> 16                            once a feature
 * (the constants of v are those of C. Wellons' hash "lowbias32"); keeps if (v >> 8) >= p * 2^24, rounded to nearest. */
bool dropout_keeps(uint64_t seed, uint64_t step, uint32_t stream, uint64_t sample, uint32_t feature, double p);

#endif
