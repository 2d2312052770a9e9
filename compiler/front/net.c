/* net.c: net(name, y, opts): names the outputs, reads the options of training and the limits, ends the graph. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "front/front.h"

enum { OUTPUTS_MAX = 64, LABEL_MAX = 200 };

static const char *const losses[] = {"cross_entropy", "binary_cross_entropy", "mse", "mae", "huber", NULL};
static const char *const optimizers[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

/* What a single input without a name is called in the generated functions, others by their node's name. */
static const char *input_argument(const Graph *g, int i)
{
    return g->ninput == 1 && !g->input[i]->named ? "x" : g->input[i]->name;
}

/* Whether the output can be called that beside the inputs and the outputs before it. Case does not tell names apart:
 * the generated constants are in capitals. */
static bool output_name_fits(lua_State *L, const Graph *g, const char *name, bool unnamed, const Output *out, int nout)
{
    const Script *s = script_of(L);
    const char *problem = word_problem(s->arena, name, strlen(name), WORD_VALUE);
    if (problem) {
        script_error(L, "net: the output name '%s' %s%s", word_shown(s->arena, name, strlen(name), 70), problem,
                     word_instead(s->arena, name, strlen(name), WORD_VALUE));
        return false;
    }
    for (int i = 0; i < g->ninput; i++) {
        const Node *in = g->input[i];
        if (strcasecmp(input_argument(g, i), name) != 0)
            continue;
        script_error(L,
                     "net: the output '%s'%s and the input at %s:%d would have one name in C: name the %s differently",
                     name, unnamed ? ", as one without a name is called," : "", in->pos.file, in->pos.line,
                     unnamed ? "input" : "output");
        return false;
    }
    for (int i = 0; i < nout; i++) {
        if (strcasecmp(out[i].name, name) == 0) {
            script_error(L, "net: the outputs '%s' and '%s' differ only in case: C needs them to differ more",
                         out[i].name, name);
            return false;
        }
    }
    return true;
}

/* Of several outputs each has its targets in the training function, named after it: "policy_t" must not be another's
 * name. Reports and returns false if it is. */
static bool targets_fit(lua_State *L, const Graph *g, const Output *out, int nout)
{
    const Script *s = script_of(L);
    for (int o = 0; o < nout; o++) {
        const char *target = arena_printf(s->arena, "%s_t", out[o].name);
        bool taken = false;
        for (int i = 0; i < g->ninput; i++)
            taken = taken || strcasecmp(input_argument(g, i), target) == 0;
        for (int k = 0; k < nout; k++)
            taken = taken || strcasecmp(out[k].name, target) == 0;
        if (!taken)
            continue;
        script_error(L, "net: '%s' is what C calls the targets of the output '%s': name one of them differently",
                     target, out[o].name);
        return false;
    }
    return true;
}

/* What net() makes of what it is given. */
typedef struct Making {
    Graph *g;
    Node *const *twin; /* session: the nodes of g by id of those that they are copies of; script: NULL */
    Output out[OUTPUTS_MAX];
    int nout;
} Making;

/* Adds the tensor at index i of the stack as an output. false: it cannot be one, and that has been said. */
static bool add_output(lua_State *L, int i, const char *name, Making *m)
{
    const Script *s = script_of(L);
    const Tensor *t = tensor_at(L, i, "net", name ? arena_printf(s->arena, "the output '%s'", name) : "the output");
    if (!t || t->bad || !output_name_fits(L, m->g, name ? name : "y", !name, m->out, m->nout))
        return false;
    m->out[m->nout++] = (Output){name ? name : "y", m->twin ? m->twin[t->node->id] : t->node};
    return true;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Outputs from a table {policy = p, value = v} at index 2, in order of name so that messages come in that order. */
static bool outputs_of_table(lua_State *L, Making *m)
{
    const Script *s = script_of(L);
    const char *name[OUTPUTS_MAX];
    size_t n = 0;
    int top = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            script_error(L, "net: several outputs need names: net(name, {policy = p, value = v})");
            lua_settop(L, top);
            return false;
        }
        if (n == OUTPUTS_MAX) {
            script_error(L, "net: more than %d outputs", OUTPUTS_MAX);
            lua_settop(L, top);
            return false;
        }
        size_t size;
        const char *text = lua_tolstring(L, -2, &size);
        name[n++] = arena_strdup(s->arena, strlen(text) == size && size < 1000 ? text : "?");
    }
    if (n == 0) {
        script_error(L, "net: the table of outputs is empty: net(name, {policy = p, value = v})");
        return false;
    }
    qsort(name, n, sizeof *name, by_text);
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        lua_getfield(L, 2, name[i]);
        ok = add_output(L, lua_gettop(L), name[i], m) && ok;
        lua_pop(L, 1);
    }
    return ok && targets_fit(L, m->g, m->out, m->nout);
}

/* ---- options ---------------------------------------------------------------------------------------------------- */

