/* train_ops.c: what only training computes, in double precision: derivatives of layers, batch statistics, dropout.
 * Inputs and outputs are in the order that the table in ops.c documents; dy and dx are gradients of the loss. */
#include "graph/train_ops.h"

#include <math.h>
#include <string.h>

/* Where node n adds up the gradient of its parameter of that role. */
static double *sum_of(const Node *n, const Batch *b, Role role)
{
    return b->grad[n->grad[role]->id];
}

/* ---- dense ------------------------------------------------------------------------------------------------------- */

ROW(dense_back)
{
    const Param *w = n->param[ROLE_WEIGHT];
    memset(out, 0, (size_t)n->width * sizeof *out);
    for (int o = 0; o < w->rows; o++)
        for (int i = 0; i < w->cols; i++)
            out[i] += in[0][o] * param_at(w, (size_t)o * (size_t)w->cols + (size_t)i);
}

BATCH(dense_grad)
{
    (void)out;
    size_t rows = (size_t)n->in[0]->width, cols = (size_t)n->in[1]->width;
    const double *dy = in[0], *x = in[1];
    double *dw = sum_of(n, b, ROLE_WEIGHT), *db = n->grad[ROLE_BIAS] ? sum_of(n, b, ROLE_BIAS) : NULL;
    for (size_t r = 0; r < b->n; r++, dy += rows, x += cols)
        for (size_t o = 0; o < rows; o++) {
            for (size_t i = 0; i < cols; i++)
                dw[o * cols + i] += dy[o] * x[i];
            if (db)
                db[o] += dy[o];
        }
}

/* ---- element-wise ------------------------------------------------------------------------------------------------ */

ROW(act_back)
{
    bool reads_y = op_slope_reads_y(n->of, n->attr);
    const double unknown = (double)NAN;
    for (int j = 0; j < n->width; j++)
        out[j] = in[0][j] * op_info[n->of].slope(n, j, reads_y ? unknown : in[1][j], reads_y ? in[1][j] : unknown);
}

BATCH(prelu_grad)
{
    (void)out;
    size_t width = (size_t)n->in[0]->width, slopes = param_count(n->grad[ROLE_WEIGHT]); /* width, or 1 if shared */
    double *dslope = sum_of(n, b, ROLE_WEIGHT);
    for (size_t k = 0; k < b->n * width; k++)
        dslope[k % slopes] += in[1][k] > 0 ? 0 : in[0][k] * in[1][k];
}

/* ---- whole rows -------------------------------------------------------------------------------------------------- */

static double dot(const double *a, const double *b, int width)
{
    double sum = 0;
    for (int j = 0; j < width; j++)
        sum += a[j] * b[j];
    return sum;
}

ROW(softmax_back)
{
    const double *dy = in[0], *y = in[1];
    double mean = dot(dy, y, n->width);
    for (int j = 0; j < n->width; j++)
        out[j] = y[j] * (dy[j] - mean);
}

ROW(log_softmax_back)
{
    const double *dy = in[0], *y = in[1];
    double sum = 0;
    for (int j = 0; j < n->width; j++)
        sum += dy[j];
    for (int j = 0; j < n->width; j++)
        out[j] = dy[j] - exp(y[j]) * sum;
}

/* Mean and 1 / sqrt(variance + eps) of a row. */
static void row_statistics(const double *x, int width, double eps, double *mean, double *scale)
{
    double sum = 0, square = 0;
    for (int j = 0; j < width; j++)
        sum += x[j];
    *mean = sum / width;
    for (int j = 0; j < width; j++)
        square += (x[j] - *mean) * (x[j] - *mean);
    *scale = 1 / sqrt(square / width + eps);
}

ROW(layernorm_back)
{
    const double *dy = in[0], *x = in[1];
    const Param *w = n->param[ROLE_WEIGHT];
    double mean, scale, sum = 0, along = 0;
    row_statistics(x, n->width, n->attr[0], &mean, &scale);
    for (int j = 0; j < n->width; j++) {
        double g = dy[j] * param_at(w, (size_t)j);
        sum += g / n->width;
        along += g * (x[j] - mean) * scale / n->width;
    }
    for (int j = 0; j < n->width; j++)
        out[j] = scale * (dy[j] * param_at(w, (size_t)j) - sum - (x[j] - mean) * scale * along);
}

BATCH(layernorm_grad)
{
    (void)out;
    int width = n->in[0]->width;
    const double *dy = in[0], *x = in[1];
    double *dw = sum_of(n, b, ROLE_WEIGHT), *db = sum_of(n, b, ROLE_BIAS);
    for (size_t r = 0; r < b->n; r++, dy += width, x += width) {
        double mean, scale;
        row_statistics(x, width, n->attr[0], &mean, &scale);
        for (int j = 0; j < width; j++) {
            dw[j] += dy[j] * (x[j] - mean) * scale;
            db[j] += dy[j];
        }
    }
}

