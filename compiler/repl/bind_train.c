/* bind_train.c: n:train, n:eval and n.history: the training of the command line, asked for from Lua. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "repl/bind.h"
#include "train/training.h"

/* Pushed by n:train and n:eval: a table that shows as its summary. */
#define RESULT "mlpc.result"
#define HISTORY "mlpc.history"

static const BindOption options[] = {{"epochs", offsetof(TrainArgs, epochs)},
                                     {"batch", offsetof(TrainArgs, batch)},
                                     {"lr", offsetof(TrainArgs, lr)},
                                     {"optimizer", offsetof(TrainArgs, optimizer)},
                                     {"schedule", offsetof(TrainArgs, schedule)},
                                     {"warmup", offsetof(TrainArgs, warmup)},
                                     {"decay", offsetof(TrainArgs, decay)},
                                     {"momentum", offsetof(TrainArgs, momentum)},
                                     {"weight_decay", offsetof(TrainArgs, weight_decay)},
                                     {"clip", offsetof(TrainArgs, clip)},
                                     {"seed", offsetof(TrainArgs, seed)},
                                     {"patience", offsetof(TrainArgs, patience)},
                                     {"threads", offsetof(TrainArgs, threads)},
                                     {"scale", offsetof(TrainArgs, scale)},
                                     {"split", offsetof(TrainArgs, split)},
                                     {"checkpoint", offsetof(TrainArgs, checkpoint)},
                                     {"every", offsetof(TrainArgs, every)},
                                     {"resume", offsetof(TrainArgs, resume)},
                                     {"log", offsetof(TrainArgs, log)}};
enum { OPTIONS = sizeof options / sizeof *options };

/* Values of Lua that stand on the stack while a net learns. */
enum { NET = 1, DATA, OPTS, SCOPE, FUNCTION };

/* One n:train. */
typedef struct Lesson {
    lua_State *L;
    NetObject *n;
    Training t;
    TrainArgs args;
    Diag d;
    bool stopped;          /* it was told to */
    bool failed;           /* the function that is told of progress did: what it raised is on top of the stack */
    Epoch epoch;           /* the last one */
    const mlp_progress *p; /* what it is told */
} Lesson;

/* A sentence that names options as the command line does, as Lua does: "--weight-decay" is weight_decay. */
static const char *in_lua(Arena *a, const char *text)
{
    char *s = arena_strdup(a, text), *to = s;
    for (const char *from = s; *from; from++) {
        bool dashes = from[0] == '-' && from[1] == '-' && (from == s || from[-1] == ' ');
        if (dashes) {
            from += 2;
            while (*from && *from != ' ' && *from != ':' && *from != ',')
                *to++ = (char)(*from == '-' ? '_' : *from), from++;
        }
        if (!*from)
            break;
        *to++ = *from;
    }
    *to = 0;
    return s;
}

/* ---- the history ------------------------------------------------------------------------------------------------ */

/* The history keeps so many epochs; of a longer one every second, fourth, ... of them. */
enum { EPOCHS_KEPT = 16384 };

static Epoch epoch_of(NetObject *n, const Task *task, const mlp_progress *p)
{
    Epoch e = {n->learnt_epochs, p->lr, p->loss, nan(""), p->val_loss, nan("")};
    if (p->train)
        n->metric = report_metric(&task->head[0], p->train, &e.metric);
    if (p->val)
        n->metric = report_metric(&task->head[0], p->val, &e.val_metric);
    return e;
}

/* Keeps every second epoch of those that are kept: numbers 1, 1 + step, 1 + 2 step, ... */
static void thin(NetObject *n)
{
    n->epoch_step *= 2;
    n->epochs = (n->epochs + 1) / 2;
    for (size_t i = 1; i < n->epochs; i++)
        n->epoch[i] = n->epoch[2 * i];
}

static void remember(NetObject *n, const Epoch *e)
{
    n->epoch_step = n->epoch_step ? n->epoch_step : 1;
    if ((e->number - 1) % n->epoch_step)
        return;
    if (n->epochs == EPOCHS_KEPT)
        thin(n);
    if (n->epochs == n->epoch_room) {
        size_t room = n->epoch_room ? 2 * n->epoch_room : 64;
        Epoch *grown = realloc(n->epoch, room * sizeof *grown);
        if (!grown)
            return; /* a history with an end before the training's */
        n->epoch = grown;
        n->epoch_room = room;
    }
    n->epoch[n->epochs++] = *e;
}

