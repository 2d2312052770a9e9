/* live.h: a net that answers: Graph -> machine code, by libtcc at once and by the C compiler of the machine a second
 * later, with the swap in between. What run, bench and the prompt stand on; below it jit.h and native.h. */
#ifndef MLPC_LIVE_H
#define MLPC_LIVE_H

#include "base/diag.h"
#include "graph/graph.h"

/* Who makes the code: libtcc; the C compiler, waited for; libtcc until the C compiler is done, in the background. Where
 * there is no C compiler, or it fails, the net stays on libtcc and live_news says why. The order is that of --jit. */
typedef enum LiveJit { LIVE_TCC, LIVE_CC, LIVE_AUTO } LiveJit;

typedef struct Live Live;

/* A net with weights, of a checked and pruned graph that no pass has touched; neither it nor its parameters are needed
 * afterwards. NULL: reported to d (parameters without values are "there are no weights"). Any thread, as long as no two
 * share a graph. */
Live *live_new(const Graph *g, LiveJit jit, Diag *d);

/* Ends a compiler that is still at work, and frees code and weights. NULL is allowed. */
void live_free(Live *l);

/* n samples, row by row: a pointer for each input in order of creation and for each output in order of name. Inputs and
 * outputs must not overlap. One call at a time on one net; other nets may run at the same time. A sample has the same
 * bits in every batch, as long as the same compiler's code answers. */
void live_run(Live *l, size_t n, const float *const *in, float *const *out);

/* "tcc" or "cc": whose code answers now. Never NULL. */
const char *live_tier(const Live *l);

/* Ends a compiler in the background, and returns when it has left nothing behind. Any thread. */
void live_stop(Live *l);

/* True until the compiler in the background is done. */
bool live_waits(const Live *l);

/* What is worth telling, once each, in one line: "cc takes over after 0.8 s", "stays on tcc: no C compiler: ...". NULL:
 * nothing new. The text lives as long as the net. */
const char *live_news(Live *l);

/* What a sample costs: multiply-adds, after all passes, and bytes of weights and constants that are read. */
typedef struct LiveCost {
    double macs;
    size_t bytes;
} LiveCost;

LiveCost live_cost(const Live *l);

/* Seconds from graph to callable through libtcc, and through the C compiler (0: it did not get that far). */
double live_seconds_tcc(const Live *l);
double live_seconds_cc(const Live *l);

#endif
