/* kernels_learn_test.c: the kernels that sum gradients of weights, and those that turn weights round, for every instruction
 * set of this machine, against sums in double precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/block.h"
#include "kernels.h"
#include "optim.h"
#include "support/random_graph.h"

enum { ROOM = 12 * 1024 }; /* floats to pack in: fewer than nets have, so that inputs are taken in several parts */

typedef struct Case {
    size_t n, in, out;
    bool dot, packs, adds;
} Case;

static float *numbers(Random *r, size_t count)
{
    float *v = block_new(count);
    for (size_t i = 0; i < count; i++)
        v[i] = (float)random_between(r, -1, 1);
    return v;
}

/* Where weight [j][k] is: in panels, then the last outputs as rows or columns. */
static size_t place(const Case *c, size_t j, size_t k)
{
    const size_t whole = c->out / 16 * 16, tail = c->out - whole;
    if (j < whole)
        return j / 16 * 16 * c->in + k * 16 + j % 16;
    return whole * c->in + (c->dot ? (j - whole) * c->in + k : k * tail + j - whole);
}

static void near(float got, double want, double size, const Case *c, const char *set, const char *what)
{
    if (!(fabs((double)got - want) <= 1e-6 * size + 1e-6))
        fail_msg("%s, %zu samples, %zu -> %zu%s%s%s: %s is %.9g, expected %.9g", set, c->n, c->in, c->out, c->dot ? ", dot" : "",
                 c->packs ? ", packed" : "", c->adds ? ", added" : "", what, (double)got, want);
}

/* By a rule the same sums are steps at once: what the step makes of the gradient g and gb. */
static void check_steps(const mlp_kernels *k, const Case *c, const float *x, size_t ldx, const float *dy, size_t ldy, float *pack,
                        const float *g, const float *gb, const float *g0, const float *gb0, Random *r)
{
    const size_t weights = c->in * c->out, all = weights + c->out;
    mlp_optimizer o = mlp_optimizer_default((mlp_method)random_below(r, 6));
    o.weight_decay = 0.1;
    o.momentum = o.method == MLP_RMSPROP && random_chance(r, 50) ? 0.5 : o.momentum;
    float *w = numbers(r, all), *state = numbers(r, 2 * all), *both = block_new(all), *v = block_new(all), *s = block_new(2 * all);
    for (size_t i = 0; i < 2 * all; i++)
        s[i] = state[i] = fabsf(state[i]);
    memcpy(v, w, all * sizeof *w);
    memcpy(both, g, weights * sizeof *g);
    memcpy(both + weights, gb, c->out * sizeof *gb);
    const mlp_rule then = mlp_optimizer_rule(&o, all, v, both, s, 3, 0.1, 1);
    k->learn->update(&then, 0, all);
    float *work = block_new(all);
    memcpy(work, g0, weights * sizeof *g0);
    memcpy(work + weights, gb0, c->out * sizeof *gb0);
    const mlp_rule rule = mlp_optimizer_rule(&o, all, w, work, state, 3, 0.1, 1);
    k->learn->dense_grad(c->n, c->in, c->out, c->dot, c->adds, x, ldx, dy, ldy, work, work + weights, c->packs ? pack : NULL,
                         ROOM, &rule);
    for (size_t i = 0; i < all; i++)
        near(w[i], (double)v[i], 1, c, k->name, mlp_method_name(o.method));
    for (size_t i = 0; i < mlp_optimizer_state(&o, all); i++)
        near(state[i], (double)s[i], (double)(c->n * c->n), c, k->name, mlp_method_name(o.method));
    free(w);
    free(state);
    free(both);
    free(v);
    free(s);
    free(work);
}

