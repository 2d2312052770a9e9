/* differences.c: central differences, extrapolated, with steps that avoid kinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "differences.h"

static const double *normal_rows(Arena *a, size_t n, int width, Random *r)
{
    double *x = ARENA_ARRAY(a, n * (size_t)width, double);
    for (size_t k = 0; k < n * (size_t)width; k++)
        x[k] = (double)random_normal(r);
    return x;
}

/* Targets of loss node l. Rows for cross_entropy add up to anything: its formula does not need 1. */
static const double *targets(Arena *a, const Node *l, size_t n, Random *r)
{
    int width = l->in[1]->width;
    double *t = ARENA_ARRAY(a, n * (size_t)width, double);
    bool binary = l->op == OP_BINARY_CROSS_ENTROPY || l->op == OP_BINARY_CROSS_ENTROPY_LOGITS;
    for (size_t k = 0; k < n * (size_t)width; k++)
        if (l->op == OP_CROSS_ENTROPY && l->attr[0] != 0)
            t[k] = random_below(r, l->width);
        else if (l->op == OP_CROSS_ENTROPY || binary)
            t[k] = random_chance(r, 40) ? random_below(r, 2) : random_between(r, 0, 1);
        else
            t[k] = 2 * (double)random_normal(r);
    return t;
}

Trial trial_new(Arena *a, Graph *g, size_t n, Random *r)
{
    Trial t = {.g = g, .batch = {.n = n, .seed = random_bits(r), .step = random_bits(r) >> 40}};
    t.param = ARENA_ARRAY(a, (size_t)g->nparam, double *);
    for (int i = 0; i < g->nparam; i++) {
        Param *p = g->param[i];
        t.param[i] = ARENA_ARRAY(a, param_count(p), double);
        for (size_t k = 0; k < param_count(p); k++) {
            double v = p->value ? (double)p->value[k] : random_between(r, p->role == ROLE_RUNNING_VAR ? 0.1 : -1, 1);
            t.param[i][k] = fabs(v) < 1e-3 ? 0.01 : v; /* |v| has its kink at 0, where no step is small enough */
        }
        p->exact = t.param[i];
    }
    const double **in = ARENA_ARRAY(a, (size_t)g->ninput, const double *);
    const double **target = ARENA_ARRAY(a, (size_t)g->ntarget, const double *);
    for (int i = 0; i < g->ninput; i++)
        in[i] = normal_rows(a, n, g->input[i]->width, r);
    for (int i = 0; i < g->ntarget; i++)
        target[i] = targets(a, g->loss[i], n, r);
    double *weight = ARENA_ARRAY(a, n, double);
    for (size_t k = 0; k < n; k++)
        weight[k] = random_between(r, 0.2, 2);
    t.batch.in = in;
    t.batch.target = target;
    t.batch.weight = g->sample_weight ? weight : NULL;
    return t;
}

double trial_loss(const Trial *t)
{
    double loss;
    assert_true(graph_eval_train(t->g, &t->batch, &loss, NULL));
    return loss;
}

double **trial_grad(Arena *a, const Trial *t, double *loss)
{
    double all, **grad = ARENA_ARRAY(a, (size_t)t->g->nparam, double *);
    for (int i = 0; i < t->g->nparam; i++)
        grad[i] = ARENA_ARRAY(a, param_count(t->g->param[i]), double);
    assert_true(graph_eval_train(t->g, &t->batch, loss ? loss : &all, grad));
    return grad;
}

/* ---- differences ------------------------------------------------------------------------------------------------- */

/* A way to move: one number, or all trained ones along a direction. */
typedef struct Move {
    const Trial *t;
    double *at, was; /* one number, or NULL */
    double **base, **along;
} Move;

static double loss_at(const Move *m, double h)
{
    if (m->at) {
        *m->at = m->was + h;
        double loss = trial_loss(m->t);
        *m->at = m->was;
        return loss;
    }
    const Graph *g = m->t->g;
    for (int i = 0; i < g->nparam; i++)
        for (size_t k = 0; k < param_count(g->param[i]); k++)
            m->t->param[i][k] = m->base[i][k] + h * m->along[i][k];
    double loss = trial_loss(m->t);
    for (int i = 0; i < g->nparam; i++)
        memcpy(m->t->param[i], m->base[i], param_count(g->param[i]) * sizeof(double));
    return loss;
}

