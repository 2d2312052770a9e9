/* learner.h: small nets built by hand that go through pass_grad, for tests of derivatives and losses. */
#ifndef LEARNER_H
#define LEARNER_H

#include "differences.h"
#include "pass/pass.h"

typedef struct Learner {
    Arena *a;
    Diag d;
    Graph *g;
    Random r;
    GradOptions o;
    int line;
} Learner;

Learner *learner_new(void);

/* Fails the test if there were errors that were not read by learner_errors. */
void learner_end(Learner *l);

/* What was reported so far, "t.lua:4: error: ...\n"; forgets it. */
const char *learner_errors(Learner *l);

Node *learner_input(Learner *l, int width);
Node *learner_dense(Learner *l, Node *x, int width, bool bias);
Node *learner_unary(Learner *l, Op op, Node *x); /* standard attributes; prelu has one slope a feature */
Node *learner_with(Learner *l, Op op, Node *x, double attr);
Node *learner_affine(Learner *l, Node *x, double scale, double shift);
Node *learner_join(Learner *l, Op op, Node *x, Node *y);
Node *learner_slice(Learner *l, Node *x, int first, int last);

/* A node whose value is these n numbers whatever comes in, and which are parameters: the derivative of the loss by them
 * is the gradient of the value. Needs a batch whose first input is 1. */
Node *learner_scores(Learner *l, int n, const double *value);

/* The net with output y, trained by `loss` (NULL: the default), as a trial of n samples. Inputs of width 1 are 1. */
Trial learner_trial(Learner *l, Node *y, const char *loss, size_t n);

/* The same for what pass_grad refuses: false, with the errors in learner_errors. */
bool learner_pass(Learner *l, Node *y, const char *loss);

/* Sets target number o to these numbers, as many as it has. */
void learner_target(Learner *l, Trial *t, int o, const double *value);

/* The gradient of the parameter called `name`. */
double *learner_grad(Learner *l, const Trial *t, const char *name);

/* |a - b| <= share * max(1, |b|), else fails; for values worked out by hand. */
void learner_near(double a, double b, double share);

#endif
