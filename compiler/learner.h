/* learner.h: a net as something that learns and answers, whoever does the work: what training runs on.
 *
 * The training loop (runtime/train.c) and the measuring know a net as a flat block of numbers and two functions. How the
 * numbers lie in the block is the learner's own business; load and store translate from and to the PyTorch layout: all
 * parameters in the order of graph->param, running statistics among them, each row-major ([out][in]). */
#ifndef MLPC_LEARNER_H
#define MLPC_LEARNER_H

#include "graph/graph.h"
#include "kernels.h"
#include "mlp.h"
#include "pass/pass.h"

typedef struct Learner Learner;

struct Learner {
    /* For mlp_train and mlp_evaluate; run.params is the size of the block. heads is the caller's to set. */
    mlp_learner run;
    const char *name; /* "jit" or "reference": who does the work, for messages */
    /* w: graph_params(g) floats; block: run.params floats. What the block has besides parameters is 0. */
    void (*load)(const Learner *l, const float *w, float *block);
    void (*store)(const Learner *l, const float *block, float *w);
    void (*free)(Learner *l);
};

/* What a learner is to be good for. */
typedef struct LearnerOptions {
    const GradOptions *grad; /* to learn: run.grad is there. NULL: it only answers */
    bool scores;             /* forward gives what the losses read (graph/loss.h), logits for the entropies where they can,
                              * instead of the outputs: from these losses are exact */
    int threads;             /* so many calls of grad or forward may run at once; 0: 1 */
} LearnerOptions;

/* A learner for a checked and pruned graph that no pass has touched. The graph and its parameters are left alone; they must
 * live as long as the learner. grad takes the rows of all inputs in order of creation, and of all targets in order of output, one after
 * the other; forward gives the outputs in order of name likewise. NULL: reported to d (nothing can learn). */
Learner *learner_new(const Graph *g, Diag *d, const LearnerOptions *o);

/* By code made in memory (back/jit.h) over the runtime's kernels. NULL: reported to d as an error (nothing can learn), or as
 * a note when this system does not let a program run code that it has made; learner_new then takes the reference. */
Learner *learner_jit(const Graph *g, Diag *d, const LearnerOptions *o);
Learner *learner_jit_for(const Graph *g, const mlp_kernels *k, Diag *d, const LearnerOptions *o); /* not the best kernels */

/* By the double-precision evaluators of graph/eval.c: slow and right, the oracle of any other. */
Learner *learner_reference(const Graph *g, Diag *d, const LearnerOptions *o);

/* NULL is allowed. */
void learner_free(Learner *l);

/* What parameter p starts as: uniform in center - bound .. center + bound. n: its node. */
void learner_start_range(const Node *n, const Param *p, double *center, double *bound);

/* First weights in the PyTorch layout: drawn from the seed in the order of graph->param, or the values that are bound. */
void learner_start(const Graph *g, uint64_t seed, float *w);

#endif
