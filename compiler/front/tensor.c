/* tensor.c: the tensor of scripts: a safe handle on a node, whose methods and operators make new nodes. */
#include <math.h>
#include <string.h>

#include "front/front.h"

/* What Lua's "attempt to ..." would leave unsaid about names that other libraries use. */
static const struct {
    const char *said, *meant;
} habits[] = {
    {"linear", "dense"},
    {"fc", "dense"},
    {"swish", "silu"},
    {"logistic", "sigmoid"},
    {"lrelu", "leaky_relu"},
    {"batch_norm", "batchnorm"},
    {"bn", "batchnorm"},
    {"layer_norm", "layernorm"},
    {"ln", "layernorm"},
    {"drop", "dropout"},
    {"hardtanh", "hard_tanh"},
    {"hardsigmoid", "hard_sigmoid"},
};
static const struct {
    const char *said, *write;
} not_methods[] = {
    {"width", "#x is the width of x"},
    {"size", "#x is the width of x"},
    {"shape", "#x is the width of x"},
    {"len", "#x is the width of x"},
    {"concat", "write a .. b"},
    {"cat", "write a .. b"},
    {"add", "write a + b"},
    {"sub", "write a - b"},
    {"mul", "write a * b"},
    {"div", "write a / 2, with a number"},
    {"neg", "write -a"},
    {"input", "write input(n)"},
    {"net", "write net(\"name\", y)"},
};

static const char names_key; /* its address: the table of names in the registry */

/* ---- making ----------------------------------------------------------------------------------------------------- */

Node *tensor_nowhere(Script *s)
{
    if (!s->nowhere) {
        s->nowhere = ARENA_NEW(s->arena, Node);
        s->nowhere->width = 1;
        s->nowhere->name = "?";
        s->nowhere->pos.file = s->path;
    }
    return s->nowhere;
}

/* Pushes who has that name: the node, as light userdata, or nil. */
static void push_owner(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* "the dense layer at net.lua:3" */
static const char *owner_text(Script *s, const Node *n)
{
    return arena_printf(s->arena, "the %s%s at %s:%d", op_info[n->op].name, n->op == OP_INPUT ? "" : " layer",
                        n->pos.file, n->pos.line);
}

static void push_handle(lua_State *L, Node *node, bool bad)
{
    Script *s = script_of(L);
    Tensor *t = lua_newuserdatauv(L, sizeof *t, s->session);
    *t = (Tensor){node, s->graph, s->work, bad};
    luaL_setmetatable(L, TENSOR_TYPE);
    if (s->session) {
        session_push_work(L);
        lua_setiuservalue(L, -2, 1);
    }
}

void tensor_push_bad(lua_State *L, Node *node) { push_handle(L, node, true); }

void tensor_push_spoilt(lua_State *L) { push_handle(L, tensor_nowhere(script_of(L)), true); }

void tensor_push(lua_State *L, Node *node, bool bad)
{
    Script *s = script_of(L);
    script_enough(L); /* the builder may have reported */
    if (s->graph->nnode > SCRIPT_NODES_MAX)
        script_stop(L, "a net of more than %d layers", SCRIPT_NODES_MAX);
    script_charge(L, 1024); /* a node, its parameters and their names, amply */
    if (s->session) { /* names are given by net() */
        push_handle(L, node, bad);
        return;
    }
    push_owner(L, node->name);
    const Node *owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (owner && owner != node) {
        script_error(L, "%s: by its number this layer is called '%s', a name given to %s: name one of them differently",
                     op_info[node->op].name, node->name, owner_text(s, owner));
    } else if (!owner && node != s->nowhere) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
        lua_pushlightuserdata(L, node);
        lua_setfield(L, -2, node->name);
        lua_pop(L, 1);
    }
    push_handle(L, node, bad);
}

/* Remembers the first use of the net's parts after net(). It is said at the end, unless it was the beginning of a
 * second net, which is what is to be said then. */
static void too_late(lua_State *L, const char *text)
{
    Script *s = script_of(L);
    if (!s->late)
        s->late_pos = script_here(L);
    if (!s->late)
        s->late = text;
}