static void set_number(lua_State *L, const char *key, double v)
{
    if (!isfinite(v))
        return;
    lua_pushnumber(L, v);
    lua_setfield(L, -2, key);
}

static void push_epoch(lua_State *L, const NetObject *n, const Epoch *e)
{
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, (lua_Integer)e->number);
    lua_setfield(L, -2, "epoch");
    set_number(L, "lr", e->lr);
    set_number(L, "loss", e->loss);
    set_number(L, "val_loss", e->val_loss);
    if (!n->metric || strcmp(n->metric, "loss") == 0)
        return;
    set_number(L, n->metric, e->metric);
    if (isfinite(e->val_metric)) {
        lua_pushfstring(L, "val_%s", n->metric);
        lua_pushnumber(L, e->val_metric);
        lua_settable(L, -3);
    }
}

int bind_net_history(lua_State *L)
{
    const NetObject *n = bind_net_at(L, 1, "history");
    lua_createtable(L, n->epochs < 1000000 ? (int)n->epochs : 0, 0);
    for (size_t i = 0; i < n->epochs; i++) {
        push_epoch(L, n, &n->epoch[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    luaL_setmetatable(L, HISTORY);
    return 1;
}

/* The number `key` of row i of the history at index 1, NaN if there is none. */
static double number_at(lua_State *L, lua_Integer i, const char *key)
{
    double v = nan("");
    if (lua_rawgeti(L, 1, i) == LUA_TTABLE && lua_getfield(L, -1, key) == LUA_TNUMBER)
        v = lua_tonumber(L, -1);
    lua_settop(L, 1);
    return v;
}

/* "500 epochs, loss 0.71 to 0.002": of a table of epochs. */
static int history_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
    char text[120] = "no epochs: n:train(d) makes them";
    if (n)
        snprintf(text, sizeof text, "%.0f epoch%s, loss %.4g to %.4g: plot(n.history) draws it",
                 number_at(L, n, "epoch"), n == 1 ? "" : "s", number_at(L, 1, "loss"), number_at(L, n, "loss"));
    lua_pushstring(L, text);
    return 1;
}

/* ---- while it learns -------------------------------------------------------------------------------------------- */

/* Calls the user's function, protected, with what it is told. Returns whether it said false. */
static int call_progress(lua_State *L)
{
    const Lesson *s = lua_touserdata(L, 1);
    push_epoch(L, s->n, &s->epoch);
    set_number(L, "seconds", s->p->seconds);
    lua_pushinteger(L, (lua_Integer)s->p->epoch);
    lua_setfield(L, -2, "epoch");
    lua_pushinteger(L, (lua_Integer)s->p->epochs);
    lua_setfield(L, -2, "epochs");
    lua_call(L, 1, 1);
    lua_pushboolean(L, lua_isboolean(L, -1) && !lua_toboolean(L, -1));
    return 1;
}

static void progress(void *context, const mlp_progress *p)
{
    Lesson *s = context;
    lua_State *L = s->L;
    if (!p->epoch_done)
        return;
    s->n->learnt_epochs++;
    s->epoch = epoch_of(s->n, &s->t.task, p);
    remember(s->n, &s->epoch);
    if (!lua_isfunction(L, FUNCTION) || s->failed)
        return;
    s->t.learner->store(s->t.learner, p->w, s->t.w); /* the function may ask the net */
    bind_net_adopt(s->n, s->t.g, s->t.w);
    s->p = p;
    lua_pushcfunction(L, call_progress);
    lua_pushlightuserdata(L, s);
    lua_pushvalue(L, FUNCTION);
    s->failed = lua_pcall(L, 2, 1, 0) != LUA_OK;
    if (s->failed || lua_toboolean(L, -1))
        training_stop();
    s->stopped = !s->failed && lua_toboolean(L, -1);
    if (!s->failed)
        lua_pop(L, 1);
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static int result_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "summary");
    if (lua_type(L, -1) != LUA_TSTRING)
        lua_pushstring(L, "a result without its summary");
    return 1;
}

/* Pushes the result of measuring, with its text, which is freed. */
static void push_result(lua_State *L, Text *t, double loss, double right)
{
    bind_push_text(L, t);
    lua_createtable(L, 0, 8);
    lua_insert(L, -2);
    lua_setfield(L, -2, "summary");
    set_number(L, "loss", loss);
    set_number(L, "accuracy", right);
    luaL_setmetatable(L, RESULT);
}

/* ---- n:train ---------------------------------------------------------------------------------------------------- */

static void end_lesson(void *lesson) { training_end(&((Lesson *)lesson)->t); }

/* A lesson that ends with the arena, in which it lives. */
static Lesson *begin(lua_State *L, NetObject *n, const DataObject *data)
{
    Arena *a = session_arena(L);
    Lesson *s = ARENA_NEW(a, Lesson);
    *s = (Lesson){.L = L, .n = n, .args = data->args};
    const char **text[] = {&s->args.data, &s->args.labels,      &s->args.val,   &s->args.val_labels,
                           &s->args.test, &s->args.test_labels, &s->args.label, &s->args.delimiter};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) /* the data may be freed while the net learns */
        *text[i] = *text[i] ? arena_strdup(a, *text[i]) : NULL;
    diag_init(&s->d, a);
    arena_defer(a, end_lesson, s);
    s->t =
        (Training){.g = graph_copy_into(a, n->graph), .d = &s->d, .a = a, .args = &s->args, .dashes = "", .context = s};
    return s;
}

