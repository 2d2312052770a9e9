/* bound.c: forward error analysis over a graph, operator by operator; N. Higham, Accuracy and Stability of Numerical
 * Algorithms (2002), ch. 3 is where the formulas for sums come from. */
#include "bound.h"

#include <math.h>
#include <string.h>

static const double U = 0x1p-24;     /* half a unit in the last place, relative */
static const double TINY = 0x1p-149; /* the smallest denormal: what a product may lose below the normal range */

/* An operator's own function in units in the last place, as runtime/vmath.h states them (rounded up, and one more where
 * the constant of the operator is rounded, too), and the largest slope and curvature of it. */
typedef struct Function {
    double ulp, slope, curvature;
} Function;

static Function function_of(const Node *n)
{
    double a = fabs(n->attr[0]);
    switch (n->op) {
    case OP_RELU:
    case OP_HARD_TANH:
    case OP_SIGN:
    case OP_DROPOUT:
        return (Function){0, 1, 0};
    case OP_LEAKY_RELU:
        return (Function){2, fmax(1, a), 0};
    case OP_ELU:
        return (Function){3, fmax(1, a), a};
    case OP_SELU:
        return (Function){2, 1.7581, 1.7581};
    case OP_GELU:
        return (Function){7, 1.13, 0.8}; /* and see element() */
    case OP_SILU:
        return (Function){4, 1.1, 0.5};
    case OP_SIGMOID:
        return (Function){3, 0.25, 0.1};
    case OP_TANH:
        return (Function){3, 1, 0.77};
    case OP_HARD_SIGMOID:
        return (Function){0, 1.0 / 6, 0}; /* absolute: see element() */
    case OP_SOFTPLUS:
        return (Function){3, 1, 0.25};
    case OP_SOFTSIGN:
        return (Function){2, 1, 2};
    default:
        return (Function){0, 1, 0};
    }
}

/* x * scale + shift in floats, the constants themselves rounded. */
static double affine_error(double x, double e, double scale, double shift)
{
    return fabs(scale) * e + 4 * U * (fabs(x * scale) + fabs(shift)) + 2 * TINY;
}

/* Element-wise node n at feature j: x with error e gives y; the error of y. */
static double element(const Node *n, int j, double x, double e, double y)
{
    const OpInfo *info = &op_info[n->op];
    Function f = function_of(n);
    if (n->op == OP_AFFINE)
        return affine_error(x, e, n->scale[j], n->shift[j]);
    if (n->op == OP_BATCHNORM) { /* not folded: (x - mean) * (w / sqrt(var + eps)) + b, seven roundings at most */
        double mean = (double)n->param[ROLE_RUNNING_MEAN]->value[j], slope = info->slope(n, j, x, y);
        return fabs(slope) * (e + 7 * U * fabs(x - mean)) + 2 * U * fabs((double)n->param[ROLE_BIAS]->value[j]) + TINY;
    }
    if (n->op == OP_EXP)
        return y * expm1(e + 4 * U) + 2 * TINY;
    if (n->op == OP_SIGN)
        return fabs(x) > e ? 0 : 2;
    if (n->op == OP_PRELU)
        f = (Function){2, fmax(1, fabs((double)n->param[ROLE_WEIGHT]->value[n->shared ? 0 : j])), 0};
    double own = 2 * U * f.ulp * fabs(y) + (f.ulp > 0 ? f.ulp * TINY : 0);
    if (n->op == OP_GELU) /* absolute, below -1; x itself may stand on either side */
        own = fmax(own, x > -1 + e ? 0 : x < -4 - e ? 2e-9 : 1e-7);
    if (n->op == OP_HARD_SIGMOID)
        own = 2 * U; /* clamp(x + 3) / 6 rounds the sum of 3, relative to 3 and more */
    if (!isfinite(x) || e == 0)
        return own;
    /* The steepest slope within e of x: that of three points (a corner lies between two of them), and what curvature
     * can add between; never more than the steepest of all. */
    double steep = fabs(info->slope(n, j, x, y));
    for (int side = -1; side <= 1; side += 2) {
        double at = x + side * e;
        steep = fmax(steep, fabs(info->slope(n, j, at, info->value(n, j, at))));
    }
    return own + e * fmin(f.slope, steep + f.curvature * e);
}

