/* kernel.h: the dense kernels and whole-row operators, over the vocabulary of simd.h. Compiled into the runtime, and
 * printed into generated files by compiler/back/emit.c, snippet by snippet, once for each epilogue: there and here
 *   MLP_FN(name)        the name of this instance, "name_EPILOGUE"
 *   MLP_ACT(v, j, n)    the epilogue: v holds outputs j .. j + n - 1 of one sample
 *   MLP_P, MLP_PASS     a leading parameter (and argument) for epilogues that read the parameter block, else nothing
 *   MLP_W               the type of a stored weight; MLP_TAKE(p, n) the n weights from p on as a vector, MLP_AT(w) one
 *                       weight, MLP_OF(name) a function that differs by how weights are stored only (narrow.h)
 *
 * Weights: panels of 16 outputs, w[out / 16][in][16], then the remaining out % 16 outputs as [in][out % 16] (or, where
 * plan chose dot products for them, [out % 16][in]). Outputs lie across the vector lanes: no horizontal sums, so strict
 * IEEE code vectorises. Order of sums: `split` partial sums, number s over the inputs k = s, s + split, ..., the bias
 * first in number 0; then (0 + 1) + (2 + 3) ... . tile and strip add in the same order: the same bits for a sample
 * whatever the batch it came in. */
/* clang-format off */
#ifndef MLP_FN
#error "kernel.h is a template: define MLP_FN, MLP_ACT, MLP_P, MLP_PASS, MLP_W, MLP_TAKE, MLP_AT and MLP_OF first"
#endif

/*@ kernel : simd simd_part */
/* A tile keeps MLP_ROWS x MLP_COLS sums in registers, of fewer columns MLP_WIDE(cols) partial ones at once; a strip at most
 * MLP_STRIP. MLP_TILED(n): as many of n samples as fill tiles of MLP_ROWS, and then smaller ones, of MLP_LEAST rows at least
 * (of one, where weights of more than MLP_FAR bytes should be read once). MLP_DEEP: inputs in a block, at most 1024.
 * MLP_PLACE: where output j begins when panels of 16 outputs are `across` floats apart. MLP_VECTORS(width): vectors, the last
 * one with MLP_LAST(width) lanes. mlp_take, mlp_give: n lanes, or all. */
#define MLP_COLS (MLP_GROUP * 16 / MLP_LANES)
#define MLP_WIDE(cols) (MLP_COLS < 2 * (cols) ? 1 : MLP_COLS < 4 * (cols) ? 2 : MLP_COLS < 8 * (cols) ? 4 : 8)
#define MLP_STRIP (MLP_LANES == 1 ? 16 : 8)
#define MLP_LEAST (MLP_ROWS > 2 ? 2 : 1)
#define MLP_TILED(n) ((n) - (n) % MLP_ROWS % MLP_LEAST)
#define MLP_FAR (1024 * 1024)
#define MLP_AHEAD ((16 * MLP_GROUP * MLP_ROWS + 95) / 96)
#define MLP_DEEP(in) (((in) + ((in) + 1023) / 1024 - 1) / (((in) + 1023) / 1024))
#define MLP_PLACE(j, across) ((size_t)(j) / 16 * (across) + (size_t)(j) % 16)
#define MLP_VECTORS(width) (((width) + MLP_LANES - 1) / MLP_LANES)
#define MLP_LAST(width) ((width) - (MLP_VECTORS(width) - 1) * MLP_LANES)
#define MLP_BIAS(b, j) ((b) ? (b) + (j) : (b))

static MLP_INLINE mlp_vec mlp_take(const float *p, int n)
{
    return n >= MLP_LANES ? mlp_load(p) : mlp_load_n(p, n);
}

static MLP_INLINE void mlp_give(float *p, mlp_vec v, int n)
{
    if (n >= MLP_LANES)
        mlp_store(p, v);
    else
        mlp_store_n(p, v, n);
}

/* Weights that each of `tiles` tiles fetches for each input, at most a cache line, so that they fetch a group (the tiles of 96
 * samples MLP_AHEAD each); and where the share of tile number t begins in a group of panels `across` apart, of `count`
 * inputs. */
static MLP_INLINE size_t mlp_ahead(const size_t tiles)
{
    size_t ahead = MLP_AHEAD;
    while (ahead < 16 && ahead * tiles < 16 * MLP_GROUP)
        ahead *= 2;
    return ahead;
}

static MLP_INLINE size_t mlp_share(const size_t t, const size_t ahead, const size_t across, const size_t count)
{
    return t * ahead % (16 * MLP_GROUP) / 16 * across + t * ahead % 16 * count;
}

/* The output whose weights are fetched during a group at output j: behind the group, or where the last whole group begins. */
static MLP_INLINE size_t mlp_next(const size_t j, const size_t panels)
{
    return panels < MLP_GROUP ? 0 : j + 32 * MLP_GROUP <= 16 * panels ? j + 16 * MLP_GROUP : 16 * (panels - MLP_GROUP);
}

/*@ sums : kernel */
/* One input for a tile of `rows` rows by `cols` vectors, the last one of `last` lanes: a[r][at + c] += x[r * ldx] w[c]. The
 * weights are pinned: gcc, short of registers with AVX2, would read them again for each row. */
static MLP_INLINE void MLP_OF(add)(const int rows, const int cols, const int last, const size_t across, const float *x,
                               const size_t ldx, const MLP_W *w, const int at, mlp_vec a[MLP_ROWS][MLP_COLS])
{
    mlp_vec v[MLP_COLS];
    MLP_UNROLL
    for (int c = 0; c < cols; c++)
        v[c] = mlp_pin(MLP_TAKE(w + MLP_PLACE(c * MLP_LANES, across), c < cols - 1 ? MLP_LANES : last));
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        const mlp_vec xk = mlp_set(x[(size_t)r * ldx]);
        MLP_UNROLL
        for (int c = 0; c < cols; c++)
            a[r][at + c] = mlp_fma(v[c], xk, a[r][at + c]);
    }
}

/* Of `wide` sums beside each other adds to every second one that is left the one `by` behind it. */
static MLP_INLINE void mlp_pair(const int rows, const int cols, const int wide, const int by, mlp_vec a[MLP_ROWS][MLP_COLS])
{
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c + by * cols < wide * cols; c++)
            if (c / cols % (2 * by) == 0)
                a[r][c] = a[r][c] + a[r][c + by * cols];
    }
}

/* Partial sums number s .. s + wide - 1 of `split`, and these added up: number i over k = i, i + split, ... below `count` is
 * b[r * ldb], if i is 0, plus x[r * ldx + k * kx] times the vector w[k * step], for a tile. All sums stay in registers, rows,
 * cols and wide being constants; what lies at next + k * ahead is fetched meanwhile if `fetch`. Bound by FMA throughput:
 * rows * cols of them for rows + cols loads, four inputs a round, so that a core with two threads, which decodes three
 * instructions a cycle for each, keeps up. */