/* What is written must not be what is read. */
static void check_places(const Lesson *s)
{
    const TrainArgs *x = &s->args;
    const char *read[] = {x->text ? NULL : x->data, x->labels, x->val, x->val_labels, x->test, x->test_labels};
    const char *written[] = {x->log, x->checkpoint};
    for (int w = 0; w < 2; w++)
        for (size_t r = 0; written[w] && r < sizeof read / sizeof *read; r++)
            if (read[r] && path_same_file(s->d.arena, written[w], read[r]))
                session_error(s->L, "train: %s would be overwritten: it is read", written[w]);
}

static void settings(Lesson *s, const char *what)
{
    TrainingFault fault;
    const char *problem = training_problem(&s->args);
    if (!problem)
        problem = training_settings(&s->t, &fault);
    session_tell(s->L, &s->d);
    if (problem)
        session_error(s->L, "%s: %s", what, in_lua(s->t.a, problem));
}

/* The names of classes that the data has, where the net has none. */
static void name_classes(Lesson *s)
{
    Graph *g = s->t.g;
    const Task *task = &s->t.task;
    int width = g->output[0].node->width, n = (int)task->classes;
    if (g->nlabel || g->noutput > 1 || !n || (width != n && !(width == 1 && n == 2)))
        return;
    const char **label = ARENA_ARRAY(s->t.a, (size_t)n, const char *);
    memcpy(label, task->class_name, (size_t)n * sizeof *label);
    g->label = label;
    g->nlabel = n;
}

/* Remembers the range of the first two inputs, for plots. */
static void find_ranges(const Lesson *s)
{
    const mlp_samples *samples = &s->t.task.part[0].samples;
    size_t width = samples->data->x.width;
    float *row = ARENA_ARRAY(s->t.a, width, float);
    for (size_t i = 0; i < samples->count && width <= 2; i++) {
        size_t at = samples->rows ? samples->rows[i] : i;
        mlp_gather(&samples->data->x, &at, 1, row);
        for (size_t k = 0; k < width; k++) {
            double v = (double)row[k];
            s->n->low[k] = i ? fmin(s->n->low[k], v) : v;
            s->n->high[k] = i ? fmax(s->n->high[k], v) : v;
        }
    }
}

/* The loop, and its result into the net. Nothing here raises an error before the net is itself again. */
static void learn(Lesson *s, mlp_result *result)
{
    mlp_status status;
    mlp_error err;
    s->n->busy = true;
    bool learnt = training_learn(&s->t, result, &status, &err);
    s->n->busy = false;
    report_end(&s->t.report, &s->d);
    name_classes(s);
    find_ranges(s);
    if (learnt) {
        bind_net_adopt(s->n, s->t.g, s->t.w);
        s->n->weights = NULL;
    }
    if (result->ending == MLP_DIVERGED)
        training_tell_divergence(&s->t, &err, learnt ? "the last good weights are kept" : "nothing was learnt");
    else if (status != MLP_OK)
        diag_error(&s->d, (Pos){0}, "%s", err.text);
}

