/* ops.c: the one table of operators: value, derivative, C text, cost and documentation of each on one screen.
 * An activation is one row here, one snippet in runtime/vmath.h and one test. Definitions are PyTorch's. What only
 * training computes is in train_ops.c. */
#include "graph/ops.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/train_ops.h"

#define VALUE(name) static double name##_value(const Node *n, int j, double x)
#define SLOPE(name) static double name##_slope(const Node *n, int j, double x, double y)
#define UNUSED (void)n, (void)j
#define UNUSED_XY UNUSED, (void)x, (void)y

static const double SELU_ALPHA = 1.6732632423543772848170429916717;
static const double SELU_LAMBDA = 1.0507009873554804934193349852946;

/* Element-wise: value and slope. NaN comes out where NaN went in. */

VALUE(relu) { UNUSED; return x < 0 ? 0 : x; }
SLOPE(relu) { UNUSED_XY; return y > 0 ? 1 : 0; }

VALUE(leaky_relu) { UNUSED; return x < 0 ? n->attr[0] * x : x; }
SLOPE(leaky_relu) { UNUSED; return (n->attr[0] < 0 ? x : y) > 0 ? 1 : n->attr[0]; }

static double number(const Node *n, Role role, int j) { return param_at(n->param[role], (size_t)j); }

static double prelu_a(const Node *n, int j) { return number(n, ROLE_WEIGHT, n->shared ? 0 : j); }
VALUE(prelu) { return x < 0 ? prelu_a(n, j) * x : x; }
SLOPE(prelu) { (void)y; return x > 0 ? 1 : prelu_a(n, j); }

VALUE(elu) { UNUSED; return x < 0 ? n->attr[0] * expm1(x) : x; }
SLOPE(elu)
{
    UNUSED;
    if (n->attr[0] < 0)
        return x > 0 ? 1 : n->attr[0] * exp(x);
    return y > 0 ? 1 : y + n->attr[0];
}

VALUE(selu) { UNUSED; return SELU_LAMBDA * (x < 0 ? SELU_ALPHA * expm1(x) : x); }
SLOPE(selu) { UNUSED_XY; return y > 0 ? SELU_LAMBDA : y + SELU_LAMBDA * SELU_ALPHA; }

VALUE(gelu) { UNUSED; return isinf(x) && x < 0 ? 0 : 0.5 * x * erfc(-x * 0.70710678118654752440); }
SLOPE(gelu)
{
    UNUSED_XY;
    double density = exp(-0.5 * x * x) * 0.39894228040143267794;
    return 0.5 * erfc(-x * 0.70710678118654752440) + (isinf(x) ? 0 : x * density);
}

