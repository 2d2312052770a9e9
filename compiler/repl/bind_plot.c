/* bind_plot.c: plot(x [, file]) and n:plot([file]): what is drawn of a net, a history, an activation or a function. */
#include <math.h>
#include <string.h>

#include "repl/bind.h"
#include "repl/plot.h"

enum { SAMPLES = 240, CURVES_MAX = 10, GRID_MAX = 160 };

/* One drawing: commands, and the values of Lua that hold its buffers. */
typedef struct Drawing {
    lua_State *L;
    const char *path; /* NULL: the terminal */
    Text *t;
    Arena *a;
    double low[2], high[2]; /* the ranges of what is drawn over */
} Drawing;

/* ---- beginning and end ------------------------------------------------------------------------------------------ */

static void release(void *text) { text_free(text); }

/* The text lives as long as the arena that is pushed. */
static Drawing begin(lua_State *L, const char *path)
{
    Arena *a = session_arena(L);
    Drawing p = {.L = L, .path = path, .t = ARENA_NEW(a, Text), .a = a};
    arena_defer(a, release, p.t);
    if (plot_kind(path) == PLOT_NOTHING)
        session_error(L, "plot: the file's name must end in .svg or .png, not '%.60s'", path);
    text_add(p.t, "set border 3\nset tics nomirror\nset key noautotitle\n");
    return p;
}

/* Draws; pushes the drawing if it is for the terminal. */
static int finish(Drawing *p)
{
    Diag d;
    Text out = {0};
    diag_init(&d, p->a);
    if (!plot_draw(p->t, p->path, &out, &d))
        text_free(&out);
    session_tell(p->L, &d);
    if (p->path)
        return 0;
    bind_push_text(p->L, &out);
    return 1;
}

/* The path at index i, NULL for none. */
static const char *path_at(lua_State *L, int i)
{
    size_t size;
    if (lua_isnoneornil(L, i))
        return NULL;
    const char *path = lua_type(L, i) == LUA_TSTRING ? lua_tolstring(L, i, &size) : NULL;
    if (!path || strlen(path) != size)
        session_error(L, "plot: the file must be a name like \"x.svg\", got %s", session_describe(L, i));
    return path;
}

static double at(double low, double high, int i, int count) { return low + (high - low) * i / (count - 1); }

/* A number as gnuplot reads it. */
static void add_range(Drawing *p, const char *axis, double low, double high)
{
    text_printf(p->t, "set %srange [%.9g:%.9g]\n", axis, low, high);
}

/* ---- curves ----------------------------------------------------------------------------------------------------- */

/* plots of the blocks $c0, $c1, ... so far, and their titles. */
typedef struct Curves {
    const char *title[2 * CURVES_MAX];
    const char *how[2 * CURVES_MAX];
    int count;
} Curves;

static void add_curve(Drawing *p, Curves *c, const char *title, const char *how, const double *x, const double *y,
                      size_t n)
{
    plot_add_curve(p->t, arena_printf(p->a, "c%d", c->count), x, y, n);
    c->title[c->count] = title;
    c->how[c->count++] = how;
}

static void draw_curves(Drawing *p, const Curves *c)
{
    text_add(p->t, "set key outside bottom center horizontal width 2\nset grid\nplot");
    for (int i = 0; i < c->count; i++)
        text_printf(p->t, "%s $c%d with lines lw 2 %s title '%s'", i ? "," : "", i, c->how[i], c->title[i]);
    text_char(p->t, '\n');
}

/* An activation with its usual numbers, and its slope. */
static void add_activation(Drawing *p, Curves *c, Op op, bool slope)
{
    static const float prelu_slope = 0.25f;
    Param weight = {.rows = 1, .cols = 1, .value = &prelu_slope};
    const OpInfo *info = &op_info[op];
    Node n = {.op = op, .width = 1, .shared = true, .param = {&weight}};
    double *x = ARENA_ARRAY(p->a, 3 * SAMPLES, double), *y = x + SAMPLES, *dy = y + SAMPLES;
    for (int i = 0; i < info->nattr; i++)
        n.attr[i] = info->attr[i].standard;
    for (int i = 0; i < SAMPLES; i++) {
        x[i] = at(-4, 4, i, SAMPLES);
        y[i] = info->value(&n, 0, x[i]);
        dy[i] = info->slope ? info->slope(&n, 0, x[i], y[i]) : (double)NAN;
    }
    add_curve(p, c, info->name, "", x, y, SAMPLES);
    if (slope && info->slope)
        add_curve(p, c, "its slope", "dt 2", x, dy, SAMPLES);
}

