/* repl.c: the prompt: reads a statement, runs it, shows what it gives, and goes on whatever happened. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "repl/bind.h"
#include "repl/edit.h"
#include "repl/prompt.h"
#include "version.h"

static const char name_here[] = "repl"; /* what messages call the lines that were typed */

typedef struct Repl {
    Cli *cli;
    lua_State *L;
    Editor *editor;
    int line;  /* of the next one that is read, from 1 */
    Text text; /* a statement as far as it is typed */
    bool failed;
} Repl;

/* ---- interrupts ------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;
static lua_State *volatile interrupted_state; /* what runs, NULL: nothing that could be interrupted */

/* Ends what runs. It stays until the prompt is back, or pcall in a loop would get around it; elsewhere it goes. */
static void stop(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (interrupted)
        luaL_error(L, "interrupted");
    lua_sethook(L, NULL, 0, 0);
}

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    lua_State *L = interrupted_state;
    if (L) {
        const int all = LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT;
        lua_sethook(L, stop, all, 1);
        lua_State *running = prompt_running(); /* a coroutine */
        if (running)
            lua_sethook(running, stop, all, 1);
    }
}

static void catch_interrupts(void)
{
    struct sigaction act = {.sa_handler = on_interrupt}; /* reading is not to go on behind it */
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
}

/* ---- one statement ---------------------------------------------------------------------------------------------- */

static void begin_running(Repl *r) { interrupted_state = r->L; }

static void end_running(Repl *r)
{
    interrupted_state = NULL;
    lua_sethook(r->L, NULL, 0, 0);
    interrupted = 0;
}

/* Tells what went wrong, and forgets it. */
static void settle(Repl *r, Diag *d)
{
    r->failed = r->failed || d->errors;
    fflush(stdout);
    diag_flush(d, stderr);
    arena_free(d->arena);
}

/* Calls the function below `arguments` values, and shows what it gives. */
static void run(Repl *r, Pos from, Diag *d)
{
    lua_State *L = r->L;
    begin_running(r);
    if (session_call(L, 0, LUA_MULTRET, from, d) && lua_gettop(L) > 0) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, prompt_show);
        lua_insert(L, 1);
        session_call(L, lua_gettop(L) - 1, 0, from, d);
    }
    end_running(r);
    lua_settop(L, 0);
}

/* Runs what was typed, as an expression if it is one, else as a statement. false: it goes on in the next line. */
static bool evaluate(Repl *r)
{
    Text *t = &r->text;
    Diag d;
    Text expression = {0};
    int first = r->line;
    for (size_t i = 0; i < t->size; i++)
        first -= t->data[i] == '\n';
    first--; /* r->line is that of the next line */
    text_add(&expression, "return ");
    text_add_n(&expression, t->data ? t->data : "", t->size);
    SessionText value = session_load(r->L, name_here, first, expression.data, expression.size, NULL), kind = value;
    text_free(&expression);
    diag_init(&d, arena_new());
    if (value != SESSION_LOADED)
        kind = session_load(r->L, name_here, first, t->data ? t->data : "", t->size, value == SESSION_WRONG ? &d : NULL);
    if (kind == SESSION_WRONG && value == SESSION_INCOMPLETE)
        kind = SESSION_INCOMPLETE; /* 1 + */
    if (kind == SESSION_LOADED)
        run(r, (Pos){name_here, first}, &d);
    settle(r, &d);
    return kind != SESSION_INCOMPLETE;
}

static bool news(void *state, Text *text) { return bind_news(state, text); }

/* ---- the loop --------------------------------------------------------------------------------------------------- */

static void add_line(Repl *r, const char *line, size_t size)
{
    if (r->text.size)
        text_char(&r->text, '\n');
    if (!r->text.size && r->line == 1 && size > 2 && line[0] == '#' && line[1] == '!')
        size = 0;                                /* a script that begins with #! */
    if (!r->text.size && size && line[0] == '=') /* as in old Luas: = value */
        line++, size--;
    text_add_n(&r->text, line, size);
    r->line++;
}

