/* learn.h: the kernels of training, over simd.h, vmath.h and kernel.h: gradients and losses (first weights: update.h).
 * Printed into generated files like kernel.h and compiled into the runtime. dy, dx are gradients of the loss; functions
 * that sum over samples add to what stands in g, dense_grad if it is told to. Weights in panels as kernel.h says (or rows,
 * for portable code). */
/* clang-format off */

/*@ dense_grad : sums update_tile */
/* MLP_TALL: samples of dy, packed, of which a group of columns stays in the first cache. */
#define MLP_TALL 128

/* The forward tile with samples for inputs: for `rows` by `cols` vectors, the last of `last` lanes, sums over n samples of x[r]
 * times the vector dy, added to what stands in g if `add`. They go into g, or, if there is a rule, at once into the step of the
 * parameters that stand at w. In g and w, row r is `down` floats from the next, panels of 16 columns `across`. */
static MLP_INLINE void mlp_grad_tile(const int rows, const int cols, const int last, size_t n, const int add,
                                     const float *x, const size_t ldx, const float *dy, const size_t ldy, float *g,
                                     const size_t across, const size_t down, const mlp_rule *rule, const float *w,
                                     const float *next)
{
    MLP_ALIGN float sums[16 * MLP_GROUP * MLP_ROWS];
    float *to = rule ? sums : g;
    const size_t wide = rule ? 16 : across, high = rule ? 16 * MLP_GROUP : down;
    mlp_vec a[MLP_ROWS][MLP_COLS];
    mlp_sums(rows, cols, last, 16, ldy, 1, 0, 1, n, x, 1, ldx, dy, rows == MLP_ROWS && cols == MLP_COLS, 16, next, NULL, 0, a);
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            const int left = c < cols - 1 ? MLP_LANES : last;
            if (add)
                a[r][c] = mlp_take(g + MLP_PLACE(c * MLP_LANES, across) + (size_t)r * down, left) + a[r][c];
            mlp_give(to + MLP_PLACE(c * MLP_LANES, wide) + (size_t)r * high, a[r][c], left);
        }
    }
    if (rule && rows == MLP_ROWS && cols == MLP_COLS && last == MLP_LANES)
        mlp_update_tile(rule, (size_t)(w - rule->w), sums, across, down);
    else if (rule)
        mlp_update_part(rule, (size_t)(w - rule->w), rows, cols, last, sums, across, down);
}

/* The same for any number of rows, row k of x being at x + k * kx. Each tile fetches what some later ones write: a panel's
 * rows of g, or of w and of the state that goes with it; behind the last row, those of the next group. */
static MLP_INLINE void mlp_grad_strip(const size_t rows, const int cols, const int last, size_t n, const int add,
                                      const float *x, const size_t kx, const size_t ldx, const float *dy,
                                      const size_t ldy, float *g, const size_t across, const size_t down,
                                      const mlp_rule *rule, const float *w)
{
    const float *stream[3] = {w, rule && rule->a ? rule->a + (w - rule->w) : w, rule && rule->b ? rule->b + (w - rule->w) : w};
    const size_t streams = rule && rule->a ? rule->b ? 3 : 2 : 1, turns = MLP_GROUP * streams;
    size_t k = 0;
    for (size_t turn = 0; k + MLP_ROWS <= rows; k += MLP_ROWS, turn = turn + 1 < turns ? turn + 1 : 0) {
        const size_t row = k + (turns - turn) * MLP_ROWS;
        const size_t behind = row < rows ? row * down : MLP_GROUP * across + (row - rows) * down;
        mlp_grad_tile(MLP_ROWS, cols, last, n, add, x + k * kx, ldx, dy, ldy, g + k * down, across, down, rule, w + k * down,
                      stream[turn / MLP_GROUP] + turn % MLP_GROUP * across + behind);
    }
#if MLP_ROWS >= 4
    for (; k + 2 <= rows; k += 2)
        mlp_grad_tile(2, cols, last, n, add, x + k * kx, ldx, dy, ldy, g + k * down, across, down, rule, w + k * down, w);
#endif
    for (; k < rows; k++)
        mlp_grad_tile(1, cols, last, n, add, x + k * kx, ldx, dy, ldy, g + k * down, across, down, rule, w + k * down, w);
}

/* `width` floats of each of n rows, one row after the other. */
static MLP_INLINE void mlp_grad_pack(size_t n, const int width, const float *x, const size_t ldx, float *to)
{
    for (; n > 0; n--, x += ldx, to += width) {
        MLP_UNROLL
        for (int j = 0; j < width; j += MLP_LANES)
            mlp_give(to + j, mlp_take(x + j, width - j), width - j);
    }
}

/* A group of `cols` vectors of columns for `rows` inputs, by at most `tall` samples at a time. With room to pack dy in, x is
 * packed already: for each such part of the samples tiles of MLP_ROWS inputs, sample by sample. */