/* A function of Lua at index i. */
static void add_function(Drawing *p, Curves *c, int i, const char *name)
{
    lua_State *L = p->L;
    double *x = ARENA_ARRAY(p->a, 2 * SAMPLES, double), *y = x + SAMPLES;
    for (int k = 0; k < SAMPLES; k++) {
        x[k] = at(-4, 4, k, SAMPLES);
        lua_pushvalue(L, i);
        lua_pushnumber(L, x[k]);
        lua_call(L, 1, 1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            session_error(L, "plot: the function must return a number, at %g it returned %s", x[k],
                          session_describe(L, -1));
        y[k] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    add_curve(p, c, name, "", x, y, SAMPLES);
}

static int draw_functions(Drawing *p, int i, bool several)
{
    lua_State *L = p->L;
    Curves c = {.count = 0};
    int n = several ? (int)lua_rawlen(L, i) : 1;
    if (n > CURVES_MAX)
        session_error(L, "plot: at most %d curves in one drawing", CURVES_MAX);
    for (int k = 0; k < n; k++) {
        if (several)
            lua_rawgeti(L, i, k + 1);
        else
            lua_pushvalue(L, i);
        if (!lua_isfunction(L, -1))
            session_error(L, "plot: number %d must be a function or an activation, got %s", k + 1,
                          session_describe(L, -1));
        Op op = session_activation(L, -1);
        if (op < OP_COUNT)
            add_activation(p, &c, op, !several);
        else
            add_function(p, &c, lua_gettop(L), several ? arena_printf(p->a, "function %d", k + 1) : "");
        lua_pop(L, 1);
    }
    draw_curves(p, &c);
    return finish(p);
}

/* ---- histories -------------------------------------------------------------------------------------------------- */

/* The numbers `key` of the epochs of the table at index 1, NaN where there are none. false: nowhere. */
static bool read_column(lua_State *L, const char *key, double *y, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        y[i] = (double)NAN;
        if (lua_rawgeti(L, 1, (lua_Integer)i + 1) == LUA_TTABLE && lua_getfield(L, -1, key) == LUA_TNUMBER) {
            y[i] = lua_tonumber(L, -1);
            any = any || isfinite(y[i]);
        }
        lua_settop(L, 3);
    }
    return any;
}

static int draw_history(Drawing *p)
{
    static const struct {
        const char *key, *how;
        bool right; /* the axis */
    } columns[] = {{"loss", "", false},
                   {"val_loss", "dt 2", false},
                   {"accuracy", "axes x1y2", true},
                   {"val_accuracy", "axes x1y2 dt 2", true},
                   {"r2", "axes x1y2", true},
                   {"val_r2", "axes x1y2 dt 2", true}};
    lua_State *L = p->L;
    size_t n = (size_t)lua_rawlen(L, 1);
    Curves c = {.count = 0};
    double *x = ARENA_ARRAY(p->a, 2 * n, double), *y = x + n;
    bool right = false;
    if (!read_column(L, "epoch", x, n))
        for (size_t i = 0; i < n; i++)
            x[i] = (double)i + 1;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
        if (!read_column(L, columns[k].key, y, n))
            continue;
        add_curve(p, &c, columns[k].key, columns[k].how, x, y, n);
        right = right || columns[k].right;
    }
    if (!c.count)
        session_error(L, "plot: there is nothing to draw in this table: plot(n.history) draws a training");
    text_add(p->t, "set xlabel 'epoch'\nset ylabel 'loss'\n");
    add_range(p, "x", n > 1 ? x[0] : 0, n > 1 && x[n - 1] > x[0] ? x[n - 1] : 2);
    if (right)
        text_add(p->t, "set border 11\nset y2tics\nset y2range [*:1.02]\n");
    draw_curves(p, &c);
    return finish(p);
}

/* ---- nets ------------------------------------------------------------------------------------------------------- */

/* Answers of the first output for `count` points of x. Pushes the buffers that hold them. */
static const float *answers(const Drawing *p, NetObject *n, size_t count, size_t inputs, const float *x)
{
    const Graph *g = n->graph;
    lua_State *L = p->L;
    const float *in[2] = {x, x};
    float **out = lua_newuserdatauv(L, (size_t)g->noutput * sizeof *out, 0);
    if (g->ninput == 2) { /* two inputs of one number each: columns instead of rows */
        float *column = ARENA_ARRAY(p->a, count * inputs, float);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < inputs; k++)
                column[k * count + i] = x[i * inputs + k];
        in[0] = column;
        in[1] = column + count;
    }
    for (int o = 0; o < g->noutput; o++)
        out[o] = lua_newuserdatauv(L, count * (size_t)g->output[o].node->width * sizeof **out, 0);
    bind_net_run(L, n, count, in, out);
    return out[0];
}

