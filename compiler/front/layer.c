/* layer.c: the layers that scripts call, as methods of tensors or as plain functions: checks their arguments. */
#include <math.h>
#include <string.h>

#include "front/front.h"

/* The tensor at 1 that a layer builds on, and the node; a stand-in after an error. */
static Node *base_node(lua_State *L, const char *op, bool *bad)
{
    Script *s = script_of(L);
    const Tensor *t = tensor_at(L, 1, op, "what it works on");
    if (!t && !s->graph)
        tensor_graph(L, op);
    *bad = !t || t->bad;
    return t ? t->node : tensor_nowhere(s);
}

/* Reports what stands at index i and beyond, where nothing should. */
static bool no_more(lua_State *L, int i, const char *op, const char *usage)
{
    if (lua_isnoneornil(L, i) && lua_gettop(L) <= i)
        return true;
    script_error(L, "%s: %s is one argument too many: write %s", op, script_describe(L, i), usage);
    return false;
}

static int layer_dense(lua_State *L)
{
    static const char *const starts[] = {"he", "glorot", "lecun", "torch", "zero", NULL};
    static const char usage[] = "x:dense(width, {bias = ..., init = ..., name = ...})";
    bool bad, bias = true;
    const char *init = starts[INIT_HE], *name = NULL;
    Node *x = base_node(L, "dense", &bad);
    Key keys[] = {{"bias", KEY_BOOL, .to = &bias},
                  {"init", KEY_TEXT, .to = &init, .words = starts},
                  {"name", KEY_TEXT, .to = &name}};
    if (lua_istable(L, 3))
        keys_read(L, 3, "dense", keys, 3);
    else if (!lua_isnoneornil(L, 3))
        script_error(L, "dense: the options must be a table, got %s: write %s", script_describe(L, 3), usage);
    no_more(L, 4, "dense", usage);
    if (name)
        name = tensor_name(L, name, "dense", WORD_LAYER);
    int k = 0;
    while (starts[k] && strcmp(starts[k], init))
        k++;
    Script *s = script_of(L);
    if (lua_type(L, 2) != LUA_TNUMBER) {
        script_error(L, "dense: the width must be a number, got %s: write %s", script_describe(L, 2), usage);
        tensor_push_bad(L, x);
        return 1;
    }
    int errors = s->diag->errors;
    Node *n = graph_dense(s->graph, s->diag, script_here(L), x, lua_tonumber(L, 2), bias, (Init)k, name);
    tensor_push(L, n, s->diag->errors > errors);
    return 1;
}

/* "x:leaky_relu(a)", "x:prelu({shared = ..., a = ..., name = ...})" */
static const char *usage_of(Arena *a, const OpInfo *info)
{
    if (info == &op_info[OP_SIGN])
        return "x:sign{ste = true}, or x:sign()";
    const char *s = arena_printf(a, "x:%s(", info->name);
    for (int i = 0; i < info->nattr; i++)
        s = arena_printf(a, "%s%s%s", s, i ? ", " : "", info->attr[i].name);
    return arena_printf(a, "%s)", s);
}

/* All layers of one tensor and a few numbers: activations, normalisations, dropout. Upvalue 1 is the Op. */
static int layer_unary(lua_State *L)
{
    Script *s = script_of(L);
    Op op = (Op)lua_tointeger(L, lua_upvalueindex(1));
    const OpInfo *info = &op_info[op];
    bool bad, shared = false, ste = false;
    const char *name = NULL;
    double attr[2] = {info->attr[0].standard, info->attr[1].standard};
    Node *x = base_node(L, info->name, &bad);
    int i = 2, flags = op == OP_SIGN ? 0 : info->nattr; /* sign's number is a yes or no */
    for (int k = 0; k < flags && lua_type(L, i) == LUA_TNUMBER; k++, i++)
        attr[k] = lua_tonumber(L, i);
    if (lua_istable(L, i)) {
        Key keys[4];
        int n = 0;
        for (int k = 0; k < flags; k++)
            keys[n++] = (Key){info->attr[k].name, KEY_NUMBER, .to = &attr[k], .low = -HUGE_VAL, .high = HUGE_VAL};
        if (op == OP_PRELU)
            keys[n++] = (Key){"shared", KEY_BOOL, .to = &shared};
        if (op == OP_SIGN)
            keys[n++] = (Key){"ste", KEY_BOOL, .to = &ste};
        keys[n++] = (Key){"name", KEY_TEXT, .to = &name};
        keys_read(L, i, info->name, keys, n);
        i++;
    } else if (flags && i == 2 && !lua_isnoneornil(L, 2)) {
        script_error(L, "%s: %s must be a number, got %s", info->name, info->attr[0].name, script_describe(L, 2));
        i++;
    } else if (lua_isnil(L, i)) {
        i++;
    }
    if (lua_gettop(L) >= i)
        no_more(L, i, info->name, usage_of(s->arena, info));
    if (name)
        name = tensor_name(L, name, info->name, WORD_LAYER);
    if (op == OP_SIGN)
        attr[0] = ste;
    Node *n = op == OP_PRELU ? graph_prelu(s->graph, s->diag, script_here(L), x, shared, attr[0], name)
                             : graph_unary(s->graph, s->diag, script_here(L), op, x, attr, name);
    tensor_push(L, n, bad);
    return 1;
}

