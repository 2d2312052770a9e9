/* graph.h: the one noun. Front ends build a Graph, passes rewrite it, plan reads it. Known by everything in compiler/. */
#ifndef MLPC_GRAPH_H
#define MLPC_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "graph/ops.h"
#include "graph/storage.h"

enum { WIDTH_MAX = 1 << 20, NODES_MAX = 1 << 20, NODE_IN_MAX = 4 };

/* What a parameter is to its node, in the order in which PyTorch keeps them. */
typedef enum Role { ROLE_WEIGHT, ROLE_BIAS, ROLE_RUNNING_MEAN, ROLE_RUNNING_VAR, ROLE_COUNT } Role;

/* A named tensor of the net. A vector has cols == 1 and ndim == 1; a dense weight is [rows = out][cols = in]. */
typedef struct Param {
    const char *name; /* "dense1.weight", the name in weights files */
    Role role;
    int id;   /* place in order of creation */
    int ndim, rows, cols;
    bool trained; /* false: a running statistic, kept in weights files but without a gradient */
    const float *value; /* rows * cols floats, NULL while no weights are bound */
    const double *exact; /* instead of value for the reference evaluators: after pass_narrow, or when a test sets it */
    Storage storage;     /* of dense weights, after pass_narrow: how the C keeps them */
    const int *code;     /* and what it keeps, rows * cols; F32: NULL */
    const float *scale;  /* and where codes are not the weights, what each output's (rows) are multiplied by; else NULL */
} Param;

/* How dense weights start: uniform in +-bound, the bound worked out from fan-in and fan-out. */
typedef enum Init { INIT_HE, INIT_GLOROT, INIT_LECUN, INIT_TORCH, INIT_ZERO } Init;

/* One operation on whole rows (the batch is implicit). */
typedef struct Node {
    Op op;
    int id;    /* index in graph->node: inputs of a node always stand before it */
    int width; /* features of one sample that come out */
    int nin;
    struct Node *in[NODE_IN_MAX];
    double attr[2];            /* the op's numbers, as its row in ops.c names them */
    Param *param[ROLE_COUNT];  /* by role, NULL where the op has none; of backward nodes: those of the layer, to read */
    Param *grad[ROLE_COUNT];   /* training: whose gradients (of running statistics: whose new values) this node sums */
    Op of;                     /* act_back: the op whose slope it is; attr, param and shared are that one's */
    int stream;                /* dropout_train: the number of the dropout, for its random numbers */
    const double *scale, *shift; /* affine: one per feature */
    Init init;                 /* dense */
    bool named;                /* the script gave the name */
    bool shared;               /* prelu: one slope for all features */
    const char *name;          /* "dense1"; unique in the graph */
    Pos pos;                   /* the script line that made it */
    struct Node **epi;         /* element-wise nodes fused behind this one, in order (pass/fuse.c) */
    int nepi;
    const char *history;       /* what passes did here, for the report: "batchnorm1 folded in"; NULL: nothing */
} Node;

typedef struct Output {
    const char *name; /* "y" for a net with one unnamed output */
    Node *node;
} Output;

/* What the script says about training; meaning and defaults belong to training. Text is NULL and numbers NAN when unsaid. */
typedef struct TrainOpts {
    const char *loss, *optimizer, *schedule;
    double lr, momentum, beta1, beta2, eps, weight_decay, l1, l2, clip, delta, warmup, decay;
    double epochs, batch, seed, patience, threads;
    Pos loss_pos;
} TrainOpts;

/* Limits the script sets itself; 0: none. Exceeding one is an error of the check. */
typedef struct Budget {
    double flash, ram, macs; /* bytes, bytes, multiply-adds a sample */
    Pos pos;
} Budget;

typedef struct Graph {
    Arena *arena;
    const char *name; /* C identifier */
    const char *file; /* the script, as given */
    Pos pos;          /* of net(...) */
    Node **node;
    int nnode, node_cap;
    Node **input; /* in order of creation */
    int ninput, input_cap;
    Output *output; /* in order of name */
    int noutput;
    Param **param; /* in order of creation: the order of the flat block and of weights files */
    int nparam, param_cap, params_made;
    const char **label; /* class names, or NULL */
    int nlabel;
    TrainOpts train;
    Budget budget;
    Storage storage; /* what is asked for dense weights, for the budget; pass_narrow does it */
    /* After pass/grad.c. The loss is the sum of the losses (and of the penalties, which are nodes of the graph). */
    bool training;
    Node **target, **loss; /* both in order of output */
    int ntarget;
    Node *sample_weight;   /* NULL: all samples count alike */
    int count[OP_ALL]; /* nodes made so far of each op, for names */
    const char **note;   /* what passes did, for the report, one line each */
    int nnote, note_cap;
} Graph;

Graph *graph_new(Arena *arena, const char *file);

/* A graph of its own nodes over the same parameters and constants, in the same arena: what passes do to the nodes of
 * one does not show in the other. */
Graph *graph_copy(const Graph *g);

