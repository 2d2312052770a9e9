/* kernels.c: the kernels of kernels.h for one instruction set: the templates of kernel.h, with the numbers that registers
 * depend on (partial sums, vectors in a strip) chosen by switches. The Makefile builds this file once for each set;
 * MLP_SET names it. The plain build also chooses among them. */
#include "kernels.h"

#include <math.h>
#include <string.h>

#include "vmath.h"

#ifndef MLP_SET
#define MLP_SET base
#endif
#define MLP_JOIN(a, b) a##b
#define MLP_TABLE(set) MLP_JOIN(mlp_kernels_, set)

/* What an epilogue or an element-wise function reads besides its value: a number, and numbers for each feature. */
typedef struct mlp_operands {
    float k;
    const float *p, *q, *r, *s;
} mlp_operands;

/* f(v) for features j .. j + n - 1. Always inlined, f being a constant wherever a kernel is made. */
typedef mlp_vec (*mlp_apply)(mlp_vec v, size_t j, int n, mlp_operands o);

#define MLP_FN(name) mlp_##name##_by
#define MLP_P const mlp_apply apply, const mlp_operands with,
#define MLP_PASS apply, with,
#define MLP_ACT(v, j, n) apply(v, j, n, with)
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include "kernel.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* ---- element by element -------------------------------------------------------------------------------------- */

#define APPLY(name, expr)                                                                                              \
    static MLP_INLINE mlp_vec apply_##name(mlp_vec v, size_t j, int n, mlp_operands o)                                 \
    {                                                                                                                  \
        (void)j, (void)n, (void)o;                                                                                     \
        return expr;                                                                                                   \
    }
#define ROW_PASS size_t n, size_t width, const float *x, size_t ldx, float *y, size_t ldy