static MLP_INLINE void MLP_OF(sums)(const int rows, const int cols, const int last, const size_t across, const size_t step,
                                const int split, const int s, const int wide, const size_t count, const float *x,
                                const size_t ldx, const size_t kx, const MLP_W *w, const int fetch, const size_t ahead,
                                const MLP_W *next, const float *b, const size_t ldb, mlp_vec a[MLP_ROWS][MLP_COLS])
{
    const size_t all = (count + (size_t)(split - wide - s)) / (size_t)split, past = all * (size_t)split;
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < wide * cols; c++) {
            a[r][c] = mlp_set(0.0f);
            if (s == 0 && c < cols && b)
                a[r][c] = mlp_take(b + (size_t)r * ldb + c * MLP_LANES, c < cols - 1 ? MLP_LANES : last);
        }
    }
    x += (size_t)s * kx;
    w += (size_t)s * step;
    MLP_UNROLL4
    for (size_t k = 0; k < past; k += (size_t)split) {
        if (fetch)
            mlp_prefetch(next + k * ahead);
        MLP_UNROLL
        for (int i = 0; i < wide; i++)
            MLP_OF(add)(rows, cols, last, across, x + (k + (size_t)i) * kx, ldx, w + (k + (size_t)i) * step, i * cols, a);
    }
    MLP_UNROLL
    for (int i = 0; i < wide - 1; i++)
        if (past + (size_t)(s + i) < count)
            MLP_OF(add)(rows, cols, last, across, x + (past + (size_t)i) * kx, ldx, w + (past + (size_t)i) * step, i * cols, a);
    mlp_pair(rows, cols, wide, 1, a);
    mlp_pair(rows, cols, wide, 2, a);
    mlp_pair(rows, cols, wide, 4, a);
}

/* t = a, and a = t + a, for a tile. What is kept goes to memory: compilers that keep it in registers have too few left
 * for the sums, and send those to memory instead, in the innermost loop. */
static MLP_INLINE void mlp_keep(const int rows, const int cols, mlp_vec t[MLP_ROWS][MLP_COLS],
                                mlp_vec a[MLP_ROWS][MLP_COLS])
{
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            t[r][c] = a[r][c];
#if defined(MLP_GNU)
            __asm__("" : "+m"(t[r][c]));
#endif
        }
    }
}

static MLP_INLINE void mlp_gather(const int rows, const int cols, mlp_vec t[MLP_ROWS][MLP_COLS],
                                mlp_vec a[MLP_ROWS][MLP_COLS])
{
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++)
            a[r][c] = t[r][c] + a[r][c];
    }
}

/*@ cold : simd */
/* MLP_COLD: a function of its own: called from many places and not worth a copy in each, or best alone with the
 * registers. */
#if defined(MLP_GNU)
#define MLP_COLD __attribute__((noinline))
#else
#define MLP_COLD
#endif

/*@ whole : simd */
/* MLP_WHOLE: all that the function calls is inlined into it: calls are 4 % of one sample of 2-8-1. */
#if defined(MLP_GNU)
#define MLP_WHOLE __attribute__((flatten))
#else
#define MLP_WHOLE
#endif

/*@ put : kernel */
/* Stores the sums of a tile, through the epilogue if they are whole. */
static MLP_INLINE void MLP_FN(put)(MLP_P const int rows, const int cols, const int last, const int whole,
                                   mlp_vec a[MLP_ROWS][MLP_COLS], float *y, const size_t ldy, const size_t j)
{
    (void)j;
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c < cols - 1 ? MLP_LANES : last;
            if (whole)
                a[r][c] = MLP_ACT(a[r][c], j + (size_t)(c * MLP_LANES), n);
            mlp_give(y + (size_t)r * ldy + c * MLP_LANES, a[r][c], n);
        }
    }
}

/*@ end */
#if 0 /* the same for a costly epilogue: code.c takes these in place of put */
/*@ late : kernel cold */
/* y = the epilogue of a tile's sums, put aside in whole vectors. A function of its own: its constants, some twenty, would take
 * the registers of the sums. */
static MLP_COLD void MLP_FN(late)(MLP_P int rows, const int width, const float *a, const size_t lda, float *y,
                                  const size_t ldy, const size_t j)
{
    (void)j;
    for (; rows > 0; rows--, a += lda, y += ldy) {
        int c = 0;
        for (; c + MLP_LANES <= width; c += MLP_LANES)
            mlp_store(y + c, MLP_ACT(mlp_load(a + c), j + (size_t)c, MLP_LANES));
        if (c < width)
            mlp_store_n(y + c, MLP_ACT(mlp_load(a + c), j + (size_t)c, width - c), width - c);
    }
}

/*@ put_late : late */
/* Stores the sums of a tile, or if they are whole calls the epilogue, which does. They are put aside in whole vectors: what a
 * masked store wrote is not read back at once. */
static MLP_INLINE void MLP_FN(put)(MLP_P const int rows, const int cols, const int last, const int whole,
                                   mlp_vec a[MLP_ROWS][MLP_COLS], float *y, const size_t ldy, const size_t j)
{
    MLP_ALIGN float t[MLP_ROWS * MLP_COLS * MLP_LANES];
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            if (whole)
                mlp_store(t + (r * cols + c) * MLP_LANES, a[r][c]);
            else
                mlp_give(y + (size_t)r * ldy + c * MLP_LANES, a[r][c], c < cols - 1 ? MLP_LANES : last);
        }
    }
    if (whole)
        MLP_FN(late)(MLP_PASS rows, (cols - 1) * MLP_LANES + last, t, (size_t)(cols * MLP_LANES), y, ldy, j);
}

/*@ end */
#endif

/*@ tile : sums put */
/* Dense, `rows` samples by `cols` vectors of outputs, the last of `last` lanes, `count` inputs of weights whose panels are
 * `across` apart: partial sums (0 + 1) + (2 + 3) ..., to which b is added (ldb from row to row, 0 for a bias); if these
 * inputs are the last ones, the epilogue; store. */
