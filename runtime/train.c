/* train.c: the training loop: epochs of shuffled batches, measuring, patience, and every way in which it can end. */
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "floats.h"
#include "error.h"

enum { GOOD_EVERY = 16 }; /* steps of an epoch between copies of weights that are known to be good; each epoch begins with one */

/* Time as progress tells it. */
typedef struct watch {
    double begin, epoch, shown; /* seconds on the clock */
    uint64_t samples, epoch_samples; /* learnt from since then */
} watch;

static double now(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- before ---- */

static mlp_status check_learner(const mlp_learner *l, mlp_error *err)
{
    size_t outputs = 0, targets = 0, end = 0;
    for (size_t h = 0; h < l->head_count; h++) {
        outputs += l->heads[h].width;
        targets += l->heads[h].targets;
    }
    if (l->params == 0 || !l->grad)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "a net without parameters or gradient cannot learn");
    if (l->head_count > 0 && (outputs != l->outputs || targets != l->targets))
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "the heads have %zu values and %zu targets, the net %zu and %zu",
                        outputs, targets, l->outputs, l->targets);
    for (size_t s = 0; s < l->statistics_count; end = l->statistics[s].from + l->statistics[s].count, s++) {
        const mlp_range *r = &l->statistics[s];
        if (r->from < end || r->from > l->params || r->count > l->params - r->from)
            return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "statistics at %zu, %zu of them, in a block of %zu", r->from,
                            r->count, l->params);
    }
    return MLP_OK;
}

static mlp_status check_options(mlp_run *r)
{
    mlp_training *o = &r->o;
    mlp_error *err = r->err;
    mlp_status status = mlp_optimizer_check(&o->optimizer, err);
    if (status != MLP_OK)
        return status;
    if (o->epochs == 0)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "training takes one epoch at least");
    if (o->threads < 0 || o->threads > MLP_MOST_THREADS)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "%d threads: 1 to %d make sense", o->threads, MLP_MOST_THREADS);
    if (!(o->clip >= 0) || !(o->schedule.warmup >= 0) || !(o->schedule.decay >= 0) || !(o->schedule.factor >= 0))
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "clip, warmup, decay and factor cannot be negative");
    if (r->learner->whole_batch && r->train->count < 2)
        return mlp_fail(err, MLP_EVALUE, NULL, 0, "one sample: a net with batch statistics needs two at least");
    if (r->learner->whole_batch && o->batch == 1)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "batches of one sample: a net with batch statistics needs two at least");
    o->threads = o->threads ? o->threads : 1;
    o->batch = o->batch ? o->batch : 32;
    o->batch = o->batch < r->train->count ? o->batch : r->train->count;
    o->every = o->every ? o->every : 1;
    return MLP_OK;
}

static float *copy_of(const float *w, size_t count)
{
    float *copy = mlp_floats_new(count);
    if (copy)
        memcpy(copy, w, count * sizeof *copy);
    return copy;
}

static mlp_status begin(mlp_run *r)
{
    size_t params = r->learner->params;
    mlp_status status = check_learner(r->learner, r->err);
    if (status == MLP_OK)
        status = check_options(r);
    if (status == MLP_OK)
        status = mlp_samples_check(r->train, r->learner, "training", r->err);
    if (status == MLP_OK && r->val)
        status = mlp_samples_check(r->val, r->learner, "validation", r->err);
    if (status != MLP_OK)
        return status;
    bool measures = r->val || r->o.measured;
    if (measures && (!r->learner->forward || r->learner->head_count == 0))
        return mlp_fail(r->err, MLP_EARGUMENT, NULL, 0, "a net without a forward function and heads cannot be measured");
    /* A last batch of one sample has no statistics: it is left out, a different sample each epoch. */
    size_t rest = r->train->count % r->o.batch;
    r->batches = r->train->count / r->o.batch + (rest > (r->learner->whole_batch ? 1u : 0u));
    r->state_size = mlp_optimizer_state(&r->o.optimizer, params);
    r->state = mlp_floats_new(r->state_size);
    if (r->state)
        memset(r->state, 0, r->state_size * sizeof *r->state);
    r->good = copy_of(r->w, params);
    r->best = r->o.patience ? copy_of(r->w, params) : NULL;
    r->order = malloc(r->train->count * sizeof *r->order);
    if (!r->state || !r->good || !r->order || (r->o.patience && !r->best))
        return mlp_fail_memory(r->err, NULL, (3 * params + r->state_size) * sizeof(float), "the optimiser's state");
    r->pool = mlp_pool_new(r->o.threads, r->err);
    return r->pool ? mlp_step_begin(r) : MLP_ENOMEM;
}