/* The name of a class or the number of an output, as it can stand between single quotes. */
static const char *output_title(const Drawing *p, const Graph *g, int j)
{
    const Output *o = &g->output[0];
    if (o->node->width > 1 && g->nlabel == o->node->width) {
        char *name = arena_strdup(p->a, g->label[j]);
        for (char *c = name; *c; c++)
            *c = *c == '\'' ? '`' : *c;
        return name;
    }
    return o->node->width == 1 ? g->name : arena_printf(p->a, "%s %d", o->name, j + 1);
}

static int draw_curve_net(Drawing *p, NetObject *n)
{
    float *x = ARENA_ARRAY(p->a, SAMPLES, float);
    double *xs = ARENA_ARRAY(p->a, 2 * SAMPLES, double), *ys = xs + SAMPLES;
    Curves c = {.count = 0};
    int width = n->graph->output[0].node->width;
    for (int i = 0; i < SAMPLES; i++)
        x[i] = (float)(xs[i] = at(p->low[0], p->high[0], i, SAMPLES));
    const float *y = answers(p, n, SAMPLES, 1, x);
    for (int j = 0; j < width && j < CURVES_MAX; j++) {
        for (int i = 0; i < SAMPLES; i++)
            ys[i] = (double)y[i * width + j];
        add_curve(p, &c, output_title(p, n->graph, j), "", xs, ys, SAMPLES);
    }
    text_printf(p->t, "set xlabel '%s'\n", n->graph->input[0]->name);
    draw_curves(p, &c);
    return finish(p);
}

/* What a point of the plane shows: the number of its class, or the value. */
static double shown(const float *y, int width)
{
    int best = 0;
    for (int j = 1; j < width; j++)
        best = y[j] > y[best] ? j : best;
    return width == 1 ? (double)y[0] : best;
}

/* The terminal has no colours to count on: levels of ink, or a letter for each class. */
static void draw_letters(Drawing *p, const NetObject *n, const double *z, const double *const at_point[2], size_t count,
                         double low, double high)
{
    static const char ink[] = " .:+#", letters[] = "ox+*#%@=-:";
    int width = n->graph->output[0].node->width, kinds = width > 1 ? width : 5;
    kinds = kinds > CURVES_MAX ? CURVES_MAX : kinds;
    for (int k = width == 1; k < kinds; k++) {
        text_printf(p->t, "$c%d << EOD\n", k);
        for (size_t i = 0; i < count; i++) {
            double share = high > low ? (z[i] - low) / (high - low) : 0;
            int kind = width > 1 ? (int)z[i] : (int)fmin(4, floor(5 * share));
            if (kind == k)
                text_printf(p->t, "%.9g %.9g\n", at_point[0][i], at_point[1][i]);
        }
        text_add(p->t, "NaN NaN\nEOD\n");
    }
    text_add(p->t, "set key outside bottom center horizontal width 2\nplot");
    for (int k = width == 1; k < kinds; k++) {
        const char *title =
            width > 1 ? output_title(p, n->graph, k)
                      : arena_printf(p->a, "%.3g..%.3g", low + (high - low) * k / 5, low + (high - low) * (k + 1) / 5);
        text_printf(p->t, "%s $c%d with points pt '%c' title '%s'", k > (width == 1) ? "," : "", k,
                    width > 1 ? letters[k] : ink[k], title);
    }
    text_char(p->t, '\n');
}

static void draw_colours(Drawing *p, const NetObject *n, const double *z, const double *const at_point[2], int columns,
                         int rows)
{
    int width = n->graph->output[0].node->width;
    text_add(p->t, "$z << EOD\n");
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
            int i = r * columns + c;
            text_printf(p->t, "%.9g %.9g %.9g\n", at_point[0][i], at_point[1][i], z[i]);
        }
        text_char(p->t, '\n');
    }
    text_add(p->t, "EOD\n");
    text_add(p->t, "set palette defined (0 '#313695', 0.25 '#74add1', 0.5 '#ffffbf', 0.75 '#f46d43', 1 '#a50026')\n");
    if (width > 1) {
        text_printf(p->t, "set palette maxcolors %d\nset cbrange [-0.5:%d.5]\nset cbtics (", width, width - 1);
        for (int j = 0; j < width; j++)
            text_printf(p->t, "%s'%s' %d", j ? ", " : "", output_title(p, n->graph, j), j);
        text_add(p->t, ")\n");
    }
    text_add(p->t, "plot $z with image\n");
}

