/* task.h: what a net learns from which data: files into parts, outputs into heads, scaling into the net. */
#ifndef MLPC_TASK_H
#define MLPC_TASK_H

#include "graph/graph.h"
#include "mlp.h"
#include "train/settings.h"

/* Samples under a name: "training", "validation", "test", "data". */
typedef struct Part {
    const char *name;
    mlp_samples samples;
} Part;

enum { PARTS_MAX = 3 };

typedef struct Task {
    mlp_head *head; /* one for each output, as the losses read them (graph/loss.h) */
    size_t heads;
    bool labels;    /* GradOptions: targets of cross entropies are class numbers */
    size_t classes; /* names of classes, from the script or the data: class_name[classes]; 0: none */
    const char *const *class_name;
    Part part[PARTS_MAX]; /* the first is what is learnt from */
    int parts;
    const char *note; /* what was found out rather than told, or NULL */
} Task;

/* Reads the files that args name and works out what each output has to learn. learn: the first part is for training (two
 * classes at least); else it is called "data". All memory is the arena's, or freed with it. false: reported to d. */
bool task_read(Task *t, const Graph *g, Diag *d, const TrainArgs *args, bool learn);

/* Divides the first part: that share stays, the rest becomes the part "validation"; each class in the same ratio. */
bool task_split(Task *t, const Graph *g, Diag *d, double share, uint64_t seed);

/* Learns the scaling from the first part and puts it into the net. */
bool task_scale(Task *t, Graph *g, Diag *d, mlp_scaling scaling);

/* An autoencoder learns what the layers see: its targets are scaled like its inputs, if the net has a scaling. */
void task_scale_targets(Task *t, const Graph *g);

/* The part called so, or NULL. */
const Part *task_part(const Task *t, const char *name);

#endif