static MLP_INLINE void MLP_FN(tile)(MLP_P const int rows, const int cols, const int last, const size_t step,
                                    const int split, const size_t across, const size_t count, const float *x,
                                    const size_t ldx, const MLP_W *w, const int fetch, const size_t ahead, const MLP_W *next,
                                    const float *b, const size_t ldb, const int done, float *y, const size_t ldy,
                                    const size_t j)
{
    const int wide = MLP_WIDE(cols) < split ? MLP_WIDE(cols) : split, passes = split / wide;
    mlp_vec a[MLP_ROWS][MLP_COLS], t[MLP_ROWS][MLP_COLS], u[MLP_ROWS][MLP_COLS], v[MLP_ROWS][MLP_COLS];
    MLP_OF(sums)(rows, cols, last, across, step, split, 0, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
    if (passes >= 2) {
        mlp_keep(rows, cols, t, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_gather(rows, cols, t, a);
    }
    if (passes >= 4) {
        mlp_keep(rows, cols, u, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 2 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_keep(rows, cols, t, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 3 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_gather(rows, cols, t, a);
        mlp_gather(rows, cols, u, a);
    }
    if (passes == 8) {
        mlp_keep(rows, cols, v, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 4 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_keep(rows, cols, t, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 5 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_gather(rows, cols, t, a);
        mlp_keep(rows, cols, u, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 6 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_keep(rows, cols, t, a);
        MLP_OF(sums)(rows, cols, last, across, step, split, 7 * wide, wide, count, x, ldx, 1, w, fetch, ahead, next, b, ldb, a);
        mlp_gather(rows, cols, t, a);
        mlp_gather(rows, cols, u, a);
        mlp_gather(rows, cols, v, a);
    }
    MLP_FN(put)(MLP_PASS rows, cols, last, done, a, y, ldy, j);
}

/*@ strip : kernel */
/* Dense, one sample by `cols` vectors of outputs, the last of `last` lanes, of which y has room for `room`: split * cols
 * sums in registers hide the latency of FMA. Bound by the stream of weights: one load for each FMA. Measured 0.93 to 0.95
 * of L2's rate (784-256-10), 1.0 of memory's, which fetching ahead does not raise. In thin layers by
 * latency: a vector stored in part cannot be read back before it has reached the cache, a whole one at once. */
static MLP_INLINE void MLP_FN(strip)(MLP_P const int cols, const int last, const int room, const size_t step,
                                     const int split, const size_t in, const float *x, const MLP_W *w, const float *b,
                                     float *y, const size_t j)
{
    const size_t even = in - in % (size_t)split;
    (void)j;
    mlp_vec a[8][MLP_STRIP];
    MLP_UNROLL
    for (int c = 0; c < cols; c++) {
        a[0][c] = b ? mlp_take(b + c * MLP_LANES, c < cols - 1 ? MLP_LANES : last) : mlp_set(0.0f);
        MLP_UNROLL
        for (int s = 1; s < split; s++)
            a[s][c] = mlp_set(0.0f);
    }
    MLP_UNROLL_STRIP
    for (size_t k = 0; k < even; k += (size_t)split) {
        MLP_UNROLL
        for (int s = 0; s < split; s++) {
            mlp_vec xk = mlp_set(x[k + (size_t)s]);
            MLP_UNROLL
            for (int c = 0; c < cols; c++)
                a[s][c] = mlp_fma(MLP_TAKE(w + MLP_PLACE(c * MLP_LANES, 16 * in) + (k + (size_t)s) * step,
                                           c < cols - 1 ? MLP_LANES : last), xk, a[s][c]);
        }
    }
    MLP_UNROLL
    for (int s = 0; s < split - 1; s++) {
        if ((size_t)s < in - even) {
            mlp_vec xk = mlp_set(x[even + (size_t)s]);
            MLP_UNROLL
            for (int c = 0; c < cols; c++)
                a[s][c] = mlp_fma(MLP_TAKE(w + MLP_PLACE(c * MLP_LANES, 16 * in) + (even + (size_t)s) * step,
                                           c < cols - 1 ? MLP_LANES : last), xk, a[s][c]);
        }
    }
    MLP_UNROLL
    for (int c = 0; c < cols; c++) {
        const int n = c < cols - 1 ? MLP_LANES : last;
        if (split == 8) {
            a[4][c] = a[4][c] + a[5][c];
            a[6][c] = a[6][c] + a[7][c];
            a[4][c] = a[4][c] + a[6][c];
        }
        if (split >= 2)
            a[0][c] = a[0][c] + a[1][c];
        if (split >= 4) {
            a[2][c] = a[2][c] + a[3][c];
            a[0][c] = a[0][c] + a[2][c];
        }
        if (split == 8)
            a[0][c] = a[0][c] + a[4][c];
        mlp_give(y + c * MLP_LANES, MLP_ACT(a[0][c], j + (size_t)(c * MLP_LANES), n), c < cols - 1 ? n : room);
    }
}

/*@ dot : kernel simd_across */
/* The sums of `width` outputs, at most MLP_LANES, of one sample, weights in rows [width][in]: inputs lie across the lanes, in
 * `split` = MLP_DOTS partial sums of vectors for each output, which hide the latency of FMA, added as those of a strip; then the
 * lanes of all outputs together. The first sum begins with the bias in its first lane: so nothing waits for it at the end. Bound
 * by loads where inputs are many: one for each FMA, and those of x (1000 -> 1 takes 0.96 of that where x lies across cache lines,
 * half of its lines then being read twice); else by latency. */
#define MLP_DOTS_MOST(width) ((width) >= 8 ? 1 : (width) >= 4 ? 2 : (width) >= 2 ? 4 : 8)
#define MLP_DOTS_FIT(in) ((in) >= 16 * MLP_LANES ? 8 : (in) >= 8 * MLP_LANES ? 4 : (in) >= 4 * MLP_LANES ? 2 : 1)
#define MLP_DOTS(width, in) (MLP_DOTS_MOST(width) < MLP_DOTS_FIT(in) ? MLP_DOTS_MOST(width) : MLP_DOTS_FIT(in))
static MLP_INLINE mlp_vec MLP_OF(dot)(const int width, const size_t split, const size_t in, const float *x, const MLP_W *w,
                                      const float *b)
{
    const size_t vectors = in / MLP_LANES, even = vectors - vectors % split, last = in % MLP_LANES;
    mlp_vec a[8][MLP_LANES];
    MLP_UNROLL
    for (size_t s = 0; s < split; s++) {
        MLP_UNROLL
        for (int o = 0; o < width; o++)
            a[s][o] = b && s == 0 ? mlp_take(b + o, 1) : mlp_set(0.0f);
    }
    for (size_t k = 0; k < even; k += split) {
        MLP_UNROLL
        for (size_t s = 0; s < split; s++) {
            const mlp_vec xk = mlp_load(x + (k + s) * MLP_LANES);
            MLP_UNROLL
            for (int o = 0; o < width; o++)
                a[s][o] = mlp_fma(MLP_TAKE(w + (size_t)o * in + (k + s) * MLP_LANES, MLP_LANES), xk, a[s][o]);
        }
    }
    MLP_UNROLL
    for (size_t s = 0; s < split - 1; s++) {
        if (s < vectors - even) {
            const mlp_vec xk = mlp_load(x + (even + s) * MLP_LANES);
            MLP_UNROLL
            for (int o = 0; o < width; o++)
                a[s][o] = mlp_fma(MLP_TAKE(w + (size_t)o * in + (even + s) * MLP_LANES, MLP_LANES), xk, a[s][o]);
        }
    }
    if (last) {
        const mlp_vec xk = mlp_load_n(x + in - last, (int)last);
        MLP_UNROLL
        for (int o = 0; o < width; o++)
            a[split - 1][o] = mlp_fma(MLP_TAKE(w + (size_t)o * in + in - last, (int)last), xk, a[split - 1][o]);
    }
    MLP_UNROLL
    for (size_t half = split / 2, at = 1; half > 0; half /= 2, at *= 2) {
        MLP_UNROLL
        for (size_t s = 0; s < half; s++) {
            MLP_UNROLL
            for (int o = 0; o < width; o++)
                a[2 * at * s][o] = a[2 * at * s][o] + a[2 * at * s + at][o];
        }
    }
    return mlp_across(a[0], width, in < MLP_LANES ? (int)in : MLP_LANES);
}

/*@ panels : tile strip */
/* Dense over n samples for whole panels: tiles of MLP_ROWS samples, then of four and of two, and a strip for a single one.
 * All samples pass over one group of panels before the next: weights that live beyond L2 are read once for all n samples,
 * and each tile fetches its share of the next group, which memory would else bring in while nothing is computed. A group,
 * of up to 200 KB, comes from L2 for each tile, at 16 bytes a cycle with AVX-512; deep layers are taken 1024 inputs at a
 * time, so that it and the samples stay there. Bound by FMA throughput. Measured 0.92 to 0.97 of it for 96 and for 1024
 * samples of nets from 784-256-10 to 8 layers of 1024 (784 -> 512: 0.65 without the fetching, on a machine whose memory is
 * slow); for 7 samples of weights beyond L2 0.6 of one reading of them. */
static MLP_INLINE void MLP_FN(group)(MLP_P const size_t n, const int lone, const int cols, const int split,
                                     const size_t across, const size_t count, const float *x, const size_t ldx,
                                     const MLP_W *w, const MLP_W *next, const float *b, const size_t ldb, const int done,
                                     float *y, const size_t ldy, const size_t j)
{
    const int fetch = cols == MLP_COLS;
    const size_t whole = n / MLP_ROWS, ahead = fetch ? mlp_ahead(whole + (n % MLP_ROWS + 1) / 2) : 0;
    size_t i = 0;
    (void)lone;
    for (; n - i >= MLP_ROWS; i += MLP_ROWS)
        MLP_FN(tile)(MLP_PASS MLP_ROWS, cols, MLP_LANES, 16, split, across, count, x + i * ldx, ldx, w, fetch, ahead,
                     next + mlp_share(i / MLP_ROWS, ahead, across, count), MLP_BIAS(b, i * ldb), ldb, done, y + i * ldy, ldy, j);
#if MLP_ROWS > 4
    if (n - i >= 4) {
        MLP_FN(tile)(MLP_PASS 4, cols, MLP_LANES, 16, split, across, count, x + i * ldx, ldx, w, fetch, ahead,
                     next + mlp_share(whole, ahead, across, count), MLP_BIAS(b, i * ldb), ldb, done, y + i * ldy, ldy, j);
        i += 4;
    }
#endif
#if MLP_ROWS > 2
    if (n - i >= 2) {
        MLP_FN(tile)(MLP_PASS 2, cols, MLP_LANES, 16, split, across, count, x + i * ldx, ldx, w, fetch, ahead,
                     next + mlp_share(whole + 1, ahead, across, count), MLP_BIAS(b, i * ldb), ldb, done, y + i * ldy, ldy, j);
        i += 2;
    }
    if (lone && n > i)
        MLP_FN(tile)(MLP_PASS 1, cols, MLP_LANES, 16, split, across, count, x + i * ldx, ldx, w, fetch, ahead,
                     next + mlp_share(whole + 2, ahead, across, count), MLP_BIAS(b, i * ldb), ldb, done, y + i * ldy, ldy, j);
#endif
}

/* The groups of one block of inputs. */
static MLP_INLINE void MLP_FN(block)(MLP_P const size_t n, const int lone, const size_t in, const size_t panels,
                                     const int split, const size_t count, const float *x, const size_t ldx,
                                     const MLP_W *w, const float *b, const size_t ldb, const int done, float *y,
                                     const size_t ldy)
{
    /* Panels in groups of three, of two, and single ones. */
    const size_t threes = MLP_GROUP < 3 ? 0 : panels % 3 == 1 && panels > 3 ? panels / 3 - 1 : panels / 3;
    const size_t twos = MLP_GROUP < 2 ? 0 : (panels - 3 * threes) / 2;
    size_t j = 0;
    for (; j < 48 * threes; j += 48)
        MLP_FN(group)(MLP_PASS n, lone, MLP_VECTORS(48), split, 16 * in, count, x, ldx, w + j * in,
                      w + mlp_next(j, panels) * in, MLP_BIAS(b, j), ldb, done, y + j, ldy, j);
    for (; j < 48 * threes + 32 * twos; j += 32)
        MLP_FN(group)(MLP_PASS n, lone, MLP_VECTORS(32), split, 16 * in, count, x, ldx, w + j * in,
                      w + mlp_next(j, panels) * in, MLP_BIAS(b, j), ldb, done, y + j, ldy, j);
    for (; j < 16 * panels; j += 16)
        MLP_FN(group)(MLP_PASS n, lone, MLP_VECTORS(16), split, 16 * in, count, x, ldx, w + j * in,
                      w + mlp_next(j, panels) * in, MLP_BIAS(b, j), ldb, done, y + j, ldy, j);
}

static MLP_INLINE void MLP_FN(panels)(MLP_P size_t n, const size_t in, const size_t panels, const int split,
                                      const float *x, const size_t ldx, const MLP_W *w, const float *b, float *y,
                                      const size_t ldy)
{
    /* Vector columns in all, at most `most` in one strip, `strips` strips: `longer` of size + 1 columns, then size. */
    const size_t cols = panels * 16 / MLP_LANES, unit = MLP_LANES == 16 ? 1 : 16 / MLP_LANES;
    const size_t most = (size_t)MLP_STRIP / (size_t)split < 1 ? 1 : (size_t)MLP_STRIP / (size_t)split;
    const size_t step = most >= unit ? unit : most, groups = cols / step, room = most / step;
    const size_t strips = (groups + room - 1) / room, size = groups / strips, longer = groups % strips;
    const int lone = 16 * in * panels * sizeof *w > MLP_FAR;
    const size_t tiled = lone && n > 1 ? n : MLP_TILED(n), deep = split > 1 ? in : MLP_DEEP(in);
    for (size_t k = 0; tiled && k < in; k += deep)
        MLP_FN(block)(MLP_PASS tiled, lone, in, panels, split, in - k < deep ? in - k : deep, x + k, ldx, w + 16 * k,
                      k ? y : b, k ? ldy : 0, in - k <= deep, y, ldy);
    for (n -= tiled, x += tiled * ldx, y += tiled * ldy; n > 0; n--, x += ldx, y += ldy) {
        size_t j = 0;
        for (; j < longer * (size + 1) * step * MLP_LANES; j += (size + 1) * step * MLP_LANES)
            MLP_FN(strip)(MLP_PASS (int)((size + 1) * step), MLP_LANES, MLP_LANES, 16, split, in, x,
                          w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), y + j, j);
        for (; j < 16 * panels; j += size * step * MLP_LANES)
            MLP_FN(strip)(MLP_PASS (int)(size * step), MLP_LANES, MLP_LANES, 16, split, in, x,
                          w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), y + j, j);
    }
}

/*@ end */
#if 0 /* for weights that are bytes: emit_step.c takes it in place of panels */
/*@ fixed : digits panels */
#if defined(MLP_DIGITS)
/* `rows` samples in fixed point by `cols` panels of 16 outputs, `count` inputs of panels of `in`. Four inputs at a time: their
 * weights, turned to lie output by output and made 128 larger, since bytes without a sign are multiplied by bytes with one;
 * `balance` takes that off again. Sums of whole numbers are exact in any order. In the end b is added (ldb from row to row), and if
 * these inputs are the last ones the epilogue applied. Two instructions for 64 weights and three for each sample, where to widen
 * them takes eight and four: measured 2.4 times as fast for one sample of 784-512-512-10, 1.2 times for 96. Bound by these
 * instructions. */
static MLP_INLINE void MLP_FN(fixed_tile)(MLP_P const int rows, const int cols, const size_t in, const size_t count,
                                          const mlp_fixed_row *row, const MLP_W *w, const float *b, const size_t ldb,
                                          const int done, float *y, const size_t ldy, const size_t j)
{
    static const unsigned char turn[64] MLP_ALIGN = {
        0, 16, 32, 48, 1, 17, 33, 49, 2,  18, 34, 50, 3,  19, 35, 51, 4,  20, 36, 52, 5,  21, 37, 53, 6,  22, 38, 54, 7,  23, 39, 55,
        8, 24, 40, 56, 9, 25, 41, 57, 10, 26, 42, 58, 11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63};
    const __m512i order = _mm512_load_si512(turn), above = _mm512_set1_epi8(-128);
    __m512i a[4][4][3], v[4];
    (void)j;
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            MLP_UNROLL
            for (int i = 0; i < 3; i++)
                a[r][c][i] = _mm512_set1_epi32(-row[r].balance[i]);
        }
    }
    for (size_t k = 0; k < count; k += 4) {
        const __mmask64 there = count - k < 4 ? ((__mmask64)1 << 16 * (count - k)) - 1 : ~(__mmask64)0;
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            v[c] = _mm512_maskz_loadu_epi8(there, w + MLP_PLACE(16 * c, 16 * in) + 16 * k);
            v[c] = _mm512_xor_si512(_mm512_maskz_permutexvar_epi8(~(__mmask64)0, order, v[c]), above);
        }
        MLP_UNROLL
        for (int r = 0; r < rows; r++) {
            MLP_UNROLL
            for (int i = 0; i < 3; i++) {
                int four;
                __builtin_memcpy(&four, row[r].digit[i] + k, 4);
                MLP_UNROLL
                for (int c = 0; c < cols; c++)
                    a[r][c][i] = mlp_dot4(a[r][c][i], v[c], _mm512_set1_epi32(four));
            }
        }
    }
    MLP_UNROLL
    for (int r = 0; r < rows; r++) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            mlp_vec s = _mm512_maskz_cvtepi32_ps(0xffff, a[r][c][0]);
            s = mlp_fma(_mm512_maskz_cvtepi32_ps(0xffff, a[r][c][1]), mlp_set(256.0f), s);
            s = mlp_fma(_mm512_maskz_cvtepi32_ps(0xffff, a[r][c][2]), mlp_set(65536.0f), s);
            s = _mm512_maskz_scalef_ps(0xffff, s, mlp_set((float)row[r].exponent));
            if (b)
                s = mlp_load(b + (size_t)r * ldb + 16 * c) + s;
            mlp_store(y + (size_t)r * ldy + 16 * c, done ? MLP_ACT(s, j + (size_t)(16 * c), 16) : s);
        }
    }
}

