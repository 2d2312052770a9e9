/* script.c: runs one script, hands back the one net it describes, and turns whatever went wrong into messages. */
#include "front/script.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "mlp.h"

static const char script_key; /* its address: the Script, in the registry */

Script *script_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &script_key);
    Script *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return s;
}

void script_bind(lua_State *L, Script *s)
{
    lua_pushlightuserdata(L, s);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &script_key);
}

void script_name_type(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

Chunk *script_chunk(Script *s, const char *path)
{
    for (Chunk *c = s->chunk; c; c = c->next)
        if (strcmp(c->path, path) == 0)
            return c;
    Chunk *c = ARENA_NEW(s->keep, Chunk);
    c->path = arena_strdup(s->keep, path);
    c->next = s->chunk;
    s->chunk = c;
    /* Lua cuts chunk names at 60 bytes: cut before it does, at the front, and so that no two tags are equal. */
    size_t n = strlen(path), room = sizeof c->tag - 8;
    if (n < room)
        memcpy(c->tag, path, n + 1);
    else
        snprintf(c->tag, sizeof c->tag, "%.4x~%s", (unsigned)s->info->nfile & 0xffffU, path + n - (room - 6));
    for (char *p = c->tag; *p; p++)
        *p = (unsigned char)*p < 0x20 ? '?' : *p;
    ScriptInfo *info = s->info;
    if (info->nfile == s->file_room) {
        s->file_room = s->file_room ? 2 * s->file_room : 8;
        const char **grown = ARENA_ARRAY(s->keep, (size_t)s->file_room, const char *);
        if (info->nfile)
            memcpy(grown, info->file, (size_t)info->nfile * sizeof *grown);
        info->file = grown;
    }
    info->file[info->nfile++] = c->path;
    return c;
}

/* In a session any Lua text may call us: "@file", "=name", or the text itself. */
static const Chunk *session_chunk(Script *s, const char *source)
{
    if (source[0] == '=' && source[1] == '[')
        return NULL; /* ours, or C */
    return script_chunk(s, source[0] == '@' || source[0] == '=' ? source + 1 : "[string]");
}

const Chunk *script_find_chunk(Script *s, const char *source)
{
    if (s->session)
        return session_chunk(s, source);
    if (source[0] == '=')
        for (const Chunk *c = s->chunk; c; c = c->next)
            if (strcmp(c->tag, source + 1) == 0)
                return c;
    return NULL;
}

Pos script_here(lua_State *L) { return script_place(script_of(L), L); }

Pos script_place(Script *s, lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        const Chunk *c = ar.currentline > 0 ? script_find_chunk(s, ar.source) : NULL;
        if (!c)
            continue;
        const Hint *h = &s->hint;
        bool hinted = h->chunk == c && h->function == ar.linedefined && h->call_line == ar.currentline;
        return (Pos){c->path, hinted ? h->line : ar.currentline};
    }
    return (Pos){s->path, 0};
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

void script_error(lua_State *L, const char *format, ...)
{
    Script *s = script_of(L);
    va_list args;
    va_start(args, format);
    diag_error(s->diag, script_here(L), "%s", arena_vprintf(s->arena, format, args));
    va_end(args);
    script_enough(L);
}

void script_enough(lua_State *L)
{
    Script *s = script_of(L);
    if (s->session)
        session_settle(L);
    else if (s->diag->errors - s->errors_before >= SCRIPT_ERRORS_MAX)
        script_stop(L, "%d errors: the rest is not shown", SCRIPT_ERRORS_MAX);
}

_Noreturn void script_stop(lua_State *L, const char *format, ...)
{
    Script *s = script_of(L);
    va_list args;
    va_start(args, format);
    if (s->session) {
        diag_error(s->diag, script_here(L), "%s", arena_vprintf(s->arena, format, args));
        session_settle(L);
    }
    s->stopped = arena_vprintf(s->arena, format, args);
    va_end(args);
    s->error_pos = script_here(L);
    luaL_error(L, "%s", s->stopped);
    abort(); /* not reached: luaL_error does not return, but cannot say so */
}

void script_charge(lua_State *L, size_t bytes)
{
    Script *s = script_of(L);
    if (s->session) {
        if (bytes > SCRIPT_MEMORY_MAX)
            script_stop(L, "this would need more than %d MB of memory", SCRIPT_MEMORY_MAX >> 20);
        if (lua_gc(L, LUA_GCISRUNNING))
            lua_gc(L, LUA_GCSTEP, (int)(bytes >> 10)); /* garbage that Lua does not see the size of */
        return;
    }
    if (bytes > SCRIPT_MEMORY_MAX - s->charged || s->memory + s->charged + bytes > SCRIPT_MEMORY_MAX)
        script_stop(L, "the script needs more than %d MB of memory", SCRIPT_MEMORY_MAX >> 20);
    s->charged += bytes;
}

const char *script_describe(lua_State *L, int i)
{
    Arena *a = script_of(L)->arena;
    size_t size;
    const char *text;
    const Tensor *t = luaL_testudata(L, i, TENSOR_TYPE);
    switch (lua_type(L, i)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return "nil";
    case LUA_TBOOLEAN:
        return lua_toboolean(L, i) ? "true" : "false";
    case LUA_TNUMBER:
        if (isnan(lua_tonumber(L, i))) /* printf's sign of it depends on the machine */
            return "NaN";
        return lua_isinteger(L, i) ? arena_printf(a, "%lld", (long long)lua_tointeger(L, i))
                                   : arena_printf(a, "%.14g", lua_tonumber(L, i));
    case LUA_TSTRING: {
        text = lua_tolstring(L, i, &size);
        return arena_printf(a, "the string \"%s\"", word_shown(a, text, size, 40));
    }
    case LUA_TTABLE:
        return "a table";
    case LUA_TFUNCTION:
        return "a function";
    default:
        if (t)
            return arena_printf(a, "the tensor %s", t->node->name);
        if (luaL_getmetafield(L, i, "__name") != LUA_TSTRING)
            return luaL_typename(L, i);
        text = arena_printf(a, "a %s", lua_tostring(L, -1));
        lua_pop(L, 1);
        return text;
    }
}

const char *script_did_you_mean(lua_State *L, const char *word, const char *const *list, size_t n)
{
    const char *near = word_near(word, list, n);
    return near ? arena_printf(script_of(L)->arena, "; did you mean '%s'?", near) : "";
}

/* The stack of the error is still there, so its place can be found. */
int script_on_error(lua_State *L)
{
    Script *s = script_of(L);
    Pos here = script_here(L);
    if (!s->stopped && (here.line > 0 || !s->session)) /* a tail call can leave a session without a frame of the user's */
        s->error_pos = here;
    return 1;
}

/* Takes "file:line: " off the front of Lua's message; pos becomes that place if it is the user's. */
static const char *strip_place(const Script *s, const char *text, Pos *pos)
{
    static const char ours[] = "[mlpc]";
    for (const Chunk *c = s->chunk;; c = c->next) {
        const char *tag = c ? c->tag : ours;
        size_t n = strlen(tag);
        if (strncmp(text, tag, n) == 0 && text[n] == ':' && isdigit((unsigned char)text[n + 1])) {
            char *end;
            long line = strtol(text + n + 1, &end, 10);
            if (strncmp(end, ": ", 2) == 0) {
                if (c)
                    *pos = (Pos){c->path, (int)line};
                return end + 2;
            }
        }
        if (!c)
            return text;
    }
}

/* The name in "attempt to ... a nil value (global 'NAME')", or NULL. */
static const char *undefined_name(Arena *a, const char *text)
{
    const char *at = strstr(text, "a nil value (global '");
    if (strncmp(text, "attempt to ", 11) != 0 || !at)
        return NULL;
    at = strchr(at, '\'') + 1;
    const char *end = strchr(at, '\'');
    return end && strcmp(end, "')") == 0 ? arena_printf(a, "%.*s", (int)(end - at), at) : NULL;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const char *undefined_text(lua_State *L, const char *name)
{
    static const char *const removed[] = {
        "io",        "os",      "debug",        "load",           "loadstring", "loadfile", "dofile",
        "coroutine", "package", "setmetatable", "getmetatable",   "rawget",     "rawset",   "rawequal",
        "rawlen",    "next",    "xpcall",       "collectgarbage", "unpack",     "_G",       "warn"};
    Arena *a = script_of(L)->arena;
    for (size_t i = 0; !script_of(L)->session && i < sizeof removed / sizeof *removed; i++)
        if (strcmp(name, removed[i]) == 0)
            return arena_printf(a, "'%s' is not available in a net's script", name);
    const char *known[256];
    size_t n = 0;
    lua_pushglobaltable(L);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && n < sizeof known / sizeof *known)
            known[n++] = arena_strdup(a, lua_tostring(L, -2));
    lua_pop(L, 1);
    qsort(known, n, sizeof *known, by_text); /* the order of the table differs from run to run */
    return arena_printf(a, "'%s' is not defined%s", name, script_did_you_mean(L, name, known, n));
}

int script_report_failure(lua_State *L)
{
    Script *s = script_of(L);
    Pos pos = s->error_pos;
    const char *text;
    if (s->session && luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        luaL_tolstring(L, 1, NULL);
        lua_replace(L, 1);
    }
    if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TNUMBER) {
        size_t size;
        const char *raw = strip_place(s, lua_tolstring(L, 1, &size), &pos);
        const char *name = undefined_name(s->arena, raw);
        char *line = arena_strdup(s->arena, word_shown(s->arena, raw, strlen(raw), 300));
        for (size_t i = 0; line[i]; i++)
            line[i] = isspace((unsigned char)raw[i]) ? ' ' : line[i];
        text = line;
        if (name)
            text = undefined_text(L, name);
        else if (strncmp(raw, "stack overflow", 14) == 0 || strstr(raw, "C stack overflow"))
            text = "functions call each other too deeply (stack overflow): an endless recursion?";
        else if (strncmp(raw, "attempt to load a binary chunk", 30) == 0)
            text = "this is not Lua source text but a compiled or other binary file";
    } else {
        text = arena_printf(s->arena, "error() was called with %s instead of a message", script_describe(L, 1));
    }
    diag_error(s->diag, pos, "%s", text);
    return 0;
}