static int loop(Repl *r)
{
    const char *line;
    size_t size;
    bool more = false, terminal = edit_is_terminal(r->editor);
    for (;;) {
        EditResult got = edit_line(r->editor, more ? ">> " : "> ", &line, &size);
        if (got == EDIT_INTERRUPT && !terminal)
            return 130; /* as a shell says of Ctrl-C */
        if (got == EDIT_END)
            break;
        if (got == EDIT_LINE) {
            edit_remember(r->editor, line);
            add_line(r, line, size);
            more = !evaluate(r);
        }
        if (got == EDIT_INTERRUPT)
            interrupted = 0;
        if (got == EDIT_INTERRUPT || !more) {
            text_free(&r->text);
            more = false;
        }
    }
    if (more) {
        fprintf(stderr, "%s:%d: error: the input ends within a statement\n", name_here, r->line - 1);
        r->failed = true;
    }
    if (terminal)
        putchar('\n');
    return r->failed && !terminal ? EXIT_WRONG : EXIT_OK;
}

/* ---- beginning -------------------------------------------------------------------------------------------------- */

/* Loads the script of the command line as a net, in the variable of its name. */
static int open_script(lua_State *L)
{
    Repl *r = lua_touserdata(L, 1);
    Compile *c = &r->cli->compile;
    if (lua_getglobal(L, c->graph->name) != LUA_TNIL)
        fprintf(stderr, "%s: note: the net hides what was called '%s'\n", c->graph->file, c->graph->name);
    lua_settop(L, 1);
    lua_pushstring(L, c->graph->name);
    Compile taken = *c;
    bind_net_compiled(L, &taken);
    lua_pushglobaltable(L);
    lua_insert(L, -3);
    lua_rawset(L, -3);
    return 0;
}

static bool load_script(Repl *r)
{
    Cli *cli = r->cli;
    Compile *c = &cli->compile;
    bool read = compile_run(c, STAGE_GRAPH);
    diag_flush(&c->diag, stderr);
    if (!read)
        return false;
    Compile rest;
    Diag d;
    lua_pushcfunction(r->L, open_script);
    lua_pushlightuserdata(r->L, r);
    diag_init(&d, arena_new());
    bool ok = session_call(r->L, 1, 0, (Pos){0}, &d);
    settle(r, &d);
    compile_begin(&rest); /* the net has taken the arena */
    rest.script = arena_strdup(rest.arena, c->script);
    rest.defs = NULL;
    *c = rest;
    return ok;
}

int verb_repl(Cli *cli)
{
    Repl r = {.cli = cli, .line = 1};
    r.L = prompt_open();
    if (!r.L) {
        diag_error(&cli->compile.diag, (Pos){0}, "out of memory");
        return EXIT_WRONG;
    }
    const char *script = cli->compile.script;
    session_warnings(r.L, &cli->compile.diag);
    int status = EXIT_OK;
    if (script && strcmp(script, "-") == 0) {
        lua_close(r.L);
        return cli_usage(cli, "the prompt reads standard input itself: name the script");
    }
    if (script && !load_script(&r))
        status = EXIT_WRONG;
    if (status == EXIT_OK) {
        catch_interrupts();
        r.editor = edit_begin(prompt_complete, news, r.L, &interrupted);
        if (edit_is_terminal(r.editor)) /* where somebody waits a second, and can be told */
            bind_set_jit(r.L, LIVE_AUTO);
        if (edit_is_terminal(r.editor))
            puts("mlpc " MLPC_VERSION ": help tells what there is, Ctrl-D leaves");
        status = loop(&r);
        edit_end(r.editor);
    }
    text_free(&r.text);
    lua_close(r.L);
    int flushed = cli_flush_stdout(cli);
    return status ? status : flushed;
}