Graph *tensor_graph(lua_State *L, const char *what)
{
    Script *s = script_of(L);
    if (s->session) {
        session_begin(L);
        return s->graph;
    }
    if (s->net_pos.file)
        too_late(L, arena_printf(s->arena, "%s: the net is complete since %s:%d: layers come before net()", what,
                                 s->net_pos.file, s->net_pos.line));
    if (!s->graph) {
        s->graph = graph_new(s->arena, s->path);
        lua_newtable(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
    }
    return s->graph;
}

const char *tensor_name(lua_State *L, const char *name, const char *what, WordUse use)
{
    Script *s = script_of(L);
    const char *problem = word_problem(s->arena, name, strlen(name), use);
    if (problem) {
        script_error(L, "%s: the name '%s' %s%s", what, word_shown(s->arena, name, strlen(name), 70), problem,
                     word_instead(s->arena, name, strlen(name), use));
        return NULL;
    }
    if (s->session)
        return name;
    push_owner(L, name);
    const Node *owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!owner)
        return name;
    script_error(L, "%s: the name '%s' is taken by %s", what, name, owner_text(s, owner));
    return NULL;
}

Tensor *tensor_at(lua_State *L, int i, const char *what, const char *role)
{
    Script *s = script_of(L);
    Tensor *t = luaL_testudata(L, i, TENSOR_TYPE);
    if (!t) {
        script_error(L, "%s: %s must be a tensor, got %s", what, role, script_describe(L, i));
        return NULL;
    }
    if (s->session)
        session_enter(L, i);
    if (!s->net_pos.file)
        return t;
    if (!t->bad)
        too_late(L, arena_printf(s->arena,
                                 "%s: %s (%s:%d) belongs to the net '%s', complete since %s:%d: layers come "
                                 "before net()",
                                 what, t->node->name, t->node->pos.file, t->node->pos.line, t->graph->name,
                                 s->net_pos.file, s->net_pos.line));
    return NULL;
}

int tensor_push_affine(lua_State *L, Node *x, bool bad, const double *scale, int nscale, const double *shift,
                       int nshift)
{
    Script *s = script_of(L);
    script_charge(L, 2 * sizeof(double) * (size_t)x->width);
    tensor_push(L, graph_affine(s->graph, s->diag, script_here(L), x, scale, nscale, shift, nshift), bad);
    return 1;
}

/* ---- operators -------------------------------------------------------------------------------------------------- */

/* number op tensor, tensor op number: an affine map. */
static int join_number(lua_State *L, char sign, Tensor *t, double v, bool number_first)
{
    double scale = 1, shift = 0;
    if (sign == '*')
        scale = v;
    else if (sign == '/')
        scale = 1 / v;
    else if (sign == '+')
        shift = v;
    else
        shift = number_first ? v : -v, scale = number_first ? -1 : 1;
    bool fits = fabs(v) <= 3.4028234663852886e38 && fabs(scale) <= 3.4028234663852886e38;
    if (!fits) {
        script_error(L, "'%c' with %s: the number must be finite and fit single precision", sign,
                     sign == '/' && v == 0 ? "0" : script_describe(L, number_first ? 1 : 2));
        scale = 1, shift = 0;
    }
    return tensor_push_affine(L, t->node, t->bad, &scale, 1, &shift, 1);
}