static void end(mlp_run *r)
{
    mlp_step_end(r);
    mlp_pool_free(r->pool);
    free(r->state);
    free(r->good);
    free(r->best);
    free(r->order);
}

/* ---- going on ---- */

/* The order of the running epoch, always made from scratch, so that a resumed run finds the same; returns the generator
 * as it is for the next epoch. */
static mlp_rng shuffle(mlp_run *r)
{
    mlp_rng rng = r->at.rng;
    for (size_t i = 0; i < r->train->count; i++)
        r->order[i] = r->train->rows ? r->train->rows[i] : i;
    mlp_rng_shuffle(&rng, r->order, r->train->count);
    return rng;
}

static bool stopped(const mlp_run *r)
{
    return r->o.stop && *r->o.stop;
}

static mlp_progress progress_of(const mlp_run *r, const watch *clock)
{
    double t = now(), passed = t - clock->epoch, all = t - clock->begin;
    double rate = all > 0 ? (double)clock->samples / all : 0;
    uint64_t epochs_left = r->o.epochs - r->at.epoch;
    double left = (double)epochs_left * (double)r->train->count - (double)r->at.samples;
    return (mlp_progress){.epoch = r->at.epoch + 1,
                          .epochs = r->o.epochs,
                          .batch = r->at.batch,
                          .batches = r->batches,
                          .step = r->at.step,
                          .lr = r->lr,
                          .loss = r->at.samples ? r->at.loss_sum / (double)r->at.samples : nan(""),
                          .seconds = r->at.seconds + all,
                          .samples_per_second = passed > 0 ? (double)clock->epoch_samples / passed : 0,
                          .seconds_left = rate > 0 ? left / rate : 0,
                          .train_loss = nan(""),
                          .val_loss = nan(""),
                          .w = r->w};
}

static void show(const mlp_run *r, watch *clock)
{
    if (!r->o.progress || !(r->o.interval > 0))
        return;
    double t = now();
    if (t - clock->shown < r->o.interval)
        return;
    clock->shown = t;
    mlp_progress p = progress_of(r, clock);
    r->o.progress(r->o.context, &p);
}

/* Whether all of the block are finite numbers. */
static bool all_finite(const float *w, size_t count)
{
    enum { LANES = 16 };
    float sum[LANES] = {0}, all = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += w[i + k] * 0.0f; /* 0, or NaN once and for all */
    for (; i < count; i++)
        all += w[i] * 0.0f;
    for (size_t k = 0; k < LANES; k++)
        all += sum[k];
    return all == 0;
}

/* Tells of a loss that is no number, and puts back the last good weights. */
static mlp_status diverge(mlp_run *r, double loss)
{
    const mlp_part *p = &r->parts[0];
    for (int k = 0; k < r->active; k++)
        if (!isfinite(r->parts[k].loss)) {
            p = &r->parts[k];
            break;
        }
    if (r->o.diverged)
        r->o.diverged(r->o.context, r->w, &p->batch, p->loss);
    memcpy(r->w, r->good, r->learner->params * sizeof *r->w);
    const char *what = isfinite(loss) ? "the weights are not finite" : isnan(loss) ? "the loss is NaN" : "the loss is infinite";
    return mlp_fail(r->err, MLP_EVALUE, NULL, 0, "%s at step %llu (epoch %llu, batch %llu)", what,
                    (unsigned long long)r->at.step + 1, (unsigned long long)r->at.epoch + 1,
                    (unsigned long long)r->at.batch + 1);
}

