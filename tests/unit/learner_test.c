/* learner_test.c: first weights, and the reference learner: the loss that it learns by is the loss that is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learner.h"
#include "support/run_script.h"
#include "train/task.h"

enum { ROWS = 11 };

/* The script's net, checked and pruned. */
static Run net_of(const char *script)
{
    Run r = run_text(script, NULL);
    if (!r.graph)
        fail_msg("%s", r.said);
    graph_prune(r.graph);
    return r;
}

static void first_weights(void **state)
{
    (void)state;
    Run r = net_of("local x = input(6)\n"
                   "local h = x:dense(50):batchnorm():prelu():dense(40, {init = 'glorot'}):dense(30, {init = 'torch'})\n"
                   "return net('n', h:dense(20, {init = 'lecun'}):dense(10, {init = 'zero'}):layernorm(), {loss = 'mse'})");
    const Graph *g = r.graph;
    size_t count = graph_params(g);
    float *w = malloc(count * sizeof *w), *again = malloc(count * sizeof *again);
    learner_start(g, 7, w);
    learner_start(g, 7, again);
    assert_memory_equal(w, again, count * sizeof *w);
    learner_start(g, 8, again);
    assert_memory_not_equal(w, again, count * sizeof *w);
    static const struct {
        const char *name;
        double center, bound;
    } expected[] = {{"dense1.weight", 0, 1},         {"dense1.bias", 0, 0},
                    {"batchnorm1.weight", 1, 0},     {"batchnorm1.bias", 0, 0},
                    {"batchnorm1.running_mean", 0, 0}, {"batchnorm1.running_var", 1, 0},
                    {"prelu1.weight", 0.25, 0},      {"dense2.weight", 0, 0.2581988897},
                    {"dense2.bias", 0, 0},           {"dense3.weight", 0, 0.1581138830},
                    {"dense3.bias", 0, 0.1581138830}, {"dense4.weight", 0, 0.3162277660},
                    {"dense4.bias", 0, 0},           {"dense5.weight", 0, 0},
                    {"dense5.bias", 0, 0},           {"layernorm1.weight", 1, 0},
                    {"layernorm1.bias", 0, 0}};
    assert_int_equal(g->nparam, sizeof expected / sizeof *expected);
    const float *at = w;
    for (int i = 0; i < g->nparam; at += param_count(g->param[i]), i++) {
        double low = 1e9, high = -1e9, center = expected[i].center, bound = expected[i].bound;
        assert_string_equal(g->param[i]->name, expected[i].name);
        for (size_t k = 0; k < param_count(g->param[i]); k++) {
            low = fmin(low, (double)at[k]);
            high = fmax(high, (double)at[k]);
        }
        assert_true(low >= center - bound * 1.000001 && high <= center + bound * 1.000001);
        /* Of 30 numbers or more the largest is within a third of the bound, but for one seed in 10^5. */
        assert_true(low <= center - bound * 0.66 && high >= center + bound * 0.66);
    }
    free(w);
    free(again);
    run_end(&r);
}

/* The loss of a batch as the learner tells it, and as the metrics measure it from what forward gives. */
static void same_loss(const char *script, bool labels, mlp_teach teach, mlp_data *data)
{
    Run r = net_of(script);
    GradOptions grad = {.labels = labels};
    LearnerOptions o = {.grad = &grad, .scores = true};
    Learner *l = learner_new(r.graph, &r.diag, &o);
    assert_non_null(l);
    float *w = malloc(graph_params(r.graph) * sizeof *w), *block = malloc(l->run.params * sizeof *block);
    float *g = malloc(l->run.params * sizeof *g), *back = malloc(graph_params(r.graph) * sizeof *back);
    float *x = malloc(ROWS * l->run.inputs * sizeof *x), *t = malloc(ROWS * l->run.targets * sizeof *t);
    learner_start(r.graph, 3, w);
    l->load(l, w, block);
    l->store(l, block, back);
    assert_memory_equal(w, back, graph_params(r.graph) * sizeof *w);
    mlp_head head = {.form = MLP_LOGITS, .width = l->run.outputs, .targets = l->run.targets};
    const char *loss = r.graph->train.loss;
    head.loss = strcmp(loss, "cross_entropy") == 0          ? MLP_CROSS_ENTROPY
                : strcmp(loss, "binary_cross_entropy") == 0 ? MLP_BINARY_CROSS_ENTROPY
                : strcmp(loss, "mse") == 0                  ? MLP_MSE
                : strcmp(loss, "mae") == 0                  ? MLP_MAE
                                                            : MLP_HUBER;
    head.form = strstr(script, "product") ? MLP_PROBABILITIES : MLP_LOGITS;
    head.task = head.loss == MLP_CROSS_ENTROPY ? MLP_CLASSES : MLP_VALUES;
    head.delta = isnan(r.graph->train.delta) ? 0 : r.graph->train.delta;
    l->run.heads = &head;
    l->run.head_count = 1;
    mlp_samples s = {.data = data, .count = ROWS, .teach = teach};
    mlp_gather(&data->x, NULL, ROWS, x);
    if (teach == MLP_TEACH_ONE_HOT)
        mlp_gather_one_hot(data, NULL, ROWS, l->run.targets, t);
    else
        mlp_gather_targets(data, NULL, ROWS, t);
    mlp_batch batch = {.n = ROWS, .x = x, .t = t, .step = 1};
    mlp_metrics m;
    mlp_error err;
    double measured, learnt = (double)l->run.grad(l->run.context, block, &batch, g);
    if (mlp_evaluate(&l->run, block, &s, 1, &m, &measured, &err) != MLP_OK)
        fail_msg("%s", err.text);
    /* The scores are rounded to float once; the loss is told as a float. */
    if (!(fabs(learnt - measured) <= 1e-5 * (1 + fabs(measured))))
        fail_msg("%s: learns by %.9g, measures %.9g", loss, learnt, measured);
    /* Down the gradient the loss falls. */
    double square = 0;
    for (size_t i = 0; i < l->run.params; i++)
        square += (double)g[i] * (double)g[i];
    double step = 1e-3 / (1 + sqrt(square));
    for (size_t i = 0; i < l->run.params; i++)
        block[i] -= (float)step * g[i];
    double after = (double)l->run.grad(l->run.context, block, &batch, g);
    assert_true(after < learnt);
    mlp_metrics_free(&m);
    free(w);
    free(block);
    free(g);
    free(back);
    free(x);
    free(t);
    learner_free(l);
    run_end(&r);
}

