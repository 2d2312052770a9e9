/* train.h: what the files of the training loop share. Not installed.
 *
 *   mlp_train (train.c)   the loop: epochs, batches, patience, what to do when it ends
 *     step.c              one batch: gradient in parts, clipping, update
 *     evaluate.c          measuring on whole data sets
 *     checkpoint.c        the state of a run in a file, and back */
#ifndef MLP_RUNTIME_TRAIN_H
#define MLP_RUNTIME_TRAIN_H

#include "mlp.h"
#include "pool.h"
#include "rule.h"

/* Where a run stands: all that a later one needs to go on, besides the numbers in blocks. */
typedef struct mlp_position {
    uint64_t epoch, batch, step; /* ended epochs; batches done in the running one; steps done in all */
    uint64_t samples;            /* learnt from in the running epoch */
    double loss_sum;             /* over these samples */
    double last_loss;            /* of the last ended epoch */
    mlp_rng rng;                 /* as it was when the running epoch began: its order follows from it */
    uint64_t best_epoch, waiting; /* the best epoch (0: none), and how many have ended since */
    double best_loss, seconds;
} mlp_position;

/* What one thread works with. */
typedef struct mlp_part {
    size_t first, n;      /* its samples in the batch */
    float *x, *t, *weight; /* of one tile of them */
    float *g, *more;      /* its gradient; of a further tile */
    float loss;
    mlp_batch batch;      /* the last one that was handed to the learner */
} mlp_part;

/* One run. */
typedef struct mlp_run {
    const mlp_learner *learner;
    mlp_training o; /* defaults filled in */
    const mlp_samples *train, *val;
    float *w, *state, *good, *best; /* best: NULL without patience */
    size_t state_size;
    size_t *order; /* rows of the epoch, shuffled */
    size_t batches, tile;
    mlp_pool *pool;
    mlp_part *parts; /* [threads] */
    int active;      /* parts of this batch */
    mlp_range *pieces; /* the trained part of the block, cut up */
    size_t piece_count;
    double *squares; /* [piece_count] */
    double lr;
    mlp_rule rule;   /* of the update that is being made */
    mlp_position at;
    uint64_t good_step;
    mlp_error *err;
} mlp_run;

/* step.c: memory for the parts and pieces of a run. */
mlp_status mlp_step_begin(mlp_run *r);
void mlp_step_end(mlp_run *r);

/* The gradient of the samples order[first..first + n), into parts[0..active) each; returns the mean loss. After one that
 * is not finite, some part's batch is what it came from. */
double mlp_step_gradient(mlp_run *r, size_t first, size_t n);

/* One update by what mlp_step_gradient left. */
void mlp_step_update(mlp_run *r);

/* Both, at once where the learner can and nothing must be known of the whole gradient before; returns the mean loss. Nothing is
 * updated by one that is not finite. */
double mlp_step_take(mlp_run *r, size_t first, size_t n);

/* evaluate.c: copies the samples numbered rows[0..n) of the data set. */
void mlp_samples_gather(const mlp_samples *s, const size_t *rows, size_t n, float *x, float *t, size_t targets);

/* MLP_ESHAPE when the samples do not fit the learner. what: "training", for the message. */
mlp_status mlp_samples_check(const mlp_samples *s, const mlp_learner *l, const char *what, mlp_error *err);

/* As mlp_evaluate, over a pool. */
mlp_status mlp_evaluate_with(const mlp_learner *learner, const float *w, const mlp_samples *samples, mlp_pool *pool,
                             mlp_metrics *metrics, double *loss, mlp_error *err);

/* checkpoint.c: writes r's state to r->o.checkpoint; fills it from r->o.resume, everything checked first. */
mlp_status mlp_checkpoint_write(const mlp_run *r);
mlp_status mlp_checkpoint_read(mlp_run *r);

#endif
