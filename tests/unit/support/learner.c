/* learner.c: small nets built by hand that go through pass_grad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learner.h"

Learner *learner_new(void)
{
    Arena *a = arena_new();
    Learner *l = ARENA_NEW(a, Learner);
    l->a = a;
    l->g = graph_new(a, "t.lua");
    l->r = (Random){1};
    diag_init(&l->d, a);
    return l;
}

void learner_end(Learner *l)
{
    assert_int_equal(l->d.errors, 0);
    arena_free(l->a);
}

const char *learner_errors(Learner *l)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    diag_flush(&l->d, f);
    fclose(f);
    const char *copy = arena_strdup(l->a, text);
    free(text);
    l->d.errors = 0;
    return copy;
}

static Pos line(Learner *l)
{
    return (Pos){l->g->file, ++l->line};
}

Node *learner_input(Learner *l, int width)
{
    return graph_input(l->g, &l->d, line(l), width, NULL);
}

Node *learner_dense(Learner *l, Node *x, int width, bool bias)
{
    return graph_dense(l->g, &l->d, line(l), x, width, bias, INIT_HE, NULL);
}

Node *learner_unary(Learner *l, Op op, Node *x)
{
    if (op == OP_PRELU)
        return graph_prelu(l->g, &l->d, line(l), x, false, 0.25, NULL);
    return graph_unary(l->g, &l->d, line(l), op, x, NULL, NULL);
}

Node *learner_with(Learner *l, Op op, Node *x, double attr)
{
    return graph_unary(l->g, &l->d, line(l), op, x, (double[]){attr, 0}, NULL);
}

Node *learner_affine(Learner *l, Node *x, double scale, double shift)
{
    return graph_affine(l->g, &l->d, line(l), x, &scale, 1, &shift, 1);
}

Node *learner_join(Learner *l, Op op, Node *x, Node *y)
{
    return op == OP_CONCAT ? graph_concat(l->g, &l->d, line(l), x, y) : graph_join(l->g, &l->d, line(l), op, x, y);
}

Node *learner_slice(Learner *l, Node *x, int first, int last)
{
    return graph_slice(l->g, &l->d, line(l), x, first, last);
}

Node *learner_scores(Learner *l, int n, const double *value)
{
    Node *x = l->g->ninput ? l->g->input[0] : learner_input(l, 1);
    Node *scores = learner_dense(l, x, n, false);
    double *copy = ARENA_ARRAY(l->a, (size_t)n, double);
    memcpy(copy, value, (size_t)n * sizeof *copy);
    scores->param[ROLE_WEIGHT]->exact = copy;
    return scores;
}

bool learner_pass(Learner *l, Node *y, const char *loss)
{
    l->g->train.loss = loss;
    l->g->train.loss_pos = line(l);
    graph_outputs(l->g, (Output[]){{"y", y}}, 1);
    graph_prune(l->g);
    return pass_grad(l->g, &l->d, &l->o);
}

Trial learner_trial(Learner *l, Node *y, const char *loss, size_t n)
{
    const double **given;
    bool ok = learner_pass(l, y, loss);
    if (!ok)
        fail_msg("%s", learner_errors(l));
    given = ARENA_ARRAY(l->a, (size_t)l->g->nparam, const double *);
    for (int i = 0; i < l->g->nparam; i++)
        given[i] = l->g->param[i]->exact;
    Trial t = trial_new(l->a, l->g, n, &l->r);
    for (int i = 0; i < l->g->nparam; i++)
        if (given[i])
            memcpy(t.param[i], given[i], param_count(l->g->param[i]) * sizeof(double));
    double *ones = ARENA_ARRAY(l->a, n, double);
    for (size_t k = 0; k < n; k++)
        ones[k] = 1;
    const double **in = ARENA_ARRAY(l->a, (size_t)l->g->ninput, const double *);
    for (int i = 0; i < l->g->ninput; i++)
        in[i] = l->g->input[i]->width == 1 ? ones : t.batch.in[i];
    t.batch.in = in;
    return t;
}

void learner_target(Learner *l, Trial *t, int o, const double *value)
{
    size_t count = t->batch.n * (size_t)l->g->target[o]->width;
    const double **target = ARENA_ARRAY(l->a, (size_t)l->g->ntarget, const double *);
    double *copy = ARENA_ARRAY(l->a, count, double);
    memcpy(target, t->batch.target, (size_t)l->g->ntarget * sizeof *target);
    memcpy(copy, value, count * sizeof *copy);
    target[o] = copy;
    t->batch.target = target;
}

double *learner_grad(Learner *l, const Trial *t, const char *name)
{
    double **grad = trial_grad(l->a, t, NULL);
    for (int i = 0; i < l->g->nparam; i++)
        if (strcmp(l->g->param[i]->name, name) == 0)
            return grad[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

void learner_near(double a, double b, double share)
{
    if (!(fabs(a - b) <= share * fmax(1, fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}
