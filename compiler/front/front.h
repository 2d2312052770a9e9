/* front.h: what the files of the front end share: the running script, its tensors, its errors. Known only in front/. */
#ifndef MLPC_FRONT_H
#define MLPC_FRONT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdarg.h>

#include "front/script.h"
#include "front/words.h"

/* One file that was loaded. Its tag is the chunk name that Lua puts before messages; a long path is cut there only. */
typedef struct Chunk {
    struct Chunk *next;
    const char *path;
    char tag[56];
    struct Chunk *parent; /* who required it, while it runs */
} Chunk;

/* The line of a method whose call Lua puts on an earlier line, where its chain of methods begins: valid in the frame
 * of this file, function (by its first line) and current line. */
typedef struct Hint {
    const Chunk *chunk;
    int function, call_line, line;
} Hint;

/* Where a session builds: a graph in an arena of its own, kept by the tensors that live in it. A full userdata. */
typedef struct Workspace {
    Arena *arena; /* NULL: taken over by `into`, or by the net that was made of it */
    Graph *graph;
    struct Workspace *into; /* which has taken in all the nodes; NULL: none */
    bool left;              /* a net was made of it: the next input begins another */
    unsigned long number;   /* in order of their making */
} Workspace;

/* A run of a script, or a session (session.h). Found from any Lua state of it by script_of. */
typedef struct Script {
    Arena *arena; /* session: of messages, until the next one */
    Arena *keep;  /* of what lives as long as this does; script: the same */
    Diag *diag;
    bool session;    /* errors are raised at once, and graphs come and go */
    Workspace *work; /* session: the one that is built into */
    unsigned long works; /* how many there were */
    void (*made)(lua_State *L, Arena *a, Graph *g); /* session: pushes what net() returns, which owns the arena */
    const char *path, *folder; /* of the main script, as messages show it; its folder with the slash, or "" */
    Chunk *chunk;              /* all files, latest first */
    Chunk *running;            /* the file whose main part runs */
    Graph *graph;              /* being built; NULL before the first input */
    Pos net_pos;               /* of the first net(); file NULL: none yet */
    const char *late;          /* what tried to build on after that, to be said at the end unless a second net() came */
    Pos late_pos;
    bool second;   /* a second net() came */
    Node *nowhere; /* stands for tensors that could not be made */
    Hint hint;
    const ScriptDefine *def;
    int ndef;
    ScriptInfo *info;
    int param_room, file_room;
    int errors_before;   /* d->errors when the run began */
    const char *stopped; /* why the run must end now, or NULL; no pcall of the script gets past it */
    const char *refused; /* which limit the last refused request for memory was over */
    Pos error_pos;       /* where the error that Lua is raising was raised, or memory was refused */
    lua_State *L;
    size_t memory;           /* bytes that Lua holds */
    size_t charged;          /* bytes that the script made the arena hold */
    long steps;              /* instructions, in hundreds */
    double began, began_cpu; /* seconds */
} Script;

/* A tensor in the script: a node, and whose it is. */
typedef struct Tensor {
    Node *node;
    Graph *graph;
    Workspace *work; /* session: where it was made; user value 1 keeps it */
    bool bad; /* made by something that was an error: its width means nothing, so that nothing is said about it */
} Tensor;

/* A net in the script: what net() returns. */
typedef struct Net {
    Graph *graph;
} Net;

#define TENSOR_TYPE "mlpc.tensor" /* in the registry, which a session shares with other libraries */
#define NET_TYPE "mlpc.script.net"


/* ---- script.c: places and errors -------------------------------------------------------------------------------- */

/* The script that the state runs, and binding it: bind raises what Lua raises without memory. */
Script *script_of(lua_State *L);
void script_bind(lua_State *L, Script *s);

/* The name that Lua's messages call a type by, in place of the registry's: the metatable is at the top of the stack. */
void script_name_type(lua_State *L, const char *name);

/* The line of the innermost frame that is the user's: where the running function of ours was called from. */
Pos script_here(lua_State *L);

/* The same for a caller who must not touch the stack. */
Pos script_place(Script *s, lua_State *L);

/* Reports an error there. After SCRIPT_ERRORS_MAX of them it ends the run and does not return; in a session it raises
 * the error. */
