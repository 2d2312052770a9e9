/* loss_ops.c: the losses and penalties of the table in ops.c, in double precision. A loss's value is its gradient. */
#include <math.h>

#include "graph/train_ops.h"

/* Loss of one feature with value x and target t, and its derivative by x. */
typedef double (*Feature)(const Node *n, double x, double t, double *slope);

/* Mean over samples, and over features as well; a sample with weight w counts w times. in: value, target, weights. */
static void mean_over_features(const Node *n, const Batch *b, const double *const *in, double *out, Feature feature)
{
    size_t width = (size_t)n->width;
    for (size_t r = 0; r < b->n; r++) {
        double share = (n->nin > 2 ? in[2][r] : 1) / ((double)b->n * (double)width);
        for (size_t k = r * width; k < (r + 1) * width; k++) {
            double slope;
            *b->loss += share * feature(n, in[0][k], in[1][k], &slope);
            out[k] = share * slope;
        }
    }
}

static double mse_feature(const Node *n, double x, double t, double *slope)
{
    (void)n;
    *slope = 2 * (x - t);
    return (x - t) * (x - t);
}

static double mae_feature(const Node *n, double x, double t, double *slope)
{
    (void)n;
    *slope = x > t ? 1 : x < t ? -1 : 0;
    return fabs(x - t);
}

static double huber_feature(const Node *n, double x, double t, double *slope)
{
    double d = x - t, delta = n->attr[0];
    if (fabs(d) < delta) {
        *slope = d;
        return 0.5 * d * d;
    }
    *slope = d > 0 ? delta : -delta;
    return delta * (fabs(d) - 0.5 * delta);
}

/* As PyTorch: logarithms no less than -100, and p (1 - p) no less than 1e-12 in the derivative. */
static double bce_feature(const Node *n, double p, double t, double *slope)
{
    (void)n;
    *slope = (p - t) / fmax(p * (1 - p), 1e-12);
    return -(t * fmax(log(p), -100) + (1 - t) * fmax(log1p(-p), -100));
}

/* -t log p - (1 - t) log(1 - p), p = sigmoid(x), is max(x, 0) - t x + log(1 + exp(-|x|)), which overflows nowhere. */
static double bce_logits_feature(const Node *n, double x, double t, double *slope)
{
    (void)n;
    double e = exp(-fabs(x));
    *slope = (x < 0 ? e : 1) / (1 + e) - t;
    return fmax(x, 0) - t * x + log1p(e);
}

BATCH(mse)
{
    mean_over_features(n, b, in, out, mse_feature);
}

BATCH(mae)
{
    mean_over_features(n, b, in, out, mae_feature);
}

BATCH(huber)
{
    mean_over_features(n, b, in, out, huber_feature);
}

BATCH(binary_cross_entropy)
{
    mean_over_features(n, b, in, out, bce_feature);
}

BATCH(binary_cross_entropy_logits)
{
    mean_over_features(n, b, in, out, bce_logits_feature);
}

/* sum of t (log_sum_exp(x) - x) and its derivative softmax(x) sum(t) - t; t is a row, or made from a label. */
BATCH(cross_entropy)
{
    int width = n->width;
    bool labels = n->attr[0] != 0;
    for (size_t r = 0; r < b->n; r++) {
        const double *x = in[0] + r * (size_t)width, *target = in[1] + r * (labels ? 1 : (size_t)width);
        double share = (n->nin > 2 ? in[2][r] : 1) / (double)b->n, log_sum = log_sum_exp(x, width), all = 0;
        for (int j = 0; j < width; j++) {
            double t = labels ? *target == j : target[j];
            all += t;
            *b->loss += t == 0 ? 0 : share * t * (log_sum - x[j]);
        }
        for (int j = 0; j < width; j++, out++)
            *out = share * (exp(x[j] - log_sum) * all - (labels ? *target == j : target[j]));
    }
}

BATCH(penalty)
{
    (void)in, (void)out;
    const Param *w = n->param[ROLE_WEIGHT];
    double *grad = b->grad[n->grad[ROLE_WEIGHT]->id], l2 = n->attr[0], l1 = n->attr[1];
    for (size_t k = 0; k < param_count(w); k++) {
        double v = param_at(w, k);
        *b->loss += l2 * v * v + l1 * fabs(v);
        grad[k] += 2 * l2 * v + (v > 0 ? l1 : v < 0 ? -l1 : 0);
    }
}
