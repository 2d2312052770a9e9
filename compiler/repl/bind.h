/* bind.h: what the files of the Lua binding share: nets, data and results as values of Lua. The prompt and mlpc.so are
 * made of the same functions. Known only in repl/. */
#ifndef MLPC_BIND_H
#define MLPC_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "back/live.h"
#include "compile.h"
#include "front/session.h"
#include "learner.h"
#include "train/settings.h"

#define BIND_NET "mlpc.net"
#define BIND_DATA "mlpc.data"

/* One epoch of learning. Figures that there are none of are NaN. */
typedef struct Epoch {
    size_t number; /* from 1, of all trainings */
    double lr, loss, metric, val_loss, val_metric;
} Epoch;

/* A net: what net() returns in a session. A full userdata. */
typedef struct NetObject {
    Arena *arena;        /* NULL: it was freed */
    Graph *graph;        /* checked and pruned, no pass has touched it; its parameters are bound to w */
    float *w;            /* [graph_params] in the PyTorch layout */
    bool learnt;         /* w was learnt or loaded; else it is what learning begins with */
    const char *weights; /* the file that w was loaded from or saved to, or NULL; the arena's */
    Live *live;          /* the code of w as it is; NULL: not made yet */
    bool busy;           /* it is being trained */
    Epoch *epoch;        /* the history: epochs of all trainings, by malloc */
    size_t epochs, epoch_room;
    size_t learnt_epochs, epoch_step; /* how many there were; every which of them is kept, a power of 2; 0: 1 */
    double low[2], high[2];           /* of its first two inputs, in the data that it learnt from last */
    const char *metric;               /* what Epoch.metric is: "accuracy", "r2" */
} NetObject;

/* Data: samples in a file, or in a table that was given. A full userdata. */
typedef struct DataObject {
    Arena *arena; /* NULL: it was freed */
    TrainArgs args;
    const char *text; /* samples as CSV, with args.data as their name; NULL: they are in the file of that name */
    size_t size, rows;
    const char *shown; /* one line about it */
} DataObject;

/* ---- bind.c ----------------------------------------------------------------------------------------------------- */

/* Adds the language and everything else to the table at the top of the stack. */
void bind_open(lua_State *L);

/* An option of a table: a text, a number or a boolean, as the command line would say it. */
typedef struct BindOption {
    const char *name; /* as in Lua: weight_decay */
    size_t at;        /* of a const char * in the record that is filled */
} BindOption;

/* Fills the record's fields from the table at index i (nil: nothing), texts in the arena. Unknown names are an error
 * unless they are among `others` (NULL-terminated; NULL: none), which the caller reads. what begins the messages. */
void bind_options(lua_State *L, int i, const char *what, const BindOption *options, size_t n, const char *const *others,
                  void *record, Arena *a);

/* Raises an error when that many bytes are more than this machine can be asked for. */
void bind_afford(lua_State *L, double bytes, const char *what);

/* Pushes text and frees it. */
void bind_push_text(lua_State *L, Text *t);

/* Who makes the code of nets: LIVE_TCC unless something else was set. */
LiveJit bind_jit(lua_State *L);
void bind_set_jit(lua_State *L, LiveJit jit);

/* Adds a line for each compiler in the background that has come to something. Whether one is still at work. */
bool bind_news(lua_State *L, Text *t);

/* ---- bind_net.c ------------------------------------------------------------------------------------------------- */

void bind_net_open(lua_State *L); /* registers the type */

/* What net() pushes (SessionMade). */
void bind_net_made(lua_State *L, Arena *a, Graph *g);

/* Pushes the net of a Compile that was run to STAGE_GRAPH, and takes over its arena. */
void bind_net_compiled(lua_State *L, Compile *c);

/* The net at index i; raises an error if there is none, or if it was freed. */
NetObject *bind_net_at(lua_State *L, int i, const char *what);

/* The same, but it may not be at work. */
NetObject *bind_net_idle(lua_State *L, int i, const char *what);

/* w has changed: what was made of the old values is forgotten. */
void bind_net_changed(NetObject *n);

/* The net takes over what a copy of its graph has come to: weights (PyTorch layout), scaling, names of classes. */
void bind_net_adopt(NetObject *n, const Graph *copy, const float *w);

/* A compile that goes on behind STAGE_GRAPH, of a copy of the net in the arena. */
Compile bind_net_compile(const NetObject *n, Arena *a);

/* ---- the methods of nets ---------------------------------------------------------------------------------------- */

int bind_net_answer(lua_State *L); /* bind_answer.c: n{0, 1} */
int bind_net_train(lua_State *L);  /* bind_train.c */
int bind_net_eval(lua_State *L);
int bind_net_history(lua_State *L); /* pushes it as a table */
void bind_train_open(lua_State *L); /* registers the types of results */
int bind_net_plot(lua_State *L);    /* bind_plot.c */

/* Computes count rows of the net's inputs, one after the other, into y. */
void bind_net_run(lua_State *L, NetObject *n, size_t count, const float *const *in, float *const *out);

/* ---- bind_data.c ------------------------------------------------------------------------------------------------ */

void bind_data_open(lua_State *L);
int bind_data(lua_State *L); /* data(...) */
const DataObject *bind_data_at(lua_State *L, int i, const char *what);

/* ---- bind_plot.c ------------------------------------------------------------------------------------------------ */

int bind_plot(lua_State *L); /* plot(x [, file]) */

#endif