int bind_net_train(lua_State *L)
{
    static const char *const others[] = {"progress", "quiet", NULL};
    NetObject *n = bind_net_idle(L, NET, "train");
    const DataObject *data = bind_data_at(L, DATA, "train");
    lua_settop(L, OPTS);
    Lesson *s = begin(L, n, data);
    Training *t = &s->t;
    bool quiet = false;
    bind_options(L, OPTS, "train", options, OPTIONS, others, &s->args, t->a);
    lua_pushnil(L); /* FUNCTION */
    if (lua_istable(L, OPTS)) {
        lua_getfield(L, OPTS, "quiet");
        quiet = lua_toboolean(L, -1);
        lua_pop(L, 1);
        lua_getfield(L, OPTS, "progress");
        lua_replace(L, FUNCTION);
    }
    if (!lua_isnil(L, FUNCTION) && !lua_isfunction(L, FUNCTION))
        session_error(L, "train: progress must be a function, got %s", session_describe(L, FUNCTION));
    s->args.checkpoint = s->args.resume && !s->args.checkpoint ? s->args.resume : s->args.checkpoint;
    t->progress = progress;
    for (int i = 0; i < t->g->nparam && !n->learnt; i++)
        t->g->param[i]->value = NULL; /* drawn anew, by the seed of these settings */
    settings(s, "train");
    check_places(s);
    bool ready = training_prepare(t) &&
                 report_begin(&t->report, &t->task, !quiet && isatty(2) ? stderr : NULL, s->args.log, t->a, &s->d);
    if (ready && !quiet)
        training_announce(t);
    session_tell(L, &s->d);
    luaL_checkstack(L, 20, "n:train");
    mlp_result result;
    learn(s, &result);
    if (s->failed)
        return lua_error(L);
    session_tell(L, &s->d);
    if (result.ending == MLP_INTERRUPTED && !s->stopped)
        session_error(L, "%s; what was learnt is kept", in_lua(t->a, training_ending(t, &result)));
    Text text = {0};
    double right = nan("");
    text_printf(&text, "%s\n", training_ending(t, &result));
    if (!training_print(t, &text, &right))
        text_free(&text);
    session_tell(L, &s->d);
    push_result(L, &text, result.loss, right);
    lua_pushinteger(L, (lua_Integer)result.epochs);
    lua_setfield(L, -2, "epochs");
    lua_pushinteger(L, (lua_Integer)result.step);
    lua_setfield(L, -2, "steps");
    set_number(L, "seconds", result.seconds);
    session_free(L, SCOPE);
    return 1;
}

/* ---- n:eval ----------------------------------------------------------------------------------------------------- */

/* The loss on the first part. */
static double measure(Lesson *s)
{
    const Training *t = &s->t;
    double loss = nan("");
    mlp_error err;
    mlp_metrics *m = ARENA_ARRAY(t->a, t->task.heads, mlp_metrics);
    if (mlp_evaluate(&t->learner->run, t->block, &t->task.part[0].samples, t->s.threads, m, &loss, &err))
        diag_error(t->d, (Pos){0}, "%s", err.text);
    for (size_t h = 0; h < t->task.heads; h++)
        mlp_metrics_free(&m[h]);
    return loss;
}

int bind_net_eval(lua_State *L)
{
    static const BindOption threads = {"threads", offsetof(TrainArgs, threads)};
    NetObject *n = bind_net_at(L, NET, "eval");
    const DataObject *data = bind_data_at(L, DATA, "eval");
    lua_settop(L, OPTS);
    Lesson *s = begin(L, n, data);
    Text text = {0};
    double right = nan(""), loss = nan("");
    bind_options(L, OPTS, "eval", &threads, 1, NULL, &s->args, s->t.a);
    settings(s, "eval");
    if (training_prepare_eval(&s->t)) {
        loss = measure(s);
        if (s->t.task.note && !s->args.text)
            diag_note(&s->d, (Pos){s->args.data, 0}, "%s", s->t.task.note);
        if (!training_print(&s->t, &text, &right))
            text_free(&text);
    }
    session_tell(L, &s->d);
    push_result(L, &text, loss, right);
    session_free(L, SCOPE);
    return 1;
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

static void add_type(lua_State *L, const char *type, const char *name, lua_CFunction text)
{
    luaL_newmetatable(L, type);
    lua_pushcfunction(L, text);
    lua_setfield(L, -2, "__tostring");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
}

void bind_train_open(lua_State *L)
{
    add_type(L, RESULT, "result", result_text);
    add_type(L, HISTORY, "history", history_text);
}
