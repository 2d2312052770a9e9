/* bind_net.c: a net as a value of Lua: its making and end, its table, its C, its weights. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cli.h"
#include "front/weights.h"
#include "repl/bind.h"
#include "show.h"
#include "graph/scale.h"
#include "train/save.h"

static const char nets_key; /* its address: all nets, as keys of a weak table in the registry */

/* ---- making ----------------------------------------------------------------------------------------------------- */

/* Pushes a net that owns the arena. It is not ready before own_weights. */
static NetObject *push_net(lua_State *L, Arena *a, Graph *g)
{
    NetObject *n = lua_newuserdatauv(L, sizeof *n, 0);
    *n = (NetObject){.arena = a, .graph = g};
    luaL_setmetatable(L, BIND_NET);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &nets_key);
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return n;
}

bool bind_news(lua_State *L, Text *t)
{
    bool waits = false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &nets_key);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const NetObject *n = lua_touserdata(L, -2);
        const char *news = n->live ? live_news(n->live) : NULL;
        if (news)
            text_printf(t, "%s: %s\n", n->graph->name, news);
        waits = waits || (n->live && live_waits(n->live));
    }
    lua_pop(L, 1);
    return waits;
}

/* Numbers of its own: drawn, where none are bound. */
static void own_weights(lua_State *L, NetObject *n, uint64_t seed)
{
    Graph *g = n->graph;
    bind_afford(L, 16.0 * (double)graph_params(g), "the net's parameters, and what training them takes,");
    if (lua_gc(L, LUA_GCISRUNNING))
        lua_gc(L, LUA_GCSTEP, (int)(graph_params(g) / 256)); /* KB that Lua does not see */
    n->w = ARENA_ARRAY(g->arena, graph_params(g) + 1, float);
    learner_start(g, seed, n->w);
    float *w = n->w;
    for (int i = 0; i < g->nparam; w += param_count(g->param[i]), i++)
        g->param[i]->value = w;
}

void bind_net_made(lua_State *L, Arena *a, Graph *g)
{
    NetObject *n = push_net(L, a, g);
    Diag d;
    session_diag(L, &d, a);
    graph_check(g, &d);
    session_tell(L, &d);
    graph_prune(g);
    own_weights(L, n, (uint64_t)(g->train.seed >= 0 ? g->train.seed : 1));
}

void bind_net_compiled(lua_State *L, Compile *c)
{
    NetObject *n = push_net(L, c->arena, c->graph);
    n->learnt = c->graph->nparam == 0 || c->weights_used;
    n->weights = c->weights_used;
    c->arena = NULL;
    own_weights(L, n, (uint64_t)(c->graph->train.seed >= 0 ? c->graph->train.seed : 1));
}

NetObject *bind_net_at(lua_State *L, int i, const char *what)
{
    NetObject *n = luaL_testudata(L, i, BIND_NET);
    if (!n)
        session_error(L, "%s: works on a net, got %s: write n:%s(...), with a colon", what, session_describe(L, i),
                      what);
    if (!n->arena)
        session_error(L, "%s: this net was freed", what);
    return n;
}

NetObject *bind_net_idle(lua_State *L, int i, const char *what)
{
    NetObject *n = bind_net_at(L, i, what);
    if (n->busy)
        session_error(L, "%s: %s is being trained", what, n->graph->name);
    return n;
}

void bind_net_changed(NetObject *n)
{
    live_free(n->live);
    n->live = NULL;
}

