/* language.c: the functions a script calls that are no layers: input, param, require; and the sugar of dsl.lua. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "front/front.h"
#include "mlp.h"

extern const char dsl_lua[];
extern const size_t dsl_lua_size;

static const char loaded_key; /* its address: what required files returned, in the registry */

/* ---- input ------------------------------------------------------------------------------------------------------ */

/* input(n, name) */
static int input(lua_State *L)
{
    Script *s = script_of(L);
    Graph *g = tensor_graph(L, "input");
    const char *name = NULL;
    if (lua_type(L, 2) == LUA_TSTRING)
        name = tensor_name(L, lua_tostring(L, 2), "input", WORD_VALUE);
    else if (!lua_isnoneornil(L, 2))
        script_error(L, "input: the name must be a string, got %s: write input(n, \"name\")", script_describe(L, 2));
    if (lua_gettop(L) > 2)
        script_error(L, "input: %s is one argument too many: write input(n, \"name\")", script_describe(L, 3));
    if (lua_type(L, 1) != LUA_TNUMBER)
        script_error(L, "input: the width must be a number, got %s: write input(n)", script_describe(L, 1));
    for (int i = 0; name && !s->session && i < g->ninput; i++) { /* a session: net() looks */
        if (strcasecmp(g->input[i]->name, name) == 0) {
            script_error(L, "input: '%s' and '%s' differ only in case: C needs them to differ more", g->input[i]->name,
                         name);
            name = NULL;
        }
    }
    int errors = s->diag->errors;
    bool number = lua_type(L, 1) == LUA_TNUMBER;
    Node *n = graph_input(g, s->diag, script_here(L), number ? lua_tonumber(L, 1) : 1, name);
    tensor_push(L, n, !number || s->diag->errors > errors);
    return 1;
}

/* ---- param ------------------------------------------------------------------------------------------------------ */

