/* show.h: what `mlpc show` knows of a net, between show.c, which gathers it, and its printers. */
#ifndef MLPC_SHOW_H
#define MLPC_SHOW_H

#include "cli.h"

typedef enum Fate {
    FATE_DROPPED, /* a pass found it to do nothing (dropout), or merged it away */
    FATE_INPUT,
    FATE_MOVED,   /* a slice or a join of rows that is only a matter of addresses */
    FATE_CODE,    /* has a C function of its own */
    FATE_FUSED,   /* computed in the store of another layer's function */
    FATE_FOLDED   /* part of another layer's numbers */
} Fate;

/* A layer of the script: a copy from before the passes, and what became of it. */
typedef struct Layer {
    Node was;
    const Node *now; /* the node itself, which passes have worked on */
    Fate fate;
    const char *in; /* FATE_CODE, FUSED, FOLDED: the node whose C function computes it */
    int into;       /* FUSED, FOLDED: index of the layer that took it in */
} Layer;

typedef struct Show {
    Arena *a;
    const Compile *compile;
    const Graph *g;
    const Plan *p;
    Layer *layer;
    int nlayer;
    const Layer **by_node, **by_name; /* the layers, sorted */
    size_t params;                    /* as written, as are the next three */
    double macs, flops, bytes;
    double flops_compiled;
    size_t numbers; /* floats that the compiled code reads, constants too */
} Show;

/* Words for a Fate, a WeightsAs and a Target. */
extern const char *const fate_name[], *const as_name[], *const target_name[];

/* Bytes of a layer's own numbers: parameters, and the constants of affine. */
double show_bytes(const Node *n);

/* Bytes of numbers that stand outside the C file. */
size_t show_outside(const Plan *p);

/* The table of a net that has been read (STAGE_GRAPH ran), appended to t; runs the rest of the pipeline. false: errors, in
 * c->diag. */
bool show_table(Compile *c, Text *t);

/* show_json.c: all of it as JSON, appended to t. */
void show_json(const Show *s, Text *t);

#endif
