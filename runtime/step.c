/* step.c: one step of training: the gradient of a batch, in parts over threads and in tiles, and the update. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "floats.h"
#include "error.h"
#include "optim.h"
#include "pool.h"
#include "train.h"

/* Samples that are turned into floats at a time: scratch does not grow with the batch beyond them. */
enum { TILE = 1024 };

/* Floats of the block that are updated at a time: with the optimiser's state they stay in the cache between the sum of the
 * threads' gradients and the update. Also the unit in which threads share the block and in which its norm is summed. */
enum { PIECE = 8192 };

/* ---- memory ---- */

/* Cuts what lies between the statistics into pieces; returns how many there are, and fills list if it is not NULL. */
static size_t cut_pieces(const mlp_learner *l, mlp_range *list)
{
    size_t count = 0, at = 0;
    for (size_t s = 0; s <= l->statistics_count; s++) {
        size_t end = s < l->statistics_count ? l->statistics[s].from : l->params;
        for (; at < end; count++) {
            size_t n = end - at < PIECE ? end - at : PIECE;
            if (list)
                list[count] = (mlp_range){at, n};
            at += n;
        }
        at = s < l->statistics_count ? end + l->statistics[s].count : at;
    }
    return count;
}

/* Into how many parts a batch of n samples goes. None has one sample where it makes statistics, which then say nothing. */
static size_t parts_of(const mlp_run *r, size_t n)
{
    size_t worth = (size_t)mlp_pool_worth(r->pool, (double)n * r->learner->macs);
    size_t most = n / (r->learner->whole_batch ? 2 : 1);
    return most > worth ? worth : most ? most : 1;
}

/* No part of any batch has more samples: its share of a whole one, or what is just too little to be cut once more. */
static size_t most_samples(const mlp_run *r)
{
    size_t threads = (size_t)r->o.threads, share = (r->o.batch + threads - 1) / threads, few = 4;
    if (r->learner->macs > 0)
        few += (size_t)(2 * MLP_POOL_WORTH / r->learner->macs);
    few = share > few ? share : few;
    return few < r->o.batch ? few : r->o.batch;
}

mlp_status mlp_step_begin(mlp_run *r)
{
    const mlp_learner *l = r->learner;
    size_t threads = (size_t)r->o.threads, most = most_samples(r);
    r->tile = l->whole_batch ? r->o.batch : most < TILE ? most : TILE;
    size_t rows = l->whole_batch ? r->o.batch : r->tile;
    r->piece_count = cut_pieces(l, NULL);
    r->pieces = malloc((r->piece_count + 1) * sizeof *r->pieces);
    r->squares = calloc(r->piece_count + 1, sizeof *r->squares);
    r->parts = calloc(threads, sizeof *r->parts);
    bool enough = r->pieces && r->squares && r->parts;
    for (size_t k = 0; k < threads && enough; k++) {
        mlp_part *p = &r->parts[k];
        /* One part may have to take a whole batch, where it is too small to be cut. */
        p->x = mlp_floats_new(rows * l->inputs);
        p->t = mlp_floats_new(rows * l->targets);
        p->weight = r->train->weights ? mlp_floats_new(rows) : NULL;
        p->g = mlp_floats_new(l->params);
        p->more = most > r->tile ? mlp_floats_new(l->params) : NULL;
        enough = p->x && p->t && p->g && (p->weight || !r->train->weights) && (p->more || most <= r->tile);
    }
    if (!enough)
        return mlp_fail_memory(r->err, NULL, threads * (l->params + rows * (l->inputs + l->targets)) * sizeof(float),
                               "gradients and a batch of samples");
    cut_pieces(l, r->pieces);
    return MLP_OK;
}

void mlp_step_end(mlp_run *r)
{
    for (int k = 0; k < r->o.threads && r->parts; k++) {
        free(r->parts[k].x);
        free(r->parts[k].t);
        free(r->parts[k].weight);
        free(r->parts[k].g);
        free(r->parts[k].more);
    }
    free(r->parts);
    free(r->pieces);
    free(r->squares);
}

/* ---- the gradient ---- */

/* Makes n samples that begin at number `first` of the order a thread's batch. */
static void gather_tile(mlp_run *r, int thread, size_t first, size_t n, uint64_t place)
{
    mlp_part *p = &r->parts[thread];
    const size_t *rows = r->order + first;
    mlp_samples_gather(r->train, rows, n, p->x, p->t, r->learner->targets);
    for (size_t i = 0; i < n && p->weight; i++)
        p->weight[i] = r->train->weights[rows[i]];
    /* Parts of a batch drop out different units: their seeds differ by odd multiples of the golden ratio. */
    p->batch = (mlp_batch){.n = n,
                           .x = p->x,
                           .t = p->t,
                           .weight = p->weight,
                           .seed = r->o.seed + place * UINT64_C(0x9E3779B97F4A7C15),
                           .step = r->at.step + 1,
                           .thread = thread};
}

/* The learner's gradient of them. */
static float tile_gradient(mlp_run *r, int thread, size_t first, size_t n, uint64_t place, float *g)
{
    gather_tile(r, thread, first, n, place);
    return r->learner->grad(r->learner->context, r->w, &r->parts[thread].batch, g);
}

