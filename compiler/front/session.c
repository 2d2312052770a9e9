/* session.c: the net language in a Lua state that goes on: errors that are raised, texts that are run. */
#include "front/session.h"

#include <stdlib.h>
#include <string.h>

#include "front/front.h"

#define SESSION_TYPE "mlpc.session"
#define ARENA_TYPE "mlpc.arena"

static const char session_key; /* its address: the session, in the registry */

static const char no_place[] = "mlpc"; /* the file of what no line of the user's did */

typedef struct Session {
    Script script;
    Diag diag;
    ScriptInfo info;
    Diag said; /* only what -W said */
    bool talks;
} Session;

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static void begin_diag(const Session *s, Diag *d, Arena *a)
{
    diag_init(d, a);
    memcpy(d->silenced, s->said.silenced, sizeof d->silenced);
    d->warnings_are_errors = s->said.warnings_are_errors;
    d->silenced[WARN_CPP_NAME] = true; /* a matter of those who ask for the C */
}

void session_diag(lua_State *L, Diag *d, Arena *a) { begin_diag((const Session *)script_of(L), d, a); }

void session_warnings(lua_State *L, const Diag *said)
{
    Session *s = (Session *)script_of(L);
    memcpy(s->said.silenced, said->silenced, sizeof said->silenced);
    s->said.warnings_are_errors = said->warnings_are_errors;
    begin_diag(s, s->script.diag, s->script.arena);
}

static void clear(Script *s)
{
    arena_free(s->arena);
    s->arena = arena_new();
    begin_diag((const Session *)s, s->diag, s->arena);
    s->errors_before = 0;
    s->hint = (Hint){0};
}

typedef struct Telling {
    lua_State *L;
    luaL_Buffer *errors;
    int count;
    bool talks;
} Telling;

/* Pushes "file:line: " or as much of it as there is. */
static void push_place(lua_State *L, Pos pos)
{
    if (pos.file && pos.line > 0)
        lua_pushfstring(L, "%s:%d: ", pos.file, pos.line);
    else
        lua_pushfstring(L, "%s: ", pos.file ? pos.file : "mlpc");
}

static void take(void *context, const char *kind, Pos pos, const char *text)
{
    Telling *t = context;
    lua_State *L = t->L;
    if (strcmp(kind, "error") == 0) {
        if (t->count++)
            luaL_addchar(t->errors, '\n');
        if (pos.file && strcmp(pos.file, no_place) != 0) {
            push_place(L, pos);
            luaL_addvalue(t->errors);
        }
        luaL_addstring(t->errors, text);
        return;
    }
    push_place(L, pos);
    if (t->talks)
        fprintf(stderr, "%s%s: %s\n", lua_tostring(L, -1), kind, text);
    else if (strcmp(kind, "note") != 0) {
        lua_warning(L, lua_tostring(L, -1), 1);
        lua_warning(L, text, 0);
    }
    lua_pop(L, 1);
}

/* Tells what is no error, and pushes the errors as one text. How many there are. */
static int push_errors(lua_State *L, Diag *d)
{
    luaL_Buffer errors;
    luaL_buffinit(L, &errors);
    Telling t = {L, &errors, 0, ((const Session *)script_of(L))->talks};
    diag_each(d, take, &t);
    luaL_pushresult(&errors);
    return t.count;
}

void session_tell(lua_State *L, Diag *d)
{
    if (push_errors(L, d))
        lua_error(L);
    lua_pop(L, 1);
}

void session_settle(lua_State *L)
{
    Script *s = script_of(L);
    int errors = s->diag->first ? push_errors(L, s->diag) : 0;
    bool any = s->diag->first != NULL;
    clear(s);
    if (errors)
        lua_error(L);
    lua_pop(L, any);
}

_Noreturn void session_error(lua_State *L, const char *format, ...)
{
    Script *s = script_of(L);
    va_list args;
    va_start(args, format);
    diag_error(s->diag, script_here(L), "%s", arena_vprintf(s->arena, format, args));
    va_end(args);
    session_settle(L);
    abort(); /* not reached: the error was raised */
}

void session_talks(lua_State *L, bool talks) { ((Session *)script_of(L))->talks = talks; }

Pos session_here(lua_State *L) { return script_here(L); }

const char *session_describe(lua_State *L, int i) { return script_describe(L, i); }

const char *session_near(lua_State *L, const char *word, const char *const *list, size_t n)
{
    return script_did_you_mean(L, word, list, n);
}