static MLP_INLINE void mlp_grad_group(const size_t rows, const int cols, size_t n, const size_t tall, const int add,
                                      const float *x, const size_t ldx, const float *dy, const size_t ldy, float *g,
                                      const size_t across, float *pack, const mlp_rule *rule, const float *w)
{
    const int width = cols * MLP_LANES;
    for (size_t done = 0, m; done < n; done += m) {
        m = n - done < tall ? n - done : tall;
        const float *part = dy + done * ldy;
        if (pack)
            mlp_grad_pack(m, width, part, ldy, pack);
        mlp_grad_strip(rows, cols, MLP_LANES, m, add || done, x + done * (pack ? rows : ldx), pack ? m : 1,
                       pack ? MLP_ROWS : ldx, pack ? pack : part, pack ? (size_t)width : ldy, g, across, 16,
                       done + m == n ? rule : NULL, w);
    }
}

/* gb (+)= sum over n samples of `cols` vectors of dy, the last of `last` lanes: four hide the latency of adding. */
static MLP_INLINE void mlp_grad_bias(const int cols, const int last, size_t n, const int add, const float *dy,
                                     const size_t ldy, float *gb, const mlp_rule *rule)
{
    MLP_ALIGN float sums[4 * MLP_LANES];
    float *to = rule ? sums : gb;
    mlp_vec sum[4];
    MLP_UNROLL
    for (int c = 0; c < cols; c++) {
        sum[c] = mlp_set(0.0f);
        if (add)
            sum[c] = mlp_take(gb + c * MLP_LANES, c < cols - 1 ? MLP_LANES : last);
    }
    for (; n > 0; n--, dy += ldy) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++)
            sum[c] = sum[c] + mlp_take(dy + c * MLP_LANES, c < cols - 1 ? MLP_LANES : last);
    }
    MLP_UNROLL
    for (int c = 0; c < cols; c++)
        mlp_give(to + c * MLP_LANES, sum[c], c < cols - 1 ? MLP_LANES : last);
    if (rule)
        mlp_update_part(rule, (size_t)(gb - rule->g), 1, cols, last, sums, 16, 0);
}

/* dW and db of a dense layer: g = x^T dy in panels, gb (may be NULL) = sum of dy, over n samples; both are added to what
 * stands there if `add`. With a rule, whose g they are parts of, the parameters take their step by it at once, and what is
 * left in g is no gradient: it would be written to memory, and read with the weights for the step, a third of the bytes each.
 * Where the tail uses dot products its rows lie along the inputs: there x and dy change places. Bound by FMA throughput: a
 * tile stays in registers for all samples of a part, as many inputs are taken at a time as stay in L2 while the outputs pass
 * by, and the place of later sums is fetched meanwhile. Rows of wide layers lie pages apart: with `room` floats of pack, x and
 * dy are packed into what tiles read one after the other. Measured 0.89 to 0.94 of the limit for 128 and 256 samples by 512 ->
 * 512 up to 1024 -> 4096 (0.70 to 0.85 unpacked); packing takes 0.05, writing sums the rest. With SGD's step in it 0.83 to
 * 0.89, with Adam's 0.71 to 0.78 for 256 samples, where a step of its own took 0.17 of all arithmetic of 1024-4096-1024 at 128
 * samples. */
