/* kernels.c: the kernels of kernels.h for one instruction set: the templates of kernel.h, with the numbers
 * that registers depend on (partial sums, vectors in a strip) chosen by switches. The Makefile builds this
 * file once for each set; MLP_SET names it. The plain build also chooses among them. */
#include "kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels_apply.h"

#define MLP_TABLE(set) MLP_JOIN(mlp_kernels_, set)
#define MLP_LEARN(set) MLP_JOIN(mlp_kernels_learn_, set)

/* ---- element by element ---------------------------------------------------------------------------------- */

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

/* ---- whole rows ------------------------------------------------------------------------------------------ */

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

/* ---- dense: n samples in tiles, what is left one by one in strips ---------------------------------------- */

/* Linear and relu are one kernel: the floor is -infinity or 0, and NaN and -0 come through either. */
APPLY(floor, mlp_max(mlp_set(o.k), v))

#if defined(__GNUC__)
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* Samples in tiles, by `width` outputs in `split` partial sums (narrow ones have up to eight): each width a function of its
 * own, so that nothing else wants registers in its loops. */
#define GROUP_CASE(width, splits)                                                                                      \
    case splits:                                                                                                       \
        mlp_group_by(apply_floor, floor, n, 1, MLP_VECTORS(width), splits, across, count, x, ldx, w, next, b, ldb,     \
                     done, y, ldy, 0);                                                                                 \
        break;
#define GROUP(name, width)                                                                                             \
    static APART void name(size_t n, size_t across, size_t count, int split, const float *next, size_t ldb, int done,  \
                           MLP_DENSE_ARGS, int relu)                                                                   \
    {                                                                                                                  \
        const mlp_operands floor = {.k = relu ? 0.0f : -INFINITY};                                                     \
        switch ((width) > 16 || split < 8 ? split : 8) {                                                               \
            GROUP_CASE(width, 1)                                                                                       \
            GROUP_CASE(width, 2)                                                                                       \
            GROUP_CASE(width, 4)                                                                                       \
            GROUP_CASE(16, 8)                                                                                          \
        default:                                                                                                       \
            break;                                                                                                     \
        }                                                                                                              \
    }

GROUP(group1, 16)
GROUP(group2, MLP_GROUP >= 2 ? 32 : 16)
GROUP(group3, MLP_GROUP >= 3 ? 48 : 16)

/* Does as many samples as fill tiles, block after block of inputs and group after group of panels, as panels in kernel.h,
 * and returns how many. */
static APART size_t tiles(size_t n, size_t in, size_t panels, int split, MLP_DENSE_ARGS, int relu)
{
    const size_t all = n > 1 && 16 * in * panels * sizeof *w > MLP_FAR ? n : MLP_TILED(n);
    const size_t deep = split > 1 ? in : MLP_DEEP(in);
    for (size_t k = 0; all && k < in; k += deep) {
        const size_t count = in - k < deep ? in - k : deep;
        const float *from = k ? y : b;
        for (size_t j = 0, now; j < panels; j += now) {
            const size_t left = panels - j, o = 16 * j;
            now = MLP_GROUP >= 3 && left >= 3 && left != 4 ? 3 : MLP_GROUP >= 2 && left >= 2 ? 2 : 1;
            (now == 3 ? group3 : now == 2 ? group2 : group1)(all, 16 * in, count, split, w + mlp_next(o, panels) * in + 16 * k,
                                                             k ? ldy : 0, in - k <= deep, x + k, ldx, w + o * in + 16 * k,
                                                             MLP_BIAS(from, o), y + o, ldy, relu);
        }
    }
    return all;
}

#define STRIP(split, cols)                                                                                             \
    static APART void k_strip##split##x##cols(size_t in, MLP_ONE_ARGS)                                                 \
    {                                                                                                                  \
        const mlp_operands floor = {.k = relu ? 0.0f : -INFINITY};                                                     \
        mlp_strip_by(apply_floor, floor, cols, MLP_LANES, MLP_LANES, 16, split, in, x, w, b, y, 0);                   \
    }

STRIP(1, 1)
STRIP(1, 2)
STRIP(1, 3)
STRIP(1, 4)
STRIP(1, 5)
STRIP(1, 6)
STRIP(1, 7)
STRIP(1, 8)
STRIP(2, 1)
STRIP(2, 2)
STRIP(2, 3)
STRIP(2, 4)
STRIP(4, 1)
STRIP(4, 2)
STRIP(8, 1)

typedef void (*mlp_strip)(size_t in, MLP_ONE_ARGS);

/* One sample, whole panels, by the strips of one split, of `most` vectors or fewer: as even as they can be,
 * and cut at panels where they are as long as one. */
