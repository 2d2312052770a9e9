/* settings.h: how to train: what the command line, a checkpoint and the script say, and defaults for the rest. */
#ifndef MLPC_SETTINGS_H
#define MLPC_SETTINGS_H

#include "graph/graph.h"
#include "mlp.h"

/* What the command line says to train and eval, as text; NULL: nothing. */
typedef struct TrainArgs {
    const char *data, *labels, *val, *val_labels, *test, *test_labels; /* files */
    const char *text; /* not an option: samples as CSV in memory, which `data` then is but the name of; NULL */
    size_t text_size;
    const char *label, *delimiter;                                     /* of tables */
    const char *epochs, *batch, *lr, *optimizer, *schedule, *seed, *patience, *threads, *scale, *split;
    const char *momentum, *weight_decay, *clip, *warmup, *decay;
    const char *checkpoint, *every, *resume, *log;
} TrainArgs;

/* All of it as numbers. */
typedef struct Settings {
    mlp_optimizer optimizer;
    mlp_schedule schedule;
    mlp_scaling scale;
    double clip, split; /* 0: none */
    size_t epochs;      /* 0: by the size of the data, settings_epochs */
    size_t batch, patience, every;
    uint64_t seed;
    int threads;
} Settings;

enum { SETTINGS_BATCH = 32 };

/* Fills s. args comes before saved (the text of settings_save, from a checkpoint; NULL: none), and that before the script
 * (o), and that before the defaults. Returns NULL, or what is wrong with an argument (arena text): what a checkpoint's run
 * cannot change is, too. *in_script: it is the script's value that is wrong. */
const char *settings_read(Settings *s, const TrainArgs *args, const char *saved, const TrainOpts *o, Arena *a,
                          bool *in_script);

/* The optimiser that the script asks for, with all its numbers: for code that is generated to do the same steps. */
mlp_optimizer settings_optimizer(const TrainOpts *o);

/* How many epochs there are for that many samples when nobody said: ten, or so many that there are 2000 steps. */
size_t settings_epochs(const Settings *s, size_t samples);

/* As text that settings_read understands: lines "name=value", every number to its last bit. Arena text. */
const char *settings_save(const Settings *s, Arena *a);

#endif
