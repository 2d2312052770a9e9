/* bind.c: all that Lua can call, in one table: the net language, and what is done with nets. */
#include "repl/bind.h"

#include <string.h>
#include <unistd.h>

#include "version.h"

static const char jit_key; /* its address: the LiveJit, in the registry */

void bind_push_text(lua_State *L, Text *t)
{
    char *copy = t->data ? t->data : "";
    size_t size = t->size;
    /* The text must not leak when Lua has no memory: it goes into a buffer that Lua frees. */
    lua_pushlstring(L, copy, size);
    text_free(t);
}

void bind_afford(lua_State *L, double bytes, const char *what)
{
    double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (bytes > 0.5 * machine)
        session_error(L, "%s would need %.0f MB of memory, this machine has %.0f", what, bytes / 1048576,
                      machine / 1048576);
}

LiveJit bind_jit(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &jit_key);
    LiveJit jit = (LiveJit)lua_tointeger(L, -1); /* nil is 0, which is LIVE_TCC */
    lua_pop(L, 1);
    return jit;
}

void bind_set_jit(lua_State *L, LiveJit jit)
{
    lua_pushinteger(L, jit);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &jit_key);
}

/* The value on top of the stack as a text in the arena; NULL: it is no text, number or boolean. */
static const char *option_text(lua_State *L, Arena *a)
{
    size_t size;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        return lua_toboolean(L, -1) ? "true" : "false";
    case LUA_TNUMBER:
        return lua_isinteger(L, -1) ? arena_printf(a, "%lld", (long long)lua_tointeger(L, -1))
                                    : arena_printf(a, "%.17g", lua_tonumber(L, -1));
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, -1, &size);
        return strlen(text) == size ? arena_strdup(a, text) : NULL;
    }
    default:
        return NULL;
    }
}

static bool listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static _Noreturn void unknown_option(lua_State *L, const char *what, const char *name, const BindOption *options,
                                     size_t n, const char *const *others)
{
    const char *known[64];
    size_t count = 0;
    for (; count < n; count++)
        known[count] = options[count].name;
    for (; others && *others; others++)
        known[count++] = *others;
    session_error(L, "%s: there is no option '%.40s'%s", what, name, session_near(L, name, known, count));
}

void bind_options(lua_State *L, int i, const char *what, const BindOption *options, size_t n, const char *const *others,
                  void *record, Arena *a)
{
    if (lua_isnoneornil(L, i))
        return;
    if (!lua_istable(L, i))
        session_error(L, "%s: the options must be a table, got %s", what, session_describe(L, i));
    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            session_error(L, "%s: options have names, got [%s]", what, session_describe(L, -2));
        const char *name = lua_tostring(L, -2);
        size_t k = 0;
        while (k < n && strcmp(options[k].name, name) != 0)
            k++;
        if (k == n && listed(name, others))
            continue;
        if (k == n)
            unknown_option(L, what, name, options, n, others);
        const char *text = option_text(L, a);
        if (!text || !*text)
            session_error(L, "%s: %s cannot be %s", what, name, session_describe(L, -1));
        *(const char **)(void *)((char *)record + options[k].at) = text;
    }
}

void bind_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"data", bind_data}, {"plot", bind_plot}, {NULL, NULL}};
    session_open(L, bind_net_made);
    bind_net_open(L);
    bind_data_open(L);
    bind_train_open(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushstring(L, MLPC_VERSION);
    lua_setfield(L, -2, "_VERSION");
}
