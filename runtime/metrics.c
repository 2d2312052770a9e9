/* metrics.c: losses and metrics over whole data sets, in double precision, from what a net's forward pass gives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { MOST_CLASSES = 1000 }; /* of a confusion table: 8 MB */

struct mlp_sums {
    mlp_head head;
    double loss, right, square, distance;
    double *feature; /* [3][width]: mean of the target, its squared distances from the mean, squared errors; or NULL */
};

static bool is_entropy(const mlp_head *h)
{
    return h->loss == MLP_CROSS_ENTROPY || h->loss == MLP_BINARY_CROSS_ENTROPY;
}

static mlp_status check_head(const mlp_head *h, mlp_error *err)
{
    bool label = h->targets == 1 && h->width > 1;
    const char *wrong = (unsigned)h->loss > MLP_HUBER || (unsigned)h->form > MLP_LOG_PROBABILITIES ||
                                (unsigned)h->task > MLP_BINARY
                            ? "unknown loss, form or task"
                        : h->width == 0                                           ? "a head of no features"
                        : h->targets != h->width && !label                        ? "targets that fit no values"
                        : label && h->task != MLP_CLASSES                         ? "class numbers for what is no classes"
                        : h->loss == MLP_CROSS_ENTROPY && h->task != MLP_CLASSES  ? "cross entropy of what is no classes"
                        : h->loss != MLP_CROSS_ENTROPY && label                   ? "a loss that needs rows of targets"
                                                                                  : NULL;
    return wrong ? mlp_fail(err, MLP_EARGUMENT, NULL, 0, "%s (%zu values, %zu targets)", wrong, h->width, h->targets)
                 : MLP_OK;
}

mlp_status mlp_metrics_begin(mlp_metrics *m, const mlp_head *head, mlp_error *err)
{
    memset(m, 0, sizeof *m);
    m->loss = m->accuracy = m->mse = m->mae = m->r2 = nan("");
    mlp_status status = check_head(head, err);
    if (status != MLP_OK)
        return status;
    bool table = (head->task == MLP_CLASSES && head->width <= MOST_CLASSES) ||
                 (head->task == MLP_BINARY && head->width == 1);
    m->classes = !table ? 0 : head->task == MLP_BINARY ? 2 : head->width;
    m->sums = calloc(1, sizeof *m->sums);
    m->confusion = table ? calloc(m->classes * m->classes, sizeof *m->confusion) : NULL;
    if (m->sums) {
        m->sums->head = *head;
        m->sums->feature = head->task == MLP_VALUES ? calloc(3 * head->width, sizeof *m->sums->feature) : NULL;
    }
    if (!m->sums || (table && !m->confusion) || (head->task == MLP_VALUES && !m->sums->feature)) {
        mlp_metrics_free(m);
        return mlp_fail_memory(err, NULL, m->classes * m->classes * sizeof(size_t) + 3 * head->width * sizeof(double),
                               "metrics");
    }
    return MLP_OK;
}

void mlp_metrics_free(mlp_metrics *m)
{
    if (m->sums)
        free(m->sums->feature);
    free(m->sums);
    free(m->confusion);
    m->sums = NULL;
    m->confusion = NULL;
    m->classes = 0;
}

/* ---- losses of one sample ---- */

/* Logarithms of probabilities no less than -100, as PyTorch cuts them off in binary cross entropy. */
static double log_of(double p)
{
    double l = log(p);
    return l < -100 ? -100 : l;
}

static double log_sum_exp(const float *y, size_t width)
{
    double most = (double)y[0], sum = 0;
    for (size_t j = 1; j < width; j++)
        most = (double)y[j] > most ? (double)y[j] : most;
    for (size_t j = 0; j < width; j++)
        sum += exp((double)y[j] - most);
    return most + log(sum);
}

/* The logarithm of the probability that the values give to class j. */
static double log_probability(const mlp_head *h, const float *y, size_t j, double log_sum)
{
    double v = (double)y[j];
    return h->form == MLP_LOGITS ? v - log_sum : h->form == MLP_PROBABILITIES ? log_of(v) : v;
}

static double cross_entropy(const mlp_head *h, const float *y, const float *t)
{
    double log_sum = h->form == MLP_LOGITS ? log_sum_exp(y, h->width) : 0, loss = 0;
    if (h->targets == 1 && h->width > 1) {
        bool known = t[0] >= 0 && t[0] < (float)h->width;
        return known ? -log_probability(h, y, (size_t)t[0], log_sum) : nan("");
    }
    for (size_t j = 0; j < h->width; j++)
        loss -= t[j] > 0 ? (double)t[j] * log_probability(h, y, j, log_sum) : 0;
    return loss;
}

