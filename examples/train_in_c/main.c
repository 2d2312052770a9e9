/* A training program of one's own: the net is generated C, the data, the loop and the file are libmlp's. */
#include <mlp.h>

#include "flowers.h"

static float p[FLOWERS_PARAMS], scratch[FLOWERS_TRAIN_SCRATCH];

static float grad(void *context, const float *w, const mlp_batch *b, float *g)
{
    (void)context;
    return flowers_grad(w, b->n, b->x, b->t, g, scratch);
}

static void forward(void *context, int thread, const float *w, size_t n, const float *x, float *y)
{
    (void)context, (void)thread;
    flowers_batch(w, n, x, y);
}

static void epoch(void *context, const mlp_progress *now)
{
    (void)context;
    if (now->epoch % 50 == 0)
        printf("epoch %zu: loss %.4f, %.1f %% of the others right\n", now->epoch, now->loss, 100 * now->val->accuracy);
}

int main(int argc, char **argv)
{
    const mlp_data_spec spec = {.inputs = FLOWERS_IN, .target = MLP_TARGET_CLASS, .classes = FLOWERS_OUT};
    const mlp_head head = {MLP_CROSS_ENTROPY, MLP_PROBABILITIES, MLP_CLASSES, FLOWERS_OUT, FLOWERS_TARGET, 0, 0};
    const mlp_learner net = {.params = FLOWERS_PARAMS,
                             .inputs = FLOWERS_IN,
                             .outputs = FLOWERS_OUT,
                             .targets = FLOWERS_TARGET,
                             .heads = &head,
                             .head_count = 1,
                             .grad = grad,
                             .forward = forward};
    mlp_training how = {.epochs = 200, .batch = 16, .progress = epoch};
    how.optimizer = mlp_optimizer_default(MLP_ADAM);
    size_t rows[1000], first;
    mlp_error err = {0};
    mlp_data *flowers = mlp_data_read(argc > 1 ? argv[1] : "iris.csv", NULL, &spec, &err);
    if (flowers && flowers->rows <= 1000 && mlp_split(flowers, 0.8, true, 1, rows, &first, &err) == MLP_OK) {
        const mlp_samples train = {flowers, rows, first, MLP_TEACH_ONE_HOT, .scale = NULL};
        const mlp_samples rest = {flowers, rows + first, flowers->rows - first, MLP_TEACH_ONE_HOT, .scale = NULL};
        flowers_init(p, 1);
        mlp_train(&net, &how, &train, &rest, p, NULL, &err);
    }
    mlp_data_free(flowers);
    return err.status == MLP_OK ? 0 : (fprintf(stderr, "%s\n", err.text), 1);
}
