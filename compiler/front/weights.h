/* weights.h: a safetensors file -> the values of a Graph's parameters. Second stage of the flow. */
#ifndef MLPC_WEIGHTS_H
#define MLPC_WEIGHTS_H

#include "graph/graph.h"

/* Reads `path` and binds its tensors to g's parameters, by name or, with by_order, in order of creation by shape alone.
 * Missing, wrongly shaped, unreadable or non-finite tensors are errors, all of them reported; tensors that the net does
 * not use are a warning. The values live as long as g's arena. */
bool weights_bind(Graph *g, Diag *d, const char *path, bool by_order);

#endif