static void mlp_dense_grad(size_t n, const size_t in, const size_t out, const int dot, const int add, const float *x,
                           const size_t ldx, const float *dy, const size_t ldy, float *g, float *gb, float *pack,
                           const size_t room, const mlp_rule *rule)
{
    const float *w = rule ? rule->w + (g - rule->g) : g;
    const size_t panels = out / 16, tail = out % 16, grouped = panels - panels % MLP_GROUP;
    const size_t wide = in - in % (MLP_COLS * MLP_LANES), fit = (pack ? room - MLP_TALL * 48 : 65536) / (n + 1);
    const size_t most = fit < 48 ? 48 : fit - fit % 48, parts = (n + MLP_TALL - 1) / MLP_TALL;
    const size_t tall = pack ? (n + parts - 1) / parts : n;
    if (fit < 48) /* thousands of samples at once */
        pack = NULL;
    for (size_t k = 0, now; k < in; k += now) {
        const int packs = pack && in - k >= MLP_ROWS;
        const float *from = x + k;
        float *to = packs ? pack : NULL;
        now = in - k < most ? in - k : most;
        if (packs) {
            from = pack + MLP_TALL * 48;
            now -= now % MLP_ROWS;
            for (size_t done = 0; done < n; done += tall)
                for (size_t i = 0, m = n - done < tall ? n - done : tall; i < now; i += MLP_ROWS)
                    mlp_grad_pack(m, MLP_ROWS, x + done * ldx + k + i, ldx, pack + MLP_TALL * 48 + done * now + i * m);
        }
        for (size_t p = 0; p < panels; p += p < grouped ? MLP_GROUP : 1) {
            const size_t at = 16 * (p * in + k);
            float *sums = rule && !add ? g : g + at; /* sums of a part that are no gradient stay where the last ones were */
            if (p < grouped)
                mlp_grad_group(now, MLP_COLS, n, tall, add, from, ldx, dy + 16 * p, ldy, sums, 16 * in, to, rule, w + at);
            else
                mlp_grad_group(now, 16 / MLP_LANES, n, tall, add, from, ldx, dy + 16 * p, ldy, sums, 16 * in, to, rule, w + at);
        }
    }
    g += 16 * panels * in;
    w += 16 * panels * in;
    dy += 16 * panels;
    for (size_t k = 0; dot && k < wide; k += MLP_COLS * MLP_LANES)
        mlp_grad_strip(tail, MLP_COLS, MLP_LANES, n, add, dy, 1, ldy, x + k, ldx, g + k, 16, in, rule, w + k);
    for (size_t k = wide; dot && k < in; k += MLP_LANES)
        mlp_grad_strip(tail, 1, in - k < MLP_LANES ? (int)(in - k) : MLP_LANES, n, add, dy, 1, ldy, x + k, ldx, g + k, 16, in, rule,
                       w + k);
    for (size_t j = 0; !dot && j < tail; j += MLP_LANES)
        mlp_grad_strip(in, 1, tail - j < MLP_LANES ? (int)(tail - j) : MLP_LANES, n, add, x, 1, ldx, dy + j, ldy, g + j, 16, tail,
                       rule, w + j);
    dy -= 16 * panels;
    for (size_t j = 0, now; gb && j < out; j += now) {
        now = out - j >= 4 * MLP_LANES ? 4 * MLP_LANES : out - j < MLP_LANES ? out - j : MLP_LANES;
        if (now == 4 * MLP_LANES)
            mlp_grad_bias(4, MLP_LANES, n, add, dy + j, ldy, gb + j, rule);
        else
            mlp_grad_bias(1, (int)now, n, add, dy + j, ldy, gb + j, rule);
    }
}

/*@ turn16 : simd */
/* to = from turned round, 16 rows of 16 floats each; they must not overlap. Bound by shuffles: in registers, 64 of them with
 * AVX-512. */
#if defined(MLP_AVX512)
#define mlp_lower(a, b) _mm512_castps_pd(_mm512_maskz_unpacklo_ps(0xffff, a, b))
#define mlp_upper(a, b) _mm512_castps_pd(_mm512_maskz_unpackhi_ps(0xffff, a, b))
#define mlp_lower2(a, b) _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(0xff, a, b))
#define mlp_upper2(a, b) _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(0xff, a, b))
#define mlp_quarters(a, b, order) _mm512_maskz_shuffle_f32x4(0xffff, a, b, order)
#elif defined(MLP_AVX2)
#define mlp_lower(a, b) _mm256_castps_pd(_mm256_unpacklo_ps(a, b))
#define mlp_upper(a, b) _mm256_castps_pd(_mm256_unpackhi_ps(a, b))
#define mlp_lower2(a, b) _mm256_castpd_ps(_mm256_unpacklo_pd(a, b))
#define mlp_upper2(a, b) _mm256_castpd_ps(_mm256_unpackhi_pd(a, b))
#elif defined(MLP_SSE2)
#define mlp_lower(a, b) _mm_castps_pd(_mm_unpacklo_ps(a, b))
#define mlp_upper(a, b) _mm_castps_pd(_mm_unpackhi_ps(a, b))
#define mlp_lower2(a, b) _mm_castpd_ps(_mm_unpacklo_pd(a, b))
#define mlp_upper2(a, b) _mm_castpd_ps(_mm_unpackhi_pd(a, b))
#elif defined(MLP_NEON)
#define mlp_lower(a, b) vreinterpretq_f64_f32(vzip1q_f32(a, b))
#define mlp_upper(a, b) vreinterpretq_f64_f32(vzip2q_f32(a, b))
#define mlp_lower2(a, b) vreinterpretq_f32_f64(vzip1q_f64(a, b))
#define mlp_upper2(a, b) vreinterpretq_f32_f64(vzip2q_f64(a, b))
#endif
static MLP_INLINE void mlp_turn16(const float *from, float *to)
{
#if MLP_LANES > 1
    /* q[i]: in each quarter of a vector, 4 x 4 floats turned round; then quarters find their rows. */
    for (int j = 0; j < 16; j += MLP_LANES)
        for (int k = 0; k < 16; k += MLP_LANES) {
            mlp_vec q[MLP_LANES];
            MLP_UNROLL
            for (int i = 0; i < MLP_LANES; i += 4) {
                const float *at = from + (k + i) * 16 + j;
                const mlp_vec a = mlp_load(at), b = mlp_load(at + 16), c = mlp_load(at + 32), d = mlp_load(at + 48);
                q[i] = mlp_lower2(mlp_lower(a, b), mlp_lower(c, d));
                q[i + 1] = mlp_upper2(mlp_lower(a, b), mlp_lower(c, d));
                q[i + 2] = mlp_lower2(mlp_upper(a, b), mlp_upper(c, d));
                q[i + 3] = mlp_upper2(mlp_upper(a, b), mlp_upper(c, d));
            }
            MLP_UNROLL
            for (int i = 0; i < 4; i++) {
                float *at = to + (j + i) * 16 + k;
#if defined(MLP_AVX512)
                const mlp_vec a = mlp_quarters(q[i], q[i + 4], 0x88), b = mlp_quarters(q[i], q[i + 4], 0xdd);
                const mlp_vec c = mlp_quarters(q[i + 8], q[i + 12], 0x88), d = mlp_quarters(q[i + 8], q[i + 12], 0xdd);
                mlp_store(at, mlp_quarters(a, c, 0x88));
                mlp_store(at + 4 * 16, mlp_quarters(b, d, 0x88));
                mlp_store(at + 8 * 16, mlp_quarters(a, c, 0xdd));
                mlp_store(at + 12 * 16, mlp_quarters(b, d, 0xdd));
#elif defined(MLP_AVX2)
                mlp_store(at, _mm256_permute2f128_ps(q[i], q[i + 4], 0x20));
                mlp_store(at + 4 * 16, _mm256_permute2f128_ps(q[i], q[i + 4], 0x31));
#else
                mlp_store(at, q[i]);
#endif
            }
        }
#else
    for (int k = 0; k < 16; k++)
        for (int j = 0; j < 16; j++)
            to[j * 16 + k] = from[k * 16 + j];
#endif
}