/* A block of inputs by all panels: `wide` of them at a time, then single ones. */
static MLP_INLINE void MLP_FN(fixed_block)(MLP_P const int rows, const int wide, const size_t in, const size_t panels,
                                           const size_t count, const mlp_fixed_row *row, const MLP_W *w, const float *b,
                                           const size_t ldb, const int done, float *y, const size_t ldy)
{
    size_t j = 0;
    for (; j + (size_t)(16 * wide) <= 16 * panels; j += (size_t)(16 * wide))
        MLP_FN(fixed_tile)(MLP_PASS rows, wide, in, count, row, w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), ldb, done, y + j, ldy, j);
    for (; j < 16 * panels; j += 16)
        MLP_FN(fixed_tile)(MLP_PASS rows, 1, in, count, row, w + MLP_PLACE(j, 16 * in), MLP_BIAS(b, j), ldb, done, y + j, ldy, j);
}
#endif

/* As panels. A machine that multiplies bytes takes the inputs in fixed point, four samples at a time or single ones; a sample with
 * an infinite or NaN input goes to panels. */
static MLP_INLINE void MLP_FN(fixed)(MLP_P size_t n, const size_t in, const size_t panels, const int split, const float *x,
                                     const size_t ldx, const MLP_W *w, const float *b, float *y, const size_t ldy)
{
#if defined(MLP_DIGITS)
    const size_t deep = (in + (in + MLP_DIGITS - 1) / MLP_DIGITS - 1) / ((in + MLP_DIGITS - 1) / MLP_DIGITS);
    mlp_fixed_row row[4];
    for (size_t rows = 4; n > 0; n -= rows, x += rows * ldx, y += rows * ldy) {
        int finite[4] = {1, 1, 1, 1};
        if (n < 4)
            rows = 1;
        for (size_t k = 0; k < in; k += deep) {
            const size_t count = in - k < deep ? in - k : deep;
            for (size_t i = 0; i < rows; i++)
                finite[i] &= mlp_to_fixed(count, x + i * ldx + k, &row[i]);
            if (rows == 4)
                MLP_FN(fixed_block)(MLP_PASS 4, 2, in, panels, count, row, w + 16 * k, k ? y : b, k ? ldy : 0, in - k <= deep, y, ldy);
            else
                MLP_FN(fixed_block)(MLP_PASS 1, 4, in, panels, count, row, w + 16 * k, k ? y : b, k ? ldy : 0, in - k <= deep, y, ldy);
        }
        for (size_t i = 0; i < rows; i++)
            if (!finite[i])
                MLP_FN(panels)(MLP_PASS 1, in, panels, split, x + i * ldx, ldx, w, b, y + i * ldy, ldy);
    }
#else
    MLP_FN(panels)(MLP_PASS n, in, panels, split, x, ldx, w, b, y, ldy);
#endif
}