Compile bind_net_compile(const NetObject *n, Arena *a)
{
    Compile c = {.arena = a, .script = n->graph->file, .graph = graph_copy_into(a, n->graph), .next = STAGE_FOLD};
    diag_init(&c.diag, a);
    c.weights_used = n->weights ? n->weights : n->learnt ? "as learnt" : NULL;
    c.as = n->learnt ? WEIGHTS_BAKED : WEIGHTS_ARGUMENT;
    if (!n->learnt)
        for (int i = 0; i < c.graph->nparam; i++)
            c.graph->param[i]->value = NULL;
    return c;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static void end(NetObject *n)
{
    bind_net_changed(n);
    free(n->epoch);
    n->epoch = NULL;
    n->epochs = n->epoch_room = 0;
    arena_free(n->arena);
    n->arena = NULL;
}

/* The garbage collector's, and whoever gets hold of it: a net that is at work is left alone. */
static int collect(lua_State *L)
{
    NetObject *n = luaL_testudata(L, 1, BIND_NET);
    if (n && n->arena && !n->busy)
        end(n);
    return 0;
}

/* n:free() */
static int release(lua_State *L)
{
    end(bind_net_idle(L, 1, "free"));
    return 0;
}

/* ---- what it looks like ----------------------------------------------------------------------------------------- */

/* n:show() */
static int show(lua_State *L)
{
    NetObject *n = bind_net_at(L, 1, "show");
    Arena *a = session_arena(L);
    Compile c = bind_net_compile(n, a);
    Text t = {0};
    if (!show_table(&c, &t))
        text_free(&t);
    session_tell(L, &c.diag);
    bind_push_text(L, &t);
    return 1;
}

/* n:bench() */
static int bench(lua_State *L)
{
    NetObject *n = bind_net_at(L, 1, "bench");
    Arena *a = session_arena(L);
    Diag d;
    Text t = {0};
    session_diag(L, &d, a);
    if (!bench_net(graph_copy_into(a, n->graph), false, &t, &d))
        text_free(&t);
    session_tell(L, &d);
    bind_push_text(L, &t);
    return 1;
}

static int to_text(lua_State *L)
{
    const NetObject *n = luaL_checkudata(L, 1, BIND_NET);
    if (n->arena)
        return show(L);
    lua_pushstring(L, "a net that was freed");
    return 1;
}

/* n:reset(seed): first weights again. */
static int reset(lua_State *L)
{
    NetObject *n = bind_net_idle(L, 1, "reset");
    double seed = luaL_optnumber(L, 2, n->graph->train.seed >= 0 ? n->graph->train.seed : 1);
    if (!(seed >= 0 && seed <= 9007199254740992.0))
        session_error(L, "reset: the seed must be a whole number of at least 0, got %s", session_describe(L, 2));
    Arena *a = session_arena(L);
    Graph *g = graph_copy_into(a, n->graph);
    for (int i = 0; i < g->nparam; i++)
        g->param[i]->value = NULL;
    learner_start(g, (uint64_t)seed, n->w);
    n->learnt = false;
    n->weights = NULL;
    n->epochs = n->learnt_epochs = n->epoch_step = 0;
    bind_net_changed(n);
    return 0;
}

/* ---- its C ------------------------------------------------------------------------------------------------------ */

/* n:c() is the text, n:c("xor.c") writes it and its header; the options are those of mlpc NET.lua -o. */
static int to_c(lua_State *L)
{
    static const BindOption options[] = {{"prefix", offsetof(Cli, prefix)}, {"header", offsetof(Cli, header)}};
    static const char *const flags[] = {"train", "portable", "single_header", NULL};
    NetObject *n = bind_net_at(L, 1, "c");
    if (!lua_isnoneornil(L, 2) && lua_type(L, 2) != LUA_TSTRING && !lua_istable(L, 2))
        session_error(L, "c: the file must be a name like \"%s.c\", got %s", n->graph->name, session_describe(L, 2));
    lua_settop(L, 3);
    if (lua_istable(L, 2))
        lua_insert(L, 2);
    int table = lua_istable(L, 2) ? 2 : 3;
    Arena *a = session_arena(L);
    Cli cli = {.verb = &verbs[0], .dump = -1, .compile = bind_net_compile(n, a)};
    bind_options(L, table, "c", options, 2, flags, &cli, a);
    bool set[3] = {false};
    for (int i = 0; i < 3 && lua_istable(L, table); i++) {
        lua_getfield(L, table, flags[i]);
        set[i] = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    Compile *c = &cli.compile;
    c->train = set[0];
    c->target = set[1] ? TARGET_PORTABLE : TARGET_SIMD;
    cli.single_header = set[2];
    if (c->train) {
        c->as = WEIGHTS_ARGUMENT;
        for (int i = 0; i < c->graph->nparam; i++)
            c->graph->param[i]->value = NULL;
    }
    if (lua_type(L, 2) == LUA_TSTRING) {
        cli.output = arena_strdup(a, lua_tostring(L, 2));
        cli.command = arena_printf(a, "%s:c(\"%s\") in mlpc repl", n->graph->name, n->graph->name);
        build_write(&cli);
        session_tell(L, &c->diag);
        return 0;
    }
    Text t = {0};
    cli.command = arena_printf(a, "%s:c() in mlpc repl", n->graph->name);
    if (!build_text(&cli, &t))
        text_free(&t);
    session_tell(L, &c->diag);
    bind_push_text(L, &t);
    return 1;
}

/* ---- its weights ------------------------------------------------------------------------------------------------ */

static const char *path_at(lua_State *L, const char *what)
{
    size_t size = 0;
    const char *path = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : NULL;
    if (!path || size == 0 || strlen(path) != size)
        session_error(L, "%s: wants the name of a file like \"net.safetensors\", got %s", what, session_describe(L, 2));
    return path;
}

/* n:save("xor.safetensors") */
static int save(lua_State *L)
{
    NetObject *n = bind_net_at(L, 1, "save");
    const char *path = path_at(L, "save");
    Arena *a = session_arena(L);
    Metadata m = metadata_new(a, n->graph, (size_t)n->graph->nlabel);
    Diag d;
    session_diag(L, &d, a);
    metadata_classes(&m, a, (size_t)n->graph->nlabel, n->graph->label);
    if (save_weights(path, n->graph, n->w, &m, &d))
        n->weights = arena_strdup(n->arena, path);
    session_tell(L, &d);
    return 0;
}

void bind_net_adopt(NetObject *n, const Graph *copy, const float *w)
{
    Graph *g = n->graph;
    memcpy(n->w, w, graph_params(g) * sizeof *w);
    graph_scale_adopt(g, copy);
    if (!g->nlabel && copy->nlabel) {
        const char **label = ARENA_ARRAY(g->arena, (size_t)copy->nlabel, const char *);
        for (int i = 0; i < copy->nlabel; i++)
            label[i] = arena_strdup(g->arena, copy->label[i]);
        g->label = label;
        g->nlabel = copy->nlabel;
    }
    n->learnt = true;
    bind_net_changed(n);
}

/* n:load("xor.safetensors" [, {by_order = true}]) */
static int load(lua_State *L)
{
    static const char *const flags[] = {"by_order", NULL};
    NetObject *n = bind_net_idle(L, 1, "load");
    const char *path = path_at(L, "load");
    lua_settop(L, 3);
    bind_options(L, 3, "load", NULL, 0, flags, NULL, NULL);
    bool by_order = lua_istable(L, 3) && lua_getfield(L, 3, "by_order") != LUA_TNIL && lua_toboolean(L, -1);
    Arena *a = session_arena(L);
    Graph *copy = graph_copy_into(a, n->graph);
    Diag d;
    session_diag(L, &d, a);
    for (int i = 0; i < copy->nparam; i++)
        copy->param[i]->value = NULL;
    graph_scale_clear(copy);
    if (weights_bind(copy, &d, path, by_order)) {
        float *w = ARENA_ARRAY(a, graph_params(copy) + 1, float);
        learner_start(copy, 0, w); /* what is bound */
        bind_net_adopt(n, copy, w);
        n->weights = arena_strdup(n->arena, path);
    }
    session_tell(L, &d);
    return 0;
}

/* ---- fields ----------------------------------------------------------------------------------------------------- */

static int field_name(lua_State *L, const NetObject *n)
{
    lua_pushstring(L, n->graph->name);
    return 1;
}

static int field_params(lua_State *L, const NetObject *n)
{
    lua_pushinteger(L, (lua_Integer)graph_params(n->graph));
    return 1;
}

/* n.method, n.field. Upvalue 1 is the table of methods. */
static int net_index(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const NetObject *n = bind_net_at(L, 1, *name ? name : "a field");
    if (strcmp(name, "history") == 0)
        return bind_net_history(L);
    if (strcmp(name, "name") == 0)
        return field_name(L, n);
    if (strcmp(name, "params") == 0)
        return field_params(L, n);
    static const char *const known[] = {"train", "eval", "bench",   "show", "c",      "plot", "save",
                                        "load",  "free", "history", "name", "params", "reset"};
    Op op = op_find(name);
    if (op != OP_COUNT)
        session_error(L, "a net has no '%s': layers come before net()", name);
    session_error(L, "a net has no %s%s", *name ? name : session_describe(L, 2),
                  *name ? session_near(L, name, known, sizeof known / sizeof *known) : ": n{...} computes");
}

static int net_newindex(lua_State *L) { session_error(L, "a net's fields cannot be set"); }

void bind_net_open(lua_State *L)
{
    static const luaL_Reg events[] = {{"__tostring", to_text},     {"__newindex", net_newindex}, {"__gc", collect},
                                      {"__call", bind_net_answer}, {"__close", collect},         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"show", show},
                                       {"c", to_c},
                                       {"bench", bench},
                                       {"save", save},
                                       {"load", load},
                                       {"reset", reset},
                                       {"free", release},
                                       {"train", bind_net_train},
                                       {"eval", bind_net_eval},
                                       {"plot", bind_net_plot},
                                       {NULL, NULL}};
    lua_newtable(L);
    lua_newtable(L);
    lua_pushstring(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &nets_key);
    luaL_newmetatable(L, BIND_NET);
    luaL_setfuncs(L, events, 0);
    luaL_newlib(L, methods);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "methods");
    lua_pushcclosure(L, net_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, "net");
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, "net");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
