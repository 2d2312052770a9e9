/* evaluate.c: samples as a net wants them, and measuring a net on whole data sets. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "train.h"

void mlp_samples_gather(const mlp_samples *s, const size_t *rows, size_t n, float *x, float *t, size_t targets)
{
    mlp_gather(&s->data->x, rows, n, x);
    if (s->teach == MLP_TEACH_INPUT && s->scale)
        for (size_t i = 0; i < n * targets; i++)
            t[i] = x[i] * s->scale[i % targets] + s->shift[i % targets];
    else if (s->teach == MLP_TEACH_INPUT)
        memcpy(t, x, n * targets * sizeof *t);
    else if (s->teach == MLP_TEACH_ONE_HOT)
        mlp_gather_one_hot(s->data, rows, n, targets, t);
    else
        mlp_gather_targets(s->data, rows, n, t);
}

/* Floats of a target; 0: the data has none. */
static size_t target_width(const mlp_samples *s)
{
    const mlp_data *d = s->data;
    if (s->teach == MLP_TEACH_INPUT)
        return d->x.width;
    if (d->target == MLP_TARGET_CLASS)
        return s->teach == MLP_TEACH_ONE_HOT ? d->classes : 1;
    return d->target == MLP_TARGET_VALUES ? d->t.width : 0;
}

mlp_status mlp_samples_check(const mlp_samples *s, const mlp_learner *l, const char *what, mlp_error *err)
{
    const mlp_data *d = s->data;
    size_t width = target_width(s);
    if (s->count == 0)
        return mlp_fail(err, MLP_EVALUE, NULL, 0, "no samples for %s", what);
    if (!s->rows && s->count > d->rows)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "%zu samples for %s, the data has %zu", s->count, what, d->rows);
    if (d->x.width != l->inputs)
        return mlp_fail(err, MLP_ESHAPE, NULL, 0, "the data for %s has %zu features, the net takes %zu", what, d->x.width,
                        l->inputs);
    bool fits = s->teach == MLP_TEACH_ONE_HOT ? width > 0 && width <= l->targets : width == l->targets;
    if (!fits)
        return mlp_fail(err, MLP_ESHAPE, NULL, 0, "the data for %s has %zu target values, the net learns %zu", what, width,
                        l->targets);
    return MLP_OK;
}

/* A block of samples on its way through the net. */
typedef struct block {
    const mlp_learner *learner;
    const float *w;
    const mlp_samples *samples;
    const size_t *rows;
    size_t first, n;
    int threads;
    float *x, *t, *y;
    size_t *number; /* rows, where the samples are simply the first ones */
} block;

static void forward_part(void *context, int thread)
{
    const block *b = context;
    const mlp_learner *l = b->learner;
    if (thread >= b->threads)
        return;
    size_t from = b->n * (size_t)thread / (size_t)b->threads, to = b->n * ((size_t)thread + 1) / (size_t)b->threads;
    if (from == to)
        return;
    for (size_t i = from; i < to; i++)
        b->number[i] = b->samples->rows ? b->samples->rows[b->first + i] : b->first + i;
    mlp_samples_gather(b->samples, b->number + from, to - from, b->x + from * l->inputs, b->t + from * l->targets,
                       l->targets);
    l->forward(l->context, thread, b->w, to - from, b->x + from * l->inputs, b->y + from * l->outputs);
}

/* All samples, block by block, into the metrics. */
static void measure(block *b, size_t size, mlp_pool *pool, mlp_metrics *metrics)
{
    const mlp_learner *l = b->learner;
    for (b->first = 0; b->first < b->samples->count; b->first += b->n) {
        size_t left = b->samples->count - b->first;
        b->n = left < size ? left : size;
        b->threads = mlp_pool_worth(pool, (double)b->n * l->macs / 3); /* forward alone */
        if (b->threads > 1)
            mlp_pool_run(pool, forward_part, b);
        else
            forward_part(b, 0);
        const float *y = b->y, *t = b->t;
        for (size_t h = 0; h < l->head_count; y += l->heads[h].width, t += l->heads[h].targets, h++)
            mlp_metrics_add(&metrics[h], b->n, y, l->outputs, t, l->targets);
    }
}

mlp_status mlp_evaluate_with(const mlp_learner *l, const float *w, const mlp_samples *samples, mlp_pool *pool,
                             mlp_metrics *metrics, double *loss, mlp_error *err)
{
    size_t sample = l->inputs + l->targets + l->outputs, threads = (size_t)mlp_pool_threads(pool);
    size_t size = 262144 / (sample + 1); /* a megabyte for each thread, but some rows at least, and not too many */
    size = (size < 32 ? 32 : size > 1024 ? 1024 : size) * threads;
    size = size < samples->count ? size : samples->count;
    memset(metrics, 0, l->head_count * sizeof *metrics);
    mlp_status status = mlp_samples_check(samples, l, "evaluation", err);
    for (size_t h = 0; h < l->head_count && status == MLP_OK; h++)
        status = mlp_metrics_begin(&metrics[h], &l->heads[h], err);
    if (status != MLP_OK)
        return status;
    block b = {.learner = l, .w = w, .samples = samples};
    b.x = malloc(size * sample * sizeof *b.x);
    b.number = malloc(size * sizeof *b.number);
    if (b.x && b.number) {
        b.t = b.x + size * l->inputs;
        b.y = b.t + size * l->targets;
        measure(&b, size, pool, metrics);
    } else {
        status = mlp_fail_memory(err, NULL, size * sample * sizeof *b.x, "a block of samples");
    }
    free(b.x);
    free(b.number);
    double sum = 0;
    for (size_t h = 0; h < l->head_count && status == MLP_OK; h++) {
        mlp_metrics_end(&metrics[h]);
        sum += metrics[h].loss;
    }
    if (loss && status == MLP_OK)
        *loss = sum;
    return status;
}

mlp_status mlp_evaluate(const mlp_learner *learner, const float *w, const mlp_samples *samples, int threads,
                        mlp_metrics *metrics, double *loss, mlp_error *err)
{
    if (threads < 0 || threads > MLP_MOST_THREADS)
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "%d threads", threads);
    memset(metrics, 0, learner->head_count * sizeof *metrics);
    mlp_pool *pool = mlp_pool_new(threads ? threads : 1, err);
    if (!pool)
        return MLP_ENOMEM;
    mlp_status status = mlp_evaluate_with(learner, w, samples, pool, metrics, loss, err);
    mlp_pool_free(pool);
    return status;
}