/* ---- one run ---------------------------------------------------------------------------------------------------- */

void script_run(lua_State *L, Chunk *chunk, const char *text, size_t size, int results)
{
    Script *s = script_of(L);
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3; /* a byte order mark */
        size -= 3;
    }
    const char *after = size && text[0] == '#' ? memchr(text, '\n', size) : NULL;
    if (after) { /* a line for the shell: #!/usr/bin/env mlpc */
        size -= (size_t)(after - text);
        text = after;
    }
    char source[sizeof chunk->tag + 1];
    snprintf(source, sizeof source, "=%s", chunk->tag);
    if (luaL_loadbufferx(L, text, size, source, "t") != LUA_OK) {
        const char *raw = lua_tostring(L, -1);
        if (strstr(raw, "C stack overflow"))
            raw = "expressions or blocks are nested too deeply here";
        if (strncmp(raw, chunk->tag, strlen(chunk->tag)) != 0) /* the parser names the line, other failures do not */
            lua_pushfstring(L, "%s:1: %s", chunk->tag, raw);
        lua_error(L);
    }
    chunk->parent = s->running;
    s->running = chunk;
    lua_call(L, 0, results);
    s->running = chunk->parent;
}

/* What script_load hands to the protected call. */
typedef struct Job {
    const char *text;
    size_t size;
    Graph *graph;
} Job;

