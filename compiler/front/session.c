/* session.c: the net language in a Lua state that goes on: workspaces that tensors live in, errors that are raised. */
#include "front/session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "front/front.h"

enum { WORKSPACE_NODES = 1000 }; /* from which on an input begins another */

#define SESSION_TYPE "mlpc.session"
#define WORKSPACE_TYPE "mlpc.workspace"
#define ARENA_TYPE "mlpc.arena"

/* Their addresses, in the registry: the session, the workspace that is built into, the one for new inputs. */
static const char session_key, work_key, newest_key;

static const char no_place[] = "mlpc"; /* the file of what no line of the user's did */

typedef struct Session {
    Script script;
    Diag diag;
    ScriptInfo info;
    bool talks;
} Session;

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static void clear(Script *s)
{
    arena_free(s->arena);
    s->arena = arena_new();
    diag_init(s->diag, s->arena);
    s->diag->silenced[WARN_CPP_NAME] = true; /* a matter of those who ask for the C */
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

void session_talks(lua_State *L, bool talks)
{
    ((Session *)script_of(L))->talks = talks;
}

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

/* ---- workspaces ------------------------------------------------------------------------------------------------- */

static int free_workspace(lua_State *L)
{
    Workspace *w = luaL_checkudata(L, 1, WORKSPACE_TYPE);
    arena_free(w->arena);
    w->arena = NULL;
    return 0;
}

/* Pushes a new one. Its user value is the one that it moved into. */
static Workspace *push_workspace(lua_State *L, const char *file)
{
    Workspace *w = lua_newuserdatauv(L, sizeof *w, 1);
    *w = (Workspace){0};
    luaL_setmetatable(L, WORKSPACE_TYPE);
    w->number = script_of(L)->works++;
    w->arena = arena_new();
    w->graph = graph_new(w->arena, file);
    return w;
}

/* The workspace on top of the stack (popped) is the one that is built into. */
static void build_into(lua_State *L)
{
    Script *s = script_of(L);
    s->work = lua_touserdata(L, -1);
    s->graph = s->work->graph;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &work_key);
}

void session_push_work(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &work_key); }

void session_begin(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &newest_key);
    const Workspace *w = lua_touserdata(L, -1);
    if (!w || w->into || w->left || w->graph->nnode > WORKSPACE_NODES) {
        lua_pop(L, 1);
        if (lua_gc(L, LUA_GCISRUNNING))
            lua_gc(L, LUA_GCSTEP, 32); /* about what it holds, in KB */
        push_workspace(L, script_here(L).file);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &newest_key);
    }
    build_into(L);
}

/* Replaces the workspace on top of the stack by the one that holds its nodes now. */
static Workspace *resolve(lua_State *L)
{
    Workspace *w = luaL_testudata(L, -1, WORKSPACE_TYPE);
    if (!w || (!w->arena && !w->into)) /* who has the debug library can take everything apart */
        session_error(L, "this tensor was taken apart");
    while (w->into) {
        lua_getiuservalue(L, -1, 1);
        lua_remove(L, -2);
        w = lua_touserdata(L, -1);
    }
    return w;
}

void session_enter(lua_State *L, int i)
{
    lua_getiuservalue(L, i, 1);
    resolve(L);
    build_into(L);
}

static void release(void *arena) { arena_free(arena); }

/* Moves everything of b, on top of the stack, to the end of a, below it. */
static void move_into(lua_State *L, Workspace *a, Workspace *b)
{
    Graph *to = a->graph;
    const Graph *from = b->graph;
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1);
    b->into = a;
    for (int i = 0; i < from->nnode; i++)
        graph_put(to, from->node[i]);
    a->left = a->left || b->left;
    arena_defer(a->arena, release, b->arena);
    b->arena = NULL;
    b->graph = to;
}

/* Makes one of the workspaces below and on top of the stack, of which the one whose first node is the earlier stays;
 * leaves it in place of both. */
static void join(lua_State *L)
{
    Workspace *b = resolve(L);
    lua_insert(L, -2);
    Workspace *a = resolve(L);
    lua_insert(L, -2);
    if (a == b) {
        lua_pop(L, 1);
        return;
    }
    if (b->number < a->number) {
        lua_insert(L, -2);
        Workspace *first = b;
        b = a;
        a = first;
    }
    move_into(L, a, b);
    lua_pop(L, 1);
}

void session_join(lua_State *L, int i, int k)
{
    lua_getiuservalue(L, i, 1);
    lua_getiuservalue(L, k, 1);
    join(L);
    build_into(L);
}

/* ---- net() ------------------------------------------------------------------------------------------------------ */

/* Pushes the one workspace of all the tensors among the outputs at index 2, nil if there is none. */
static void push_outputs_work(lua_State *L)
{
    if (luaL_testudata(L, 2, TENSOR_TYPE)) {
        lua_getiuservalue(L, 2, 1);
        resolve(L);
        return;
    }
    lua_pushnil(L);
    if (!lua_istable(L, 2))
        return;
    for (lua_pushnil(L); lua_next(L, 2);) { /* the workspace, the key, the value */
        if (luaL_testudata(L, -1, TENSOR_TYPE)) {
            lua_getiuservalue(L, -1, 1);
            lua_pushvalue(L, -4);
            if (lua_isnil(L, -1)) {
                lua_pop(L, 1);
                resolve(L);
            } else {
                join(L);
            }
            lua_replace(L, -4);
        }
        lua_pop(L, 1);
    }
}