static void part_gradient(void *context, int thread)
{
    mlp_run *r = context;
    if (thread >= r->active)
        return;
    mlp_part *p = &r->parts[thread];
    if (p->n <= r->tile) {
        p->loss = tile_gradient(r, thread, p->first, p->n, (uint64_t)thread, p->g);
        return;
    }
    double loss = 0;
    size_t params = r->learner->params;
    uint64_t place = (uint64_t)thread << 32;
    for (size_t done = 0, n; done < p->n; done += n, place++) {
        n = p->n - done < r->tile ? p->n - done : r->tile;
        float share = (float)n / (float)p->n, *g = done ? p->more : p->g;
        float tile_loss = tile_gradient(r, thread, p->first + done, n, place, g);
        loss += (double)share * (double)tile_loss;
        if (!isfinite(tile_loss))
            break;
        for (size_t i = 0; i < params && !done; i++)
            p->g[i] *= share;
        for (size_t i = 0; i < params && done; i++)
            p->g[i] += share * g[i];
    }
    p->loss = (float)loss;
}

double mlp_step_gradient(mlp_run *r, size_t first, size_t n)
{
    size_t active = parts_of(r, n);
    r->active = (int)active;
    for (size_t k = 0; k < active; k++) {
        mlp_part *p = &r->parts[k];
        p->first = first + n * k / active;
        p->n = first + n * (k + 1) / active - p->first;
    }
    if (active > 1)
        mlp_pool_run(r->pool, part_gradient, r);
    else
        part_gradient(r, 0);
    double loss = 0;
    for (size_t k = 0; k < active; k++)
        loss += (double)r->parts[k].loss * ((double)r->parts[k].n / (double)n);
    return loss;
}

/* ---- the update ---- */

/* A range of the gradient of the whole batch: the sum in the order of the parts. sum may be the first part's. */
static void combine(const mlp_run *r, size_t from, size_t count, float *sum)
{
    size_t n = 0;
    for (int k = 0; k < r->active; k++)
        n += r->parts[k].n;
    const float *g = r->parts[0].g + from;
    float share = (float)r->parts[0].n / (float)n;
    for (int k = 1; k < r->active; k++, g = sum, share = 1) {
        const float *more = r->parts[k].g + from;
        float other = (float)r->parts[k].n / (float)n;
        for (size_t i = 0; i < count; i++)
            sum[i] = g[i] * share + more[i] * other;
    }
}

/* Each thread's share of the pieces. */
static void sum_pieces(void *context, int thread)
{
    mlp_run *r = context;
    size_t threads = (size_t)r->o.threads, k = (size_t)thread;
    for (size_t i = r->piece_count * k / threads; i < r->piece_count * (k + 1) / threads; i++) {
        combine(r, r->pieces[i].from, r->pieces[i].count, r->parts[0].g + r->pieces[i].from);
        r->squares[i] = mlp_sum_of_squares(r->parts[0].g + r->pieces[i].from, r->pieces[i].count);
    }
}

static void update_pieces(void *context, int thread)
{
    mlp_run *r = context;
    size_t threads = (size_t)r->o.threads, k = (size_t)thread;
    float sum[PIECE]; /* stays in the cache, where the gradient would be written back */
    for (size_t i = r->piece_count * k / threads; i < r->piece_count * (k + 1) / threads; i++) {
        const float *g = r->parts[0].g + r->pieces[i].from;
        if (r->active > 1 && !(r->o.clip > 0)) { /* else sum_pieces has done it */
            combine(r, r->pieces[i].from, r->pieces[i].count, sum);
            g = sum;
        }
        mlp_rule_apply(&r->rule, r->pieces[i].from, r->pieces[i].count, g);
    }
}

/* All pieces at once, or here if there are too few to be worth it. */
static void over_pieces(mlp_run *r, void (*work)(void *context, int thread))
{
    if (r->piece_count >= (size_t)r->o.threads)
        mlp_pool_run(r->pool, work, r);
    else
        for (int k = 0; k < r->o.threads; k++)
            work(r, k);
}

static void take_statistics(mlp_run *r)
{
    for (size_t s = 0; s < r->learner->statistics_count; s++) {
        mlp_range p = r->learner->statistics[s];
        combine(r, p.from, p.count, r->parts[0].g + p.from);
        memcpy(r->w + p.from, r->parts[0].g + p.from, p.count * sizeof *r->w);
    }
}

void mlp_step_update(mlp_run *r)
{
    const mlp_learner *l = r->learner;
    float scale = 1;
    if (r->o.clip > 0) {
        double square = 0;
        over_pieces(r, sum_pieces);
        for (size_t i = 0; i < r->piece_count; i++)
            square += r->squares[i];
        scale = (float)mlp_clip_scale(sqrt(square), r->o.clip);
    }
    r->rule = mlp_optimizer_rule(&r->o.optimizer, l->params, r->w, r->parts[0].g, r->state, r->at.step + 1, r->lr, scale);
    over_pieces(r, update_pieces);
    take_statistics(r);
}
/* ---- both -------------------------------------------------------------------------------------------------- */

double mlp_step_take(mlp_run *r, size_t first, size_t n)
{
    const mlp_learner *l = r->learner;
    if (!l->step || r->o.clip > 0 || n > r->tile || parts_of(r, n) > 1) {
        double loss = mlp_step_gradient(r, first, n);
        if (isfinite(loss))
            mlp_step_update(r);
        return loss;
    }
    mlp_part *p = &r->parts[0];
    r->active = 1;
    p->first = first;
    p->n = n;
    gather_tile(r, 0, first, n, 0);
    p->loss = l->step(l->context, r->w, &p->batch, p->g, &r->o.optimizer, r->state, r->lr);
    if (isfinite(p->loss))
        take_statistics(r);
    return (double)p->loss;
}
