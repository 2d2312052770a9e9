/* bind_answer.c: n{0, 1}: rows of numbers from Lua through the compiled net and back. */
#include <stdlib.h>
#include <string.h>

#include "repl/bind.h"

/* ---- computing -------------------------------------------------------------------------------------------------- */

/* Code for the weights as they are. */
static void compile(lua_State *L, NetObject *n)
{
    if (n->live)
        return;
    Arena *a = session_arena(L);
    Diag d;
    diag_init(&d, a);
    n->live = live_new(graph_copy_into(a, n->graph), n->busy ? LIVE_TCC : bind_jit(L),
                       &d); /* a net that learns changes too often */
    session_tell(L, &d);
    session_free(L, -1);
    lua_pop(L, 1);
}

void bind_net_run(lua_State *L, NetObject *n, size_t count, const float *const *in, float *const *out)
{
    compile(L, n);
    live_run(n->live, count, in, out);
}

/* ---- rows in ---------------------------------------------------------------------------------------------------- */

/* One call of a net. */
typedef struct Call {
    lua_State *L;
    const Graph *g;
    size_t count; /* rows; 0: not known yet */
    bool batch;   /* rows of rows were given, and are given back */
} Call;

/* "xor", "ac: state", "ac: state: row 3": who a message is about. */
static const char *who(const Call *c, int input, size_t row)
{
    const char *name =
        c->g->ninput == 1 ? c->g->name : lua_pushfstring(c->L, "%s: %s", c->g->name, c->g->input[input]->name);
    return row ? lua_pushfstring(c->L, "%s: row %I", name, (LUAI_UACINT)row) : name;
}

/* The row of numbers at the top of the stack into x. row: its number, 0 where there is but one. */
static void read_row(const Call *c, int input, size_t row, float *x)
{
    lua_State *L = c->L;
    int width = c->g->input[input]->width, at = lua_gettop(L);
    if (lua_type(L, at) == LUA_TNUMBER && width == 1) {
        *x = (float)lua_tonumber(L, at);
        return;
    }
    if (!lua_istable(L, at))
        session_error(L, "%s: the input is a table of %d number%s, got %s", who(c, input, row), width,
                      width == 1 ? "" : "s", session_describe(L, at));
    lua_Unsigned has = lua_rawlen(L, at);
    if (has != (lua_Unsigned)width)
        session_error(L, "%s: %llu value%s, the input takes %d", who(c, input, row), (unsigned long long)has,
                      has == 1 ? "" : "s", width);
    for (int j = 0; j < width; j++) {
        if (lua_rawgeti(L, at, j + 1) != LUA_TNUMBER)
            session_error(L, "%s: value %d must be a number, got %s", who(c, input, row), j + 1,
                          session_describe(L, at + 1));
        x[j] = (float)lua_tonumber(L, at + 1);
        lua_pop(L, 1);
    }
}

/* The rows for one input, at the top of the stack, as a buffer that takes their place. */
static const float *read_input(Call *c, int input)
{
    lua_State *L = c->L;
    size_t width = (size_t)c->g->input[input]->width;
    int at = lua_gettop(L);
    bool batch = lua_istable(L, at) && lua_rawgeti(L, at, 1) == LUA_TTABLE;
    lua_settop(L, at);
    size_t count = batch ? (size_t)lua_rawlen(L, at) : 1;
    if (c->count && count != c->count)
        session_error(L, "%s: %zu row%s, but %zu for the inputs before", who(c, input, 0), count, count == 1 ? "" : "s",
                      c->count);
    c->count = count;
    c->batch = c->batch || batch;
    float *x = lua_newuserdatauv(L, count * width * sizeof *x, 0);
    for (size_t r = 0; r < count; r++) {
        if (batch)
            lua_rawgeti(L, at, (lua_Integer)r + 1);
        else
            lua_pushvalue(L, at);
        read_row(c, input, batch ? r + 1 : 0, x + r * width);
        lua_settop(L, at + 1);
    }
    lua_remove(L, at);
    return x;
}

/* Whether the table at index 2 names inputs: {state = ..., goal = ...}. Names that there are not are an error. */
static bool by_name(const Call *c)
{
    lua_State *L = c->L;
    const Graph *g = c->g;
    const char **known = lua_newuserdatauv(L, (size_t)g->ninput * sizeof *known, 0);
    bool named = false;
    int top = lua_gettop(L);
    for (int i = 0; i < g->ninput; i++)
        known[i] = g->input[i]->name;
    for (lua_pushnil(L); lua_istable(L, 2) && lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        const char *name = lua_tostring(L, -2);
        int i = 0;
        while (i < g->ninput && strcmp(known[i], name) != 0)
            i++;
        if (i == g->ninput)
            session_error(L, "%s: there is no input '%.40s'%s", g->name, name,
                          session_near(L, name, known, (size_t)g->ninput));
        named = true;
    }
    lua_settop(L, top - 1);
    return named;
}

/* Pushes a buffer for each input. */
static void read_inputs(Call *c, const float **in)
{
    lua_State *L = c->L;
    const Graph *g = c->g;
    bool named = by_name(c);
    if (!named && g->ninput > 1)
        session_error(L, "%s: has %d inputs: write n{%s = {...}, %s = {...}}", g->name, g->ninput, g->input[0]->name,
                      g->input[1]->name);
    for (int i = 0; i < g->ninput; i++) {
        if (!named)
            lua_pushvalue(L, 2);
        else if (lua_getfield(L, 2, g->input[i]->name) == LUA_TNIL)
            session_error(L, "%s: the input '%s' is missing", g->name, g->input[i]->name);
        in[i] = read_input(c, i);
    }
}

/* ---- rows out --------------------------------------------------------------------------------------------------- */

/* A number, or a table of them. */
static void push_row(lua_State *L, const float *y, int width)
{
    if (width == 1) {
        lua_pushnumber(L, (double)*y);
        return;
    }
    lua_createtable(L, width, 0);
    for (int j = 0; j < width; j++) {
        lua_pushnumber(L, (double)y[j]);
        lua_rawseti(L, -2, j + 1);
    }
}

static void push_output(const Call *c, const float *y, int width)
{
    lua_State *L = c->L;
    if (!c->batch) {
        push_row(L, y, width);
        return;
    }
    lua_createtable(L, (int)c->count, 0);
    for (size_t r = 0; r < c->count; r++) {
        push_row(L, y + r * (size_t)width, width);
        lua_rawseti(L, -2, (lua_Integer)r + 1);
    }
}

int bind_net_answer(lua_State *L)
{
    NetObject *n = bind_net_at(L, 1, "n{...}");
    const Graph *g = n->graph;
    Call c = {.L = L, .g = g};
    lua_settop(L, 2);
    luaL_checkstack(L, g->ninput + g->noutput + 40, "too many inputs and outputs");
    const float **in = lua_newuserdatauv(L, (size_t)g->ninput * sizeof *in, 0);
    float **out = lua_newuserdatauv(L, (size_t)g->noutput * sizeof *out, 0);
    read_inputs(&c, in);
    for (int o = 0; o < g->noutput; o++)
        out[o] = lua_newuserdatauv(L, c.count * (size_t)g->output[o].node->width * sizeof **out, 0);
    bind_net_run(L, n, c.count, in, out);
    if (g->noutput == 1) {
        push_output(&c, out[0], g->output[0].node->width);
        return 1;
    }
    lua_createtable(L, 0, g->noutput);
    for (int o = 0; o < g->noutput; o++) {
        push_output(&c, out[o], g->output[o].node->width);
        lua_setfield(L, -2, g->output[o].name);
    }
    return 1;
}