/*@ turn : turn16 */
/* The weights of inputs from .. to of a dense layer turned round, for dx = W^T dy: panels of 16 inputs,
 * t[(to - from) / 16][out][16], then [out][(to - from) % 16]; from is a multiple of 16. A few panels at a time, so that they
 * stay in L2. Whole squares by registers, the next ones being fetched: bound by the stream of weights from memory, whose rate
 * it reaches. For 128 samples by 4096 -> 1024 that is 0.12 of the time of dx. */
static void mlp_turn(const size_t in, const size_t out, const int dot, const size_t from, const size_t to, const float *w,
                     float *t)
{
    for (size_t o = 0; o < out; o += 16) {
        const size_t width = out - o < 16 ? out - o : 16, squares = width < 16 ? from : to - to % 16;
        for (size_t k = from; k < squares; k += 16) {
            for (size_t i = 0; i < 256; i += 16)
                mlp_prefetch(w + (in + k) * 16 + i);
            mlp_turn16(w + k * 16, t + (k - from) * out + o * 16);
        }
        for (size_t k = squares; k < to; k++) {
            const size_t panel = k / 16 * 16, step = to - panel < 16 ? to - panel : 16;
            float *at = t + (panel - from) * out + o * step + k % 16;
            for (size_t j = 0; j < width; j++)
                at[j * step] = w[width < 16 && dot ? j * in + k : k * width + j];
        }
        w += width * in;
    }
}

/*@ rows_grad : simd */
/* dW and db with weights in rows [out][in]. */
static void mlp_rows_grad(size_t n, const size_t in, const size_t out, const float *x, const size_t ldx, const float *dy,
                          const size_t ldy, float *g, float *gb)
{
    for (; n > 0; n--, x += ldx, dy += ldy)
        for (size_t j = 0; j < out; j++) {
            const float d = dy[j];
            for (size_t k = 0; k < in; k++)
                g[j * in + k] += d * x[k];
            if (gb)
                gb[j] += d;
        }
}

/*@ rows_back : simd */
/* dx = W^T dy with weights in rows [out][in]. */
static void mlp_rows_back(size_t n, const size_t in, const size_t out, const float *dy, const size_t ldy, const float *w,
                          float *dx, const size_t ldx)
{
    for (; n > 0; n--, dy += ldy, dx += ldx) {
        for (size_t k = 0; k < in; k++)
            dx[k] = 0.0f;
        for (size_t j = 0; j < out; j++)
            for (size_t k = 0; k < in; k++)
                dx[k] += w[j * in + k] * dy[j];
    }
}

/*@ slope_hard_sigmoid : simd simd_mask */
/* Slopes told by the value y alone. */
static MLP_INLINE mlp_vec mlp_slope_hard_sigmoid(mlp_vec y)
{
    const mlp_vec zero = mlp_set(0.0f), rise = mlp_set(0.166666667f);
    return mlp_select(mlp_gt(y, zero), mlp_select(mlp_gt(mlp_set(1.0f), y), rise, zero), zero);
}

/*@ slope_elu : d_elu exp */
/* By y, or, where a is negative and y does not tell, by x. */
static MLP_INLINE mlp_vec mlp_slope_elu(mlp_vec b, float a)
{
    if (a < 0.0f)
        return mlp_select(mlp_gt(b, mlp_set(0.0f)), mlp_set(1.0f), mlp_mul(mlp_set(a), mlp_exp(b)));
    return mlp_d_elu(b, b, a);
}

