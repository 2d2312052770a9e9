/* prompt.c: makes the Lua state of the prompt, with a limit on memory and coroutines that can be interrupted. */
#include "repl/prompt.h"

#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repl/bind.h"
#include "repl/help.h"

extern const char prompt_lua[];
extern const size_t prompt_lua_size;

/* Their addresses, in the registry. */
static const char show_key, complete_key, words_key;
const char *const prompt_show = &show_key;

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* What Lua holds, and may: half of the machine. Beyond that "not enough memory" is better than a machine that stands.
 */
typedef struct Memory {
    size_t held, limit;
} Memory;

static void *allocate(void *memory, void *p, size_t old, size_t size)
{
    Memory *m = memory;
    old = p ? old : 0;
    if (size == 0) {
        free(p);
        m->held -= old;
        return NULL;
    }
    if (size > old && size - old > m->limit - m->held)
        return NULL;
    void *grown = realloc(p, size);
    if (!grown)
        return size <= old ? p : NULL;
    m->held += size - old;
    return grown;
}

/* ---- coroutines ------------------------------------------------------------------------------------------------- */

static lua_State *volatile running;

lua_State *prompt_running(void) { return running; }

/* coroutine.resume that remembers what runs. Upvalue 1 is Lua's. */
static int resume(lua_State *L)
{
    lua_State *before = running, *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "thread");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    running = co;
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    running = before;
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* coroutine.wrap by create and resume: what a coroutine raises is raised again. */
static const char wrap_lua[] = "local create, resume, close, status, error = ...\n"
                               "local function back(co, ok, ...)\n"
                               "    if ok then return ... end\n"
                               "    if status(co) == \"dead\" then close(co) end\n"
                               "    error((...), 0)\n"
                               "end\n"
                               "return function(f)\n"
                               "    local co = create(f)\n"
                               "    return function(...) return back(co, resume(co, ...)) end\n"
                               "end\n";

static void watch_coroutines(lua_State *L)
{
    lua_getglobal(L, LUA_COLIBNAME);
    lua_getfield(L, -1, "resume");
    lua_pushcclosure(L, resume, 1);
    lua_setfield(L, -2, "resume");
    if (luaL_loadbufferx(L, wrap_lua, sizeof wrap_lua - 1, "=[mlpc]", "t") != LUA_OK)
        lua_error(L);
    lua_getfield(L, -2, "create");
    lua_getfield(L, -3, "resume");
    lua_getfield(L, -4, "close");
    lua_getfield(L, -5, "status");
    lua_getglobal(L, "error");
    lua_call(L, 5, 1);
    lua_setfield(L, -2, "wrap");
    lua_pop(L, 1);
}

/* ---- what prompt.lua is given ----------------------------------------------------------------------------------- */

/* number(v): as few digits as bring back a float that is one, 14 digits of what is more. */
static int host_number(lua_State *L)
{
    double v = luaL_checknumber(L, 1);
    char text[48];
    float f = (float)v;
    int digits = 14;
    if ((double)f <= v && (double)f >= v)
        for (digits = 1; digits < 9; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, v);
            if (strtof(text, NULL) >= f && strtof(text, NULL) <= f)
                break;
        }
    snprintf(text, sizeof text, "%.*g", digits, v);
    if (!strpbrk(text, ".en"))
        strcat(text, ".0");
    lua_pushstring(L, text);
    return 1;
}

/* members(v): the methods of a tensor, a net or any userdata that has some, and the fields beside them. */
static int host_members(lua_State *L)
{
    static const char *const fields[] = {"history", "name", "params"};
    if (!lua_getmetatable(L, 1))
        return 0;
    if (lua_getfield(L, -1, "methods") != LUA_TTABLE && lua_getfield(L, -2, "__index") != LUA_TTABLE)
        return 0;
    if (!luaL_testudata(L, 1, BIND_NET))
        return 1;
    lua_newtable(L);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, fields[i]);
    }
    return 2;
}

