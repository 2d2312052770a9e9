/* plan.h: Graph -> Plan, every decision of the generated code: steps, places, layouts, tiles, sizes. emit only prints. */
#ifndef MLPC_PLAN_H
#define MLPC_PLAN_H

#include "graph/graph.h"

/* Where the numbers of the net live. */
typedef enum WeightsAs {
    WEIGHTS_BAKED,    /* const tables in the C file */
    WEIGHTS_FILE,     /* one raw file, handed to the functions as a pointer */
    WEIGHTS_ARGUMENT  /* unbound: the caller's parameter block */
} WeightsAs;

typedef enum Target {
    TARGET_SIMD,    /* panels of 16 outputs, vector units by #if */
    TARGET_PORTABLE /* plain loops over rows of weights: smallest, for microcontrollers */
} Target;

/* Where a value lives (PLACE_FIXED: one row for the whole batch, at `offset` of the scratch): `stride` floats from sample to
 * sample, starting `offset` floats into the row. room: nothing lies behind it in the row, which has room for whole vectors. */
typedef struct Place {
    enum { PLACE_NONE, PLACE_INPUT, PLACE_OUTPUT, PLACE_SLOT, PLACE_TARGET, PLACE_SAMPLE_WEIGHT, PLACE_FIXED } where;
    int index, offset, stride;
    bool room;
} Place;

typedef enum Layout {
    LAYOUT_VECTOR, /* as it is */
    LAYOUT_ROWS,   /* [out][in] */
    LAYOUT_PANELS  /* [out / 16][in][16], then [in][out % 16], or [out % 16][in] when the tail uses dot products */
} Layout;

/* One table of numbers that the code reads. */
typedef struct Table {
    const char *name; /* "dense1_w" */
    const Param *param; /* whose values, or NULL for constants */
    const double *constant;
    Layout layout;
    int rows, cols;
    bool tail_dot;
    bool fresh;    /* training: its gradient is written by the first tile of a batch, and needs no zeros before */
    bool learnt;   /* training: by a step that learns */
    Storage storage; /* of each number; not F32: baked, in panels with PANEL zeros behind a tail */
    bool baked;    /* constants stay in the file even where parameters are an argument */
    size_t count;  /* numbers */
    size_t offset; /* in the block of numbers (WEIGHTS_FILE, WEIGHTS_ARGUMENT); baked: in the block of constants of a JIT */
} Table;

typedef enum StepKind { STEP_DENSE, STEP_MAP, STEP_JOIN, STEP_ROW, STEP_COPY, STEP_BACK, STEP_TRAIN } StepKind;

/* One call in the generated code. */
typedef struct Step {
    StepKind kind;
    const Node *node;
    Place in[NODE_IN_MAX], out;
    int width;        /* features written */
    int from;         /* STEP_COPY: the part of a concat that this copies */
    int panels, tail; /* dense: whole panels of 16 outputs, and outputs left over */
    int split;        /* dense: partial sums of the panels */
    int tail_split;   /* dense: of the tail */
    bool tail_dot;    /* dense: the tail by dot products */
    const Table *weight, *bias; /* dense; layernorm: weight, bias */
    const Table *scale; /* dense whose weights are scaled: scales and biases, instead of bias */
    bool adds;        /* dense_grad: another step has written the gradient before */
    int threes;       /* STEP_BACK: groups of three panels, whose weights are turned round at a time; the rest are the last */
    bool packs;       /* dense_grad: samples are packed, in the work space */
    bool learns;      /* dense_grad: nothing reads or writes these parameters later: sums may be a step of the optimiser at once */
} Step;

typedef struct Plan {
    const Graph *graph;
    WeightsAs as;
    Target target;
    Step *step;
    int nstep;
    int *slot; /* floats a sample of each buffer */
    int nslot;
    int rows;  /* samples that the batch function works on at a time; 0: any number, there is nothing to keep */
    bool scratch_argument; /* too large for the stack */
    int parts;  /* scratch_argument: parts of `rows` samples that the batch's scratch holds, for as many threads; else 1 */
    size_t together; /* inference: samples from which on a batch is worth threads */
    Table **table;
    int ntable;
    Table **table_of; /* by parameter id; NULL: not in this plan */
    bool whole_batch; /* training with batch statistics: a batch is not taken in parts */
    size_t fixed;     /* training: floats of scratch besides the buffers, the work space among them */
    size_t work, work_room; /* training: where in the scratch single steps have their work space, and its floats */
    struct Plan *train; /* WEIGHTS_ARGUMENT: the plan of the net that learns, over the same block; NULL: it cannot */
    size_t trained;   /* floats at the beginning of the block that have a gradient; statistics follow */
    bool learns;      /* training: there are steps that learn */
    size_t numbers;  /* floats in the block (WEIGHTS_FILE, WEIGHTS_ARGUMENT) */
    size_t constants; /* floats of the baked tables, each on a cache line */
    int in_row, out_row, target_row; /* floats from sample to sample, see plan_join_rows; 0: each has rows of its own */
    double macs;     /* multiply-adds a sample */
    bool tiny;       /* inference: one sample is so little work that calls are a part of it */
    size_t params;   /* of the script's net, before any pass */
    size_t flash;         /* bytes of all baked tables */
    size_t narrow, wide;  /* bytes of all tables, and if they were of floats */
    size_t ram_one, ram_batch; /* bytes of buffers of one call */
} Plan;

/* TILES: samples that tiles of every height divide. PACK_ROOM: floats of the work space where samples are packed: they stay in
 * a cache of 1 MB with as many of the gradient. */
enum { PANEL = 16, TILES = 48, STACK_LIMIT = 64 * 1024, PACK_ROOM = 136 * 1024 };

/* Decides everything for a fused graph; lives in the graph's arena. Never NULL. */
Plan *plan_make(const Graph *g, WeightsAs as, Target target);

/* For callers that keep all inputs of a sample one after the other in one row, and so outputs and targets: an input is a
 * part of that row. For text of calls only. */
void plan_join_rows(Plan *p);

/* The next floats of the gradient, from `*from` = the last `*to` on, that must be zero before the first tile. false: none. */
bool plan_zeros(const Plan *p, size_t *from, size_t *to);

/* Likewise, the next floats of the block whose parameters no step that learns has changed. */
bool plan_unlearnt(const Plan *p, size_t *from, size_t *to);

/* The table of a parameter, or NULL. */
const Table *plan_param(const Plan *p, const Param *param);

/* The table of constants of node n ("scale", "shift"), or NULL. */
const Table *plan_table(const Plan *p, const Node *n, const char *suffix);

/* The k-th float of a table in its layout, or the place in the source tensor it comes from. */
float table_value(const Table *t, size_t k);
size_t table_source(const Table *t, size_t k);

/* What a table that is not of floats keeps at k. */
int table_code(const Table *t, size_t k);

/* Numbers that a table takes in a file, with the zeros behind, and their bytes. */
size_t table_room(const Table *t);
size_t table_bytes(const Table *t);

/* What -d plan shows. */
void plan_print(const Plan *p, FILE *out);

#endif
