/* prompt.h: the Lua state of the prompt: Lua whole, the language and the binding as globals, prompt.lua. */
#ifndef MLPC_PROMPT_H
#define MLPC_PROMPT_H

#include <lua.h>
#include <stddef.h>

/* A state for a session; ended by lua_close. NULL: no memory. */
lua_State *prompt_open(void);

/* In the registry under this address: the function that shows its arguments. */
extern const char *const prompt_show;

/* The coroutine that runs, NULL outside of coroutines. May be called by a signal handler. */
lua_State *prompt_running(void);

/* For edit_begin, the context being the state. */
const char *const *prompt_complete(void *state, const char *line, size_t at, size_t *from);

#endif