/*@ slope_softplus : expm1 */
static MLP_INLINE mlp_vec mlp_slope_softplus(mlp_vec y)
{
    return -mlp_expm1(-y);
}

/*@ slope_softsign : simd simd_bits */
static MLP_INLINE mlp_vec mlp_slope_softsign(mlp_vec y)
{
    const mlp_vec q = mlp_set(1.0f) - mlp_abs(y);
    return mlp_mul(q, q);
}

/*@ slope_sign : simd simd_bits simd_mask */
/* Straight through where |x| <= 1. */
static MLP_INLINE mlp_vec mlp_slope_sign(mlp_vec x)
{
    return mlp_select(mlp_gt(mlp_abs(x), mlp_set(1.0f)), mlp_set(0.0f), mlp_set(1.0f));
}

/*@ prelu_grad : kernel simd_reduce d_prelu_slope */
/* The slopes' gradient: g += sum of dy min(x, 0); one slope for all features if shared. */
static void mlp_prelu_grad(size_t n, const size_t width, const int shared, const float *dy, const size_t ldy,
                           const float *x, const size_t ldx, float *g)
{
    for (size_t j = 0; j < width; j += MLP_LANES) {
        const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
        mlp_vec sum = mlp_set(0.0f);
        for (size_t r = 0; r < n; r++)
            sum = mlp_fma(mlp_take(dy + r * ldy + j, left), mlp_d_prelu_slope(mlp_take(x + r * ldx + j, left)), sum);
        if (shared)
            g[0] += mlp_sum(sum);
        else
            mlp_give(g + j, mlp_take(g + j, left) + sum, left);
    }
}

/*@ softmax_back : kernel simd_reduce */
/* dx = y (dy - sum(dy y)) of each row; dx may be dy or y. */
static void mlp_softmax_back(size_t n, const size_t width, const float *dy, const size_t ldy, const float *y,
                             const size_t ldyy, float *dx, const size_t ldx)
{
    for (; n > 0; n--, dy += ldy, y += ldyy, dx += ldx) {
        mlp_vec sum = mlp_set(0.0f);
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            sum = mlp_fma(mlp_take(dy + j, left), mlp_take(y + j, left), sum);
        }
        const mlp_vec mean = mlp_set(mlp_sum(sum));
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            mlp_give(dx + j, mlp_take(y + j, left) * (mlp_take(dy + j, left) - mean), left);
        }
    }
}

/*@ log_softmax_back : row_sum exp */
/* dx = dy - exp(y) sum(dy) of each row; dx may be dy or y. */
static void mlp_log_softmax_back(size_t n, const size_t width, const float *dy, const size_t ldy, const float *y,
                                 const size_t ldyy, float *dx, const size_t ldx)
{
    for (; n > 0; n--, dy += ldy, y += ldyy, dx += ldx) {
        const mlp_vec sum = mlp_set(mlp_row_sum(dy, width));
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            mlp_give(dx + j, mlp_fnma(mlp_exp(mlp_take(y + j, left)), sum, mlp_take(dy + j, left)), left);
        }
    }
}

/*@ row_moments : row_sum simd_sqrt */
/* The mean of a row and 1 / sqrt(variance + eps). */
static void mlp_row_moments(const size_t width, const float eps, const float *x, mlp_vec *mean, mlp_vec *scale)
{
    const float share = 1.0f / (float)width;
    const mlp_vec m = mlp_set(mlp_row_sum(x, width) * share);
    const size_t whole = width - width % MLP_LANES;
    float square = 0.0f, lane[MLP_LANES];
    mlp_vec sum = mlp_set(0.0f);
    for (size_t j = 0; j < whole; j += MLP_LANES) {
        const mlp_vec d = mlp_load(x + j) - m;
        sum = mlp_fma(d, d, sum);
    }
    mlp_store(lane, m);
    for (size_t j = whole; j < width; j++)
        square += (x[j] - lane[0]) * (x[j] - lane[0]);
    *mean = m;
    *scale = mlp_set(1.0f) / mlp_sqrt(mlp_set((square + mlp_sum(sum)) * share) + mlp_set(eps));
}