/* Rows without gaps are one long row to a function that does not ask which feature it works on. */
#define MAP(name, expr)                                                                                                \
    APPLY(name, expr)                                                                                                  \
    static void k_##name(ROW_PASS)                                                                                     \
    {                                                                                                                  \
        const bool whole = ldx == width && ldy == width;                                                               \
        mlp_map_by(apply_##name, (mlp_operands){0}, whole ? n > 0 : n, whole ? n *width : width, x, ldx, y, ldy);      \
    }
#define MAP_NUMBER(name, expr)                                                                                         \
    APPLY(name, expr)                                                                                                  \
    static void k_##name(ROW_PASS, float a)                                                                            \
    {                                                                                                                  \
        const bool whole = ldx == width && ldy == width;                                                               \
        mlp_map_by(apply_##name, (mlp_operands){.k = a}, whole ? n > 0 : n, whole ? n *width : width, x, ldx, y, ldy); \
    }

MAP(relu, mlp_relu(v))
MAP(selu, mlp_selu(v))
MAP(gelu, mlp_gelu(v))
MAP(silu, mlp_silu(v))
MAP(sigmoid, mlp_sigmoid(v))
MAP(tanh, mlp_tanh(v))
MAP(hard_sigmoid, mlp_hard_sigmoid(v))
MAP(hard_tanh, mlp_hard_tanh(v))
MAP(softplus, mlp_softplus(v))
MAP(softsign, mlp_softsign(v))
MAP(sign, mlp_sign(v))
MAP(exp, mlp_exp(v))
MAP_NUMBER(leaky_relu, mlp_leaky_relu(v, o.k))
MAP_NUMBER(elu, mlp_elu(v, o.k))

APPLY(prelu, mlp_prelu(v, mlp_take(o.p + j, n)))
static void k_prelu(ROW_PASS, const float *slope)
{
    mlp_map_by(apply_prelu, (mlp_operands){.p = slope}, n, width, x, ldx, y, ldy);
}

APPLY(prelu1, mlp_prelu(v, mlp_set(o.k)))
static void k_prelu1(ROW_PASS, const float *slope)
{
    mlp_map_by(apply_prelu1, (mlp_operands){.k = *slope}, n, width, x, ldx, y, ldy);
}

APPLY(affine, mlp_fma(v, mlp_take(o.p + j, n), mlp_take(o.q + j, n)))
static void k_affine(ROW_PASS, const float *scale, const float *shift)
{
    mlp_map_by(apply_affine, (mlp_operands){.p = scale, .q = shift}, n, width, x, ldx, y, ldy);
}

APPLY(batchnorm, mlp_batchnorm(v, mlp_take(o.p + j, n), mlp_take(o.q + j, n), mlp_set(o.k), mlp_take(o.r + j, n),
                               mlp_take(o.s + j, n)))
static void k_batchnorm(ROW_PASS, const float *mean, const float *var, float eps, const float *w, const float *b)
{
    mlp_map_by(apply_batchnorm, (mlp_operands){eps, mean, var, w, b}, n, width, x, ldx, y, ldy);
}

/* The second operand moves from row to row; a row at a time, so that the epilogue can find it. */
#define JOIN(name, expr)                                                                                               \
    APPLY(name, expr)                                                                                                  \
    static void k_##name(size_t n, size_t width, const float *x, size_t ldx, const float *b, size_t ldb, float *y,     \
                         size_t ldy)                                                                                   \
    {                                                                                                                  \
        for (; n > 0; n--, x += ldx, b += ldb, y += ldy)                                                               \
            mlp_map_by(apply_##name, (mlp_operands){.p = b}, 1, width, x, ldx, y, ldy);                                \
    }

JOIN(mul, v *mlp_take(o.p + j, n))
JOIN(add, v + mlp_take(o.p + j, n))
JOIN(sub, v - mlp_take(o.p + j, n))

/* ---- whole rows ---------------------------------------------------------------------------------------------- */

static void k_softmax(ROW_PASS) { mlp_softmax(n, width, x, ldx, y, ldy); }

static void k_log_softmax(ROW_PASS) { mlp_log_softmax(n, width, x, ldx, y, ldy); }

static void k_layernorm(ROW_PASS, float eps, const float *w, const float *b)
{
    mlp_layernorm(n, width, eps, w, b, x, ldx, y, ldy);
}

static void k_copy(ROW_PASS)
{
    for (; n > 0; n--, x += ldx, y += ldy)
        memmove(y, x, width * sizeof *y);
}

/* ---- dense --------------------------------------------------------------------------------------------------- */

/* Linear and relu are one kernel: the floor is 0 or -infinity, and NaN and -0 come through either. */
APPLY(floor, mlp_max(mlp_set(o.k), v))
#define FLOOR apply_floor, (mlp_operands){.k = relu ? 0.0f : -INFINITY}

/* A tile as in kernel.h, but for any number of partial sums: they wait in memory until all are there. */
static MLP_INLINE void tile(MLP_P const int rows, const int cols, const int last, const size_t step, const int split,
                            const size_t in, MLP_DENSE_ARGS)
{
    mlp_vec a[MLP_ROWS][MLP_COLS], part[8][MLP_ROWS][MLP_COLS];
    for (int s = 0; s < split; s++) {
        mlp_sums(rows, cols, last, 16 * in, step, split, s, in, x, ldx, 1, w, b, a);
        mlp_keep(rows, cols, part[s], a);
    }
    for (int apart = 1; apart < split; apart *= 2)
        for (int s = 0; s < split; s += 2 * apart) {
            mlp_keep(rows, cols, a, part[s + apart]);
            mlp_gather(rows, cols, part[s], a);
            mlp_keep(rows, cols, part[s], a);
        }
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++)
            mlp_give(y + (size_t)r * ldy + c * MLP_LANES, apply(part[0][r][c], 0, MLP_LANES, with),
                     c < cols - 1 ? MLP_LANES : last);
    }
}

