/* lesson.c: small nets built by hand that go through pass_grad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lesson.h"

Lesson *lesson_new(void)
{
    Arena *a = arena_new();
    Lesson *l = ARENA_NEW(a, Lesson);
    l->a = a;
    l->g = graph_new(a, "t.lua");
    l->r = (Random){1};
    diag_init(&l->d, a);
    return l;
}

void lesson_end(Lesson *l)
{
    assert_int_equal(l->d.errors, 0);
    arena_free(l->a);
}

const char *lesson_errors(Lesson *l)
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

static Pos line(Lesson *l)
{
    return (Pos){l->g->file, ++l->line};
}

Node *lesson_input(Lesson *l, int width)
{
    return graph_input(l->g, &l->d, line(l), width, NULL);
}

Node *lesson_dense(Lesson *l, Node *x, int width, bool bias)
{
    return graph_dense(l->g, &l->d, line(l), x, width, bias, INIT_HE, NULL);
}

Node *lesson_unary(Lesson *l, Op op, Node *x)
{
    if (op == OP_PRELU)
        return graph_prelu(l->g, &l->d, line(l), x, false, 0.25, NULL);
    return graph_unary(l->g, &l->d, line(l), op, x, NULL, NULL);
}

Node *lesson_with(Lesson *l, Op op, Node *x, double attr)
{
    return graph_unary(l->g, &l->d, line(l), op, x, (double[]){attr, 0}, NULL);
}

Node *lesson_affine(Lesson *l, Node *x, double scale, double shift)
{
    return graph_affine(l->g, &l->d, line(l), x, &scale, 1, &shift, 1);
}

Node *lesson_join(Lesson *l, Op op, Node *x, Node *y)
{
    return op == OP_CONCAT ? graph_concat(l->g, &l->d, line(l), x, y) : graph_join(l->g, &l->d, line(l), op, x, y);
}

Node *lesson_slice(Lesson *l, Node *x, int first, int last)
{
    return graph_slice(l->g, &l->d, line(l), x, first, last);
}

Node *lesson_scores(Lesson *l, int n, const double *value)
{
    Node *x = l->g->ninput ? l->g->input[0] : lesson_input(l, 1);
    Node *scores = lesson_dense(l, x, n, false);
    double *copy = ARENA_ARRAY(l->a, (size_t)n, double);
    memcpy(copy, value, (size_t)n * sizeof *copy);
    scores->param[ROLE_WEIGHT]->exact = copy;
    return scores;
}

bool lesson_pass(Lesson *l, Node *y, const char *loss)
{
    l->g->train.loss = loss;
    l->g->train.loss_pos = line(l);
    graph_outputs(l->g, (Output[]){{"y", y}}, 1);
    graph_prune(l->g);
    return pass_grad(l->g, &l->d, &l->o);
}

Trial lesson_trial(Lesson *l, Node *y, const char *loss, size_t n)
{
    const double **given;
    bool ok = lesson_pass(l, y, loss);
    if (!ok)
        fail_msg("%s", lesson_errors(l));
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

void lesson_target(Lesson *l, Trial *t, int o, const double *value)
{
    size_t count = t->batch.n * (size_t)l->g->target[o]->width;
    const double **target = ARENA_ARRAY(l->a, (size_t)l->g->ntarget, const double *);
    double *copy = ARENA_ARRAY(l->a, count, double);
    memcpy(target, t->batch.target, (size_t)l->g->ntarget * sizeof *target);
    memcpy(copy, value, count * sizeof *copy);
    target[o] = copy;
    t->batch.target = target;
}

double *lesson_grad(Lesson *l, const Trial *t, const char *name)
{
    double **grad = trial_grad(l->a, t, NULL);
    for (int i = 0; i < l->g->nparam; i++)
        if (strcmp(l->g->param[i]->name, name) == 0)
            return grad[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

void lesson_near(double a, double b, double share)
{
    if (!(fabs(a - b) <= share * fmax(1, fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}