static double quotient(const Move *m, double h)
{
    return (loss_at(m, h) - loss_at(m, -h)) / (2 * h);
}

/* The derivative by extrapolation from three steps, h, h / 2 and h / 4, and how far it may be off: by how much these
 * disagree, and by what rounding of a loss of that size does to the smallest. Of all h the best: a large one has kinks
 * within, a small one rounding. */
static double derivative(const Move *m, double loss, double *d)
{
    double least = HUGE_VAL;
    for (double h = 4e-3; h > 1e-7; h /= 5) {
        double one = quotient(m, h), half = quotient(m, h / 2), quarter = quotient(m, h / 4);
        double rough = (4 * half - one) / 3, fine = (4 * quarter - half) / 3;
        double off = fabs(fine - rough) + 8 * 2.2e-16 * fabs(loss) / h;
        if (off < least) {
            least = off;
            *d = fine;
        }
    }
    return least;
}

static void compare(const Move *m, double exact, double loss, const char *what, const char *where, Seen *seen)
{
    double d = 0, size = fabs(exact) + 1e-4 * (fabs(loss) + 1e-3);
    assert_true(isfinite(exact));
    if (derivative(m, loss, &d) > 0.1 * DIFFERENCES_TOLERANCE * size) {
        seen->kinks++;
        return;
    }
    double error = fabs(d - exact) / size;
    seen->compared++;
    if (!(error <= DIFFERENCES_TOLERANCE)) {
        graph_print(m->t->g, stderr);
        fail_msg("%s: dloss/d%s is %.12g by the graph, %.12g by differences (loss %g)", what, where, exact, d, loss);
    }
    if (error > seen->worst) {
        seen->worst = error;
        snprintf(seen->where, sizeof seen->where, "%s of %s", where, what);
    }
}

/* All trained parameters at once, so that none is left out. */
static void compare_along(const Trial *t, double **grad, double loss, const char *what, Random *r, Seen *seen)
{
    Arena *a = arena_new();
    const Graph *g = t->g;
    Move m = {.t = t, .base = ARENA_ARRAY(a, (size_t)g->nparam, double *),
              .along = ARENA_ARRAY(a, (size_t)g->nparam, double *)};
    double exact = 0, count = 0;
    for (int i = 0; i < g->nparam; i++)
        count += (double)param_count(g->param[i]);
    for (int i = 0; i < g->nparam; i++) {
        size_t n = param_count(g->param[i]);
        m.base[i] = ARENA_ARRAY(a, n, double);
        m.along[i] = ARENA_ARRAY(a, n, double);
        memcpy(m.base[i], t->param[i], n * sizeof(double));
        for (size_t k = 0; g->param[i]->trained && k < n; k++) {
            m.along[i][k] = random_between(r, -1, 1) / sqrt(count);
            exact += m.along[i][k] * grad[i][k];
        }
    }
    compare(&m, exact, loss, what, "a direction", seen);
    arena_free(a);
}

void trial_compare(const Trial *t, const char *what, int most, Random *r, Seen *seen)
{
    Seen none = {0};
    Arena *a = arena_new();
    double loss, **grad = trial_grad(a, t, &loss);
    seen = seen ? seen : &none;
    if (!isfinite(loss))
        fail_msg("%s: the loss is %g", what, loss);
    for (int i = 0; i < t->g->nparam; i++) {
        const Param *p = t->g->param[i];
        int n = (int)param_count(p);
        for (int c = 0; p->trained && c < n && c < most; c++) {
            int k = n <= most ? c : random_below(r, n);
            Move m = {.t = t, .at = &t->param[i][k], .was = t->param[i][k]};
            compare(&m, grad[i][k], loss, what, p->name, seen);
        }
    }
    compare_along(t, grad, loss, what, r, seen);
    arena_free(a);
}

void seen_print(const Seen *seen, const char *what)
{
    printf("%s: %ld derivatives compared, %ld left out for kinks, largest relative error %.2g (%s)\n", what,
           seen->compared, seen->kinks, seen->worst, *seen->where ? seen->where : "none");
}