/* The last line with something on it: where a missing return belongs. */
static int last_line(const char *text, size_t size)
{
    int line = 1, last = 1;
    for (size_t i = 0; i < size; i++) {
        line += text[i] == '\n';
        if (!isspace((unsigned char)text[i]))
            last = line;
    }
    return last;
}

/* The net among the script's results at 1..n, or NULL after saying what is wrong with them. */
static Graph *only_net(lua_State *L, const Job *job)
{
    Script *s = script_of(L);
    int n = lua_gettop(L);
    Net *net = luaL_testudata(L, 1, NET_TYPE);
    if (n == 1 && net)
        return net->graph;
    const Tensor *t = luaL_testudata(L, 1, TENSOR_TYPE);
    if (s->diag->errors > s->errors_before && (net || (t && t->bad)))
        return NULL; /* a second net, or a tensor that could not be made: that has been said */
    Pos pos = s->net_pos.file ? s->net_pos : (Pos){s->path, last_line(job->text, job->size)};
    if (n > 1)
        diag_error(s->diag, pos, "the script returns %d values; it must return one net: return net(\"name\", y)", n);
    else if (t)
        diag_error(s->diag, pos,
                   "the script returns the tensor %s (%s:%d); it must return a net: "
                   "return net(\"name\", %s)",
                   t->node->name, t->node->pos.file, t->node->pos.line, "y");
    else if (n == 1 && !lua_isnil(L, 1))
        diag_error(s->diag, pos, "the script returns %s; it must return a net: return net(\"name\", y)",
                   script_describe(L, 1));
    else if (s->net_pos.file)
        diag_error(s->diag, pos, "the script makes a net but does not return it: write 'return' before net(...)");
    else
        diag_error(s->diag, pos, "the script returns nothing; it must end with: return net(\"name\", y)");
    return NULL;
}