static void dense(const Node *n, const double *x, const double *e, double *error)
{
    const Param *w = n->param[ROLE_WEIGHT], *b = n->param[ROLE_BIAS];
    for (int o = 0; o < w->rows; o++) {
        const float *row = w->value + (size_t)o * (size_t)w->cols;
        double size = b ? fabs((double)b->value[o]) : 0, carried = 0;
        for (int i = 0; i < w->cols; i++) {
            size += fabs((double)row[i] * x[i]);
            carried += fabs((double)row[i]) * e[i];
        }
        error[o] = carried + (w->cols + 2) * (U * size + TINY);
    }
}

static void layernorm(const Node *n, const double *x, const double *e, const double *y, double *error)
{
    int width = n->width;
    double mean = 0, size = 0, carried = 0, var = 0, spread = 0;
    for (int j = 0; j < width; j++) {
        mean += x[j] / width;
        size += fabs(x[j]) / width;
        carried += e[j] / width;
    }
    double e_mean = carried + (width + 3) * U * size; /* the sum, 1 / width, their product */
    for (int j = 0; j < width; j++) {
        double d = x[j] - mean, e_d = e[j] + e_mean + U * fabs(d);
        var += d * d / width;
        spread += (2 * fabs(d) + e_d) * e_d / width;
    }
    double e_var = spread + (width + 4) * U * var, root = sqrt(var + n->attr[0]);
    double relative = 0.5 * (e_var + 2 * U * (var + n->attr[0])) / (var + n->attr[0]); /* of the root, to first order */
    for (int j = 0; j < width; j++) {
        double w = fabs((double)n->param[ROLE_WEIGHT]->value[j]), b = fabs((double)n->param[ROLE_BIAS]->value[j]);
        double d = x[j] - mean, e_d = e[j] + e_mean + U * fabs(d);
        /* 1 / (1 - relative) - 1 for the root; division, product and sum round once each. */
        double part = (fabs(d) + e_d) / root * (1 + relative / (1 - relative)) - fabs(d) / root;
        error[j] = w * (part + 4 * U * fabs(d) / root) + 2 * U * (b + fabs(y[j])) + TINY;
        if (!(relative < 0.5 && var < 1e37))
            error[j] = HUGE_VAL;
    }
}

/* softmax and log_softmax: the sum's relative error is the mean error of its exponents, weighted by their share. */
static void softmax(const Node *n, const double *x, const double *e, const double *y, double *error)
{
    bool logs = n->op == OP_LOG_SOFTMAX;
    double top = x[0], of_sum = 0;
    for (int j = 1; j < n->width; j++)
        top = fmax(top, x[j]);
    for (int j = 0; j < n->width; j++) {
        double share = logs ? exp(y[j]) : y[j];
        if (share > 0)
            of_sum += share * (e[j] + U * (top - x[j]) + 4 * U);
    }
    of_sum = expm1(of_sum + n->width * U) + n->width * 2 * TINY; /* the sum is at least 1 */
    for (int j = 0; j < n->width; j++) {
        double own = e[j] + U * (top - x[j]);
        if (logs) /* log of the sum to 2 ulp, two subtractions */
            error[j] = own + of_sum + 4 * U * log(n->width) + U * (fabs(y[j]) + top - x[j]) + TINY;
        else
            error[j] = y[j] > 0 ? y[j] * expm1(own + 5 * U + of_sum) + 3 * TINY : TINY;
    }
}

static void join(const Node *n, const double *const *x, const double *const *e, const double *y, double *error)
{
    for (int j = 0; j < n->width; j++) {
        if (n->op == OP_MUL)
            error[j] = (fabs(x[0][j]) + e[0][j]) * e[1][j] + fabs(x[1][j]) * e[0][j];
        else
            error[j] = e[0][j] + e[1][j];
        error[j] += U * fabs(y[j]) + TINY;
    }
}