static void check_grad(const mlp_kernels *k, const Case *c, Random *r)
{
    const size_t ldx = c->in + 3, ldy = c->out + 5;
    float *x = numbers(r, c->n * ldx), *dy = numbers(r, c->n * ldy), *pack = block_new(ROOM);
    float *g = numbers(r, c->in * c->out), *gb = numbers(r, c->out), *g0 = block_new(c->in * c->out), *gb0 = block_new(c->out);
    memcpy(g0, g, c->in * c->out * sizeof *g);
    memcpy(gb0, gb, c->out * sizeof *gb);
    k->learn->dense_grad(c->n, c->in, c->out, c->dot, c->adds, x, ldx, dy, ldy, g, gb, c->packs ? pack : NULL, ROOM, NULL);
    double *sum = calloc(c->in * c->out, sizeof *sum), *bias = calloc(c->out, sizeof *bias);
    for (size_t s = 0; s < c->n; s++)
        for (size_t j = 0; j < c->out; j++) {
            for (size_t i = 0; i < c->in; i++)
                sum[j * c->in + i] += (double)x[s * ldx + i] * (double)dy[s * ldy + j];
            bias[j] += (double)dy[s * ldy + j];
        }
    for (size_t j = 0; j < c->out; j++) {
        for (size_t i = 0; i < c->in; i++) {
            const size_t at = place(c, j, i);
            near(g[at], sum[j * c->in + i] + (c->adds ? (double)g0[at] : 0), (double)c->n, c, k->name, "a weight's gradient");
        }
        near(gb[j], bias[j] + (c->adds ? (double)gb0[j] : 0), (double)c->n, c, k->name, "a bias's gradient");
    }
    check_steps(k, c, x, ldx, dy, ldy, pack, g, gb, g0, gb0, r);
    free(sum);
    free(bias);
    free(x);
    free(dy);
    free(pack);
    free(g);
    free(gb);
    free(g0);
    free(gb0);
}

static void gradients_are_sums(void **state)
{
    (void)state;
    static const size_t samples[] = {1, 7, 128, 129, 300}, width[][2] = {{1, 1}, {5, 33}, {48, 48}, {61, 97}, {203, 50}};
    Random r = {7};
    for (int i = 0; mlp_kernels_at(i); i++)
        for (size_t w = 0; w < sizeof width / sizeof *width; w++)
            for (size_t s = 0; s < sizeof samples / sizeof *samples; s++)
                for (int how = 0; how < 8; how++)
                    check_grad(mlp_kernels_at(i), &(Case){samples[s], width[w][0], width[w][1], how & 1, how & 2, how & 4}, &r);
}

/* More samples than there is room to pack in. */
static void too_many_samples_are_not_packed(void **state)
{
    (void)state;
    Random r = {8};
    for (int i = 0; mlp_kernels_at(i); i++)
        check_grad(mlp_kernels_at(i), &(Case){ROOM / 8, 20, 50, false, true, false}, &r);
}

/* Some inputs at a time: panels of 16, then what is left of the last. */
static void weights_are_turned_round(void **state)
{
    (void)state;
    static const size_t range[][2] = {{0, 48}, {48, 96}, {96, 103}, {0, 103}, {64, 103}};
    Random r = {9};
    for (int i = 0; mlp_kernels_at(i); i++)
        for (int how = 0; how < 10; how++) {
            const Case c = {0, 103, 43, how & 1, false, false};
            const size_t from = range[how / 2][0], to = range[how / 2][1];
            float *w = numbers(&r, c.in * c.out), *t = block_new((to - from) * c.out);
            mlp_kernels_at(i)->learn->turn(c.in, c.out, c.dot, from, to, w, t);
            for (size_t j = 0; j < c.out; j++)
                for (size_t k = from; k < to; k++) {
                    const size_t panel = k / 16 * 16, step = to - panel < 16 ? to - panel : 16;
                    assert_true(t[(panel - from) * c.out + j * step + k % 16] == w[place(&c, j, k)]);
                }
            free(w);
            free(t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_sums),
        cmocka_unit_test(too_many_samples_are_not_packed),
        cmocka_unit_test(weights_are_turned_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