/* Class names, on top of the stack: as many texts as some output is wide. */
static void read_labels(lua_State *L, Graph *g)
{
    const Script *s = script_of(L);
    if (!lua_istable(L, -1)) {
        script_error(L, "net: labels must be a table of names, got %s", script_describe(L, -1));
        return;
    }
    lua_Unsigned n = lua_rawlen(L, -1);
    bool fits = g->noutput == 0;
    const char *widths = "";
    for (int o = 0; o < g->noutput; o++) {
        fits = fits || (lua_Unsigned)g->output[o].node->width == n;
        widths = arena_printf(s->arena, "%s%s%s is %d wide", widths, o ? ", " : "", g->output[o].node->name,
                              g->output[o].node->width);
    }
    if (!fits || n > WIDTH_MAX) {
        script_error(L, "net: %llu labels fit no output: %s", (unsigned long long)n, widths);
        return;
    }
    script_charge(L, (size_t)n * sizeof(char *));
    const char **label = ARENA_ARRAY(g->arena, (size_t)n + 1, const char *);
    for (int i = 0; i < (int)n; i++) {
        size_t size = 0;
        lua_rawgeti(L, -1, i + 1);
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
        bool plain = text && size > 0 && size <= LABEL_MAX;
        for (size_t k = 0; plain && k < size; k++)
            plain = (unsigned char)text[k] >= 0x20 && text[k] != 0x7f;
        if (!plain) {
            script_error(L, "net: label %d must be a text of 1 to %d bytes on one line, got %s", i + 1, LABEL_MAX,
                         script_describe(L, -1));
            lua_pop(L, 1);
            return;
        }
        script_charge(L, size + 16);
        label[i] = arena_strdup(g->arena, text);
        lua_pop(L, 1);
    }
    g->label = label;
    g->nlabel = (int)n;
}

static void read_budget(lua_State *L, Graph *g)
{
    Budget *b = &g->budget;
    const Key keys[] = {{"flash", KEY_BYTES, .to = &b->flash},
                        {"ram", KEY_BYTES, .to = &b->ram},
                        {"macs", KEY_NUMBER, .to = &b->macs, .low = 1, .high = HUGE_VAL}};
    if (lua_istable(L, -1))
        keys_read(L, lua_gettop(L), "net: budget", keys, 3);
    else
        script_error(L, "net: budget must be a table like {flash = \"256K\", ram = \"32K\", macs = 1e6}, got %s",
                     script_describe(L, -1));
    b->pos = g->pos;
}

static void read_options(lua_State *L, Graph *g)
{
    TrainOpts *t = &g->train;
    int labels = 0, budget = 0;
    const double tiny = 1e-300, most = 1e9; /* above zero; whole numbers that an int holds */
    const Key keys[] = {
        {"loss", KEY_TEXT, .to = &t->loss, .words = losses},
        {"optimizer", KEY_TEXT, .to = &t->optimizer, .words = optimizers},
        {"schedule", KEY_TEXT, .to = &t->schedule, .words = schedules},
        {"labels", KEY_ANY, .to = &labels},
        {"budget", KEY_ANY, .to = &budget},
        {"lr", KEY_NUMBER, &t->lr, tiny, 1e6, false, NULL},
        {"momentum", KEY_NUMBER, &t->momentum, 0, 1, false, NULL},
        {"beta1", KEY_NUMBER, &t->beta1, 0, 1, false, NULL},
        {"beta2", KEY_NUMBER, &t->beta2, 0, 1, false, NULL},
        {"eps", KEY_NUMBER, &t->eps, tiny, 1, false, NULL},
        {"weight_decay", KEY_NUMBER, &t->weight_decay, 0, 1e6, false, NULL},
        {"l1", KEY_NUMBER, &t->l1, 0, 1e6, false, NULL},
        {"l2", KEY_NUMBER, &t->l2, 0, 1e6, false, NULL},
        {"clip", KEY_NUMBER, &t->clip, tiny, 1e30, false, NULL},
        {"delta", KEY_NUMBER, &t->delta, tiny, 1e30, false, NULL},
        {"warmup", KEY_NUMBER, &t->warmup, 0, most, false, NULL},
        {"decay", KEY_NUMBER, &t->decay, 0, most, false, NULL},
        {"epochs", KEY_NUMBER, &t->epochs, 1, most, true, NULL},
        {"batch", KEY_NUMBER, &t->batch, 1, most, true, NULL},
        {"seed", KEY_NUMBER, &t->seed, 0, 9007199254740992.0, true, NULL},
        {"patience", KEY_NUMBER, &t->patience, 0, most, true, NULL},
        {"threads", KEY_NUMBER, &t->threads, 1, 1024, true, NULL},
    };
    if (lua_isnoneornil(L, 3))
        return;
    if (!lua_istable(L, 3)) {
        script_error(L, "net: the options must be a table like {loss = \"mse\"}, got %s", script_describe(L, 3));
        return;
    }
    keys_read(L, 3, "net", keys, (int)(sizeof keys / sizeof *keys));
    t->loss_pos = g->pos;
    if (labels) {
        lua_getfield(L, 3, "labels");
        read_labels(L, g);
        lua_pop(L, 1);
    }
    if (budget) {
        lua_getfield(L, 3, "budget");
        read_budget(L, g);
        lua_pop(L, 1);
    }
}