/* The value at index i as text, as -D would give it. */
static const char *value_text(lua_State *L, int i)
{
    Arena *a = script_of(L)->arena;
    if (lua_isboolean(L, i))
        return lua_toboolean(L, i) ? "true" : "false";
    lua_pushvalue(L, i); /* lua_tostring would turn the number itself into text */
    const char *text = arena_strdup(a, lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

/* Pushes the text of -D as a value of the type that stands at index 2. false: it is none, nothing was pushed. */
static bool push_defined(lua_State *L, const char *text)
{
    switch (lua_type(L, 2)) {
    case LUA_TSTRING:
        lua_pushstring(L, text);
        return true;
    case LUA_TBOOLEAN: {
        bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
            return false;
        lua_pushboolean(L, yes);
        return true;
    }
    default:
        if (!lua_stringtonumber(L, text))
            return false;
        if (!isfinite(lua_tonumber(L, -1))) {
            lua_pop(L, 1);
            return false;
        }
        if (lua_isinteger(L, 2) && lua_tointegerx(L, -1, NULL) && !lua_isinteger(L, -1)) {
            lua_pushinteger(L, lua_tointeger(L, -1)); /* 1e3 for a whole number is 1000, not 1000.0 */
            lua_remove(L, -2);
        }
        return true;
    }
}

static ScriptParam *find_param(ScriptInfo *info, const char *name)
{
    for (int i = 0; i < info->nparam; i++)
        if (strcmp(info->param[i].name, name) == 0)
            return &info->param[i];
    return NULL;
}

static ScriptParam *add_param(Script *s, const char *name)
{
    ScriptInfo *info = s->info;
    if (info->nparam == s->param_room) {
        s->param_room = s->param_room ? 2 * s->param_room : 8;
        ScriptParam *grown = ARENA_ARRAY(s->arena, (size_t)s->param_room, ScriptParam);
        if (info->nparam)
            memcpy(grown, info->param, (size_t)info->nparam * sizeof *grown);
        info->param = grown;
    }
    ScriptParam *p = &info->param[info->nparam++];
    p->name = arena_strdup(s->arena, name);
    return p;
}

/* param(name, default): the default, or what -D says, of the default's type. */
static int param(lua_State *L)
{
    static const char *const kinds[] = {
        [LUA_TBOOLEAN] = "true or false", [LUA_TNUMBER] = "a number", [LUA_TSTRING] = "a string"};
    Script *s = script_of(L);
    lua_settop(L, 2);
    size_t size;
    if (lua_type(L, 1) != LUA_TSTRING) {
        script_error(L, "param: the name must be a string, got %s: write param(\"width\", 64)", script_describe(L, 1));
        return 1;
    }
    const char *name = lua_tolstring(L, 1, &size);
    const char *problem = word_problem(s->arena, name, size, WORD_PARAM);
    if (problem) {
        script_error(L, "param: the name '%s' %s%s", word_shown(s->arena, name, size, 70), problem,
                     word_instead(s->arena, name, size, WORD_PARAM));
        return 1;
    }
    int type = lua_type(L, 2);
    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN) {
        script_error(L,
                     "param: '%s' needs a default, a number, a string, true or false, not %s: write param(\"%s\", 64)",
                     name, script_describe(L, 2), name);
        return 1;
    }
    script_charge(L, 256);
    const char *standard = value_text(L, 2);
    script_charge(L, strlen(standard));
    ScriptParam *p = find_param(s->info, name);
    if (p && strcmp(p->standard, standard) != 0)
        script_error(L, "param: '%s' has the default %s here, but %s at %s:%d", name, standard, p->standard,
                     p->pos.file, p->pos.line);
    const ScriptDefine *def = NULL;
    for (int i = 0; i < s->ndef; i++)
        if (strcmp(s->def[i].name, name) == 0)
            def = &s->def[i];
    if (def && !push_defined(L, def->value)) {
        if (!p)
            script_error(L, "-D %s=%s: param '%s' is %s here (default %s)", name,
                         word_shown(s->arena, def->value, strlen(def->value), 40), name, kinds[type],
                         word_shown(s->arena, standard, strlen(standard), 40));
        def = NULL;
    }
    if (!p) {
        p = add_param(s, name);
        p->standard = standard;
        p->value = def ? value_text(L, 3) : standard;
        p->given = def != NULL;
        p->pos = script_here(L);
    }
    lua_settop(L, def ? 3 : 2);
    return 1;
}

/* ---- require ---------------------------------------------------------------------------------------------------- */

/* Reads a regular file of at most SCRIPT_BYTES_MAX; raises what hinders. */
static char *read_beside(lua_State *L, const char *name, const char *path, size_t *size)
{
    struct stat st;
    mlp_error err;
    void *text;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        luaL_error(L, "require \"%s\": %s is not a file", name, path);
    if (mlp_file_read(path, SCRIPT_BYTES_MAX, &text, size, &err))
        luaL_error(L, "require \"%s\": %s: %s", name, path, mlp_error_detail(&err));
    return text;
}

/* "a.lua -> b.lua -> a.lua", from the file that is required again to itself. */
static const char *cycle_text(Arena *a, const Chunk *running, const Chunk *again)
{
    const char *text = again->path;
    for (const Chunk *c = running; c; c = c->parent) {
        text = arena_printf(a, "%s -> %s", c->path, text);
        if (c == again)
            break;
    }
    return text;
}

/* require "name": the value of name.lua beside the script, run once. */
static int require(lua_State *L)
{
    Script *s = script_of(L);
    size_t size;
    const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &size) : NULL;
    if (!name)
        return luaL_error(L, "require: the name must be a string, got %s", script_describe(L, 1));
    if (size == 0 || size > 100 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != size)
        return luaL_error(L,
                          "require \"%s\": only the name of a file beside the script, without folder and .lua "
                          "(letters, digits, _ and -)",
                          word_shown(s->arena, name, size, 40));
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    const char *path = arena_printf(s->arena, "%s%s.lua", s->folder, name);
    for (const Chunk *c = s->running; c; c = c->parent)
        if (strcmp(c->path, path) == 0)
            return luaL_error(L, "require \"%s\": the files require each other: %s", name,
                              cycle_text(s->arena, s->running, c));
    char *text = read_beside(L, name, path, &size);
    char *copy = arena_alloc(s->arena, size + 1); /* freed with everything else, even when the file raises an error */
    memcpy(copy, text, size);
    free(text);
    script_charge(L, size);
    script_run(L, script_chunk(s, path), copy, size, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

/* ---- what dsl.lua is given -------------------------------------------------------------------------------------- */

static int host_error(lua_State *L)
{
    script_error(L, "%s", luaL_checkstring(L, 1));
    return 0;
}

static int host_describe(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, script_describe(L, 1));
    return 1;
}

/* is_tensor(v): whether it is one; and whether it is a spoilt one. */
static int host_is_tensor(lua_State *L)
{
    const Tensor *t = luaL_testudata(L, 1, TENSOR_TYPE);
    lua_pushboolean(L, t != NULL);
    lua_pushboolean(L, t && t->bad);
    return 2;
}

/* spoilt(): a tensor about which nothing more is said. */
static int host_spoilt(lua_State *L)
{
    tensor_push_spoilt(L);
    return 1;
}

/* near(word, list): "; did you mean 'x'?" or "". */
static int host_near(lua_State *L)
{
    const char *list[64];
    size_t n = 0;
    for (; n < 64 && lua_rawgeti(L, 2, (lua_Integer)n + 1) == LUA_TSTRING; n++)
        list[n] = lua_tostring(L, -1);
    lua_pushstring(L, script_did_you_mean(L, luaL_checkstring(L, 1), list, n));
    return 1;
}

/* Calls the sugar in upvalue 1. In C, so that the user's frame stays on the stack: Lua drops it for a tail call. */
static int call_sugar(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Runs dsl.lua, which gets the layers and these helpers, and makes each function of the table that it returns a plain
 * function and a method. The globals are on top of the stack. */
static void open_sugar(lua_State *L)
{
    static const luaL_Reg helpers[] = {{"error", host_error},         {"describe", host_describe},
                                       {"is_tensor", host_is_tensor}, {"near", host_near},
                                       {"spoilt", host_spoilt},       {NULL, NULL}};
    if (luaL_loadbufferx(L, dsl_lua, dsl_lua_size, "=[mlpc]", "t") != LUA_OK)
        lua_error(L);
    luaL_newlib(L, helpers);
    lua_newtable(L);
    for (int op = OP_DENSE; op < OP_COUNT; op++) {
        if (lua_getfield(L, -4, op_info[op].name) == LUA_TFUNCTION)
            lua_setfield(L, -2, op_info[op].name);
        else
            lua_pop(L, 1);
    }
    lua_setfield(L, -2, "layers");
    lua_call(L, 1, 1);
    for (lua_pushnil(L); lua_next(L, -2);) {
        const char *name = lua_tostring(L, -2);
        lua_pushcclosure(L, call_sugar, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, -5, name);
        tensor_add_method(L, name);
    }
    lua_pop(L, 1);
}

void language_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"input", input}, {"param", param}, {"net", net_call}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    if (!script_of(L)->session) { /* a session has Lua's own */
        lua_newtable(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
        lua_pushcfunction(L, require);
        lua_setfield(L, -2, "require");
    }
    tensor_open(L);
    net_open(L);
    open_sugar(L);
}