static void learns_by_the_loss_that_is_measured(void **state)
{
    (void)state;
    float x[ROWS * 3], t[ROWS * 2], one[ROWS];
    uint32_t labels[ROWS];
    mlp_rng rng;
    mlp_rng_seed(&rng, 12, 0);
    for (size_t i = 0; i < ROWS * 3; i++)
        x[i] = mlp_rng_normal(&rng);
    for (size_t i = 0; i < ROWS * 2; i++)
        t[i] = mlp_rng_uniform(&rng);
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (uint32_t)i % 2;
        one[i] = t[i];
    }
    mlp_data classes = {.rows = ROWS, .x = {MLP_F32, ROWS, 3, x}, .target = MLP_TARGET_CLASS, .labels = labels, .classes = 2};
    mlp_data values = {.rows = ROWS, .x = {MLP_F32, ROWS, 3, x}, .target = MLP_TARGET_VALUES, .t = {MLP_F32, ROWS, 2, t}};
    mlp_data single = {.rows = ROWS, .x = {MLP_F32, ROWS, 3, x}, .target = MLP_TARGET_VALUES, .t = {MLP_F32, ROWS, 1, one}};
    same_loss("return net('n', input(3):dense(4):tanh():dense(2):softmax(), {loss = 'cross_entropy'})", true,
              MLP_TEACH_TARGET, &classes);
    same_loss("return net('n', input(3):dense(4):tanh():dense(2):log_softmax(), {loss = 'cross_entropy'})", false,
              MLP_TEACH_ONE_HOT, &classes);
    same_loss("return net('n', input(3):dense(2), {loss = 'cross_entropy'})", false, MLP_TEACH_TARGET, &values);
    same_loss("return net('n', input(3):dense(4):tanh():dense(2):sigmoid(), {loss = 'binary_cross_entropy'})", false,
              MLP_TEACH_TARGET, &values);
    same_loss("local x = input(3) -- product\nreturn net('n', x:dense(1):sigmoid() * x:dense(1):sigmoid(), {loss = "
              "'binary_cross_entropy'})", false, MLP_TEACH_TARGET, &single);
    same_loss("return net('n', input(3):dense(4):relu():dense(2), {loss = 'mse'})", false, MLP_TEACH_TARGET, &values);
    same_loss("return net('n', input(3):dense(4):relu():dense(2), {loss = 'mae'})", false, MLP_TEACH_TARGET, &values);
    same_loss("return net('n', input(3):dense(4):relu():dense(2), {loss = 'huber', delta = 0.3})", false, MLP_TEACH_TARGET,
              &values);
}

static void statistics_are_told_apart(void **state)
{
    (void)state;
    Run r = net_of("return net('n', input(3):dense(4):batchnorm():relu():dense(2), {loss = 'mse'})");
    GradOptions grad = {0};
    LearnerOptions o = {.grad = &grad, .scores = true};
    Learner *l = learner_new(r.graph, &r.diag, &o);
    assert_true(l->run.whole_batch);
    size_t statistics = 0;
    for (size_t i = 0; i < l->run.statistics_count; i++)
        statistics += l->run.statistics[i].count;
    assert_int_equal(statistics, 8);
    assert_int_equal(l->run.inputs, 3);
    assert_int_equal(l->run.targets, 2);
    assert_int_equal(l->run.outputs, 2);
    learner_free(l);
    run_end(&r);
}

static void what_cannot_learn_is_told(void **state)
{
    (void)state;
    Run r = net_of("return net('n', input(3):relu())");
    GradOptions grad = {0};
    LearnerOptions o = {.grad = &grad};
    assert_null(learner_new(r.graph, &r.diag, &o));
    assert_int_equal(r.diag.errors, 1);
    o.grad = NULL; /* it can answer */
    Learner *l = learner_new(r.graph, &r.diag, &o);
    assert_non_null(l);
    float x[] = {-1, 2, -3, 4, 5, -6}, y[6];
    static const float expected[] = {0, 2, 0, 4, 5, 0};
    l->run.forward(l->run.context, 0, NULL, 2, x, y);
    assert_memory_equal(y, expected, sizeof y);
    learner_free(l);
    run_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_weights),
        cmocka_unit_test(learns_by_the_loss_that_is_measured),
        cmocka_unit_test(statistics_are_told_apart),
        cmocka_unit_test(what_cannot_learn_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