/* `rows` samples by whole panels, as many at a time as a tile holds. See block in kernel.h. */
static MLP_INLINE void block(MLP_P const int rows, const size_t in, size_t panels, const int split, MLP_DENSE_ARGS)
{
    const size_t threes = MLP_GROUP < 3 ? 0 : panels % 3 == 1 && panels > 3 ? panels / 3 - 1 : panels / 3;
    const size_t twos = MLP_GROUP < 2 ? 0 : (panels - 3 * threes) / 2;
    size_t j = 0;
    for (; MLP_GROUP >= 3 && j < 48 * threes; j += 48)
        tile(MLP_PASS rows, MLP_VECTORS(48), MLP_LANES, 16, split, in, x, ldx, w + j * in, MLP_BIAS(b, j), y + j, ldy);
    for (; MLP_GROUP >= 2 && j < 48 * threes + 32 * twos; j += 32)
        tile(MLP_PASS rows, MLP_VECTORS(32), MLP_LANES, 16, split, in, x, ldx, w + j * in, MLP_BIAS(b, j), y + j, ldy);
    for (; j < 16 * panels; j += 16)
        tile(MLP_PASS rows, MLP_VECTORS(16), MLP_LANES, 16, split, in, x, ldx, w + j * in, MLP_BIAS(b, j), y + j, ldy);
}

/* One strip of `cols` vectors, at most MLP_STRIP / split (but at least one). */
#define STRIP(c)                                                                                                       \
    case c:                                                                                                            \
        if ((c)*split <= MLP_STRIP || (c) == 1)                                                                        \
            mlp_strip_by(MLP_PASS(c), MLP_LANES, 16, split, in, x, w, b, y, 0);                                        \
        break;
static MLP_INLINE void strip_of(MLP_P const size_t cols, const int split, const size_t in, const float *x,
                                const float *w, const float *b, float *y)
{
    switch (cols) {
        STRIP(1)
        STRIP(2)
        STRIP(3)
        STRIP(4)
        STRIP(5)
        STRIP(6)
        STRIP(7)
        STRIP(8)
    default:
        break;
    }
}

/* One sample, whole panels: strips as even as they can be, first those that are one step longer. See panels in
 * kernel.h. */
static MLP_INLINE void strips(MLP_P const int split, const size_t in, const size_t panels, const float *x,
                              const float *w, const float *b, float *y)
{
    const size_t cols = panels * (16 / MLP_LANES), most = (size_t)(MLP_STRIP / split < 1 ? 1 : MLP_STRIP / split);
    const size_t unit = 16 / MLP_LANES, step = most >= unit ? unit : most, groups = cols / step, room = most / step;
    size_t left = (groups + room - 1) / room;
    for (size_t done = 0, j = 0; left > 0; left--) {
        const size_t now = (groups - done + left - 1) / left;
        strip_of(MLP_PASS now *step, split, in, x, w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), y + j);
        done += now;
        j += now * step * MLP_LANES;
    }
}

static void tiles(size_t *n, size_t in, size_t panels, const int split, MLP_DENSE_ARGS, int relu)
{
    size_t left = *n;
    for (; left >= MLP_ROWS; left -= MLP_ROWS, x += MLP_ROWS * ldx, y += MLP_ROWS * ldy)
        block(FLOOR, MLP_ROWS, in, panels, split, x, ldx, w, b, y, ldy);
#if MLP_ROWS >= 4
    for (; left >= MLP_ROWS / 2; left -= MLP_ROWS / 2, x += MLP_ROWS / 2 * ldx, y += MLP_ROWS / 2 * ldy)
        block(FLOOR, MLP_ROWS / 2, in, panels, split, x, ldx, w, b, y, ldy);
#endif
    *n = left;
}

#define PANELS(split)                                                                                                  \
    static void k_panels##split(size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu)                          \
    {                                                                                                                  \
        const size_t all = n;                                                                                          \
        if (n >= MLP_FEW)                                                                                              \
            tiles(&n, in, panels, split, x, ldx, w, b, y, ldy, relu);                                                  \
        for (size_t i = all - n; i < all; i++)                                                                         \
            strips(FLOOR, split, in, panels, x + i * ldx, w, b, y + i * ldy);                                          \
    }

/* Fewer samples than any tile. */
#define MLP_FEW (MLP_ROWS >= 4 ? MLP_ROWS / 2 : MLP_ROWS)

PANELS(1)
PANELS(2)
PANELS(4)
PANELS(8)

/* Calls of CASE for each number of vectors that the last outputs can have. */
#if MLP_LANES == 16
#define TAILS(CASE) CASE(1)
#elif MLP_LANES == 8
#define TAILS(CASE) CASE(1) CASE(2)
#elif MLP_LANES == 4
#define TAILS(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#else
#define TAILS(CASE)                                                                                                    \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13)        \
    CASE(14) CASE(15)