/* ---- batch normalisation ----------------------------------------------------------------------------------------- */

/* What the running statistics become with a batch whose own are `batch`. One sample says nothing of a variance: then
 * they stay. */
static double running(const Batch *b, const Param *p, size_t j, double batch)
{
    return b->n < 2 ? param_at(p, j) : (1 - BATCHNORM_MOMENTUM) * param_at(p, j) + BATCHNORM_MOMENTUM * batch;
}

BATCH(batchnorm_stats)
{
    size_t width = (size_t)n->in[0]->width, rows = b->n;
    double *mean = sum_of(n, b, ROLE_RUNNING_MEAN), *var = sum_of(n, b, ROLE_RUNNING_VAR), share = 1 / (double)rows;
    for (size_t j = 0; j < width; j++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < rows; r++)
            sum += in[0][r * width + j] * share;
        for (size_t r = 0; r < rows; r++)
            square += (in[0][r * width + j] - sum) * (in[0][r * width + j] - sum);
        out[j] = sum;
        out[width + j] = 1 / sqrt(square * share + n->attr[0]);
        mean[j] = running(b, n->grad[ROLE_RUNNING_MEAN], j, sum);
        var[j] = running(b, n->grad[ROLE_RUNNING_VAR], j, square / (double)(rows > 1 ? rows - 1 : 1));
    }
}

BATCH(batchnorm_train)
{
    size_t width = (size_t)n->width;
    const double *mean = in[1], *scale = in[1] + width;
    const Param *weight = n->param[ROLE_WEIGHT], *bias = n->param[ROLE_BIAS];
    for (size_t k = 0, j = 0; k < b->n * width; k++, j = k % width)
        out[k] = (in[0][k] - mean[j]) * scale[j] * param_at(weight, j) + param_at(bias, j);
}

BATCH(batchnorm_grad)
{
    size_t width = (size_t)n->in[0]->width;
    const double *dy = in[0], *x = in[1], *mean = in[2], *scale = in[2] + width;
    double *dw = sum_of(n, b, ROLE_WEIGHT), *db = sum_of(n, b, ROLE_BIAS);
    memset(out, 0, 2 * width * sizeof *out);
    for (size_t k = 0, j = 0; k < b->n * width; k++, j = k % width) {
        out[j] += dy[k] * (x[k] - mean[j]) * scale[j];
        out[width + j] += dy[k];
    }
    for (size_t j = 0; j < width; j++) {
        dw[j] += out[j];
        db[j] += out[width + j];
    }
}

BATCH(batchnorm_back)
{
    size_t width = (size_t)n->width;
    const double *dy = in[0], *x = in[1], *mean = in[2], *scale = in[2] + width, *dw = in[3], *db = in[3] + width;
    double share = 1 / (double)b->n;
    for (size_t k = 0, j = 0; k < b->n * width; k++, j = k % width)
        out[k] = param_at(n->param[ROLE_WEIGHT], j) * scale[j] *
                 (dy[k] - share * db[j] - (x[k] - mean[j]) * scale[j] * share * dw[j]);
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

bool dropout_keeps(uint64_t seed, uint64_t step, uint32_t stream, uint64_t sample, uint32_t feature, double p)
{
    const uint64_t g = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t key = mix((mix((mix(seed + g) ^ step) + g) ^ stream) + g), row = mix((key ^ sample) + g);
    uint32_t v = (uint32_t)row + feature * UINT32_C(0x9E3779B9);
    v = (v ^ v >> 16) * UINT32_C(0x7FEB352D) + (uint32_t)(row >> 32);
    v = (v ^ v >> 15) * UINT32_C(0x846CA68B);
    v ^= v >> 16;
    return v >> 8 >= (uint32_t)(p * 16777216 + 0.5);
}

BATCH(dropout_train)
{
    size_t width = (size_t)n->width;
    double scale = 1 / (1 - n->attr[0]);
    for (size_t r = 0; r < b->n; r++)
        for (size_t j = 0; j < width; j++) {
            bool keep = dropout_keeps(b->seed, b->step, (uint32_t)n->stream, r, (uint32_t)j, n->attr[0]);
            out[r * width + j] = keep ? in[0][r * width + j] * scale : 0;
        }
}

/* ---- slice ------------------------------------------------------------------------------------------------------- */

ROW(slice_back)
{
    const Node *part = n->in[n->nin - 1];
    const double *dy = in[n->nin - 1];
    for (int j = 0; j < n->width; j++)
        out[j] = n->nin > 1 ? in[0][j] : 0;
    for (int j = 0; j < part->width; j++)
        out[(int)n->attr[0] - 1 + j] += dy[j];
}