static void strips(const mlp_strip *strip, size_t most, size_t in, size_t panels, MLP_ONE_ARGS)
{
    const size_t unit = 16 / MLP_LANES, step = most < unit ? most : unit, room = most / step;
    size_t left = panels * unit / step, j = 0;
    for (size_t count = (left + room - 1) / room; count > 0; count--) {
        const size_t now = (left + count - 1) / count;
        strip[now * step - 1](in, x, w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), y + j, relu);
        left -= now;
        j += now * step * MLP_LANES;
    }
}

#define PANELS(split, ...)                                                                                             \
    static void k_panels##split(size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu)                          \
    {                                                                                                                  \
        static const mlp_strip strip[] = {__VA_ARGS__};                                                                \
        size_t i = n < MLP_LEAST ? 0 : tiles(n, in, panels, split, x, ldx, w, b, y, ldy, relu);                        \
        for (; i < n; i++)                                                                                             \
            strips(strip, sizeof strip / sizeof *strip, in, panels, x + i * ldx, w, b, y + i * ldy, relu);             \
    }

PANELS(1, k_strip1x1, k_strip1x2, k_strip1x3, k_strip1x4, k_strip1x5, k_strip1x6, k_strip1x7, k_strip1x8)
PANELS(2, k_strip2x1, k_strip2x2, k_strip2x3, k_strip2x4)
PANELS(4, k_strip4x1, k_strip4x2)
PANELS(8, k_strip8x1)

/* ---- dense: the last outputs, fewer than a panel --------------------------------------------------------- */

/* Calls of CASE for each number of vectors that they can fill. */
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
        for (; n - i >= MLP_ROWS; i += MLP_ROWS)                                                                       \
            mlp_tile_by(MLP_PASS MLP_ROWS, cols, width - (cols - 1) * MLP_LANES, (size_t)width, split, 0, in,          \
                        x + i * ldx, ldx, w, 0, 0, w, b, 0, 1, y + i * ldy, ldy, 0);                          \
        break;
static MLP_INLINE size_t tail_tiles(MLP_P size_t n, size_t in, int width, const int split, MLP_DENSE_ARGS)
{
    size_t i = 0;
    switch (MLP_VECTORS(width)) {
        TAILS(TAIL_TILE)
    default:
        break;
    }
    return i;
}

#define TAIL_STRIP(cols)                                                                                               \
    case cols:                                                                                                         \
        mlp_strip_by(MLP_PASS cols, width - (cols - 1) * MLP_LANES, room ? MLP_LANES : width - (cols - 1) * MLP_LANES, \
                     (size_t)width, split, in, x, w, b, y, 0);                                                         \
        break;
static MLP_INLINE void tail_strip(MLP_P size_t in, int width, const int room, const int split, const float *x,
                                  const float *w, const float *b, float *y)
{
    switch (MLP_VECTORS(width)) {
        TAILS(TAIL_STRIP)
    default:
        break;
    }
}

#define TAIL(split)                                                                                                    \
    static APART void k_last##split(size_t in, int width, MLP_ONE_ARGS)                                                \
    {                                                                                                                  \
        const mlp_operands floor = {.k = relu ? 0.0f : -INFINITY};                                                     \
        tail_strip(apply_floor, floor, in, width, 0, split, x, w, b, y);                                               \
    }                                                                                                                  \
    static void k_room##split(size_t in, int width, MLP_ONE_ARGS)                                                      \
    {                                                                                                                  \
        const mlp_operands floor = {.k = relu ? 0.0f : -INFINITY};                                                     \
        tail_strip(apply_floor, floor, in, width, 1, split, x, w, b, y);                                               \
    }                                                                                                                  \
    static void k_tail##split(size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu)                                \
    {                                                                                                                  \
        const mlp_operands floor = {.k = relu ? 0.0f : -INFINITY};                                                     \
        size_t i = tail_tiles(apply_floor, floor, n, in, width, split, x, ldx, w, b, y, ldy);                          \
        for (; i < n; i++)                                                                                             \
            k_last##split(in, width, x + i * ldx, w, b, y + i * ldy, relu);                                            \
    }

TAIL(1)
TAIL(2)
TAIL(4)
TAIL(8)

/* At most MLP_LANES of them by dot products: each width in each number of partial sums that it may have, chosen once for all
 * samples. */