void script_error(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the run when there were too many errors (a session: raises them); for errors that others reported to diag. */
void script_enough(lua_State *L);

/* Ends the run: nothing in the script can catch it. */
_Noreturn void script_stop(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts memory that the script makes us hold outside Lua; ends the run when it is too much. */
void script_charge(lua_State *L, size_t bytes);

/* What stands at index i, for messages: `number 5`, `string "abc"`, `tensor dense1`, `nothing`. Arena text. */
const char *script_describe(lua_State *L, int i);

/* "; did you mean 'x'?" or "" (see word_near). */
const char *script_did_you_mean(lua_State *L, const char *word, const char *const *list, size_t n);

/* The user's file that Lua knows as the chunk `source`, NULL for our own chunks. */
const Chunk *script_find_chunk(Script *s, const char *source);

/* The record of a file, made at its first mention; it then also counts among info->file. */
Chunk *script_chunk(Script *s, const char *path);

/* Runs text as that file, protected by nothing: a syntax error is raised like any other. Leaves what it returns. */
void script_run(lua_State *L, Chunk *chunk, const char *text, size_t size, int results);

/* Message handler for lua_pcall: remembers where the error was raised. */
int script_on_error(lua_State *L);

/* Reports the error value at index 1, what Lua says put into the words of this program. Call it protected. */
int script_report_failure(lua_State *L);

/* ---- session.c -------------------------------------------------------------------------------------------------- */

/* Raises what stands in the diag as errors, if there are any, and tells the rest. The diag and the arena of messages
 * are then empty again. */
void session_settle(lua_State *L);

/* Registers a type whose values have nothing but an end. */
void session_add_type(lua_State *L, const char *type, lua_CFunction end);

/* ---- workspace.c: what a session has instead of one graph ------------------------------------------------------- */

void workspace_open(lua_State *L); /* registers the type */

/* The workspace for a new input becomes the one that is built into. */
void session_begin(lua_State *L);

/* The workspace of the tensor at index i becomes the one that is built into. */
void session_enter(lua_State *L, int i);

/* Brings the nodes of two tensors together: the later workspace moves into the earlier, which is then built into. */
void session_join(lua_State *L, int i, int k);

/* A workspace with a copy of what the tensors of net()'s argument at index 2 depend on, layers numbered anew; put into the
 * stack at index 4. Reports names that stand twice. *twin: the copies, by id of the nodes; NULL: there is no tensor. */
Workspace *session_extract(lua_State *L, Node *const **twin);

/* Pushes the workspace that is built into. */
void session_push_work(lua_State *L);

/* ---- sandbox.c: the Lua state with limits ----------------------------------------------------------------------- */

/* A state with the sandboxed library as its globals, bound to s. Freed with lua_close. NULL: out of memory. */
lua_State *sandbox_new(Script *s);

/* ---- language.c: what a script can call ------------------------------------------------------------------------- */

/* Adds input, param, net, require, all layers and the sugar to the table at the top of the stack. */
void language_open(lua_State *L);

/* ---- tensor.c --------------------------------------------------------------------------------------------------- */

/* Registers the tensor's type; layers as plain functions go into the table at the top of the stack. */
void tensor_open(lua_State *L);

/* Pushes a tensor for a node that was just built, and takes its name into the register of names. */
void tensor_push(lua_State *L, Node *node, bool bad);

/* Pushes a tensor that stands for one that could not be made, in place of a node or of nothing at all. */
void tensor_push_bad(lua_State *L, Node *node);
void tensor_push_spoilt(lua_State *L);

/* A node to build on where nothing good is at hand. */
Node *tensor_nowhere(Script *s);

/* Pushes x * scale + shift, with one number or one per feature; bad as in tensor_push. Returns 1. */
int tensor_push_affine(lua_State *L, Node *x, bool bad, const double *scale, int nscale, const double *shift,
                       int nshift);

/* The tensor at index i, ready to be built upon, or NULL after the error was reported: not a tensor, or of a net that
 * is already complete. what and role begin the sentence: "dense: what it works on must be ..." */
Tensor *tensor_at(lua_State *L, int i, const char *what, const char *role);

/* The name, if a node can have it; else reports and returns NULL: no such identifier, or taken. The graph exists. */
const char *tensor_name(lua_State *L, const char *name, const char *what, WordUse use);

/* Makes the function on top of the stack (popped) a method of tensors. */
void tensor_add_method(lua_State *L, const char *name);

/* The graph to build into; reports after net(). Never NULL. */
Graph *tensor_graph(lua_State *L, const char *what);

/* ---- layer.c ---------------------------------------------------------------------------------------------------- */

/* Adds every layer to the table of methods at the top of the stack, and to the table below it. */
void layer_open(lua_State *L);

/* The op of the function at index i, if it is one of those that take a tensor and a few numbers; else OP_COUNT. */
Op layer_op(lua_State *L, int i);

/* ---- keys.c: tables of options ---------------------------------------------------------------------------------- */

typedef enum KeyType {
    KEY_NUMBER, /* double, within low..high, whole if asked */
    KEY_BOOL,
    KEY_TEXT,  /* const char *, arena text; one of `words` unless that is NULL */
    KEY_BYTES, /* double, a number or a string like "64K" */
    KEY_ANY    /* int: 1 when present; the caller reads it */
} KeyType;

typedef struct Key {
    const char *name;
    KeyType type;
    void *to;
    double low, high;
    bool whole;
    const char *const *words; /* NULL-terminated */
} Key;

/* Reads the table at index i into the places of `keys`; reports each value of a wrong type or range and each unknown
 * name (with the nearest known). Keys that are missing leave their place alone. false: something was reported. */
bool keys_read(lua_State *L, int i, const char *what, const Key *keys, int n);

/* ---- net.c ------------------------------------------------------------------------------------------------------ */

int net_call(lua_State *L); /* net(name, y, opts) */
void net_open(lua_State *L);

#endif