/* One batch. */
static mlp_status step(mlp_run *r)
{
    size_t first = (size_t)r->at.batch * r->o.batch, left = r->train->count - first;
    size_t n = left < r->o.batch ? left : r->o.batch;
    bool copy = r->at.step % GOOD_EVERY == 0 || r->at.batch == 0;
    r->lr = mlp_schedule_lr(&r->o.schedule, r->o.optimizer.lr, r->at.step, r->batches, (double)r->o.epochs);
    double loss = copy ? mlp_step_gradient(r, first, n) : mlp_step_take(r, first, n);
    if (!isfinite(loss) || (copy && !all_finite(r->w, r->learner->params)))
        return diverge(r, loss);
    if (copy) { /* before they change */
        memcpy(r->good, r->w, r->learner->params * sizeof *r->w);
        r->good_step = r->at.step;
        mlp_step_update(r);
    }
    r->at.batch++;
    r->at.step++;
    r->at.samples += n;
    r->at.loss_sum += loss * (double)n;
    return MLP_OK;
}

/* ---- the end of an epoch ---- */

/* What is measured after an epoch. */
typedef struct measures {
    mlp_metrics *train, *val; /* NULL: not measured */
} measures;

static void free_metrics(const mlp_run *r, mlp_metrics *m)
{
    for (size_t h = 0; h < r->learner->head_count && m; h++)
        mlp_metrics_free(&m[h]);
    free(m);
}

/* Measures on samples into a new list. */
static mlp_status measure(mlp_run *r, const mlp_samples *s, mlp_metrics **metrics, double *loss)
{
    *metrics = calloc(r->learner->head_count, sizeof **metrics);
    if (!*metrics)
        return mlp_fail_memory(r->err, NULL, r->learner->head_count * sizeof **metrics, "metrics");
    return mlp_evaluate_with(r->learner, r->w, s, r->pool, *metrics, loss, r->err);
}

/* On the training samples: `measured` of them, evenly spread. */
static mlp_status measure_train(mlp_run *r, mlp_metrics **metrics, double *loss)
{
    size_t all = r->train->count, n = r->o.measured < all ? r->o.measured : all;
    size_t *rows = malloc(n * sizeof *rows);
    if (!rows)
        return mlp_fail_memory(r->err, NULL, n * sizeof *rows, "a sample of the training data");
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)((double)i * ((double)all / (double)n));
        rows[i] = r->train->rows ? r->train->rows[k] : k;
    }
    mlp_samples s = *r->train;
    s.rows = rows;
    s.count = n;
    mlp_status status = measure(r, &s, metrics, loss);
    free(rows);
    return status;
}

/* Whether the epoch that has ended is the best so far, and keeps its weights if it is. */
static bool judge(mlp_run *r, double loss)
{
    bool best = isfinite(loss) && (r->at.best_epoch == 0 || loss < r->at.best_loss);
    r->at.waiting = best ? 0 : r->at.waiting + 1;
    if (!best)
        return false;
    r->at.best_epoch = r->at.epoch + 1;
    r->at.best_loss = loss;
    if (r->best)
        memcpy(r->best, r->w, r->learner->params * sizeof *r->w);
    return true;
}

static mlp_status end_epoch(mlp_run *r, watch *clock, mlp_rng next)
{
    measures m = {NULL, NULL};
    mlp_progress p = progress_of(r, clock);
    mlp_status status = MLP_OK;
    r->at.last_loss = p.loss;
    if (r->o.measured)
        status = measure_train(r, &m.train, &p.train_loss);
    if (status == MLP_OK && r->val)
        status = measure(r, r->val, &m.val, &p.val_loss);
    if (status == MLP_OK) {
        p.train = m.train;
        p.val = m.val;
        p.epoch_done = true;
        p.best = judge(r, r->val ? p.val_loss : p.loss);
        r->at.epoch++;
        r->at.batch = r->at.samples = 0;
        r->at.loss_sum = 0;
        r->at.rng = next;
        if (r->o.progress)
            r->o.progress(r->o.context, &p);
    }
    free_metrics(r, m.train);
    free_metrics(r, m.val);
    return status;
}

