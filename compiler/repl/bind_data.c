/* bind_data.c: data "digits.csv" and data{ {0,0, 0}, ... }: samples as a value of Lua. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "mlp.h"
#include "repl/bind.h"

/* What can be said about the columns and the further files: the options of mlpc train that concern them. */
static const BindOption options[] = {
    {"labels", offsetof(TrainArgs, labels)},           {"val", offsetof(TrainArgs, val)},
    {"val_labels", offsetof(TrainArgs, val_labels)},   {"test", offsetof(TrainArgs, test)},
    {"test_labels", offsetof(TrainArgs, test_labels)}, {"label", offsetof(TrainArgs, label)},
    {"delimiter", offsetof(TrainArgs, delimiter)}};
enum { OPTIONS = sizeof options / sizeof *options };

/* User value 1 keeps the text of a table. */
static DataObject *push_data(lua_State *L)
{
    DataObject *d = lua_newuserdatauv(L, sizeof *d, 1);
    *d = (DataObject){0};
    luaL_setmetatable(L, BIND_DATA);
    d->arena = arena_new();
    return d;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* "150 rows of 4, 3 classes" */
static const char *shape_text(Arena *a, const mlp_data *data)
{
    const char *s = arena_printf(a, "%zu row%s of %zu", data->rows, data->rows == 1 ? "" : "s", data->x.width);
    if (data->target == MLP_TARGET_CLASS)
        return arena_printf(a, "%s, %zu classes", s, data->classes);
    if (data->target == MLP_TARGET_VALUES)
        return arena_printf(a, "%s and %zu target%s", s, data->t.width, data->t.width == 1 ? "" : "s");
    return s;
}

/* Looks at the file: what it has, as far as that can be told without a net. It is read again for a net, by its rules.
 */
static void look(lua_State *L, DataObject *d)
{
    mlp_error err;
    const char *at = d->args.delimiter;
    mlp_data_spec spec = {.label = d->args.label};
    if (at && strlen(at) != 1 && strcmp(at, "tab") != 0 && strcmp(at, "blank") != 0)
        session_error(L, "data: the delimiter is one character, \"tab\" or \"blank\", not \"%s\"", at);
    spec.delimiter = !at ? 0 : strcmp(at, "tab") == 0 ? '\t' : strcmp(at, "blank") == 0 ? ' ' : *at;
    size_t n = strlen(d->args.data);
    d->shown = arena_printf(d->arena, "data %s", d->args.data);
    if (n > 4 && strcmp(d->args.data + n - 4, ".f32") == 0) /* only a net knows how long its rows are */
        return;
    mlp_data *data = mlp_data_read(d->args.data, d->args.labels, &spec, &err);
    if (!data)
        session_error(L, "data: %s", err.text);
    d->rows = data->rows;
    d->shown = arena_printf(d->arena, "%s: %s", d->shown, shape_text(d->arena, data));
    mlp_data_free(data);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

/* A text as a field of CSV. The buffer is on top of the stack. */
static void add_quoted(luaL_Buffer *b, const char *text, size_t size)
{
    luaL_addchar(b, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            luaL_addchar(b, '"');
        luaL_addchar(b, text[i]);
    }
    luaL_addchar(b, '"');
}

/* Value `column` of the row at index `row`; nothing is left on the stack, where the buffer is. */
static void add_value(lua_State *L, luaL_Buffer *b, int row, lua_Integer number, lua_Integer column)
{
    char digits[40];
    size_t size;
    int type = lua_rawgeti(L, row, column);
    double v = lua_tonumber(L, -1);
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
    if (text && (strlen(text) != size || strpbrk(text, "\r\n")))
        session_error(L, "data: row %lld, value %lld: a name of a class is one line of text", (long long)number,
                      (long long)column);
    if (!text && (type != LUA_TNUMBER || !isfinite(v)))
        session_error(L, "data: row %lld, value %lld must be a number%s, got %s", (long long)number, (long long)column,
                      type == LUA_TNUMBER ? "" : " or the name of a class", session_describe(L, -1));
    snprintf(digits, sizeof digits, "%.17g", v);
    lua_pop(L, 1); /* the row keeps it */
    if (text)
        add_quoted(b, text, size);
    else
        luaL_addstring(b, digits);
}

/* The rows of the table at index 1 as CSV, which is pushed. */
static void write_rows(lua_State *L, DataObject *d)
{
    enum { ROW = 4 };
    luaL_Buffer b;
    lua_Integer rows = (lua_Integer)lua_rawlen(L, 1), width = 0;
    if (rows == 0)
        session_error(L, "data: the table has no rows: write data{ {x1, x2, target}, ... } or data \"file.csv\"");
    lua_pushnil(L); /* ROW */
    luaL_buffinit(L, &b);
    for (lua_Integer r = 1; r <= rows; r++) {
        if (lua_rawgeti(L, 1, r) != LUA_TTABLE)
            session_error(L, "data: row %lld must be a table like {x1, x2, target}, got %s", (long long)r,
                          session_describe(L, -1));
        lua_replace(L, ROW);
        lua_Integer n = (lua_Integer)lua_rawlen(L, ROW);
        width = r == 1 ? n : width;
        if (n != width || n == 0)
            session_error(L, "data: row %lld has %lld value%s, row 1 has %lld", (long long)r, (long long)n,
                          n == 1 ? "" : "s", (long long)width);
        for (lua_Integer c = 1; c <= n; c++) {
            add_value(L, &b, ROW, r, c);
            luaL_addchar(&b, c < n ? ',' : '\n');
        }
    }
    luaL_pushresult(&b);
    lua_replace(L, ROW);
    d->args.text = d->text = lua_tolstring(L, ROW, &d->size);
    d->args.text_size = d->size;
    d->args.data = "data";
    d->args.delimiter = ",";
    d->rows = (size_t)rows;
    d->shown = arena_printf(d->arena, "data: %lld row%s of %lld value%s", (long long)rows, rows == 1 ? "" : "s",
                            (long long)width, width == 1 ? "" : "s");
    lua_setiuservalue(L, ROW - 1, 1);
}

/* ---- data(...) -------------------------------------------------------------------------------------------------- */

int bind_data(lua_State *L)
{
    size_t size = 0;
    const char *path = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &size) : NULL;
    if (!path && !lua_istable(L, 1))
        session_error(L, "data: wants a file or rows, got %s: write data \"file.csv\" or data{ {x1, x2, target}, ... }",
                      session_describe(L, 1));
    if (path && (size == 0 || strlen(path) != size))
        session_error(L, "data: %s is no name of a file", session_describe(L, 1));
    lua_settop(L, 2);
    DataObject *d = push_data(L);
    bind_options(L, 2, "data", options, OPTIONS, NULL, &d->args, d->arena);
    if (path) {
        d->args.data = arena_strdup(d->arena, path);
        look(L, d);
    } else if (d->args.labels) {
        session_error(L, "data: labels are for samples in a file; rows have their target at the end");
    } else {
        write_rows(L, d);
    }
    if (d->args.val_labels && !d->args.val)
        session_error(L, "data: val_labels needs val = \"file\"");
    if (d->args.test_labels && !d->args.test)
        session_error(L, "data: test_labels needs test = \"file\"");
    lua_settop(L, 3);
    return 1;
}

const DataObject *bind_data_at(lua_State *L, int i, const char *what)
{
    DataObject *d = luaL_testudata(L, i, BIND_DATA);
    if (!d && (lua_istable(L, i) || lua_type(L, i) == LUA_TSTRING)) { /* n:train "digits.csv" */
        lua_pushcfunction(L, bind_data);
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        lua_replace(L, i);
        d = luaL_testudata(L, i, BIND_DATA);
    }
    if (!d)
        session_error(L, "%s: wants data, got %s: write n:%s(data \"file.csv\")", what, session_describe(L, i), what);
    if (!d->arena)
        session_error(L, "%s: this data was freed", what);
    return d;
}

static int to_text(lua_State *L)
{
    const DataObject *d = luaL_checkudata(L, 1, BIND_DATA);
    lua_pushstring(L, d->arena ? d->shown : "data that was freed");
    return 1;
}

/* #d: rows, 0 where only a net could tell. */
static int length(lua_State *L)
{
    const DataObject *d = luaL_checkudata(L, 1, BIND_DATA);
    lua_pushinteger(L, (lua_Integer)d->rows);
    return 1;
}

static int collect(lua_State *L)
{
    DataObject *d = luaL_testudata(L, 1, BIND_DATA);
    if (d)
        arena_free(d->arena);
    if (d)
        d->arena = NULL;
    return 0;
}

void bind_data_open(lua_State *L)
{
    static const luaL_Reg events[] = {{"__tostring", to_text}, {"__len", length}, {"__gc", collect}, {NULL, NULL}};
    luaL_newmetatable(L, BIND_DATA);
    luaL_setfuncs(L, events, 0);
    lua_pushstring(L, "data");
    lua_setfield(L, -2, "__name");
    lua_pushstring(L, "data");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
