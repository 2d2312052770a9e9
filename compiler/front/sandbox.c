/* sandbox.c: a Lua state that cannot harm: a small library, and limits on memory, instructions and time. */
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "front/front.h"

extern const char sandbox_lua[];
extern const size_t sandbox_lua_size;

enum { HOOK_EVERY = 100, DEPTH_EVERY = 10000, DEPTH_MAX = 20000 };

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Remembers where and why, because Lua's own "not enough memory" carries neither. */
static void *refuse(Script *s, const char *why)
{
    s->refused = why;
    if (s->L)
        s->error_pos = script_place(s, s->L);
    return NULL;
}

/* lua_Alloc with a ceiling. Shrinking never fails, as Lua demands. */
static void *allocate(void *ud, void *ptr, size_t old, size_t size)
{
    Script *s = ud;
    bool string = !ptr && old == LUA_TSTRING; /* for new blocks Lua says here what they will be */
    if (!ptr)
        old = 0;
    if (size == 0) {
        free(ptr);
        s->memory -= old;
        return NULL;
    }
    if (string && size > SCRIPT_BYTES_MAX + 64)
        return refuse(s, "a string of more than 4 MB");
    if (size > old && size - old > SCRIPT_MEMORY_MAX - s->memory - s->charged)
        return refuse(s, "the script needs more than 256 MB of memory");
    void *p = realloc(ptr, size);
    if (!p)
        return size <= old ? ptr : refuse(s, "this machine has no memory left for the script");
    s->memory += size - old;
    return p;
}

_Static_assert(SCRIPT_BYTES_MAX == 4 << 20 && SCRIPT_MEMORY_MAX == 256 << 20, "the messages above name these figures");

/* One message for both limits: which one a script meets first is a matter of the machine. */
static void runs_too_long(lua_State *L)
{
    script_stop(L, "the script runs for more than %d million instructions or %g s: an endless loop?",
                SCRIPT_STEPS_MAX / 1000000, SCRIPT_MILLISECONDS_MAX * 1e-3);
}

/* Runs after every HOOK_EVERY instructions. The CPU clock costs a system call, so the cheap clock is asked first: no
 * script has used that much CPU before as much time has passed. On a machine so busy that the wall clock runs far
 * ahead, half the CPU time is enough, so that whoever waits for an endless script gets an answer within 2 s there too.
 */
static void on_count(lua_State *L, lua_Debug *ar)
{
    Script *s = script_of(L);
    s->steps += HOOK_EVERY;
    if (s->stopped)
        luaL_error(L, "%s", s->stopped);
    const double limit = SCRIPT_MILLISECONDS_MAX * 1e-3, wait = 1.5;
    if (s->steps > SCRIPT_STEPS_MAX)
        runs_too_long(L);
    /* Lua's own limit of a million slots takes so long to reach that on a slow machine the time would run out first. */
    if (s->steps % DEPTH_EVERY == 0 && lua_getstack(L, DEPTH_MAX, ar))
        luaL_error(L, "stack overflow");
    double passed = seconds(CLOCK_MONOTONIC) - s->began;
    if (passed < limit)
        return;
    double used = seconds(CLOCK_THREAD_CPUTIME_ID) - s->began_cpu;
    if (used > (passed > wait ? limit / 2 : limit))
        runs_too_long(L);
}

/* pcall as in Lua, but what must end the run goes through. */
static int guarded_pcall(lua_State *L)
{
    Script *s = script_of(L);
    luaL_checkany(L, 1);
    Hint hint = s->hint;
    Chunk *running = s->running;
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
    if (status == LUA_OK)
        return lua_gettop(L);
    s->hint = hint;
    s->running = running;
    if (status == LUA_ERRMEM && !s->stopped)
        s->stopped = s->refused;
    if (s->stopped)
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* print to stderr: stdout belongs to results. */
static int print_to_stderr(lua_State *L)
{
    int n = lua_gettop(L);
    for (int i = 1; i <= n; i++) {
        size_t size;
        const char *text = luaL_tolstring(L, i, &size);
        if (i > 1)
            fputc('\t', stderr);
        fwrite(text, 1, size, stderr);
        lua_pop(L, 1);
    }
    fputc('\n', stderr);
    return 0;
}

/* Fills the state. Runs protected: any step of it can run out of memory. */
static int open_library(lua_State *L)
{
    script_bind(L, lua_touserdata(L, 1));
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},       {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8},
    };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
        lua_pop(L, 1);
    }
    if (luaL_loadbufferx(L, sandbox_lua, sandbox_lua_size, "=[mlpc]", "t") != LUA_OK)
        return lua_error(L);
    lua_newtable(L);
    lua_pushcfunction(L, guarded_pcall);
    lua_setfield(L, -2, "pcall");
    lua_pushcfunction(L, print_to_stderr);
    lua_setfield(L, -2, "print");
    lua_pushinteger(L, SCRIPT_BYTES_MAX);
    lua_setfield(L, -2, "BYTES_MAX");
    lua_call(L, 1, 1);
    /* What sandbox.lua returned is all that chunks loaded from now on can see. */
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    return 0;
}

lua_State *sandbox_new(Script *s)
{
    lua_State *L = lua_newstate(allocate, s);
    if (!L)
        return NULL;
    s->L = L;
    lua_pushcfunction(L, open_library);
    lua_pushlightuserdata(L, s);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        die("the script's library does not load: %s", lua_tostring(L, -1));
    s->began = seconds(CLOCK_MONOTONIC);
    s->began_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
    return L;
}