/* Marks by id what the tensor at the top of the stack is. */
static void mark(lua_State *L, bool *need)
{
    const Tensor *t = luaL_testudata(L, -1, TENSOR_TYPE);
    if (t)
        need[t->node->id] = true;
}

static void mark_outputs(lua_State *L, bool *need)
{
    lua_pushvalue(L, 2);
    mark(L, need);
    if (lua_istable(L, -1))
        for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
            mark(L, need);
    lua_pop(L, 1);
}

/* A copy of the node at the end of g. Layers without a name get their number there, as in a script of their own. */
static Node *copy_node(Graph *g, const Node *n, Node *const *twin)
{
    Node *in[NODE_IN_MAX];
    for (int i = 0; i < n->nin; i++)
        in[i] = twin[n->in[i]->id];
    Node *c = graph_add(g, n->op, n->pos, n->named ? n->name : NULL, n->width, n->nin, in);
    memcpy(c->attr, n->attr, sizeof c->attr);
    c->init = n->init;
    c->shared = n->shared;
    for (int k = 0; k < 2 && n->scale; k++) {
        double *v = ARENA_ARRAY(g->arena, (size_t)n->width, double);
        memcpy(v, k ? n->shift : n->scale, (size_t)n->width * sizeof *v);
        *(k ? &c->shift : &c->scale) = v;
    }
    for (int r = 0; r < ROLE_COUNT; r++)
        if (n->param[r])
            graph_param(g, c, (Role)r, n->param[r]->ndim, n->param[r]->rows, n->param[r]->cols);
    if (n->op == OP_INPUT)
        graph_put_input(g, c);
    return c;
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp((*(const Node *const *)a)->name, (*(const Node *const *)b)->name);
}

/* Reports two nodes of one name, and inputs whose names differ only in case. */
static void check_names(lua_State *L, const Graph *g)
{
    Script *s = script_of(L);
    Node **list = ARENA_ARRAY(s->arena, (size_t)g->nnode + 1, Node *);
    for (int i = 0; i < g->nnode; i++)
        list[i] = g->node[i];
    qsort(list, (size_t)g->nnode, sizeof *list, by_name);
    for (int i = 0; i + 1 < g->nnode; i++) {
        const Node *a = list[i], *b = list[i + 1];
        bool same = strcmp(a->name, b->name) == 0, inputs = a->op == OP_INPUT && b->op == OP_INPUT;
        if (same)
            script_error(L, "net: two layers are called '%s' (%s:%d and %s:%d): name one of them differently", a->name,
                         a->pos.file, a->pos.line, b->pos.file, b->pos.line);
        if (inputs && strcasecmp(a->name, b->name) == 0)
            script_error(L, "net: the inputs '%s' and '%s' differ only in case: C needs them to differ more", a->name,
                         b->name);
    }
}

Workspace *session_extract(lua_State *L, Node *const **twin)
{
    lua_settop(L, lua_gettop(L) < 3 ? 3 : lua_gettop(L));
    Script *s = script_of(L);
    push_outputs_work(L);
    Workspace *from = lua_touserdata(L, -1);
    Workspace *to = push_workspace(L, script_here(L).file);
    *twin = NULL;
    if (from) {
        const Graph *g = from->graph;
        from->left = true;
        bool *need = ARENA_ARRAY(s->arena, (size_t)g->nnode, bool);
        Node **copy = ARENA_ARRAY(s->arena, (size_t)g->nnode, Node *);
        mark_outputs(L, need);
        for (int i = g->nnode - 1; i >= 0; i--)
            for (int k = 0; need[i] && k < g->node[i]->nin; k++)
                need[g->node[i]->in[k]->id] = true;
        for (int i = 0; i < g->nnode; i++)
            copy[i] = need[i] ? copy_node(to->graph, g->node[i], copy) : NULL;
        *twin = copy;
    }
    lua_insert(L, 4); /* behind the arguments that net() takes */
    lua_pop(L, 1);
    check_names(L, to->graph);
    return to;
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
        diag_error(d, s->error_pos, "%s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that cannot be told");
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

/* A type whose values have nothing but an end. */
static void add_type(lua_State *L, const char *type, lua_CFunction end)
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
    add_type(L, SESSION_TYPE, close_session);
    add_type(L, WORKSPACE_TYPE, free_workspace);
    add_type(L, ARENA_TYPE, free_arena);
    Session *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (Session){0};
    s->script = (Script){.session = true, .made = made, .diag = &s->diag, .info = &s->info, .path = no_place, .folder = "", .L = L};
    luaL_setmetatable(L, SESSION_TYPE);
    s->script.keep = arena_new();
    clear(&s->script);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
    script_bind(L, &s->script);
    language_open(L);
}