/*@ layernorm_back : row_moments */
/* dx of layer normalisation, by mean and variance worked out again from x; dx may be dy. */
static void mlp_layernorm_back(size_t n, const size_t width, const float eps, const float *w, const float *dy,
                               const size_t ldy, const float *x, const size_t ldx, float *dx, const size_t lddx)
{
    const mlp_vec share = mlp_set(1.0f / (float)width);
    for (; n > 0; n--, dy += ldy, x += ldx, dx += lddx) {
        mlp_vec mean, scale, sum = mlp_set(0.0f), along = sum;
        mlp_row_moments(width, eps, x, &mean, &scale);
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            const mlp_vec gw = mlp_mul(mlp_take(dy + j, left), mlp_take(w + j, left));
            sum = sum + gw;
            along = mlp_fma(gw, mlp_mul(mlp_take(x + j, left) - mean, scale), along); /* gw is 0 beyond the row */
        }
        sum = mlp_mul(mlp_set(mlp_sum(sum)), share);
        along = mlp_mul(mlp_set(mlp_sum(along)), share);
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            const mlp_vec gw = mlp_mul(mlp_take(dy + j, left), mlp_take(w + j, left));
            const mlp_vec xhat = mlp_mul(mlp_take(x + j, left) - mean, scale);
            mlp_give(dx + j, scale * mlp_fnma(xhat, along, gw - sum), left);
        }
    }
}

/*@ layernorm_grad : row_moments */
/* dw += sum of dy xhat, db += sum of dy. */
static void mlp_layernorm_grad(size_t n, const size_t width, const float eps, const float *dy, const size_t ldy,
                               const float *x, const size_t ldx, float *gw, float *gb)
{
    for (; n > 0; n--, dy += ldy, x += ldx) {
        mlp_vec mean, scale;
        mlp_row_moments(width, eps, x, &mean, &scale);
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            const mlp_vec d = mlp_take(dy + j, left);
            const mlp_vec xhat = mlp_mul(mlp_take(x + j, left) - mean, scale);
            mlp_give(gw + j, mlp_fma(d, xhat, mlp_take(gw + j, left)), left);
            mlp_give(gb + j, mlp_take(gb + j, left) + d, left);
        }
    }
}

/*@ batchnorm_stats : kernel simd_sqrt */
/* Batch statistics: s[0 .. width) the mean, s[width ..) 1 / sqrt(biased variance + eps). The running statistics move a
 * tenth of the way, with the unbiased variance, as in PyTorch; one sample leaves them. */
static void mlp_batchnorm_stats(size_t n, const size_t width, const float eps, const float *x, const size_t ldx, float *s,
                                float *mean, float *var)
{
    const mlp_vec share = mlp_set(1.0f / (float)(n ? n : 1)), unbiased = mlp_set(1.0f / (float)(n > 1 ? n - 1 : 1));
    const mlp_vec part = mlp_set(n > 1 ? 0.1f : 0.0f);
    for (size_t j = 0; j < width; j += MLP_LANES) {
        const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
        mlp_vec sum = mlp_set(0.0f), square = sum;
        for (size_t r = 0; r < n; r++)
            sum = sum + mlp_take(x + r * ldx + j, left);
        sum = mlp_mul(sum, share);
        for (size_t r = 0; r < n; r++) {
            const mlp_vec d = mlp_take(x + r * ldx + j, left) - sum;
            square = mlp_fma(d, d, square);
        }
        mlp_give(s + j, sum, left);
        mlp_give(s + width + j, mlp_set(1.0f) / mlp_sqrt(mlp_fma(square, share, mlp_set(eps))), left);
        const mlp_vec m = mlp_take(mean + j, left), v = mlp_take(var + j, left);
        mlp_give(mean + j, mlp_fma(sum - m, part, m), left);
        mlp_give(var + j, mlp_fma(mlp_mul(square, unbiased) - v, part, v), left);
    }
}

/*@ batchnorm_train : kernel */
/* (x - mean) scale w + b with batch statistics s; y may be x. */
static void mlp_batchnorm_train(size_t n, const size_t width, const float *x, const size_t ldx, const float *s,
                                const float *w, const float *b, float *y, const size_t ldy)
{
    for (; n > 0; n--, x += ldx, y += ldy)
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            const mlp_vec xhat = mlp_mul(mlp_take(x + j, left) - mlp_take(s + j, left), mlp_take(s + width + j, left));
            mlp_give(y + j, mlp_fma(xhat, mlp_take(w + j, left), mlp_take(b + j, left)), left);
        }
}

/*@ batchnorm_grad : kernel */
/* d[0 .. width) = sum of dy xhat, d[width ..) = sum of dy; both are added to gw and gb. */
static void mlp_batchnorm_grad(size_t n, const size_t width, const float *dy, const size_t ldy, const float *x,
                               const size_t ldx, const float *s, float *d, float *gw, float *gb)
{
    for (size_t j = 0; j < width; j += MLP_LANES) {
        const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
        const mlp_vec mean = mlp_take(s + j, left), scale = mlp_take(s + width + j, left);
        mlp_vec dw = mlp_set(0.0f), db = dw;
        for (size_t r = 0; r < n; r++) {
            const mlp_vec g = mlp_take(dy + r * ldy + j, left);
            dw = mlp_fma(g, mlp_mul(mlp_take(x + r * ldx + j, left) - mean, scale), dw);
            db = db + g;
        }
        mlp_give(d + j, dw, left);
        mlp_give(d + width + j, db, left);
        mlp_give(gw + j, mlp_take(gw + j, left) + dw, left);
        mlp_give(gb + j, mlp_take(gb + j, left) + db, left);
    }
}