/* The same into another arena, with parameters of its own: binding values to them does not show in g. Constants, texts and
 * values that are bound stay g's, which must live as long. */
Graph *graph_copy_into(Arena *arena, const Graph *g);

/* Appends a node of `op` over `nin` inputs with the given width. name NULL: the op's name and its number ("relu2").
 * The caller has checked widths and attributes; see the builders below for checked forms. Never NULL. */
Node *graph_add(Graph *g, Op op, Pos pos, const char *name, int width, int nin, Node *const *in);

/* Appends a node that exists already and gives it its new id: for passes that lay out the list anew. */
void graph_put(Graph *g, Node *n);

/* Lists a node of the graph as its next input; graph_input does. */
void graph_put_input(Graph *g, Node *n);

/* Builders: each checks what it is given, reports to diag at pos and returns a usable node all the same, so that one
 * script shows all its errors. attr/params as DESIGN of each op says. */
Node *graph_input(Graph *g, Diag *d, Pos pos, double width, const char *name);
Node *graph_dense(Graph *g, Diag *d, Pos pos, Node *x, double width, bool bias, Init init, const char *name);
Node *graph_unary(Graph *g, Diag *d, Pos pos, Op op, Node *x, const double *attr, const char *name);
Node *graph_prelu(Graph *g, Diag *d, Pos pos, Node *x, bool shared, double a, const char *name);
Node *graph_join(Graph *g, Diag *d, Pos pos, Op op, Node *a, Node *b);
Node *graph_concat(Graph *g, Diag *d, Pos pos, Node *a, Node *b);
Node *graph_slice(Graph *g, Diag *d, Pos pos, Node *x, double i, double j); /* 1-based, inclusive, negative from the end */
/* nscale/nshift: 1 (the same for all) or x->width. */
Node *graph_affine(Graph *g, Diag *d, Pos pos, Node *x, const double *scale, int nscale, const double *shift, int nshift);

/* A parameter of `node`, appended to the graph's list. */
Param *graph_param(Graph *g, Node *node, Role role, int ndim, int rows, int cols);

/* Names the outputs (copied, sorted by name). */
void graph_outputs(Graph *g, const Output *out, int n);

/* How many times each node's value is read, by other nodes (in and operands of epi) and as an output; indexed by id. */
int *graph_uses(const Graph *g, Arena *scratch);

/* Drops nodes that no output, loss or gradient depends on (inputs stay), renumbers ids; drops parameters whose node is
 * gone. */
void graph_prune(Graph *g);

/* Remembers a line for the report. */
void graph_note(Graph *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parameters (trained or not) and multiply-adds of one sample, of a node or of the whole graph. */
size_t node_params(const Node *n);
size_t graph_params(const Graph *g);
double node_macs(const Node *n);
double node_flops(const Node *n);

/* What input i is called outside the script: in the C, in the columns of tables. One input without a name is x. */
const char *graph_input_name(const Graph *g, int i);

/* True when all parameters have values. A net without parameters is bound. */
bool graph_bound(const Graph *g);

static inline size_t param_count(const Param *p)
{
    return (size_t)p->rows * (size_t)p->cols;
}

/* Number k of a parameter that is bound, for the reference evaluators. */
static inline double param_at(const Param *p, size_t k)
{
    return p->exact ? p->exact[k] : (double)p->value[k];
}

/* Rows that the value of n has for a batch of `samples`: one each, one in all, or none. */
static inline size_t node_rows(const Node *n, size_t samples)
{
    OpKind kind = op_info[n->op].kind;
    return kind == KIND_SUM ? 0 : kind == KIND_STATS ? 1 : samples;
}

/* eval.c: the reference evaluator, double precision, naive; the oracle of every test. in[i] holds n rows of input i's
 * width, out[o] receives n rows of output o's width. false: a parameter has no value. Any thread, graph read only. */
bool graph_eval(const Graph *g, size_t n, const double *const *in, double *const *out);

/* A batch to learn from: n rows for each input and each target (graph->target), and n sample weights if the graph asks
 * for them; seed and step of dropout. */
typedef struct TrainBatch {
    size_t n;
    const double *const *in, *const *target;
    const double *weight;
    uint64_t seed, step;
} TrainBatch;

/* The same for a graph of pass_grad: the loss, penalties included, and where grad is not NULL in grad[i], for parameter
 * number i, rows * cols derivatives of the loss, or what the running statistics are after this batch. Forward values
 * are those of training, with batch statistics and dropout; graph_eval of such a graph still gives what it gave before
 * the pass. false: a parameter has no value, the graph has no loss, or n is 0. Any thread, graph read only. */
bool graph_eval_train(const Graph *g, const TrainBatch *b, double *loss, double *const *grad);

/* print.c */
void graph_print(const Graph *g, FILE *out); /* text form, one node a line: what -d graph|fold|fuse shows */
void graph_dot(const Graph *g, FILE *out);   /* Graphviz */

/* check.c: what can be said of the whole graph. Errors and warnings go to diag; false when there was an error. */
bool graph_check(const Graph *g, Diag *d);

#endif