/* ---- arenas that Lua owns --------------------------------------------------------------------------------------- */

static int free_arena(lua_State *L)
{
    Arena **a = luaL_checkudata(L, 1, ARENA_TYPE);
    arena_free(*a);
    *a = NULL;
    return 0;
}

Arena *session_arena(lua_State *L)
{
    Arena **a = lua_newuserdatauv(L, sizeof *a, 0);
    *a = NULL;
    luaL_setmetatable(L, ARENA_TYPE);
    *a = arena_new();
    return *a;
}

void session_free(lua_State *L, int i)
{
    Arena **a = luaL_checkudata(L, i, ARENA_TYPE);
    arena_free(*a);
    *a = NULL;
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

Op session_activation(lua_State *L, int i)
{
    Op op = layer_op(L, i);
    return op < OP_COUNT && op >= OP_RELU && op_info[op].kind == KIND_ELEMENT ? op : OP_COUNT;
}

void session_push_methods(lua_State *L)
{
    luaL_getmetatable(L, TENSOR_TYPE);
    lua_getfield(L, -1, "methods");
    lua_remove(L, -2);
}

/* ---- running text ----------------------------------------------------------------------------------------------- */

static bool fail(lua_State *L, Diag *d)
{
    Script *s = script_of(L);
    Diag *own = s->diag;
    s->diag = d;
    lua_pushcfunction(L, script_report_failure);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        diag_error(d, s->error_pos, "%s",
                   lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that cannot be told");
        lua_pop(L, 1);
    }
    s->diag = own;
    clear(s);
    return false;
}

bool session_call(lua_State *L, int arguments, int results, Pos from, Diag *d)
{
    Script *s = script_of(L);
    int function = lua_gettop(L) - arguments;
    lua_pushcfunction(L, script_on_error);
    lua_insert(L, function);
    s->error_pos = from;
    int status = lua_pcall(L, arguments, results, function);
    lua_remove(L, function);
    return status == LUA_OK || fail(L, d);
}

/* What one call of session_load is about. */
typedef struct Source {
    const char *name, *text;
    size_t size;
    int line;
} Source;

static int load_text(lua_State *L)
{
    const Source *t = lua_touserdata(L, 1);
    luaL_Buffer b;
    lua_pushfstring(L, "=%s", t->name);
    luaL_buffinit(L, &b);
    for (int i = 1; i < t->line; i++)
        luaL_addchar(&b, '\n');
    luaL_addlstring(&b, t->text, t->size);
    luaL_pushresult(&b);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (luaL_loadbufferx(L, text, size, lua_tostring(L, 2), "t") != LUA_OK)
        return lua_error(L);
    return 1;
}

SessionText session_load(lua_State *L, const char *name, int line, const char *text, size_t size, Diag *d)
{
    Source t = {name, text, size, line};
    script_chunk(script_of(L), name); /* so that the place in a message is known as one */
    lua_pushcfunction(L, load_text);
    lua_pushlightuserdata(L, &t);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return SESSION_LOADED;
    size_t n = 0;
    const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : "";
    if (n >= 5 && strcmp(why + n - 5, "<eof>") == 0) {
        lua_pop(L, 1);
        return SESSION_INCOMPLETE;
    }
    script_of(L)->error_pos = (Pos){0};
    if (d)
        fail(L, d);
    else
        lua_pop(L, 1);
    return SESSION_WRONG;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int close_session(lua_State *L)
{
    Session *s = luaL_checkudata(L, 1, SESSION_TYPE);
    arena_free(s->script.arena);
    arena_free(s->script.keep);
    s->script.arena = s->script.keep = NULL;
    return 0;
}

void session_add_type(lua_State *L, const char *type, lua_CFunction end)
{
    luaL_newmetatable(L, type);
    lua_pushcfunction(L, end);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void session_open(lua_State *L, SessionMade *made)
{
    session_add_type(L, SESSION_TYPE, close_session);
    workspace_open(L);
    session_add_type(L, ARENA_TYPE, free_arena);
    Session *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (Session){0};
    s->script = (Script){
        .session = true, .made = made, .diag = &s->diag, .info = &s->info, .path = no_place, .folder = "", .L = L};
    luaL_setmetatable(L, SESSION_TYPE);
    s->script.keep = arena_new();
    clear(&s->script);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
    script_bind(L, &s->script);
    language_open(L);
}
