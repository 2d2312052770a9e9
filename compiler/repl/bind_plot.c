/* bind_plot.c */
#include "repl/bind.h"
int bind_plot(lua_State *L) { session_error(L, "plot: not yet"); }
int bind_net_plot(lua_State *L) { session_error(L, "plot: not yet"); }
