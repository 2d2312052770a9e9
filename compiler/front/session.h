/* session.h: the net language in a Lua state that goes on: a prompt, or a Lua program. What script.h is to one script.
 *
 * The language is the same, but nothing has to be returned: tensors come and go with Lua's garbage, every net() copies
 * what its outputs depend on into a graph of its own, and mistakes are raised as Lua errors with their place in front.
 */
#ifndef MLPC_SESSION_H
#define MLPC_SESSION_H

#include <lua.h>

#include "base/diag.h"
#include "graph/graph.h"

/* What is made of a graph that net() completed: pushes one value. The arena, in which the graph lives, is then its own;
 * places in the graph live as long as the session. The graph is neither checked nor pruned yet. */
typedef void SessionMade(lua_State *L, Arena *a, Graph *g);

/* Adds the language to the table at the top of the stack. Call it once for a state; the session ends with it. Raises
 * Lua errors. */
void session_open(lua_State *L, SessionMade *made);

/* Raises an error at the user's line, put together as printf does. */
_Noreturn void session_error(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells the warnings of a diag (as Lua warnings) and its notes, and raises its errors if it has any. The diag is done
 * with; it may live in an arena that a value on the stack owns. */
void session_tell(lua_State *L, Diag *d);

/* Begins a diag as the session has them: silent about what -W said. */
void session_diag(lua_State *L, Diag *d, Arena *a);

/* What -W said, kept in a diag that read it: holds from now on. */
void session_warnings(lua_State *L, const Diag *said);

/* Whether notes are told, on stderr, and warnings even if Lua's are off: a prompt. */
void session_talks(lua_State *L, bool talks);

/* The line of the user's that runs. Its file lives as long as the session. */
Pos session_here(lua_State *L);

/* What stands at index i, for messages: "a table", "the tensor dense1". Valid until the next error or net(). */
const char *session_describe(lua_State *L, int i);

/* "; did you mean 'x'?" or "". Valid as long. */
const char *session_near(lua_State *L, const char *word, const char *const *list, size_t n);

/* Pushes the table of the methods of tensors, by name. */
void session_push_methods(lua_State *L);

/* Pushes a value that frees the arena when it is collected or closed. Returns the arena. */
Arena *session_arena(lua_State *L);

/* Frees the arena of the value at index i at once. */
void session_free(lua_State *L, int i);

/* The activation that the function at index i stands for, OP_COUNT if it is none. */
Op session_activation(lua_State *L, int i);

typedef enum SessionText { SESSION_LOADED, SESSION_INCOMPLETE, SESSION_WRONG } SessionText;

/* Compiles Lua text as part of a file called `name`, its first line being number `line`. LOADED: pushes the function.
 * INCOMPLETE: the text ends too early. WRONG: reported to d (NULL: nowhere). Raises nothing. */
SessionText session_load(lua_State *L, const char *name, int line, const char *text, size_t size, Diag *d);

/* Calls a function with its arguments, which stand on the stack as for lua_pcall. false: it raised an error, which was
 * reported to d with its place, or `from` where Lua does not know it (no memory). */
bool session_call(lua_State *L, int arguments, int results, Pos from, Diag *d);

#endif