static int run_job(lua_State *L)
{
    Job *job = lua_touserdata(L, 1);
    lua_settop(L, 0);
    Script *s = script_of(L);
    lua_pushglobaltable(L);
    language_open(L);
    lua_settop(L, 0);
    script_run(L, script_chunk(s, s->path), job->text, job->size, LUA_MULTRET);
    job->graph = only_net(L, job);
    return 0;
}

/* -D names that no param(...) asked for. */
static void report_unknown_defines(lua_State *L)
{
    Script *s = script_of(L);
    ScriptInfo *info = s->info;
    const char **name = ARENA_ARRAY(s->arena, (size_t)info->nparam + 1, const char *);
    const char *all = "";
    for (int p = 0; p < info->nparam; p++) {
        name[p] = info->param[p].name;
        all = arena_printf(s->arena, "%s%s%s", all, p ? ", " : "", name[p]);
    }
    for (int i = 0; i < s->ndef; i++) {
        const char *given = s->def[i].name;
        bool known = false;
        for (int p = 0; p < info->nparam; p++)
            known = known || strcmp(name[p], given) == 0;
        if (known)
            continue;
        given = word_shown(s->arena, given, strlen(given), 40);
        if (info->nparam == 0)
            diag_error(s->diag, (Pos){s->path, 0}, "unknown -D %s: the script has no params", given);
        else
            diag_error(s->diag, (Pos){s->path, 0}, "unknown -D %s: the script has params %s%s", given, all,
                       script_did_you_mean(L, given, name, (size_t)info->nparam));
    }
}

/* Everything before the last slash, with it. */
static const char *folder_of(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_printf(a, "%.*s", (int)(slash + 1 - path), path) : "";
}

Graph *script_load_text(Arena *a, Diag *d, const char *name, const char *text, size_t size, const ScriptDefine *defs,
                        int ndefs, ScriptInfo *info)
{
    ScriptInfo unwanted;
    info = info ? info : &unwanted;
    *info = (ScriptInfo){0};
    Script s = {.arena = a,
                .keep = a,
                .diag = d,
                .path = arena_strdup(a, name),
                .folder = folder_of(a, name),
                .def = defs,
                .ndef = ndefs,
                .info = info,
                .errors_before = d->errors};
    if (size > SCRIPT_BYTES_MAX) {
        diag_error(d, (Pos){s.path, 0}, "the script is larger than %d MB", SCRIPT_BYTES_MAX >> 20);
        return NULL;
    }
    lua_State *L = sandbox_new(&s);
    Job job = {text, size, NULL};
    lua_pushcfunction(L, script_on_error);
    lua_pushcfunction(L, run_job);
    lua_pushlightuserdata(L, &job);
    int status = lua_pcall(L, 1, 0, 1);
    if (status == LUA_ERRMEM && !s.stopped)
        s.stopped = s.refused;
    if (s.stopped) {
        diag_error(d, s.error_pos, "%s", s.stopped);
    } else if (status != LUA_OK) {
        lua_sethook(L, NULL, 0, 0);
        lua_pushcfunction(L, script_report_failure);
        lua_insert(L, -2);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK)
            diag_error(d, s.error_pos, "the script failed, and so did finding out why");
    }
    if (s.late && !s.second)
        diag_error(d, s.late_pos, "%s", s.late);
    if (d->errors == s.errors_before)
        report_unknown_defines(L);
    s.L = NULL;
    lua_close(L);
    return d->errors == s.errors_before ? job.graph : NULL;
}

Graph *script_load(Arena *a, Diag *d, const char *path, const ScriptDefine *defs, int ndefs, ScriptInfo *info)
{
    const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
    if (info)
        *info = (ScriptInfo){0};
    void *text;
    size_t size;
    mlp_error err;
    if (mlp_file_read(path, SCRIPT_BYTES_MAX, &text, &size, &err)) {
        diag_error(d, (Pos){arena_strdup(a, name), 0}, "%s", mlp_error_detail(&err));
        return NULL;
    }
    Graph *g = script_load_text(a, d, name, text, size, defs, ndefs, info);
    free(text);
    return g;
}