/* files(prefix): a list of paths that begin so; folders end with a slash. */
static int host_files(lua_State *L)
{
    const char *prefix = luaL_checkstring(L, 1), *slash = strrchr(prefix, '/');
    size_t folder = slash ? (size_t)(slash + 1 - prefix) : 0, n = strlen(prefix + folder);
    lua_pushlstring(L, prefix, folder);
    const char *where = lua_tostring(L, -1);
    lua_newtable(L);
    DIR *d = opendir(folder ? where : ".");
    lua_Integer count = 0;
    for (struct dirent *e; d && count < 500 && (e = readdir(d));) {
        struct stat st;
        if (strncmp(e->d_name, prefix + folder, n) != 0 || (e->d_name[0] == '.' && n == 0))
            continue;
        lua_pushfstring(L, "%s%s", where, e->d_name);
        bool is_folder = stat(lua_tostring(L, -1), &st) == 0 && S_ISDIR(st.st_mode);
        if (is_folder) {
            lua_pushliteral(L, "/");
            lua_concat(L, 2);
        }
        lua_rawseti(L, -2, ++count);
    }
    if (d)
        closedir(d);
    return 1;
}

/* help([topic]) */
static int host_help(lua_State *L)
{
    Text t = {0};
    Op op = lua_isnoneornil(L, 1) ? OP_COUNT : session_activation(L, 1);
    const char *topic = op < OP_COUNT ? op_info[op].name : lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;
    help_text(&t, topic);
    bind_push_text(L, &t);
    return 1;
}

static void warn(void *unused, const char *text, int goes_on)
{
    (void)unused;
    fputs(text, stderr);
    if (!goes_on)
        fputc('\n', stderr);
}

static void keep(lua_State *L, const char *field, const char *key)
{
    lua_getfield(L, -1, field);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static int open_all(lua_State *L)
{
    static const luaL_Reg host[] = {
        {"number", host_number}, {"members", host_members}, {"files", host_files}, {"help", host_help}, {NULL, NULL}};
    luaL_openlibs(L);
    watch_coroutines(L);
    if (luaL_loadbufferx(L, prompt_lua, prompt_lua_size, "=[mlpc]", "t") != LUA_OK)
        return lua_error(L);
    luaL_newlib(L, host);
    lua_pushglobaltable(L);
    lua_getfield(L, -1, "_VERSION");
    lua_insert(L, -2);
    bind_open(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "_VERSION"); /* Lua's stays */
    lua_pop(L, 1);
    session_talks(L, true);
    session_push_methods(L);
    lua_setfield(L, -2, "tensor_methods");
    lua_call(L, 1, 1);
    keep(L, "show", &show_key);
    keep(L, "complete", &complete_key);
    lua_getfield(L, -1, "help");
    lua_setglobal(L, "help");
    return 0;
}

lua_State *prompt_open(void)
{
    static Memory memory;
    memory.limit = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
    lua_State *L = lua_newstate(allocate, &memory);
    if (!L)
        return NULL;
    lua_setwarnf(L, warn, NULL);
    lua_pushcfunction(L, open_all);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        die("the prompt does not start: %s", lua_tostring(L, -1));
    return L;
}

/* ---- completion ------------------------------------------------------------------------------------------------- */

/* What stands before the cursor. */
typedef struct Typed {
    const char *line;
    size_t at;
} Typed;

/* complete(line): keeps the list in the registry, so that its texts live, and returns an array of them as a userdata.
 */
static int complete(lua_State *L)
{
    const Typed *typed = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &complete_key);
    lua_pushlstring(L, typed->line, typed->at);
    lua_call(L, 1, 2); /* from, list */
    size_t n = (size_t)lua_rawlen(L, -1);
    const char **word = lua_newuserdatauv(L, (n + 1) * sizeof *word, 1);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        word[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    word[n] = NULL;
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &words_key);
    lua_remove(L, -2);
    return 2;
}

const char *const *prompt_complete(void *state, const char *line, size_t at, size_t *from)
{
    lua_State *L = state;
    const char *const *word = NULL;
    Typed typed = {line, at};
    lua_pushcfunction(L, complete);
    lua_pushlightuserdata(L, &typed);
    if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
        *from = (size_t)lua_tointeger(L, -2);
        word = lua_touserdata(L, -1);
    }
    lua_settop(L, 0);
    return word;
}