/*@ end */
#endif

/*@ tail : tile strip */
/* Dense over n samples for the last `width` < 16 outputs, which start at output j; room: y has room for 16. */
static MLP_INLINE void MLP_FN(tail)(MLP_P size_t n, const size_t in, const int width, const int room, const int split,
                                    const float *x, const size_t ldx, const MLP_W *w, const float *b, float *y,
                                    const size_t ldy, const size_t j)
{
    for (; n >= MLP_ROWS; n -= MLP_ROWS, x += MLP_ROWS * ldx, y += MLP_ROWS * ldy)
        MLP_FN(tile)(MLP_PASS MLP_ROWS, MLP_VECTORS(width), MLP_LAST(width), (size_t)width, split, 0, in, x, ldx, w, 0, 0, w,
                     b, 0, 1, y, ldy, j);
    for (; n > 0; n--, x += ldx, y += ldy)
        MLP_FN(strip)(MLP_PASS MLP_VECTORS(width), MLP_LAST(width), room ? MLP_LANES : MLP_LAST(width), (size_t)width,
                      split, in, x, w, b, y, j);
}

/*@ dots : dot */
/* Dense, one sample by `width` < 16 outputs by dot products; room: y has room for 16. Chosen by plan where that is less work
 * than strips of which lanes are idle. It also reads whole vectors, which the layer before has stored: 64 inputs are 4 loads, and
 * not 64, which the processor has to keep in mind until the last is done. */
