/* lesson.h: small nets built by hand that go through pass_grad, for tests of derivatives and losses. */
#ifndef LESSON_H
#define LESSON_H

#include "differences.h"
#include "pass/pass.h"

typedef struct Lesson {
    Arena *a;
    Diag d;
    Graph *g;
    Random r;
    GradOptions o;
    int line;
} Lesson;

Lesson *lesson_new(void);

/* Fails the test if there were errors that were not read by lesson_errors. */
void lesson_end(Lesson *l);

/* What was reported so far, "t.lua:4: error: ...\n"; forgets it. */
const char *lesson_errors(Lesson *l);

Node *lesson_input(Lesson *l, int width);
Node *lesson_dense(Lesson *l, Node *x, int width, bool bias);
Node *lesson_unary(Lesson *l, Op op, Node *x); /* standard attributes; prelu has one slope a feature */
Node *lesson_with(Lesson *l, Op op, Node *x, double attr);
Node *lesson_affine(Lesson *l, Node *x, double scale, double shift);
Node *lesson_join(Lesson *l, Op op, Node *x, Node *y);
Node *lesson_slice(Lesson *l, Node *x, int first, int last);

/* A node whose value is these n numbers whatever comes in, and which are parameters: the derivative of the loss by them
 * is the gradient of the value. Needs a batch whose first input is 1. */
Node *lesson_scores(Lesson *l, int n, const double *value);

/* The net with output y, trained by `loss` (NULL: the default), as a trial of n samples. Inputs of width 1 are 1. */
Trial lesson_trial(Lesson *l, Node *y, const char *loss, size_t n);

/* The same for what pass_grad refuses: false, with the errors in lesson_errors. */
bool lesson_pass(Lesson *l, Node *y, const char *loss);

/* Sets target number o to these numbers, as many as it has. */
void lesson_target(Lesson *l, Trial *t, int o, const double *value);

/* The gradient of the parameter called `name`. */
double *lesson_grad(Lesson *l, const Trial *t, const char *name);

/* |a - b| <= share * max(1, |b|), else fails; for values worked out by hand. */
void lesson_near(double a, double b, double share);

#endif
