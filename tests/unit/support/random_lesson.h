/* random_lesson.h: random nets with a random loss, for tests of everything that learns. */
#ifndef RANDOM_LESSON_H
#define RANDOM_LESSON_H

#include "pass/pass.h"
#include "random_graph.h"

/* Random net number `seed`, pruned, with loss and penalties by r, and what pass_grad is to be told. Straight-through sign is
 * no derivative: it has its own test. */
Graph *random_lesson(Arena *a, Diag *d, uint64_t seed, RandomKind kind, Random *r, GradOptions *o);

#endif