static MLP_INLINE void dots(const int width, const size_t split, size_t n, size_t in, int room, MLP_DENSE_ARGS, int relu)
{
    const mlp_vec floor = mlp_set(relu ? 0.0f : -INFINITY);
    for (; n > 0; n--, x += ldx, y += ldy) {
        const mlp_vec v = mlp_max(floor, mlp_dot(width, split, in, x, w, b));
        if (room)
            mlp_store(y, v);
        else
            mlp_give(y, v, width);
    }
}

#define DOTS_CASE(width, split)                                                                                        \
    case 16 * (width) + (split):                                                                                       \
        dots(width, split, n, in, room, x, ldx, w, b, y, ldy, relu);                                                   \
        break;
#define DOTS_CASES2(width) DOTS_CASE(width, 1) DOTS_CASE(width, 2)
#define DOTS_CASES4(width) DOTS_CASES2(width) DOTS_CASE(width, 4)
static void dots_of(size_t n, size_t in, int width, int room, MLP_DENSE_ARGS, int relu)
{
    switch (16 * width + MLP_DOTS(width, in)) {
        DOTS_CASES4(1)
        DOTS_CASE(1, 8)
#if MLP_LANES >= 4
        DOTS_CASES4(2)
        DOTS_CASES4(3)
        DOTS_CASES2(4)
#endif
#if MLP_LANES >= 8
        DOTS_CASES2(5)
        DOTS_CASES2(6)
        DOTS_CASES2(7)
        DOTS_CASE(8, 1)
#endif
#if MLP_LANES >= 16
        DOTS_CASE(9, 1)
        DOTS_CASE(10, 1)
        DOTS_CASE(11, 1)
        DOTS_CASE(12, 1)
        DOTS_CASE(13, 1)
        DOTS_CASE(14, 1)
        DOTS_CASE(15, 1)
#endif
    default:
        break;
    }
}

static void k_dot(size_t in, int width, int room, MLP_ONE_ARGS)
{
    for (int c = 0, now; c < width; c += now) {
        now = width - c < MLP_LANES ? width - c : MLP_LANES;
        dots_of(1, in, now, room, x, 0, w + (size_t)c * in, MLP_BIAS(b, c), y + c, 0, relu);
    }
}

static void k_dots(size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu)
{
    for (int c = 0, now; c < width; c += now) {
        now = width - c < MLP_LANES ? width - c : MLP_LANES;
        dots_of(n, in, now, 0, x, ldx, w + (size_t)c * in, MLP_BIAS(b, c), y + c, ldy, relu);
    }
}

/* ---- what the machine can do ----------------------------------------------------------------------------- */

enum { CHAINS = 12 }; /* enough for two units with six cycles of latency, and few enough for 16 registers */

static float sum_chains(const mlp_vec *a)
{
    mlp_vec sum = mlp_set(0.0f);
    for (int i = 0; i < CHAINS; i++)
        sum = sum + a[i];
    return mlp_sum(sum);
}

static float k_peak(size_t rounds)
{
    mlp_vec a[CHAINS];
    const mlp_vec shrink = mlp_set(0.5f), add = mlp_set(0.25f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = mlp_set((float)i);
    for (; rounds > 0; rounds--) {
        MLP_UNROLL
        for (int i = 0; i < CHAINS; i++)
            a[i] = mlp_fma(a[i], shrink, add);
    }
    return sum_chains(a);
}

/* Two loads a cycle where they come from the first cache, 0.95 of what loads alone reach. From further away neither
 * prefetching nor reading from several places at once is faster than one place after the other. */
static float k_stream(const float *x, size_t count, size_t times)
{
    mlp_vec a[CHAINS];
    const size_t chunk = CHAINS * MLP_LANES, whole = count / chunk * chunk;
    for (int i = 0; i < CHAINS; i++)
        a[i] = mlp_set(0.0f);
    for (; times > 0; times--) {
        for (size_t at = 0; at < whole; at += chunk) {
            MLP_UNROLL
            for (int i = 0; i < CHAINS; i++)
                a[i] = a[i] + mlp_load(x + at + i * MLP_LANES);
        }
        for (size_t at = whole; at + MLP_LANES <= count; at += MLP_LANES)
            a[0] = a[0] + mlp_load(x + at);
    }
    return sum_chains(a);
}

/* ---- the table ------------------------------------------------------------------------------------------- */

extern const mlp_kernels_learn MLP_LEARN(MLP_SET);
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
    .lanes = MLP_LANES,
    .learn = &MLP_LEARN(MLP_SET),
#define X(name, parameters) .name = k_##name,
    MLP_KERNEL_LIST(X)
#undef X
    .pack = mlp_pack_dense,
    .unpack = mlp_unpack_dense,
    .peak = k_peak,
    .stream = k_stream,
    .peak_flops = 2.0 * CHAINS * MLP_LANES,
};