#endif

#define TAIL_TILE(cols)                                                                                                \
    case cols:                                                                                                         \
        for (; left >= MLP_ROWS; left -= MLP_ROWS, x += MLP_ROWS * ldx, y += MLP_ROWS * ldy)                           \
            tile(FLOOR, MLP_ROWS, cols, width - (cols - 1) * MLP_LANES, (size_t)width, split, in, x, ldx, w, b, y,     \
                 ldy);                                                                                                 \
        break;
static void tail_tiles(size_t *n, size_t in, int width, const int split, MLP_DENSE_ARGS, int relu)
{
    size_t left = *n;
    switch (MLP_VECTORS(width)) {
        TAILS(TAIL_TILE)
    default:
        break;
    }
    *n = left;
}

#define TAIL_STRIP(cols)                                                                                               \
    case cols:                                                                                                         \
        for (; n > 0; n--, x += ldx, y += ldy)                                                                         \
            mlp_strip_by(MLP_PASS cols, width - (cols - 1) * MLP_LANES, (size_t)width, split, in, x, w, b, y, 0);      \
        break;
static MLP_INLINE void tail_strips(MLP_P size_t n, size_t in, int width, const int split, MLP_DENSE_ARGS)
{
    switch (MLP_VECTORS(width)) {
        TAILS(TAIL_STRIP)
    default:
        break;
    }
}

#define TAIL(split)                                                                                                    \
    static void k_tail##split(size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu)                                \
    {                                                                                                                  \
        const size_t all = n;                                                                                          \
        if (n >= MLP_ROWS)                                                                                             \
            tail_tiles(&n, in, width, split, x, ldx, w, b, y, ldy, relu);                                              \
        tail_strips(FLOOR, n, in, width, split, x + (all - n) * ldx, ldx, w, b, y + (all - n) * ldy, ldy);             \
    }

TAIL(1)
TAIL(2)
TAIL(4)
TAIL(8)

static void k_dots(size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu)
{
    mlp_dots_by(FLOOR, n, in, width, x, ldx, w, b, y, ldy, 0);
}

/* ---- what the machine can do --------------------------------------------------------------------------------- */

enum { CHAINS = 12 }; /* enough for two units with six cycles of latency */

static float k_peak(size_t rounds)
{
    mlp_vec a[CHAINS], sum = mlp_set(0.0f);
    const mlp_vec shrink = mlp_set(0.5f), add = mlp_set(0.25f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = mlp_set((float)i);
    for (; rounds > 0; rounds--) {
        MLP_UNROLL
        for (int i = 0; i < CHAINS; i++)
            a[i] = mlp_fma(a[i], shrink, add);
    }
    for (int i = 0; i < CHAINS; i++)
        sum = sum + a[i];
    return mlp_sum(sum);
}

static float k_stream(const float *x, size_t count)
{
    mlp_vec a[8];
    for (int i = 0; i < 8; i++)
        a[i] = mlp_set(0.0f);
    for (; count >= 8 * MLP_LANES; count -= 8 * MLP_LANES, x += 8 * MLP_LANES) {
        MLP_UNROLL
        for (int i = 0; i < 8; i++)
            a[i] = a[i] + mlp_load(x + i * MLP_LANES);
    }
    for (int i = 1; i < 8; i++)
        a[0] = a[0] + a[i];
    return mlp_sum(a[0]);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

extern const mlp_kernels MLP_TABLE(MLP_SET);
const mlp_kernels MLP_TABLE(MLP_SET) = {
#if defined(MLP_AVX512)
    .name = "avx512",
#elif defined(MLP_AVX2)
    .name = "avx2",
#elif defined(MLP_NEON)
    .name = "neon",
#elif defined(MLP_SSE2)
    .name = "sse2",
#else
    .name = "plain",
#endif
#define X(name, parameters) .name = k_##name,
    MLP_KERNEL_LIST(X)
#undef X
    .peak = k_peak,
    .stream = k_stream,
    .peak_flops = 2.0 * CHAINS * MLP_LANES,
};