/* The error of n's row y, given the rows and errors of its inputs; before its epilogue. */
static void node_error(const Node *n, const double *const *x, const double *const *e, const double *y, double *error)
{
    switch (n->op) {
    case OP_INPUT:
        memset(error, 0, (size_t)n->width * sizeof *error);
        break;
    case OP_DENSE:
        dense(n, x[0], e[0], error);
        break;
    case OP_LAYERNORM:
        layernorm(n, x[0], e[0], y, error);
        break;
    case OP_SOFTMAX:
    case OP_LOG_SOFTMAX:
        softmax(n, x[0], e[0], y, error);
        break;
    case OP_MUL:
    case OP_ADD:
    case OP_SUB:
        join(n, x, e, y, error);
        break;
    case OP_CONCAT:
    case OP_SLICE: /* errors move as values do */
        op_info[n->op].row(n, e, error);
        break;
    default:
        for (int j = 0; j < n->width; j++)
            error[j] = element(n, j, x[0][j], e[0][j], y[j]);
    }
}

/* Whether the numbers from `first` on, n of them, include one of which nothing is known, not even that it is not NaN. */
static bool lost(const double *e, int first, int n)
{
    for (int j = first; j < first + n; j++)
        if (isinf(e[j]))
            return true;
    return false;
}

/* An exact infinity or NaN is met exactly; next to the largest float nothing is sure, since sums on the way may overflow.
 * is_lost: one of the numbers that y is made of is. */
static double settled(double y, double error, bool is_lost)
{
    if (is_lost)
        return HUGE_VAL;
    if (!isfinite(y))
        return 0;
    return fabs(y) > 1e37 || isnan(error) ? HUGE_VAL : error;
}

void bound_eval(const Graph *g, const double *const *in, double *const *out, double *const *bound)
{
    Arena *scratch = arena_new();
    double **value = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, double *);
    double **error = ARENA_ARRAY(scratch, (size_t)g->nnode + 1, double *);
    for (int i = 0; i < g->ninput; i++)
        value[g->input[i]->id] = memcpy(ARENA_ARRAY(scratch, (size_t)g->input[i]->width, double), in[i],
                                        (size_t)g->input[i]->width * sizeof(double));
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        const double *x[NODE_IN_MAX] = {0}, *e[NODE_IN_MAX] = {0};
        double *y = n->op == OP_INPUT ? value[i] : ARENA_ARRAY(scratch, (size_t)n->width, double);
        value[i] = y;
        error[i] = ARENA_ARRAY(scratch, (size_t)n->width, double);
        for (int k = 0; k < n->nin; k++) {
            x[k] = value[n->in[k]->id];
            e[k] = error[n->in[k]->id];
        }
        if (op_info[n->op].kind == KIND_ELEMENT)
            for (int j = 0; j < n->width; j++)
                y[j] = op_info[n->op].value(n, j, x[0][j]);
        else if (n->op != OP_INPUT)
            op_info[n->op].row(n, x, y);
        node_error(n, x, e, y, error[i]);
        OpKind kind = op_info[n->op].kind;
        bool whole = kind == KIND_DENSE || kind == KIND_ROW, any = whole && lost(e[0], 0, n->in[0]->width);
        for (int j = 0; j < n->width && kind != KIND_SHAPE; j++) {
            for (int k = 0; k < n->nin && !whole; k++)
                any = k == 0 ? lost(e[k], j, 1) : any || lost(e[k], j, 1);
            error[i][j] = settled(y[j], error[i][j], any);
        }
        for (int k = 0; k < n->nepi; k++)
            for (int j = 0; j < n->width; j++) {
                double before = y[j], e_before = error[i][j];
                y[j] = op_info[n->epi[k]->op].value(n->epi[k], j, before);
                error[i][j] = settled(y[j], element(n->epi[k], j, before, e_before, y[j]), isinf(e_before));
            }
    }
    for (int o = 0; o < g->noutput; o++) {
        size_t bytes = (size_t)g->output[o].node->width * sizeof(double);
        memcpy(out[o], value[g->output[o].node->id], bytes);
        memcpy(bound[o], error[g->output[o].node->id], bytes);
    }
    arena_free(scratch);
}
