/* bind_train.c */
#include "repl/bind.h"
int bind_net_train(lua_State *L) { session_error(L, "train: not yet"); }
int bind_net_eval(lua_State *L) { session_error(L, "eval: not yet"); }
int bind_net_history(lua_State *L) { lua_newtable(L); return 1; }
