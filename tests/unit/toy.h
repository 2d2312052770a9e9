/* toy.h: a net for tests of the training loop: one hidden layer of tanh, written out in plain loops, and data for it. */
#ifndef TOY_H
#define TOY_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

enum { TOY_IN = 3, TOY_HIDDEN = 4, TOY_PARAMS = TOY_HIDDEN * (TOY_IN + 2) + 1, TOY_ROWS = 53 };

/* What the test tells the net to do, and what it saw. */
typedef struct Toy {
    mlp_learner learner;
    mlp_head head;
    size_t calls, samples, largest; /* of grad; only for one thread */
    uint64_t nan_step;              /* its loss is NaN; 0: never */
    uint64_t stop_step;             /* *stop is set while it runs */
    volatile sig_atomic_t stop;
} Toy;

/* w: [hidden][in] weights, [hidden] biases, [hidden] output weights, output bias. */
static inline float toy_value(const float *w, const float *x, float *h)
{
    const float *b = w + TOY_HIDDEN * TOY_IN, *v = b + TOY_HIDDEN;
    float y = v[TOY_HIDDEN];
    for (int j = 0; j < TOY_HIDDEN; j++) {
        float s = b[j];
        for (int k = 0; k < TOY_IN; k++)
            s += w[j * TOY_IN + k] * x[k];
        h[j] = tanhf(s);
        y += v[j] * h[j];
    }
    return y;
}

/* Squared error; sample weights count if there are any. */
static inline float toy_grad(void *context, const float *w, const mlp_batch *b, float *g)
{
    Toy *toy = context;
    double loss = 0;
    memset(g, 0, TOY_PARAMS * sizeof *g);
    for (size_t i = 0; i < b->n; i++) {
        const float *x = b->x + i * TOY_IN, *v = w + TOY_HIDDEN * (TOY_IN + 1);
        float h[TOY_HIDDEN], share = (b->weight ? b->weight[i] : 1) / (float)b->n;
        float away = toy_value(w, x, h) - b->t[i], dy = 2 * away * share;
        loss += (double)(share * away * away);
        for (int j = 0; j < TOY_HIDDEN; j++) {
            float dh = dy * v[j] * (1 - h[j] * h[j]);
            for (int k = 0; k < TOY_IN; k++)
                g[j * TOY_IN + k] += dh * x[k];
            g[TOY_HIDDEN * TOY_IN + j] += dh;
            g[TOY_HIDDEN * (TOY_IN + 1) + j] += dy * h[j];
        }
        g[TOY_PARAMS - 1] += dy;
    }
    if (b->thread == 0) {
        toy->calls++;
        toy->samples += b->n;
        toy->largest = b->n > toy->largest ? b->n : toy->largest;
        if (b->step == toy->stop_step)
            toy->stop = 1;
    }
    return b->step == toy->nan_step ? (float)nan("") : (float)loss;
}

static inline void toy_forward(void *context, int thread, const float *w, size_t n, const float *x, float *y)
{
    float h[TOY_HIDDEN];
    (void)context, (void)thread;
    for (size_t i = 0; i < n; i++)
        y[i] = toy_value(w, x + i * TOY_IN, h);
}

static inline void toy_begin(Toy *toy)
{
    *toy = (Toy){.head = {.loss = MLP_MSE, .task = MLP_VALUES, .width = 1, .targets = 1}};
    toy->learner = (mlp_learner){.params = TOY_PARAMS,
                                 .inputs = TOY_IN,
                                 .outputs = 1,
                                 .targets = 1,
                                 .heads = &toy->head,
                                 .head_count = 1,
                                 .context = toy,
                                 .grad = toy_grad,
                                 .forward = toy_forward};
}

static inline void toy_weights(float *w, uint64_t seed)
{
    mlp_rng rng;
    mlp_rng_seed(&rng, seed, 0);
    for (int i = 0; i < TOY_PARAMS; i++)
        w[i] = mlp_rng_uniform(&rng) - 0.5f;
}

/* rows samples of a smooth function of three inputs. Free with toy_data_free. */
static inline mlp_data toy_data(size_t rows)
{
    mlp_data d = {.rows = rows, .target = MLP_TARGET_VALUES};
    float *x = malloc(rows * TOY_IN * sizeof *x), *t = malloc(rows * sizeof *t);
    mlp_rng rng;
    mlp_rng_seed(&rng, 99, 0);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < TOY_IN; k++)
            x[i * TOY_IN + k] = 2 * mlp_rng_uniform(&rng) - 1;
        t[i] = sinf(2 * x[i * TOY_IN]) + x[i * TOY_IN + 1] * x[i * TOY_IN + 2];
    }
    d.x = (mlp_array){MLP_F32, rows, TOY_IN, x};
    d.t = (mlp_array){MLP_F32, rows, 1, t};
    return d;
}

static inline void toy_data_free(mlp_data *d)
{
    free(d->x.values);
    free(d->t.values);
}

#endif
