/* module.c: require "mlpc" from a Lua program: the functions of the prompt as a table. The entry of mlpc.so. */
#include <stdio.h>

#include "cli.h"
#include "repl/bind.h"

/* What a libtcc.a that was made for programs takes from the C library (see the Makefile). The environment is only
 * looked at by tcc -run, which nobody calls. */
extern FILE *mlpc_stdout, *mlpc_stderr;
extern char **mlpc_environ;
FILE *mlpc_stdout, *mlpc_stderr;
char **mlpc_environ;

int luaopen_mlpc(lua_State *L) __attribute__((visibility("default")));

int luaopen_mlpc(lua_State *L)
{
    luaL_checkversion(L);
    mlpc_stdout = stdout;
    mlpc_stderr = stderr;
    lua_newtable(L);
    bind_open(L);
    return 1;
}

/* The table of verbs comes along with what writes C files; a module has no prompt. */
int verb_repl(Cli *cli) { return cli_usage(cli, "a module has no prompt"); }