/*@ batchnorm_back : kernel */
/* dx = w scale (dy - mean(dy) - xhat mean(dy xhat)), the means from d of batchnorm_grad; dx may be dy. */
static void mlp_batchnorm_back(size_t n, const size_t width, const float *w, const float *dy, const size_t ldy,
                               const float *x, const size_t ldx, const float *s, const float *d, float *dx,
                               const size_t lddx)
{
    const mlp_vec share = mlp_set(1.0f / (float)(n ? n : 1));
    for (; n > 0; n--, dy += ldy, x += ldx, dx += lddx)
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            const mlp_vec scale = mlp_take(s + width + j, left);
            const mlp_vec xhat = mlp_mul(mlp_take(x + j, left) - mlp_take(s + j, left), scale);
            const mlp_vec dw = mlp_mul(mlp_take(d + j, left), share), db = mlp_mul(mlp_take(d + width + j, left), share);
            mlp_give(dx + j, mlp_mul(mlp_take(w + j, left), scale) * mlp_fnma(xhat, dw, mlp_take(dy + j, left) - db), left);
        }
}

/*@ dropout : simd */
/* Inverted dropout: a feature is kept, times 1 / (1 - p), by a hash of (seed, step, stream, sample, feature) made of two
 * published mixers (splitmix64's; lowbias32's shape), so that the backward pass finds the same mask. y may be x. */
static uint64_t mlp_mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void mlp_dropout(size_t n, const size_t width, const uint32_t limit, const float scale, const uint64_t seed,
                        const uint64_t step, const uint32_t stream, const uint64_t first, const float *x,
                        const size_t ldx, float *y, const size_t ldy)
{
    const uint64_t g = UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t key = mlp_mix((mlp_mix((mlp_mix(seed + g) ^ step) + g) ^ stream) + g);
    for (size_t r = 0; r < n; r++, x += ldx, y += ldy) {
        const uint64_t row = mlp_mix((key ^ (first + r)) + g);
        for (size_t j = 0; j < width; j++) {
            uint32_t v = (uint32_t)row + (uint32_t)j * UINT32_C(0x9E3779B9);
            v = (v ^ v >> 16) * UINT32_C(0x7FEB352D) + (uint32_t)(row >> 32);
            v = (v ^ v >> 15) * UINT32_C(0x846CA68B);
            v ^= v >> 16;
            y[j] = v >> 8 >= limit ? x[j] * scale : 0.0f;
        }
    }
}

/*@ scatter : simd */
/* dx = a (or zeros if a is NULL), with dy added to its features from..from + part; dx may be a. */
static void mlp_scatter(size_t n, const size_t width, const float *a, const size_t lda, const size_t from,
                        const size_t part, const float *dy, const size_t ldy, float *dx, const size_t ldx)
{
    for (; n > 0; n--, dy += ldy, dx += ldx) {
        for (size_t j = 0; j < width; j++)
            dx[j] = a ? a[j] : 0.0f;
        for (size_t j = 0; j < part; j++)
            dx[from + j] += dy[j];
        if (a)
            a += lda;
    }
}

/*@ cross_entropy : row_sum exp log */
/* Sum over n rows of -sum(t log softmax(x)) times share (and the sample's weight); dx = its gradient by the logits x.
 * t is a row of probabilities, or (labels) one class number. dx may be x. */
static double mlp_cross_entropy(size_t n, const size_t width, const int labels, const float share, const float *x,
                                const size_t ldx, const float *t, const size_t ldt, const float *weight, float *dx,
                                const size_t lddx)
{
    double loss = 0.0;
    for (; n > 0; n--, x += ldx, t += ldt, dx += lddx) {
        const float part = weight ? share * *weight++ : share, top = mlp_row_max(x, width);
        const size_t label = labels ? (size_t)*t : 0;
        float all = 1.0f, sum, lane[MLP_LANES];
        float near = 0.0f; /* sum of t (x - top) */
        if (labels) {
            near = label < width ? x[label] - top : 0.0f;
        } else {
            all = 0.0f;
            for (size_t j = 0; j < width; j++) {
                all += t[j];
                near += t[j] != 0.0f ? t[j] * (x[j] - top) : 0.0f;
            }
        }
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            mlp_give(dx + j, mlp_exp(mlp_take(x + j, left) - mlp_set(top)), left);
        }
        sum = mlp_row_sum(dx, width);
        mlp_store(lane, mlp_log(mlp_set(sum)));
        loss += (double)(part * (lane[0] * all - near));
        const mlp_vec scale = mlp_set(part * all / sum);
        for (size_t j = 0; j < width; j += MLP_LANES) {
            const int left = width - j < MLP_LANES ? (int)(width - j) : MLP_LANES;
            mlp_vec d = mlp_mul(mlp_take(dx + j, left), scale);
            if (!labels)
                d = mlp_fnma(mlp_set(part), mlp_take(t + j, left), d);
            mlp_give(dx + j, d, left);
        }
        if (labels && label < width)
            dx[label] -= part;
    }
    return loss;
}