static double logistic(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
VALUE(sigmoid) { UNUSED; return logistic(x); }
SLOPE(sigmoid) { UNUSED_XY; return y * (1 - y); }

VALUE(silu) { UNUSED; return isinf(x) && x < 0 ? 0 : x * logistic(x); }
SLOPE(silu) { UNUSED_XY; double s = logistic(x); return s * (1 + x * (1 - s)); }

VALUE(tanh) { UNUSED; return tanh(x); }
SLOPE(tanh) { UNUSED_XY; return 1 - y * y; }

VALUE(hard_sigmoid) { UNUSED; return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5; }
SLOPE(hard_sigmoid) { UNUSED_XY; return y > 0 && y < 1 ? 1.0 / 6 : 0; }

VALUE(hard_tanh) { UNUSED; return x < -1 ? -1 : x > 1 ? 1 : x; }
SLOPE(hard_tanh) { UNUSED_XY; return y > -1 && y < 1 ? 1 : 0; }

VALUE(softplus) { UNUSED; return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
SLOPE(softplus) { UNUSED_XY; return -expm1(-y); }

VALUE(softsign) { UNUSED; return isinf(x) ? (x > 0 ? 1 : -1) : x / (1 + fabs(x)); }
SLOPE(softsign) { UNUSED_XY; double d = 1 - fabs(y); return d * d; }

VALUE(sign) { UNUSED; return x > 0 ? 1 : x < 0 ? -1 : x; }
SLOPE(sign) { UNUSED_XY; return n->attr[0] != 0 && fabs(x) <= 1 ? 1 : 0; } /* straight-through only when asked for */

VALUE(exp) { UNUSED; return exp(x); }
SLOPE(exp) { UNUSED_XY; return y; }

VALUE(affine) { return x * n->scale[j] + n->shift[j]; }
SLOPE(affine) { (void)x, (void)y; return n->scale[j]; }

/* Inference: dropout passes on, batch normalisation uses its running statistics. */
VALUE(dropout) { UNUSED; return x; }
SLOPE(dropout) { UNUSED_XY; return 1; }

SLOPE(batchnorm)
{
    (void)x, (void)y;
    return number(n, ROLE_WEIGHT, j) / sqrt(number(n, ROLE_RUNNING_VAR, j) + n->attr[0]);
}
VALUE(batchnorm)
{
    return (x - number(n, ROLE_RUNNING_MEAN, j)) * batchnorm_slope(n, j, x, 0) + number(n, ROLE_BIAS, j);
}

/* Whole rows. */

static void dense_row(const Node *n, const double *const *in, double *out)
{
    const Param *w = n->param[ROLE_WEIGHT], *b = n->param[ROLE_BIAS];
    for (int o = 0; o < w->rows; o++) {
        double sum = b ? param_at(b, (size_t)o) : 0;
        for (int i = 0; i < w->cols; i++)
            sum += param_at(w, (size_t)o * (size_t)w->cols + (size_t)i) * in[0][i];
        out[o] = sum;
    }
}

static void layernorm_row(const Node *n, const double *const *in, double *out)
{
    double mean = 0, var = 0;
    for (int j = 0; j < n->width; j++)
        mean += in[0][j] / n->width;
    for (int j = 0; j < n->width; j++)
        var += (in[0][j] - mean) * (in[0][j] - mean) / n->width;
    for (int j = 0; j < n->width; j++)
        out[j] = (in[0][j] - mean) / sqrt(var + n->attr[0]) * number(n, ROLE_WEIGHT, j) + number(n, ROLE_BIAS, j);
}

double log_sum_exp(const double *x, int width)
{
    double top = x[0], sum = 0;
    for (int j = 0; j < width; j++)
        top = x[j] > top || isnan(x[j]) ? x[j] : top;
    for (int j = 0; j < width; j++)
        sum += exp(x[j] - top);
    return top + log(sum);
}

static void softmax_row(const Node *n, const double *const *in, double *out)
{
    double log_sum = log_sum_exp(in[0], n->width);
    for (int j = 0; j < n->width; j++)
        out[j] = exp(in[0][j] - log_sum);
}

static void log_softmax_row(const Node *n, const double *const *in, double *out)
{
    double log_sum = log_sum_exp(in[0], n->width);
    for (int j = 0; j < n->width; j++)
        out[j] = in[0][j] - log_sum;
}

static void mul_row(const Node *n, const double *const *in, double *out)
{
    for (int j = 0; j < n->width; j++)
        out[j] = in[0][j] * in[1][j];
}

static void add_row(const Node *n, const double *const *in, double *out)
{
    for (int j = 0; j < n->width; j++)
        out[j] = in[0][j] + in[1][j];
}

static void sub_row(const Node *n, const double *const *in, double *out)
{
    for (int j = 0; j < n->width; j++)
        out[j] = in[0][j] - in[1][j];
}

static void concat_row(const Node *n, const double *const *in, double *out)
{
    for (int i = 0; i < n->nin; out += n->in[i]->width, i++)
        memcpy(out, in[i], (size_t)n->in[i]->width * sizeof *out);
}

static void slice_row(const Node *n, const double *const *in, double *out)
{
    memcpy(out, in[0] + (int)n->attr[0] - 1, (size_t)n->width * sizeof *out);
}

#define ELEMENT(f) .kind = KIND_ELEMENT, .value = f##_value, .slope = f##_slope
#define ELEMENT_Y(f) ELEMENT(f), .slope_of_y = true
#define BIG 1e30

const OpInfo op_info[OP_ALL] = {
    [OP_INPUT] = {"input", KIND_SOURCE, .doc = "a row from outside"},
    [OP_DENSE] = {"dense", KIND_DENSE, .linear = true, .row = dense_row, .doc = "y = W x + b, W [out][in]"},
    [OP_BATCHNORM] = {"batchnorm", ELEMENT(batchnorm), .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}}, .linear = true,
                      .c = "mlp_batchnorm(%x, %m, %v, mlp_set(%0), %p, %q)", .snippets = "batchnorm", .flops = 4,
                      .doc = "(x - running_mean) / sqrt(running_var + eps) * weight + bias"},
    [OP_LAYERNORM] = {"layernorm", KIND_ROW, .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}}, .row = layernorm_row,
                      .c = "layernorm", .snippets = "layernorm", .flops = 8,
                      .doc = "(x - mean(x)) / sqrt(var(x) + eps) * weight + bias"},
    [OP_DROPOUT] = {"dropout", ELEMENT(dropout), .nattr = 1, .attr = {{"p", 0.5, 0, 0.999999}}, .linear = true,
                    .c = "%x", .snippets = "", .doc = "training: 0 with probability p, else x / (1 - p); inference: x"},
    [OP_AFFINE] = {"affine", ELEMENT(affine), .linear = true, .c = "mlp_fma(%x, %s, %t)", .snippets = "simd",
                   .flops = 2, .doc = "x * scale + shift, constants"},
    [OP_RELU] = {"relu", ELEMENT_Y(relu), .c = "mlp_relu(%x)", .snippets = "relu",
                 .slope_c = "mlp_d_relu(%b, %b)", .slope_snippets = "d_relu", .flops = 1, .doc = "max(x, 0)"},
    [OP_LEAKY_RELU] = {"leaky_relu", ELEMENT_Y(leaky_relu), .nattr = 1, .attr = {{"a", 0.01, -BIG, BIG}},
                       .c = "mlp_leaky_relu(%x, %0)", .snippets = "leaky_relu",
                 .slope_c = "mlp_d_leaky_relu(%b, %b, %0)", .slope_snippets = "d_leaky_relu", .flops = 2,
                       .doc = "x > 0 ? x : a x"},
    [OP_PRELU] = {"prelu", ELEMENT(prelu), .nattr = 1, .attr = {{"a", 0.25, -BIG, BIG}}, .c = "mlp_prelu(%x, %p)",
                  .snippets = "prelu",
                 .slope_c = "mlp_d_prelu(%b, %b, %p)", .slope_snippets = "d_prelu", .flops = 2, .doc = "x > 0 ? x : weight x, the slope is learnt (starts at a)"},
    [OP_ELU] = {"elu", ELEMENT_Y(elu), .nattr = 1, .attr = {{"a", 1, -BIG, BIG}}, .c = "mlp_elu(%x, %0)",
                .snippets = "elu",
                 .slope_c = "mlp_slope_elu(%b, %0)", .slope_snippets = "slope_elu", .flops = 20, .doc = "x > 0 ? x : a (exp(x) - 1)"},
    [OP_SELU] = {"selu", ELEMENT_Y(selu), .c = "mlp_selu(%x)", .snippets = "selu",
                 .slope_c = "mlp_d_selu(%b, %b)", .slope_snippets = "d_selu", .flops = 21,
                 .doc = "1.0507 elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer 2017)"},
    [OP_GELU] = {"gelu", ELEMENT(gelu), .c = "mlp_gelu(%x)", .snippets = "gelu",
                 .slope_c = "mlp_d_gelu(%b, %b)", .slope_snippets = "d_gelu", .flops = 25,
                 .doc = "x Phi(x), the exact one"},
    [OP_SILU] = {"silu", ELEMENT(silu), .c = "mlp_silu(%x)", .snippets = "silu",
                 .slope_c = "mlp_d_silu(%b, %b)", .slope_snippets = "d_silu", .flops = 20, .doc = "x sigmoid(x)"},
    [OP_SIGMOID] = {"sigmoid", ELEMENT_Y(sigmoid), .saturating = true, .c = "mlp_sigmoid(%x)", .snippets = "sigmoid",
                 .slope_c = "mlp_d_sigmoid(%b, %b)", .slope_snippets = "d_sigmoid",
                    .flops = 18, .doc = "1 / (1 + exp(-x))"},
    [OP_TANH] = {"tanh", ELEMENT_Y(tanh), .saturating = true, .c = "mlp_tanh(%x)", .snippets = "tanh",
                 .slope_c = "mlp_d_tanh(%b, %b)", .slope_snippets = "d_tanh", .flops = 18,
                 .doc = "tanh(x) = 2 sigmoid(2 x) - 1"},
    [OP_HARD_SIGMOID] = {"hard_sigmoid", ELEMENT_Y(hard_sigmoid), .saturating = true, .c = "mlp_hard_sigmoid(%x)",
                         .snippets = "hard_sigmoid",
                 .slope_c = "mlp_slope_hard_sigmoid(%b)", .slope_snippets = "slope_hard_sigmoid", .flops = 4, .doc = "clamp(x / 6 + 1/2, 0, 1)"},
    [OP_HARD_TANH] = {"hard_tanh", ELEMENT_Y(hard_tanh), .saturating = true, .c = "mlp_hard_tanh(%x)",
                      .snippets = "hard_tanh",
                 .slope_c = "mlp_d_hard_tanh(%b, %b)", .slope_snippets = "d_hard_tanh", .flops = 2, .doc = "clamp(x, -1, 1)"},
    [OP_SOFTPLUS] = {"softplus", ELEMENT_Y(softplus), .c = "mlp_softplus(%x)", .snippets = "softplus",
                 .slope_c = "mlp_slope_softplus(%b)", .slope_snippets = "slope_softplus", .flops = 30,
                     .doc = "log(1 + exp(x))"},
    [OP_SOFTSIGN] = {"softsign", ELEMENT_Y(softsign), .saturating = true, .c = "mlp_softsign(%x)",
                     .snippets = "softsign",
                 .slope_c = "mlp_slope_softsign(%b)", .slope_snippets = "slope_softsign", .flops = 3, .doc = "x / (1 + |x|)"},
    [OP_SIGN] = {"sign", ELEMENT(sign), .nattr = 1, .attr = {{"ste", 0, 0, 1}}, .c = "mlp_sign(%x)",
                 .snippets = "sign",
                 .slope_c = "mlp_slope_sign(%b)", .slope_snippets = "slope_sign", .flops = 2, .doc = "-1, 0 or 1; trains only with ste (straight-through)"},
    [OP_EXP] = {"exp", ELEMENT_Y(exp), .c = "mlp_exp(%x)", .snippets = "exp",
                 .slope_c = "mlp_d_exp(%b, %b)", .slope_snippets = "d_exp", .flops = 15, .doc = "exp(x)"},
    [OP_SOFTMAX] = {"softmax", KIND_ROW, .row = softmax_row, .c = "softmax", .snippets = "softmax", .flops = 18,
                    .doc = "exp(x) / sum(exp(x)), by the largest logit"},
    [OP_LOG_SOFTMAX] = {"log_softmax", KIND_ROW, .row = log_softmax_row, .c = "log_softmax",
                        .snippets = "log_softmax", .flops = 18, .doc = "x - log(sum(exp(x))), by the largest logit"},
    [OP_MUL] = {"mul", KIND_JOIN, .row = mul_row, .c = "%x * %b", .snippets = "simd", .flops = 1, .doc = "a * b"},
    [OP_ADD] = {"add", KIND_JOIN, .linear = true, .row = add_row, .c = "%x + %b", .snippets = "simd", .flops = 1,
                .doc = "a + b"},
    [OP_SUB] = {"sub", KIND_JOIN, .linear = true, .row = sub_row, .c = "%x - %b", .snippets = "simd", .flops = 1,
                .doc = "a - b"},
    [OP_CONCAT] = {"concat", KIND_SHAPE, .linear = true, .row = concat_row, .doc = "a, then b"},
    [OP_SLICE] = {"slice", KIND_SHAPE, .nattr = 2, .attr = {{"i", 1, -BIG, BIG}, {"j", -1, -BIG, BIG}},
                  .linear = true, .row = slice_row, .doc = "features i to j, counted from 1, negative from the end"},

    /* Training: the inputs in order, then what comes of them. dy is the gradient of a layer's value, x and y are its
     * input and value; sums are over the batch, of n samples. Losses are of one sample; loss.h says how they add up. */
    [OP_TARGET] = {"target", KIND_SOURCE, .doc = "a row from outside: what an output should have been"},
    [OP_SAMPLE_WEIGHT] = {"sample_weight", KIND_SOURCE, .doc = "a number from outside: how often a sample counts"},
    [OP_CROSS_ENTROPY] = {"cross_entropy", KIND_LOSS, .nattr = 1, .attr = {{"labels", 0, 0, 1}},
                          .batch = cross_entropy_batch, .flops = 22,
                          .doc = "(x, t[, w]): -sum(t log(softmax(x))); with labels t is one class number, from 0"},
    [OP_BINARY_CROSS_ENTROPY] = {"binary_cross_entropy", KIND_LOSS, .batch = binary_cross_entropy_batch, .flops = 45,
                                 .doc = "(p, t[, w]): -t log(p) - (1 - t) log(1 - p), of probabilities"},
    [OP_BINARY_CROSS_ENTROPY_LOGITS] = {"binary_cross_entropy_logits", KIND_LOSS,
                                        .batch = binary_cross_entropy_logits_batch, .flops = 40,
                                        .doc = "(x, t[, w]): the same of p = sigmoid(x), in one stable formula"},
    [OP_MSE] = {"mse", KIND_LOSS, .batch = mse_batch, .flops = 4, .doc = "(y, t[, w]): (y - t)^2"},
    [OP_MAE] = {"mae", KIND_LOSS, .batch = mae_batch, .flops = 4, .doc = "(y, t[, w]): |y - t|, slope 0 at 0"},
    [OP_HUBER] = {"huber", KIND_LOSS, .nattr = 1, .attr = {{"delta", 1, 1e-30, BIG}}, .batch = huber_batch, .flops = 6,
                  .doc = "(y, t[, w]): d = |y - t|; d < delta ? d^2 / 2 : delta (d - delta / 2)"},
    [OP_PENALTY] = {"penalty", KIND_SUM, .nattr = 2, .attr = {{"l2", 0, 0, BIG}, {"l1", 0, 0, BIG}},
                    .batch = penalty_batch, .flops = 4,
                    .doc = "(): adds l2 sum(W^2) + l1 sum(|W|) to the loss and its derivative to dW, once a batch"},
    [OP_DENSE_BACK] = {"dense_back", KIND_DENSE, .row = dense_back_row, .doc = "(dy): dx = W^T dy"},
    [OP_DENSE_GRAD] = {"dense_grad", KIND_SUM, .batch = dense_grad_batch,
                       .doc = "(dy, x): dW += sum(dy x^T), db += sum(dy)"},
    [OP_ACT_BACK] = {"act_back", KIND_JOIN, .row = act_back_row, .flops = 3,
                     .doc = "(dy, x or y): dy times the slope of an element-wise op at x, told by y where it can be"},
    [OP_PRELU_GRAD] = {"prelu_grad", KIND_SUM, .batch = prelu_grad_batch, .flops = 2,
                       .doc = "(dy, x): dslope += sum(x > 0 ? 0 : dy x), over the features too if shared"},
    [OP_SOFTMAX_BACK] = {"softmax_back", KIND_ROW, .c = "softmax_back", .snippets = "softmax_back", .row = softmax_back_row, .flops = 4,
                         .doc = "(dy, y): y (dy - sum(dy y))"},
    [OP_LOG_SOFTMAX_BACK] = {"log_softmax_back", KIND_ROW, .c = "log_softmax_back", .snippets = "log_softmax_back", .row = log_softmax_back_row, .flops = 18,
                             .doc = "(dy, y): dy - exp(y) sum(dy)"},
    [OP_LAYERNORM_BACK] = {"layernorm_back", KIND_ROW, .c = "layernorm_back", .snippets = "layernorm_back", .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}},
                           .row = layernorm_back_row, .flops = 16,
                           .doc = "(dy, x): (g - mean(g) - z mean(g z)) / sqrt(var(x) + eps), g = weight dy, "
                                  "z normalised x"},
    [OP_LAYERNORM_GRAD] = {"layernorm_grad", KIND_SUM, .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}},
                           .batch = layernorm_grad_batch, .flops = 10,
                           .doc = "(dy, x): dweight += sum(dy z), dbias += sum(dy), z normalised x"},
    [OP_BATCHNORM_STATS] = {"batchnorm_stats", KIND_STATS, .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}},
                            .batch = batchnorm_stats_batch, .flops = 2,
                            .doc = "(x): mean, then 1 / sqrt(variance + eps), of each feature over the batch; running "
                                   "statistics: 0.9 old + 0.1 (mean, variance n / (n - 1)), the old ones if n is 1"},
    [OP_BATCHNORM_TRAIN] = {"batchnorm_train", KIND_NORM, .nattr = 1, .attr = {{"eps", 1e-5, 1e-12, 1}}, .linear = true,
                            .value = batchnorm_value, .batch = batchnorm_train_batch, .flops = 4,
                            .doc = "(x, stats): z weight + bias, z = (x - mean) / sqrt(variance + eps)"},
    [OP_BATCHNORM_GRAD] = {"batchnorm_grad", KIND_STATS, .batch = batchnorm_grad_batch, .flops = 2,
                           .doc = "(dy, x, stats): sum(dy z), then sum(dy): these are dweight and dbias too"},
    [OP_BATCHNORM_BACK] = {"batchnorm_back", KIND_NORM, .batch = batchnorm_back_batch, .flops = 7,
                           .doc = "(dy, x, stats, sums): (dy - sum(dy) / n - z sum(dy z) / n) weight / "
                                  "sqrt(variance + eps)"},
    [OP_DROPOUT_TRAIN] = {"dropout_train", KIND_MASK, .nattr = 1, .attr = {{"p", 0.5, 0, 0.999999}},
                          .value = dropout_value, .batch = dropout_train_batch, .flops = 10,
                          .doc = "(x): kept ? x / (1 - p) : 0, see dropout_keeps; the same for gradients"},
    [OP_SLICE_BACK] = {"slice_back", KIND_SCATTER, .nattr = 2, .attr = {{"i", 1, -BIG, BIG}, {"j", -1, -BIG, BIG}},
                       .row = slice_back_row, .flops = 1,
                       .doc = "([dx,] dy): dx, or zeros, with dy added to its features i to j"},
};

bool op_slope_reads_y(Op op, const double *attr)
{
    return op_info[op].slope_of_y && (op_info[op].nattr == 0 || attr[0] >= 0);
}

Op op_find(const char *name)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (strcmp(op_info[op].name, name) == 0)
            return (Op)op;
    return OP_COUNT;
}