/* a op b. Upvalue 1 is the operator's character: '+', '-', '*', '/', '..'; others say that they do not exist. */
static int operator_of_two(lua_State *L)
{
    static const struct {
        char sign;
        Op op;
    } joins[] = {{'*', OP_MUL}, {'+', OP_ADD}, {'-', OP_SUB}, {'.', OP_CONCAT}};
    Script *s = script_of(L);
    const char *sign = lua_tostring(L, lua_upvalueindex(1));
    Tensor *side[2];
    bool number[2];
    for (int i = 0; i < 2; i++) {
        side[i] = luaL_testudata(L, i + 1, TENSOR_TYPE);
        number[i] = lua_type(L, i + 1) == LUA_TNUMBER;
    }
    Op op = OP_COUNT;
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        op = joins[i].sign == *sign ? joins[i].op : op;
    Tensor *any = side[0] ? side[0] : side[1];
    bool divide = strcmp(sign, "/") == 0;
    bool affine = (number[0] && op != OP_CONCAT && !divide) || (number[1] && op != OP_CONCAT);
    if (op == OP_COUNT && !divide) {
        script_error(L, "tensors have no '%s': there are + - * .. between tensors, + - * / with numbers", sign);
    } else if (divide && !number[1]) {
        script_error(L, "'/' divides a tensor by a number, not %s by %s", script_describe(L, 1), script_describe(L, 2));
    } else if (!affine && (!side[0] || !side[1])) {
        script_error(L, "'%s' joins tensors%s: the %s side is %s", sign,
                     op == OP_CONCAT ? "" : ", or a tensor and a number", side[0] ? "right" : "left",
                     script_describe(L, side[0] ? 2 : 1));
    } else {
        const char *quoted = arena_printf(s->arena, "'%s'", sign);
        bool usable = true;
        for (int i = 0; i < 2; i++)
            usable = (!side[i] || tensor_at(L, i + 1, quoted, "a side")) && usable;
        if (usable && affine)
            return join_number(L, *sign, any, lua_tonumber(L, number[0] ? 1 : 2), number[0]);
        if (usable && !side[0]->bad && !side[1]->bad) {
            if (s->session)
                session_join(L, 1, 2);
            int errors = s->diag->errors;
            Node *a = side[0]->node, *b = side[1]->node;
            Node *n = op == OP_CONCAT ? graph_concat(s->graph, s->diag, script_here(L), a, b)
                                      : graph_join(s->graph, s->diag, script_here(L), op, a, b);
            tensor_push(L, n, s->diag->errors > errors);
            return 1;
        }
    }
    push_handle(L, any->node, true);
    return 1;
}

static int operator_minus(lua_State *L)
{
    Tensor *t = tensor_at(L, 1, "'-'", "what is negated");
    if (!t) {
        tensor_push_spoilt(L);
        return 1;
    }
    const double scale = -1, shift = 0;
    return tensor_push_affine(L, t->node, t->bad, &scale, 1, &shift, 1);
}

static int operator_width(lua_State *L)
{
    const Tensor *t = luaL_checkudata(L, 1, TENSOR_TYPE);
    if (script_of(L)->session)
        session_enter(L, 1);
    lua_pushinteger(L, t->node->width);
    return 1;
}

static int tensor_text(lua_State *L)
{
    const Tensor *t = luaL_checkudata(L, 1, TENSOR_TYPE);
    if (script_of(L)->session)
        session_enter(L, 1);
    lua_pushfstring(L, "%s: %d wide (%s:%d)", t->node->name, t->node->width, t->node->pos.file, t->node->pos.line);
    return 1;
}

/* ---- methods ---------------------------------------------------------------------------------------------------- */

/* The frame of level 1, if it is the user's: where a method is looked up, or called. */
static bool user_frame(lua_State *L, lua_Debug *ar, const Chunk **chunk)
{
    return lua_getstack(L, 1, ar) && lua_getinfo(L, "Sl", ar) && ar->currentline > 0 &&
           (*chunk = script_find_chunk(script_of(L), ar->source)) != NULL;
}

enum { BOUND_FUNCTION = 1, BOUND_SELF, BOUND_NAME, BOUND_CHUNK, BOUND_IN, BOUND_LINE, BOUND_COUNT = BOUND_LINE };

/* Calls the method that was looked up, and tells script_here the line of its name: Lua itself puts all calls of a chain
 * of methods on the line where the chain begins. */