/*@ mse_at : simd */
/* Loss of one feature, and its slope by x, for value x and target t. */
static MLP_INLINE mlp_vec mlp_mse_at(mlp_vec x, mlp_vec t, float delta, mlp_vec *slope)
{
    const mlp_vec d = x - t;
    (void)delta;
    *slope = d + d;
    return mlp_mul(d, d);
}

/*@ mae_at : simd simd_bits sign */
static MLP_INLINE mlp_vec mlp_mae_at(mlp_vec x, mlp_vec t, float delta, mlp_vec *slope)
{
    (void)delta;
    *slope = mlp_sign(x - t);
    return mlp_abs(x - t);
}

/*@ huber_at : simd simd_bits simd_mask sign */
static MLP_INLINE mlp_vec mlp_huber_at(mlp_vec x, mlp_vec t, float delta, mlp_vec *slope)
{
    const mlp_vec d = x - t, most = mlp_set(delta);
    const mlp_mask near = mlp_gt(most, mlp_abs(d));
    *slope = mlp_select(near, d, mlp_sign(d) * most);
    return mlp_select(near, mlp_mul(mlp_set(0.5f), mlp_mul(d, d)),
                      mlp_mul(most, mlp_abs(d) - mlp_set(0.5f * delta)));
}

/*@ binary_cross_entropy_logits_at : simd simd_bits sigmoid exp log1p */
/* max(x, 0) - t x + log(1 + exp(-|x|)), which overflows nowhere. */
static MLP_INLINE mlp_vec mlp_binary_cross_entropy_logits_at(mlp_vec x, mlp_vec t, float delta, mlp_vec *slope)
{
    (void)delta;
    *slope = mlp_sigmoid(x) - t;
    return mlp_fnma(t, x, mlp_max(x, mlp_set(0.0f))) + mlp_log1p(mlp_exp(-mlp_abs(x)));
}

/*@ binary_cross_entropy_at : simd simd_mask log log1p */
/* -t log(p) - (1 - t) log(1 - p), logarithms no less than -100 and p (1 - p) no less than 1e-12, as PyTorch. */
static MLP_INLINE mlp_vec mlp_binary_cross_entropy_at(mlp_vec p, mlp_vec t, float delta, mlp_vec *slope)
{
    const mlp_vec one = mlp_set(1.0f), least = mlp_set(-100.0f);
    const mlp_vec yes = mlp_max(mlp_log(p), least), no = mlp_max(mlp_log1p(-p), least);
    (void)delta;
    *slope = (p - t) / mlp_max(mlp_mul(p, one - p), mlp_set(1e-12f));
    return -mlp_fma(t, yes, mlp_mul(one - t, no));
}

/*@ features : kernel simd_reduce */
/* Sum over n rows of the losses of their features times share (and the sample's weight); dx = its gradient by x. */
static MLP_INLINE double MLP_FN(features)(MLP_P size_t n, const size_t width, const float share, const float delta,
                                          const float *x, const size_t ldx, const float *t, const size_t ldt,
                                          const float *weight, float *dx, const size_t lddx)
{
    double loss = 0.0;
    (void)delta;
    for (; n > 0; n--, x += ldx, t += ldt, dx += lddx) {
        const float part = weight ? share * *weight++ : share;
        float sum = 0.0f, lane[MLP_LANES];
        mlp_vec all = mlp_set(0.0f), slope;
        size_t i = 0;
        for (; i + MLP_LANES <= width; i += MLP_LANES) {
            const mlp_vec target = mlp_load(t + i);
            all = all + MLP_ACT(mlp_load(x + i), 0, 0);
            mlp_store(dx + i, slope * mlp_set(part));
        }
        if (i < width) {
            const int left = (int)(width - i);
            const mlp_vec target = mlp_load_n(t + i, left);
            mlp_store(lane, MLP_ACT(mlp_load_n(x + i, left), 0, 0));
            mlp_store_n(dx + i, slope * mlp_set(part), left);
            for (int k = 0; k < left; k++)
                sum += lane[k];
        }
        loss += (double)((sum + mlp_sum(all)) * part);
    }
    return loss;
}

/*@ penalty : simd */
/* l2 sum(w^2) + l1 sum(|w|); its gradient is added to g. */
static double mlp_penalty(const size_t count, const float l2, const float l1, const float *w, float *g)
{
    double loss = 0.0;
    for (size_t i = 0; i < count; i++) {
        const float size = w[i] < 0.0f ? -w[i] : w[i];
        loss += (double)(l2 * w[i] * w[i] + l1 * size);
        g[i] += 2.0f * l2 * w[i] + (w[i] > 0.0f ? l1 : w[i] < 0.0f ? -l1 : 0.0f);
    }
    return loss;
}

/*@ end */
