/* scale.h: scaling that belongs to a net but not to its script: learnt from data, kept beside the weights. */
#ifndef MLPC_SCALE_H
#define MLPC_SCALE_H

#include "graph/graph.h"

/* Puts x * scale + shift, one pair a feature, between input number `input` and all that reads it (an output that is the
 * input included), as an affine node "<input>_scale" on the line of the input. The numbers live as long as the graph. For
 * a graph that no pass has touched. why: what the report says of the node, or NULL. */
void graph_scale_input(Graph *g, int input, const double *scale, const double *shift, const char *why);

/* The node that graph_scale_input put behind that input, or NULL. */
const Node *graph_input_scale(const Graph *g, int input);

/* Makes the scaling of every input, if it has one, do nothing. */
void graph_scale_clear(Graph *g);

/* Gives every input of g the scaling that it has in `from`, a graph of the same inputs. */
void graph_scale_adopt(Graph *g, const Graph *from);

#endif