static int call_bound(lua_State *L)
{
    Script *s = script_of(L);
    Hint before = s->hint;
    lua_Debug ar;
    const Chunk *chunk;
    int line = (int)lua_tointeger(L, lua_upvalueindex(BOUND_LINE));
    bool same = user_frame(L, &ar, &chunk) && chunk == lua_touserdata(L, lua_upvalueindex(BOUND_CHUNK)) &&
                ar.linedefined == lua_tointeger(L, lua_upvalueindex(BOUND_IN)) && line > ar.currentline;
    if (same)
        s->hint = (Hint){chunk, ar.linedefined, ar.currentline, line};
    if (!luaL_testudata(L, 1, TENSOR_TYPE)) {
        script_error(L, "x.%s(...) works on no tensor: write x:%s(...), with a colon",
                     lua_tostring(L, lua_upvalueindex(BOUND_NAME)), lua_tostring(L, lua_upvalueindex(BOUND_NAME)));
        lua_pushvalue(L, lua_upvalueindex(BOUND_SELF));
        lua_insert(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(BOUND_FUNCTION));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    s->hint = before;
    return lua_gettop(L);
}

/* Stands for a method that does not exist: the tensor it was called on, spoilt. */
static int call_unknown(lua_State *L)
{
    const Tensor *t = lua_touserdata(L, lua_upvalueindex(1));
    push_handle(L, t->node, true);
    return 1;
}

static int unknown_method(lua_State *L)
{
    Arena *a = script_of(L)->arena;
    size_t size;
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : NULL;
    const char *hint = NULL;
    if (!name) {
        script_error(L, "a tensor has no element %s: x:slice(i, j) takes features", script_describe(L, 2));
    } else {
        for (size_t i = 0; i < sizeof not_methods / sizeof *not_methods; i++)
            if (strcmp(name, not_methods[i].said) == 0)
                hint = arena_printf(a, "; %s", not_methods[i].write);
        for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
            if (strcmp(name, habits[i].said) == 0)
                hint = arena_printf(a, "; here it is called '%s'", habits[i].meant);
        const char *known[OP_COUNT + 8];
        size_t n = 0;
        for (int op = OP_DENSE; op < OP_COUNT; op++)
            known[n++] = op_info[op].kind == KIND_JOIN || op == OP_CONCAT ? NULL : op_info[op].name;
        known[n++] = "mlp";
        known[n++] = "hourglass";
        script_error(L, "a tensor has no method '%s'%s", word_shown(a, name, size, 40),
                     hint ? hint : script_did_you_mean(L, name, known, n));
    }
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, call_unknown, 1);
    return 1;
}

/* x.name: upvalue 1 is the table of methods. */
static int tensor_index(lua_State *L)
{
    lua_Debug ar;
    const Chunk *chunk = NULL;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
        return unknown_method(L);
    bool user = user_frame(L, &ar, &chunk);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, user ? (void *)chunk : NULL);
    lua_pushinteger(L, user ? ar.linedefined : 0);
    lua_pushinteger(L, user ? ar.currentline : 0);
    lua_pushcclosure(L, call_bound, BOUND_COUNT);
    return 1;
}

static int tensor_newindex(lua_State *L)
{
    script_error(L, "a tensor cannot be changed, only used to make others");
    return 0;
}

void tensor_add_method(lua_State *L, const char *name)
{
    luaL_getmetatable(L, TENSOR_TYPE);
    lua_getfield(L, -1, "methods");
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, name);
    lua_pop(L, 3);
}

void tensor_open(lua_State *L)
{
    static const struct {
        const char *event, *sign;
    } operators[] = {{"__add", "+"},     {"__sub", "-"}, {"__mul", "*"}, {"__div", "/"},
                     {"__concat", ".."}, {"__mod", "%"}, {"__pow", "^"}, {"__idiv", "//"}};
    static const luaL_Reg events[] = {{"__unm", operator_minus},
                                      {"__len", operator_width},
                                      {"__tostring", tensor_text},
                                      {"__newindex", tensor_newindex},
                                      {NULL, NULL}};
    luaL_newmetatable(L, TENSOR_TYPE);
    script_name_type(L, "tensor");
    luaL_setfuncs(L, events, 0);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        lua_pushstring(L, operators[i].sign);
        lua_pushcclosure(L, operator_of_two, 1);
        lua_setfield(L, -2, operators[i].event);
    }
    lua_pushstring(L, "tensor");
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "methods");
    lua_insert(L, -2); /* globals, methods, metatable */
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, tensor_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    layer_open(L);
    lua_pop(L, 1);
}
