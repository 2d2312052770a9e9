/* workspace.c: where a session's tensors live: graphs that begin with an input, come together with others, end with the
 * last of their tensors; and net(), which copies what it needs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "front/front.h"
#include "front/session.h"

enum { WORKSPACE_NODES = 1000 }; /* from which on an input begins another */

#define WORKSPACE_TYPE "mlpc.workspace"

/* Their addresses, in the registry: the workspace that is built into, the one for new inputs. */
static const char work_key, newest_key;

/* ---- making and joining
 * ------------------------------------------------------------------------------------------------- */

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

void workspace_open(lua_State *L) { session_add_type(L, WORKSPACE_TYPE, free_workspace); }