static MLP_INLINE void MLP_FN(dot)(MLP_P const int width, const int room, const size_t in, const float *x, const MLP_W *w,
                                   const float *b, float *y, const size_t j)
{
    (void)j;
    MLP_UNROLL
    for (int c = 0; c < width; c += MLP_LANES) {
        const int n = width - c < MLP_LANES ? width - c : MLP_LANES;
        const mlp_vec v = MLP_OF(dot)(n, (size_t)MLP_DOTS(n, in), in, x, w + (size_t)c * in, MLP_BIAS(b, c));
        mlp_give(y + c, MLP_ACT(v, j + (size_t)c, n), room ? MLP_LANES : n);
    }
}

/* Dense over n samples for the last `width` < 16 outputs by dot products. */
static MLP_INLINE void MLP_FN(dots)(MLP_P size_t n, const size_t in, const int width, const int room, const float *x,
                                    const size_t ldx, const MLP_W *w, const float *b, float *y, const size_t ldy,
                                    const size_t j)
{
    for (; n > 0; n--, x += ldx, y += ldy)
        MLP_FN(dot)(MLP_PASS width, room, in, x, w, b, y, j);
}

/*@ end */
#if MLP_LANES == 1 /* one float at a time, whatever the machine has */
/*@ eights : simd */
/* Sums over `eights` blocks of eight inputs, in order, of four rows of weights `in` apart, or of one: a[i] += w[i][k] x[k].
 * Compilers load floats one at a time; a Cortex-M4 loads eight with one instruction (vldmia), which leaves 39
 * instructions for 32 multiply-adds, and 12 for 8. */
#if defined(MLP_GNU) && defined(__thumb2__) && defined(__ARM_FEATURE_FMA) && (__ARM_FP & 4)
#define MLP_EIGHTS 1
#define MLP_EIGHT(w, a)                                                                                                \
    "vldmia " w "!, {s8-s15}\n\tvfma.f32 " a ", s8, s0\n\tvfma.f32 " a ", s9, s1\n\tvfma.f32 " a ", s10, s2\n\t"          \
    "vfma.f32 " a ", s11, s3\n\tvfma.f32 " a ", s12, s4\n\tvfma.f32 " a ", s13, s5\n\tvfma.f32 " a ", s14, s6\n\t"      \
    "vfma.f32 " a ", s15, s7\n\t"