/* max(x, 0) - t x + log(1 + exp(-|x|)): what -(t log p + (1 - t) log(1 - p)) is for p = sigmoid(x). */
static double binary(const mlp_head *h, double y, double t)
{
    if (h->form == MLP_LOGITS)
        return (y > 0 ? y : 0) - t * y + log1p(exp(-fabs(y)));
    double p = h->form == MLP_PROBABILITIES ? y : exp(y);
    return -(t * log_of(p) + (1 - t) * log_of(1 - p));
}

static double feature_loss(const mlp_head *h, double y, double t)
{
    double away = fabs(y - t), delta = h->delta > 0 ? h->delta : 1;
    switch (h->loss) {
    case MLP_BINARY_CROSS_ENTROPY:
        return binary(h, y, t);
    case MLP_MSE:
        return away * away;
    case MLP_MAE:
        return away;
    case MLP_HUBER:
        return away < delta ? away * away / 2 : delta * (away - delta / 2);
    case MLP_CROSS_ENTROPY:
        break;
    }
    return nan("");
}

static double sample_loss(const mlp_head *h, const float *y, const float *t)
{
    if (h->loss == MLP_CROSS_ENTROPY)
        return cross_entropy(h, y, t);
    double sum = 0;
    for (size_t j = 0; j < h->width; j++)
        sum += feature_loss(h, (double)y[j], (double)t[j]);
    return sum / (double)h->width;
}

/* ---- metrics of one sample ---- */

/* The place of the first of the largest values; NaN is never the largest. */
static size_t top(const float *v, size_t width)
{
    size_t best = 0;
    for (size_t j = 1; j < width; j++)
        if (v[j] > v[best] || (v[best] != v[best] && v[j] == v[j]))
            best = j;
    return best;
}

static void add_class(mlp_metrics *m, const mlp_head *h, const float *y, const float *t)
{
    size_t chosen = top(y, h->width), right = h->targets == 1 ? (size_t)t[0] : top(t, h->width);
    m->sums->right += chosen == right;
    if (m->confusion && right < m->classes)
        m->confusion[right * m->classes + chosen]++;
}

static void add_binary(mlp_metrics *m, const mlp_head *h, const float *y, const float *t)
{
    bool entropy = h->loss == MLP_BINARY_CROSS_ENTROPY;
    double half = log(0.5), middle = entropy ? 0.5 : h->middle;
    double edge = !entropy || h->form == MLP_PROBABILITIES ? middle : h->form == MLP_LOGITS ? 0 : half;
    for (size_t j = 0; j < h->width; j++) {
        size_t chosen = (double)y[j] > edge, right = (double)t[j] > middle;
        m->sums->right += chosen == right;
        if (m->confusion)
            m->confusion[2 * right + chosen]++;
    }
}

/* Mean and squared distances as B. P. Welford adds them up (Technometrics 4(3), 1962): no cancellation. */
static void add_values(mlp_metrics *m, const mlp_head *h, const float *y, const float *t)
{
    double *mean = m->sums->feature, *spread = mean + h->width, *error = spread + h->width;
    double n = (double)(m->samples + 1);
    for (size_t j = 0; j < h->width; j++) {
        double target = (double)t[j], away = target - mean[j];
        mean[j] += away / n;
        spread[j] += away * (target - mean[j]);
        error[j] += ((double)y[j] - target) * ((double)y[j] - target);
    }
}

void mlp_metrics_add(mlp_metrics *m, size_t n, const float *y, size_t ldy, const float *t, size_t ldt)
{
    struct mlp_sums *s = m->sums;
    const mlp_head *h = &s->head;
    for (; n > 0; n--, y += ldy, t += ldt) {
        s->loss += sample_loss(h, y, t);
        for (size_t j = 0; j < h->width && !is_entropy(h); j++) {
            double away = (double)y[j] - (double)t[j];
            s->square += away * away;
            s->distance += fabs(away);
        }
        if (h->task == MLP_CLASSES)
            add_class(m, h, y, t);
        else if (h->task == MLP_BINARY)
            add_binary(m, h, y, t);
        else
            add_values(m, h, y, t);
        m->samples++;
    }
}

/* Over all features: each counts by its variance, so that one that hardly varies does not drown the others. */
static double share_explained(const struct mlp_sums *s)
{
    const double *spread = s->feature + s->head.width, *error = spread + s->head.width;
    double all = 0, left = 0;
    for (size_t j = 0; j < s->head.width; j++) {
        all += spread[j];
        left += error[j];
    }
    return all > 0 ? 1 - left / all : nan("");
}

void mlp_metrics_end(mlp_metrics *m)
{
    const struct mlp_sums *s = m->sums;
    const mlp_head *h = &s->head;
    double n = m->samples ? (double)m->samples : nan(""), features = n * (double)h->width;
    m->loss = s->loss / n;
    if (h->task != MLP_VALUES)
        m->accuracy = s->right / (h->task == MLP_CLASSES ? n : features);
    else if (!is_entropy(h))
        m->r2 = m->samples ? share_explained(s) : nan("");
    if (!is_entropy(h)) {
        m->mse = s->square / features;
        m->mae = s->distance / features;
    }
}