/* Writes the checkpoint with the time that has passed in it. */
static mlp_status save(mlp_run *r, const watch *clock)
{
    double before = r->at.seconds;
    r->at.seconds += now() - clock->begin;
    mlp_status status = mlp_checkpoint_write(r);
    r->at.seconds = before;
    return status;
}

/* ---- the loop ---- */

static bool out_of_patience(const mlp_run *r)
{
    return r->o.patience > 0 && r->at.best_epoch > 0 && r->at.waiting >= r->o.patience;
}

/* One epoch, or what is left of it. *saved: nothing has changed since the last checkpoint. */
static mlp_status run_epoch(mlp_run *r, watch *clock, bool *saved)
{
    mlp_rng next = shuffle(r);
    clock->epoch = now();
    clock->epoch_samples = 0;
    while (r->at.batch < r->batches && !stopped(r)) {
        uint64_t before = r->at.samples;
        mlp_status status = step(r);
        if (status != MLP_OK)
            return status;
        clock->samples += r->at.samples - before;
        clock->epoch_samples += r->at.samples - before;
        *saved = false;
        show(r, clock);
    }
    if (r->at.batch < r->batches)
        return MLP_OK;
    mlp_status status = end_epoch(r, clock, next);
    *saved = false;
    bool due = r->o.checkpoint && r->at.epoch % r->o.every == 0;
    if (status == MLP_OK && due) {
        status = save(r, clock);
        *saved = status == MLP_OK;
    }
    return status;
}

static mlp_status run(mlp_run *r, mlp_ending *ending)
{
    watch clock = {.begin = now()};
    bool saved = false;
    *ending = MLP_FINISHED;
    while (r->at.epoch < r->o.epochs) {
        *ending = out_of_patience(r) ? MLP_PATIENCE : stopped(r) ? MLP_INTERRUPTED : MLP_FINISHED;
        if (*ending != MLP_FINISHED)
            break;
        mlp_status status = run_epoch(r, &clock, &saved);
        if (status != MLP_OK) {
            *ending = status == MLP_EVALUE ? MLP_DIVERGED : MLP_FAILED;
            r->at.seconds += now() - clock.begin;
            return status;
        }
    }
    if (!all_finite(r->w, r->learner->params)) { /* the last update, which no loss has judged */
        *ending = MLP_DIVERGED;
        r->active = 0;
        return diverge(r, 0);
    }
    if (r->o.checkpoint && !saved) {
        mlp_status status = save(r, &clock);
        if (status != MLP_OK) {
            *ending = MLP_FAILED;
            return status;
        }
    }
    r->at.seconds += now() - clock.begin;
    return MLP_OK;
}

mlp_status mlp_train(const mlp_learner *learner, const mlp_training *training, const mlp_samples *train,
                     const mlp_samples *val, float *w, mlp_result *result, mlp_error *err)
{
    mlp_run r = {.learner = learner, .o = *training, .train = train, .val = val, .w = w, .err = err};
    mlp_ending ending = MLP_FAILED;
    r.at.last_loss = r.at.best_loss = nan("");
    mlp_rng_seed(&r.at.rng, r.o.seed, 0x4F52444552u); /* "ORDER": a stream of its own */
    mlp_status status = begin(&r);
    if (status == MLP_OK && r.o.resume)
        status = mlp_checkpoint_read(&r);
    if (status == MLP_OK)
        status = run(&r, &ending);
    bool restore = status == MLP_OK && r.best && r.at.best_epoch > 0;
    if (restore)
        memcpy(w, r.best, learner->params * sizeof *w);
    if (result)
        *result = (mlp_result){.ending = ending,
                               .epochs = (size_t)r.at.epoch,
                               .step = r.at.step,
                               .loss = r.at.last_loss,
                               .best_epoch = (size_t)r.at.best_epoch,
                               .best_loss = r.at.best_loss,
                               .restored = restore,
                               .good_step = r.good_step,
                               .seconds = r.at.seconds};
    end(&r);
    return status;
}
