/* weights.h: a safetensors file -> the values of a Graph's parameters. Second stage of the flow. */
#ifndef MLPC_WEIGHTS_H
#define MLPC_WEIGHTS_H

#include "graph/graph.h"

/* Reads `path` and binds its tensors to g's parameters, by name or, with by_order, in order of creation by shape alone.
 * Missing, wrongly shaped, unreadable or non-finite tensors are errors, all of them reported; tensors that the net does
 * not use are a warning. The values live as long as g's arena.
 *
 * A file that mlpc train wrote may hold more: tensors "<input>.scale" and "<input>.shift", one number a feature, by which
 * the input is scaled (they become an affine node, graph_scale_input); and names of classes ("classes", "class.0", ... in
 * the metadata), which become g's labels if the script has none. Layers that no output depends on need no tensors. */
bool weights_bind(Graph *g, Diag *d, const char *path, bool by_order);

#endif