static int draw_surface(Drawing *p, NetObject *n)
{
    const Graph *g = n->graph;
    int columns = GRID_MAX, rows = GRID_MAX, width = g->output[0].node->width;
    if (!p->path) { /* more points than characters: none stays empty */
        plot_size(&columns, &rows);
        columns *= 2;
        rows *= 2;
    }
    size_t count = (size_t)columns * (size_t)rows;
    double *v = ARENA_ARRAY(p->a, 3 * count, double), *z = v + 2 * count, low = HUGE_VAL, high = -HUGE_VAL;
    const double *const at_point[2] = {v, v + count};
    float *x = ARENA_ARRAY(p->a, 2 * count, float);
    for (size_t i = 0; i < count; i++) {
        v[i] = at(p->low[0], p->high[0], (int)(i % (size_t)columns), columns);
        v[count + i] = at(p->low[1], p->high[1], (int)(i / (size_t)columns), rows);
        x[2 * i] = (float)v[i];
        x[2 * i + 1] = (float)v[count + i];
    }
    const float *y = answers(p, n, count, 2, x);
    for (size_t i = 0; i < count; i++) {
        z[i] = shown(y + i * (size_t)width, width);
        low = fmin(low, z[i]);
        high = fmax(high, z[i]);
    }
    const char *left = g->ninput == 2 ? g->input[0]->name : arena_printf(p->a, "%s[1]", g->input[0]->name);
    const char *up = g->ninput == 2 ? g->input[1]->name : arena_printf(p->a, "%s[2]", g->input[0]->name);
    text_printf(p->t, "set xlabel '%s'\nset ylabel '%s'\n", left, up);
    add_range(p, "x", p->low[0], p->high[0]);
    add_range(p, "y", p->low[1], p->high[1]);
    if (p->path)
        draw_colours(p, n, z, at_point, columns, rows);
    else
        draw_letters(p, n, z, at_point, count, low, high);
    return finish(p);
}

/* {low, high} in the field of the options at index i. */
static void read_range(lua_State *L, int i, const char *key, double *low, double *high)
{
    if (!lua_istable(L, i) || lua_getfield(L, i, key) == LUA_TNIL)
        return;
    double v[2] = {0, 0};
    for (int k = 0; k < 2 && lua_istable(L, -1); k++) {
        lua_rawgeti(L, -1, k + 1);
        v[k] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    if (!isfinite(v[0]) || !isfinite(v[1]) || !(v[0] < v[1]))
        session_error(L, "plot: %s must be a range like {-1, 1}, got %s", key, session_describe(L, -1));
    *low = v[0];
    *high = v[1];
    lua_pop(L, 1);
}

/* n:plot([file] [, {x = {0, 1}, y = {0, 1}}]) */
int bind_net_plot(lua_State *L)
{
    static const char *const known[] = {"x", "y", NULL};
    NetObject *n = bind_net_at(L, 1, "plot");
    int inputs = 0;
    lua_settop(L, 3);
    if (lua_istable(L, 2) && lua_isnil(L, 3))
        lua_insert(L, 2); /* no file, but options */
    bind_options(L, 3, "plot", NULL, 0, known, NULL, NULL);
    for (int i = 0; i < n->graph->ninput; i++)
        inputs += n->graph->input[i]->width;
    if (inputs > 2)
        session_error(L, "plot: %s takes %d numbers: nets of one or two can be drawn", n->graph->name, inputs);
    Drawing p = begin(L, path_at(L, 2));
    for (int k = 0; k < 2; k++) {
        double low = n->low[k], high = n->high[k], margin = 0.25 * (high - low);
        p.low[k] = low < high ? low - margin : -1;
        p.high[k] = low < high ? high + margin : 1;
    }
    read_range(L, 3, "x", &p.low[0], &p.high[0]);
    read_range(L, 3, "y", &p.low[1], &p.high[1]);
    return inputs == 1 ? draw_curve_net(&p, n) : draw_surface(&p, n);
}

/* ---- plot(x) ---------------------------------------------------------------------------------------------------- */

int bind_plot(lua_State *L)
{
    if (luaL_testudata(L, 1, BIND_NET))
        return bind_net_plot(L);
    lua_settop(L, 2);
    Drawing p = begin(L, path_at(L, 2));
    if (lua_isfunction(L, 1))
        return draw_functions(&p, 1, false);
    if (lua_istable(L, 1) && lua_rawlen(L, 1) > 0) {
        bool functions = lua_rawgeti(L, 1, 1) == LUA_TFUNCTION;
        lua_pop(L, 1);
        return functions ? draw_functions(&p, 1, true) : draw_history(&p);
    }
    session_error(L, "plot: draws a net, n.history, an activation like relu or a function, got %s",
                  lua_istable(L, 1) ? "an empty table" : session_describe(L, 1));
}
