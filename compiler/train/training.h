/* training.h: one training from data to learnt weights, whoever asks: mlpc train and eval (train.c), n:train at the
 * prompt. */
#ifndef MLPC_TRAINING_H
#define MLPC_TRAINING_H

#include "learner.h"
#include "train/report.h"
#include "train/task.h"

/* The caller sets what stands first; zeros are fine where it says so. All memory is the arena's but the learner. */
typedef struct Training {
    Graph *g; /* checked and pruned; learnt scaling is put into it, weights are not */
    Diag *d;
    Arena *a;
    const TrainArgs *args;
    const char *weights;                                    /* where bound values come from, for messages; NULL */
    const char *dashes;                                     /* what options begin with, for messages: "--", or "" */
    void (*progress)(void *context, const mlp_progress *p); /* beside the report; NULL */
    void *context;
    /* made, in this order */
    const char *saved; /* settings of the checkpoint to go on from, or NULL */
    Settings s;
    Task task;
    Learner *learner; /* training_end frees it */
    float *w, *block; /* in the PyTorch layout, and as the learner has them */
    Report report;
    const Node *overflow; /* where the loss went wrong */
    const char *overflow_text;
    double largest; /* of the inputs of that batch, by size */
} Training;

/* Which files and options make no sense together: a sentence, or NULL. */
const char *training_problem(const TrainArgs *args);

/* The settings of args, of the checkpoint to resume, and of the script. NULL, or what is wrong, after which *where
 * tells whose fault it is: in_script, a file (reported to d; the text is ""), or the arguments. */
typedef enum TrainingFault { FAULT_ARGUMENTS, FAULT_SCRIPT, FAULT_FILE } TrainingFault;
const char *training_settings(Training *t, TrainingFault *fault);

/* The data, the scaling in the net, the learner, the first weights. false: reported to d. */
bool training_prepare(Training *t);

/* The same for measuring weights that are bound. */
bool training_prepare_eval(Training *t);

/* Notes to d: what begins, in a line; and what was found out about the data. */
void training_announce(Training *t);

/* The loop; report_begin was called. w is then what was learnt. SIGINT and SIGTERM end it with what was learnt so far;
 * a second one does what it did before. true: something was learnt (whatever the ending). *err and *status as
 * mlp_train's. */
bool training_learn(Training *t, mlp_result *result, mlp_status *status, mlp_error *err);

/* Asks the loop that runs to end, as a signal does: for functions that are told of progress. */
void training_stop(void);

/* How it ended, in a line. */
const char *training_ending(const Training *t, const mlp_result *result);

/* Reports that the loss stopped being a number: when, where, what might help, and what was kept ("kept in x", ...). */
void training_tell_divergence(Training *t, const mlp_error *err, const char *kept);

/* The losses and metrics of every part, the layers' health and what may be learnt from it. *right (may be NULL):
 * accuracy on the first part. false: reported to d. */
bool training_print(Training *t, Text *out, double *right);

void training_end(Training *t);

#endif