/* ---- net -------------------------------------------------------------------------------------------------------- */

/* The name at index 1, checked; "net" after a report. */
static const char *read_name(lua_State *L)
{
    Script *s = script_of(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        bool output = luaL_testudata(L, 1, TENSOR_TYPE) || lua_istable(L, 1);
        bool swapped = output && lua_type(L, 2) == LUA_TSTRING;
        const char *name = swapped ? lua_tostring(L, 2) : "name";
        script_error(L, "net: the name comes first and is a string, got %s: write net(\"%s\", y)",
                     script_describe(L, 1), word_shown(s->arena, name, strlen(name), 40));
        if (swapped)
            lua_remove(L, 2);
        if (output) { /* go on as if the name had been there */
            lua_pushstring(L, "net");
            lua_insert(L, 1);
        }
        return "net";
    }
    size_t size;
    const char *name = lua_tolstring(L, 1, &size);
    const char *problem = word_problem(s->arena, name, size, WORD_NET);
    if (problem) {
        script_error(L, "net: the name '%s' %s%s", word_shown(s->arena, name, size, 70), problem,
                     word_instead(s->arena, name, size, WORD_NET));
        return "net";
    }
    if (word_cpp_operator(name))
        diag_warn(s->diag, WARN_CPP_NAME, script_here(L),
                  "'%s' is an operator of C++: the generated C will be C only; '%s_net' would be good for both", name,
                  name);
    return arena_strdup(s->arena, name);
}

static void push_net(lua_State *L)
{
    Net *net = lua_newuserdatauv(L, sizeof *net, 0);
    net->graph = script_of(L)->graph;
    luaL_setmetatable(L, NET_TYPE);
}

int net_call(lua_State *L)
{
    Script *s = script_of(L);
    if (s->net_pos.file) {
        script_error(L, "a second net: a script describes one, and net() was called at %s:%d", s->net_pos.file,
                     s->net_pos.line);
        s->second = true;
        push_net(L);
        return 1;
    }
    const char *name = read_name(L);
    Making m = {0};
    Workspace *copy = s->session ? session_extract(L, &m.twin) : NULL;
    if (!s->session && !s->graph)
        tensor_graph(L, "net");
    Graph *g = m.g = copy ? copy->graph : s->graph;
    g->name = arena_strdup(g->arena, name);
    g->pos = script_here(L);
    bool ok = lua_istable(L, 2) ? outputs_of_table(L, &m) : add_output(L, 2, NULL, &m);
    if (ok)
        graph_outputs(g, m.out, m.nout);
    read_options(L, g);
    if (!lua_isnoneornil(L, copy ? 5 : 4))
        script_error(L, "net: %s is one argument too many: write net(name, y, {loss = ..., ...})",
                     script_describe(L, copy ? 5 : 4));
    if (copy) {
        Arena *a = copy->arena;
        copy->arena = NULL;
        s->made(L, a, g);
        return 1;
    }
    s->net_pos = g->pos;
    push_net(L);
    return 1;
}

static int net_text(lua_State *L)
{
    const Net *n = luaL_checkudata(L, 1, NET_TYPE);
    const Graph *g = n->graph;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_pushfstring(L, "net %s:", g->name);
    luaL_addvalue(&b);
    for (int i = 0; i < g->ninput; i++) {
        lua_pushfstring(L, "%s%d", i ? " + " : " ", g->input[i]->width);
        luaL_addvalue(&b);
    }
    for (int o = 0; o < g->noutput; o++) {
        lua_pushfstring(L, "%s%d", o ? " + " : " -> ", g->output[o].node->width);
        luaL_addvalue(&b);
    }
    lua_pushfstring(L, ", %I parameters", (LUAI_UACINT)graph_params(g));
    luaL_addvalue(&b);
    luaL_pushresult(&b);
    return 1;
}

static int net_index(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : script_describe(L, 2);
    return luaL_error(L, "a net has no '%s': layers come before net()",
                      word_shown(script_of(L)->arena, name, strlen(name), 40));
}

void net_open(lua_State *L)
{
    static const luaL_Reg events[] = {
        {"__tostring", net_text}, {"__index", net_index}, {"__newindex", net_index}, {NULL, NULL}};
    luaL_newmetatable(L, NET_TYPE);
    script_name_type(L, "net");
    luaL_setfuncs(L, events, 0);
    lua_pushstring(L, "net");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