/* Numbers at index i, one or a table of them, as an array of *n; NULL after a report. */
static const double *numbers_at(lua_State *L, int i, const char *what, int *n)
{
    Script *s = script_of(L);
    if (lua_type(L, i) != LUA_TNUMBER && !lua_istable(L, i)) {
        script_error(L, "affine: the %s must be a number or a table of numbers, got %s", what, script_describe(L, i));
        return NULL;
    }
    lua_Unsigned count = lua_istable(L, i) ? lua_rawlen(L, i) : 1;
    if (count < 1 || count > WIDTH_MAX) {
        script_error(L, "affine: the table of %ss has %llu numbers", what, (unsigned long long)count);
        return NULL;
    }
    script_charge(L, (size_t)count * sizeof(double));
    double *v = ARENA_ARRAY(s->arena, (size_t)count, double);
    for (int k = 0; k < (int)count; k++) {
        if (lua_istable(L, i))
            lua_rawgeti(L, i, k + 1);
        else
            lua_pushvalue(L, i);
        if (lua_type(L, -1) != LUA_TNUMBER) {
            script_error(L, "affine: %s %d must be a number, got %s", what, k + 1, script_describe(L, -1));
            return NULL;
        }
        v[k] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    *n = (int)count;
    return v;
}

static int layer_affine(lua_State *L)
{
    bool bad;
    Node *x = base_node(L, "affine", &bad);
    int nscale = 1, nshift = 1;
    const double zero = 0, one = 1;
    const double *scale = numbers_at(L, 2, "scale", &nscale);
    const double *shift = lua_isnoneornil(L, 3) ? &zero : numbers_at(L, 3, "shift", &nshift);
    no_more(L, 4, "affine", "x:affine(scale, shift)");
    if (bad || !scale || !shift)
        return tensor_push_affine(L, x, bad, &one, 1, &zero, 1);
    return tensor_push_affine(L, x, false, scale, nscale, shift, nshift);
}

static int layer_slice(lua_State *L)
{
    Script *s = script_of(L);
    bool bad;
    Node *x = base_node(L, "slice", &bad);
    bool first = lua_type(L, 2) == LUA_TNUMBER, last = lua_type(L, 3) == LUA_TNUMBER;
    if (!first)
        script_error(L, "slice: the first feature must be a number, got %s: write x:slice(i, j)",
                     script_describe(L, 2));
    if (!last && !lua_isnoneornil(L, 3))
        script_error(L, "slice: the last feature must be a number, got %s: write x:slice(i, j)", script_describe(L, 3));
    no_more(L, 4, "slice", "x:slice(i, j)");
    if (bad || !first || (!last && !lua_isnoneornil(L, 3))) {
        tensor_push_bad(L, x);
        return 1;
    }
    int errors = s->diag->errors;
    Node *n = graph_slice(s->graph, s->diag, script_here(L), x, lua_tonumber(L, 2), last ? lua_tonumber(L, 3) : -1);
    tensor_push(L, n, s->diag->errors > errors);
    return 1;
}

Op layer_op(lua_State *L, int i)
{
    bool layer = lua_tocfunction(L, i) == layer_unary && lua_getupvalue(L, i, 1);
    Op op = layer ? (Op)lua_tointeger(L, -1) : OP_COUNT;
    lua_pop(L, layer);
    return op;
}

/* ---- registering ------------------------------------------------------------------------------------------------ */

/* Adds the function on top of the stack as a method, and as a plain function to the table below it. */
static void add_layer(lua_State *L, const char *name)
{
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
    lua_setfield(L, -3, name);
}

void layer_open(lua_State *L)
{
    for (int op = OP_BATCHNORM; op < OP_COUNT; op++) {
        OpKind kind = op_info[op].kind;
        if (kind == KIND_JOIN || kind == KIND_SHAPE || op == OP_AFFINE)
            continue;
        lua_pushinteger(L, op);
        lua_pushcclosure(L, layer_unary, 1);
        add_layer(L, op_info[op].name);
    }
    lua_pushcfunction(L, layer_dense);
    add_layer(L, "dense");
    lua_pushcfunction(L, layer_affine);
    add_layer(L, "affine");
    lua_pushcfunction(L, layer_slice);
    add_layer(L, "slice");
}