#define MLP_CLOBBERED "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"
static MLP_INLINE void mlp_eights_four(size_t eights, const size_t in, const float *x, const float *w, float a[4])
{
    const float *w1 = w + in, *w2 = w1 + in, *w3 = w2 + in;
    float a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
    for (; eights > 0; eights--)
        __asm__("vldmia %[x]!, {s0-s7}\n\t" MLP_EIGHT("%[w0]", "%[a0]") MLP_EIGHT("%[w1]", "%[a1]")
                    MLP_EIGHT("%[w2]", "%[a2]") MLP_EIGHT("%[w3]", "%[a3]")
                : [x] "+r"(x), [w0] "+r"(w), [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [a0] "+t"(a0),
                  [a1] "+t"(a1), [a2] "+t"(a2), [a3] "+t"(a3)
                :
                : MLP_CLOBBERED, "memory");
    a[0] = a0;
    a[1] = a1;
    a[2] = a2;
    a[3] = a3;
}

static MLP_INLINE float mlp_eights_one(size_t eights, const float *x, const float *w, float a)
{
    for (; eights > 0; eights--)
        __asm__("vldmia %[x]!, {s0-s7}\n\t" MLP_EIGHT("%[w0]", "%[a0]")
                : [x] "+r"(x), [w0] "+r"(w), [a0] "+t"(a)
                :
                : MLP_CLOBBERED, "memory");
    return a;
}
#else
#define MLP_EIGHTS 0
static MLP_INLINE void mlp_eights_four(size_t eights, const size_t in, const float *x, const float *w, float a[4])
{
    (void)eights, (void)in, (void)x, (void)w, (void)a;
}

static MLP_INLINE float mlp_eights_one(size_t eights, const float *x, const float *w, float a)
{
    (void)eights, (void)x, (void)w;
    return a;
}
#endif

/*@ rows : eights */
/* Dense over n samples, weights in rows [out][in]: plain loops for small machines. Four outputs share each input read;
 * bias first, then the inputs in order. Blocks of eight inputs first where the machine loads
 * eight floats at once; narrow weights go one by one. */
static void MLP_FN(rows)(MLP_P size_t n, const size_t in, const size_t out, const float *x, const size_t ldx,
                         const MLP_W *weights, const float *b, float *y, const size_t ldy)
{
    const size_t fours = out - out % 4, eights = MLP_EIGHTS && sizeof *weights == sizeof *x ? in / 8 : 0;
    for (; n > 0; n--, x += ldx, y += ldy) {
        const MLP_W *w = weights;
        size_t j;
        for (j = 0; j < fours; j += 4, w += 4 * in) {
            float a[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            if (b) {
                a[0] = b[j];
                a[1] = b[j + 1];
                a[2] = b[j + 2];
                a[3] = b[j + 3];
            }
            mlp_eights_four(eights, in, x, (const float *)(const void *)w, a);
            for (size_t k = 8 * eights; k < in; k++) {
                a[0] += MLP_AT(w[k]) * x[k];
                a[1] += MLP_AT(w[in + k]) * x[k];
                a[2] += MLP_AT(w[2 * in + k]) * x[k];
                a[3] += MLP_AT(w[3 * in + k]) * x[k];
            }
            y[j] = MLP_ACT(a[0], j, 1);
            y[j + 1] = MLP_ACT(a[1], j + 1, 1);
            y[j + 2] = MLP_ACT(a[2], j + 2, 1);
            y[j + 3] = MLP_ACT(a[3], j + 3, 1);
        }
        for (; j < out; j++, w += in) {
            float a = mlp_eights_one(eights, x, (const float *)(const void *)w, b ? b[j] : 0.0f);
            for (size_t k = 8 * eights; k < in; k++)
                a += MLP_AT(w[k]) * x[k];
            y[j] = MLP_ACT(a, j, 1);
        }
    }
}

/*@ end */
#endif

/*@ map : kernel */
/* Element by element over n rows of `width`: y = ACT(x); y may be x. */
static MLP_INLINE void MLP_FN(map)(MLP_P size_t n, const size_t width, const float *x, const size_t ldx, float *y,
                                   const size_t ldy)
{
    for (; n > 0; n--, x += ldx, y += ldy) {
        size_t j = 0;
        for (; j + MLP_LANES <= width; j += MLP_LANES)
            mlp_store(y + j, MLP_ACT(mlp_load(x + j), j, MLP_LANES));
        if (j < width)
            mlp_store_n(y + j, MLP_ACT(mlp_load_n(x + j, (int)(width - j)), j, (int)(width - j)), (int)(width - j));
    }
}

/*@ join : kernel */
/* Two operands element by element over n rows of `width`: y = ACT(x), which reads b; y may be x or b. */
static MLP_INLINE void MLP_FN(join)(MLP_P size_t n, const size_t width, const float *x, const size_t ldx, const float *b,
                                    const size_t ldb, float *y, const size_t ldy)
{
    for (; n > 0; n--, x += ldx, b += ldb, y += ldy) {
        size_t j = 0;
        for (; j + MLP_LANES <= width; j += MLP_LANES)
            mlp_store(y + j, MLP_ACT(mlp_load(x + j), j, MLP_LANES));
        if (j < width)
            mlp_store_n(y + j, MLP_ACT(mlp_load_n(x + j, (int)(width - j)), j, (int)(width - j)), (int)(width - j));
    }
}

/*@ copy : cold */
/* n rows of `width` floats. */
static MLP_COLD void mlp_copy(size_t n, const size_t width, const float *x, const size_t ldx, float *y, const size_t ldy)
{
    for (; n > 0; n--, x += ldx, y += ldy)
        for (size_t j = 0; j < width; j++)
            y[j] = x[j];
}

/*@ pack : cold */
/* Dense weights [out][in] into panels. */
static MLP_COLD void mlp_pack_dense(const size_t in, const size_t out, const int dot, const float *w, float *p)
{
    for (size_t o = 0; o < out; o += 16, w += 16 * in) {
        const size_t width = out - o < 16 ? out - o : 16;
        for (size_t k = 0; k < in; k++)
            for (size_t j = 0; j < width; j++)
                p[width < 16 && dot ? j * in + k : k * width + j] = w[j * in + k];
        p += width * in;
    }
}

/*@ unpack : cold */
/* Panels into dense weights [out][in]. */
static MLP_COLD void mlp_unpack_dense(const size_t in, const size_t out, const int dot, const float *p, float *w)
{
    for (size_t o = 0; o < out; o += 16, w += 16 * in) {
        const size_t width = out - o < 16 ? out - o : 16;
        for (size_t k = 0; k < in; k++)
            for (size_t j = 0; j < width; j++)
                w[j * in + k] = p[width < 16 && dot ? j * in + k : k * width + j];
        p += width * in;
    }
}

/*@ batchnorm : simd simd_sqrt */
/* Batch normalisation by running statistics: (x - mean) / sqrt(var + eps) * w + b. */
static MLP_INLINE mlp_vec mlp_batchnorm(mlp_vec x, mlp_vec mean, mlp_vec var, mlp_vec eps, mlp_vec w, mlp_vec b)
{
    return mlp_fma(x - mean, w / mlp_sqrt(var + eps), b);
}

/*@ row_sum : kernel cold simd_mask simd_reduce */
/* The first n lanes of v, and the others of `rest`. */
static MLP_INLINE mlp_vec mlp_first(mlp_vec v, int n, mlp_vec rest)
{
    static const float lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return mlp_select(mlp_gt(mlp_set((float)n), mlp_load(lane)), v, rest);
}

/* The largest value of a row (where there is a NaN, it or another value), and the sum by MLP_LANES partial sums. */
static MLP_INLINE float mlp_row_max(const float *x, size_t width)
{
    mlp_vec most = mlp_set(x[0]);
    size_t j = 0;
    for (; j + MLP_LANES <= width; j += MLP_LANES)
        most = mlp_max(mlp_load(x + j), most);
    if (j < width)
        most = mlp_max(mlp_first(mlp_load_n(x + j, (int)(width - j)), (int)(width - j), most), most);
    return mlp_hmax(most);
}

static MLP_INLINE float mlp_row_sum(const float *x, size_t width)
{
    mlp_vec sum = mlp_set(0.0f);
    size_t j = 0;
    for (; j + MLP_LANES <= width; j += MLP_LANES)
        sum = sum + mlp_load(x + j);
    if (j < width)
        sum = sum + mlp_load_n(x + j, (int)(width - j));
    return mlp_sum(sum);
}

/*@ exp_row : row_sum exp */
/* exp(x - top) of the last n features of a row, and 0 in the other lanes. These work out exp(0): what underflows takes the
 * processor long. */
static MLP_INLINE mlp_vec mlp_exp_row(const float *x, int n, mlp_vec top)
{
    return mlp_first(mlp_exp(mlp_first(mlp_load_n(x, n), n, top) - top), n, mlp_set(0.0f));
}

/*@ softmax : exp_row simd_transpose */
#if MLP_LANES > 1
/* The softmax of at most MLP_LANES rows of at most 16 features, turned round: a row in a lane, so that maxima and sums need
 * no steps across, and exp no lanes that are empty. They add in the order of mlp_softmax. Bound by the shuffles of the two
 * turns, eight cycles a row, and by exp: with AVX-512 ten features take 20 cycles a row, by mlp_softmax alone 36. */
static MLP_INLINE void mlp_softmax_lanes(const int n, const int width, const float *x, const size_t ldx, float *y,
                                         const size_t ldy)
{
    mlp_vec e[16], v[MLP_LANES], top, scale;
    for (int j = 0; j < width; j += MLP_LANES) {
        MLP_UNROLL
        for (int r = 0; r < MLP_LANES; r++)
            v[r] = mlp_take(x + (size_t)(r < n ? r : 0) * ldx + j, width - j);
        mlp_transpose(v);
        MLP_UNROLL
        for (int c = 0; c < MLP_LANES; c++)
            e[j + c] = v[c];
    }
    top = e[0];
    for (int c = 1; c < width; c++)
        top = mlp_max(e[c], top);
    for (int c = 0; c < width; c++)
        e[c] = mlp_exp(e[c] - top);
    MLP_UNROLL
    for (int c = 0; c < MLP_LANES; c++)
        v[c] = c < width ? e[c] : mlp_set(0.0f);
    for (int c = MLP_LANES; c < width; c++)
        v[c % MLP_LANES] = v[c % MLP_LANES] + e[c];
    for (int half = MLP_LANES / 2; half > 0; half /= 2)
        for (int c = 0; c < half; c++)
            v[c] = v[c] + v[c + half];
    scale = mlp_set(1.0f) / v[0];
    for (int j = 0; j < width; j += MLP_LANES) {
        MLP_UNROLL
        for (int c = 0; c < MLP_LANES; c++)
            v[c] = c < width - j ? mlp_mul(e[j + c], scale) : scale;
        mlp_transpose(v);
        MLP_UNROLL
        for (int r = 0; r < MLP_LANES; r++)
            if (r < n)
                mlp_give(y + (size_t)r * ldy + j, v[r], width - j);
    }
}
#endif

/* exp(x - max) / sum(exp(x - max)) of each of n rows; y may be x. The largest logit comes off first, so that nothing
 * overflows; a NaN, or +inf, in a row makes the whole row NaN. */
static MLP_COLD void mlp_softmax(size_t n, const size_t width, const float *x, const size_t ldx, float *y, const size_t ldy)
{
#if MLP_LANES > 1
    for (; width <= 16 && n >= MLP_LANES; n -= MLP_LANES, x += MLP_LANES * ldx, y += MLP_LANES * ldy)
        mlp_softmax_lanes(MLP_LANES, (int)width, x, ldx, y, ldy);
    if (width <= 16 && n > MLP_LANES / 4) {
        mlp_softmax_lanes((int)n, (int)width, x, ldx, y, ldy);
        n = 0;
    }
#endif
    for (; n > 0; n--, x += ldx, y += ldy) {
        const mlp_vec top = mlp_set(mlp_row_max(x, width));
        mlp_vec sum = mlp_set(0.0f), rest = sum, scale; /* rest stays in a register: stored in part, it is not read back at once */
        size_t j = 0;
        for (; j + MLP_LANES <= width; j += MLP_LANES) {
            const mlp_vec e = mlp_exp(mlp_load(x + j) - top);
            mlp_store(y + j, e);
            sum = sum + e;
        }
        if (j < width) {
            rest = mlp_exp_row(x + j, (int)(width - j), top);
            sum = sum + rest;
        }
        scale = mlp_set(1.0f / mlp_sum(sum));
        for (j = 0; j + MLP_LANES <= width; j += MLP_LANES)
            mlp_store(y + j, mlp_load(y + j) * scale);
        if (j < width)
            mlp_store_n(y + j, rest * scale, (int)(width - j));
    }
}

/*@ log_softmax : exp_row log */
/* (x - max) - log(sum(exp(x - max))) of each of n rows; y may be x. */
static MLP_COLD void mlp_log_softmax(size_t n, const size_t width, const float *x, const size_t ldx, float *y, const size_t ldy)
{
    for (; n > 0; n--, x += ldx, y += ldy) {
        const mlp_vec top = mlp_set(mlp_row_max(x, width));
        mlp_vec sum = mlp_set(0.0f);
        size_t j = 0;
        for (; j + MLP_LANES <= width; j += MLP_LANES)
            sum = sum + mlp_exp(mlp_load(x + j) - top);
        if (j < width)
            sum = sum + mlp_exp_row(x + j, (int)(width - j), top);
        const mlp_vec log_sum = mlp_log(mlp_set(mlp_sum(sum)));
        for (j = 0; j + MLP_LANES <= width; j += MLP_LANES)
            mlp_store(y + j, mlp_load(x + j) - top - log_sum);
        if (j < width)
            mlp_store_n(y + j, mlp_load_n(x + j, (int)(width - j)) - top - log_sum, (int)(width - j));
    }
}

/*@ layernorm : row_sum simd_sqrt */
/* (x - mean) / sqrt(var + eps) * w + b of each of n rows, mean and variance of the row itself; y may be x. */
static MLP_COLD void mlp_layernorm(size_t n, const size_t width, const float eps, const float *w, const float *b, const float *x,
                          const size_t ldx, float *y, const size_t ldy)
{
    const float share = 1.0f / (float)width;
    const size_t whole = width - width % MLP_LANES;
    for (; n > 0; n--, x += ldx, y += ldy) {
        const mlp_vec mean = mlp_set(mlp_row_sum(x, width) * share);
        float square[MLP_LANES];
        mlp_vec part = mlp_set(0.0f);
        size_t j;
        for (j = 0; j < whole; j += MLP_LANES) {
            const mlp_vec d = mlp_load(x + j) - mean;
            part = mlp_fma(d, d, part);
        }
        mlp_store(square, part);
        for (size_t i = 0; i < width % MLP_LANES; i++) {
            float lane[MLP_LANES];
            mlp_store(lane, mean);
            const float d = x[whole + i] - lane[0];
            square[i] += d * d;
        }
        const mlp_vec var = mlp_set(mlp_sum(mlp_load(square)) * share);
        const mlp_vec root = mlp_sqrt(var + mlp_set(eps));
        for (j = 0; j < whole; j += MLP_LANES)
            mlp_store(y + j, mlp_fma((mlp_load(x + j) - mean) / root, mlp_load(w + j), mlp_load(b + j)));
        if (j < width) {
            const int rest = (int)(width - j);
            mlp_store_n(
                y + j,
                mlp_fma((mlp_load_n(x + j, rest) - mean) / root, mlp_load_n(w + j, rest), mlp_load_n(b + j, rest)),
                rest);
        }
    }
}

/*@ end */
