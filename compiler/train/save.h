/* save.h: weights into a safetensors file, as front/weights.h reads them back. */
#ifndef MLPC_SAVE_H
#define MLPC_SAVE_H

#include "graph/graph.h"
#include "mlp.h"

/* What a weights file tells about itself. */
typedef struct Metadata {
    mlp_pair *pair;
    size_t count;
} Metadata;

/* Says what mlpc is and which net it was, and has room for `classes` names and a dozen pairs more. All in the arena. */
Metadata metadata_new(Arena *a, const Graph *g, size_t classes);
void metadata_add(Metadata *m, const char *key, const char *value);

/* The names of classes; none if there are 0. */
void metadata_classes(Metadata *m, Arena *a, size_t classes, const char *const *name);

/* Writes the tensors of g under its names, w in the PyTorch layout, and the scaling of its inputs; whole or not at all.
 * false: reported to d. */
bool save_weights(const char *path, const Graph *g, const float *w, const Metadata *m, Diag *d);

#endif
