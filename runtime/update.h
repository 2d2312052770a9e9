/* update.h: the parameters themselves, over simd.h, kernel.h and rule.h: first weights and the steps of the optimisers, over one
 * flat block and one flat gradient. Printed into generated files like kernel.h. MLP_UPDATE(r, i, g, n): which
 * of the steps below it is; MLP_BY_METHOD(call): the call that makes many of them, for the method of the rule r. */
/* clang-format off */

/*@ random : simd */
/* PCG32 (XSH RR 64/32; O'Neill 2014): the next 32 bits, and a number in [0, 1) of 24 bits. */
static uint32_t mlp_random(uint64_t *state)
{
    const uint64_t old = *state;
    const uint32_t bits = (uint32_t)((old >> 18 ^ old) >> 27), turn = (uint32_t)(old >> 59);
    *state = old * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return bits >> turn | bits << (-turn & 31u);
}

static float mlp_uniform(uint64_t *state)
{
    return (float)(mlp_random(state) >> 8) * (1.0f / 16777216.0f);
}

/*@ fill : random */
/* count numbers, uniform in -bound .. bound, or the constant `center` if bound is 0. */
static void mlp_fill(const size_t count, const float center, const float bound, uint64_t *state, float *w)
{
    for (size_t i = 0; i < count; i++)
        w[i] = bound > 0.0f ? center + bound * (2.0f * mlp_uniform(state) - 1.0f) : center;
}

/*@ clip : kernel simd_reduce simd_sqrt */
/* What to multiply the gradient by so that its norm is at most `most` (PyTorch's clip_grad_norm_). */
static float mlp_clip(const size_t count, const float *g, const float most)
{
    mlp_vec sum = mlp_set(0.0f);
    float lane[MLP_LANES];
    for (size_t i = 0; i < count; i += MLP_LANES) {
        const mlp_vec v = mlp_take(g + i, count - i < MLP_LANES ? (int)(count - i) : MLP_LANES);
        sum = mlp_fma(v, v, sum);
    }
    mlp_store(lane, mlp_sqrt(mlp_set(mlp_sum(sum))));
    return lane[0] > most ? most / (lane[0] + 1e-6f) : 1.0f;
}

/*@ ahead : simd */
/* MLP_FETCH: in a loop over floats p[i], asks for those that come half a page later: updates compute little and wait for
 * memory, whose own fetching ahead ends at each page. */
#define MLP_FETCH(p, i) mlp_prefetch((p) + (i) + 512)

/*@ sgd : rule kernel */
/* The steps of the optimisers, for n parameters from number i on whose gradient is g; d = g + decay w. */

/* w -= lr d, as torch.optim.SGD. */
static MLP_INLINE void mlp_sgd(const mlp_rule *r, const size_t i, const mlp_vec g, const int n)
{
    const mlp_vec w = mlp_take(r->w + i, n);
    const mlp_vec d = mlp_fma(mlp_set(r->decay), w, g);
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), d, w), n);
}

/*@ momentum : rule kernel */
/* a = first a + d, w -= lr a, as torch.optim.SGD with momentum. */
static MLP_INLINE void mlp_momentum(const mlp_rule *r, const size_t i, const mlp_vec g, const int n)
{
    const mlp_vec w = mlp_take(r->w + i, n);
    const mlp_vec d = mlp_fma(mlp_set(r->decay), w, g);
    const mlp_vec a = mlp_fma(mlp_set(r->first), mlp_take(r->a + i, n), d);
    mlp_give(r->a + i, a, n);
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), a, w), n);
}

/*@ nesterov : rule kernel */
/* The same, with w -= lr (d + first a). */
static MLP_INLINE void mlp_nesterov(const mlp_rule *r, const size_t i, const mlp_vec g, const int n)
{
    const mlp_vec w = mlp_take(r->w + i, n);
    const mlp_vec d = mlp_fma(mlp_set(r->decay), w, g);
    const mlp_vec a = mlp_fma(mlp_set(r->first), mlp_take(r->a + i, n), d);
    mlp_give(r->a + i, a, n);
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), mlp_fma(mlp_set(r->first), a, d), w), n);
}

/*@ rmsprop : rule kernel simd_sqrt */
/* a = second a + rest d^2, w -= lr d / (sqrt(a) + eps), as torch.optim.RMSprop. */
static MLP_INLINE void mlp_rmsprop(const mlp_rule *r, const size_t i, const mlp_vec g, const int n)
{
    const mlp_vec w = mlp_take(r->w + i, n);
    const mlp_vec d = mlp_fma(mlp_set(r->decay), w, g);
    const mlp_vec a = mlp_fma(mlp_set(r->second), mlp_take(r->a + i, n), mlp_mul(mlp_set(r->rest), mlp_mul(d, d)));
    mlp_give(r->a + i, a, n);
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), d / (mlp_sqrt(a) + mlp_set(r->eps)), w), n);
}

/*@ root_quotient : simd simd_sqrt */
/* a / (root sqrt(b) + eps), b not negative. With AVX-512 to 2 units in the last place, by approximations to 14 bits and a step
 * of Newton's method each: 16 instructions, where one root and one quotient take the divider 34 cycles. */
static MLP_INLINE mlp_vec mlp_root_quotient(const mlp_vec a, const mlp_vec b, const mlp_vec root, const mlp_vec eps)
{
#if defined(MLP_AVX512)
    const mlp_vec c = mlp_max(mlp_set(1.2e-38f), b); /* not 0; a NaN stays, and what is infinite gives one */
    const mlp_vec y = _mm512_maskz_rsqrt14_ps(0xffff, c), s = mlp_mul(c, y);
    const mlp_vec d = mlp_fma(mlp_fma(mlp_mul(mlp_set(0.5f), s), mlp_fnma(s, y, mlp_set(1.0f)), s), root, eps);
    const mlp_vec q = _mm512_maskz_rcp14_ps(0xffff, d), r = mlp_mul(a, q);
    return mlp_fma(mlp_fnma(d, r, a), q, r);
#else
    return a / mlp_fma(mlp_sqrt(b), root, eps);
#endif
}

/*@ adam : rule kernel root_quotient */
/* a += first (d - a), b = second b + rest d^2, w -= lr a / (root sqrt(b) + eps), as torch.optim.Adam (Kingma and Ba 2015);
 * or AdamW (Loshchilov and Hutter 2019): d = g, and w is multiplied by `keep` first. */
static MLP_INLINE void mlp_adam_by(const mlp_rule *r, const size_t i, const int decoupled, const mlp_vec g, const int n)
{
    const mlp_vec w = mlp_take(r->w + i, n), a0 = mlp_take(r->a + i, n), b0 = mlp_take(r->b + i, n);
    const mlp_vec d = decoupled ? g : mlp_fma(mlp_set(r->decay), w, g);
    const mlp_vec a = mlp_fma(mlp_set(r->first), d - a0, a0);
    const mlp_vec b = mlp_fma(mlp_set(r->rest), mlp_mul(d, d), mlp_mul(mlp_set(r->second), b0));
    mlp_give(r->a + i, a, n);
    mlp_give(r->b + i, b, n);
    const mlp_vec rate = mlp_root_quotient(a, b, mlp_set(r->root), mlp_set(r->eps));
    mlp_give(r->w + i, mlp_fnma(mlp_set(r->lr), rate, decoupled ? mlp_mul(w, mlp_set(r->keep)) : w), n);
}

#define mlp_adam(r, i, g, n) mlp_adam_by(r, i, 0, g, n)
#define mlp_adamw(r, i, g, n) mlp_adam_by(r, i, 1, g, n)

/*@ adam_numbers : adam */
/* What of Adam's numbers depends on the step, which counts from 1. */
static void mlp_adam_numbers(mlp_rule *r, unsigned long step, const float lr, const double beta1, const double beta2)
{
    double power1 = 1.0, power2 = 1.0, b1 = beta1, b2 = beta2;
    float lane[MLP_LANES];
    for (; step > 0; step >>= 1, b1 *= b1, b2 *= b2)
        if (step & 1) {
            power1 *= b1;
            power2 *= b2;
        }
    mlp_store(lane, mlp_sqrt(mlp_set((float)(1.0 - power2))));
    r->lr = (float)((double)lr / (1.0 - power1));
    r->root = 1.0f / lane[0];
}

/*@ update : rule kernel ahead */
/* The step for `count` parameters from number `from` on. Bound by memory: three floats go there or come for each parameter
 * by SGD, at 19 GB/s for 8 million of them, and seven by Adam, at 24 GB/s; where all stay in L2, by some 20 instructions. */
static MLP_INLINE void mlp_update_all(const mlp_rule *r, const size_t from, const size_t count)
{
    for (size_t i = from; i < from + count; i += MLP_LANES) {
        const int left = from + count - i < MLP_LANES ? (int)(from + count - i) : MLP_LANES;
        MLP_FETCH(r->w, i);
        MLP_FETCH(r->g, i);
        if (r->a)
            MLP_FETCH(r->a, i);
        if (r->b)
            MLP_FETCH(r->b, i);
        MLP_UPDATE(r, i, mlp_mul(mlp_set(r->scale), mlp_take(r->g + i, left)), left);
    }
}

static void mlp_update(const mlp_rule *rule, const size_t from, const size_t count)
{
    mlp_rule r = *rule;
    MLP_BY_METHOD(mlp_update_all(&r, from, count));
}

/*@ update_tile : rule kernel cold */
/* The step for `rows` rows, `down` apart, by `cols` vectors, the last of `last` lanes, in panels `across` apart, from parameter
 * number i on; sums: its gradient, in rows of whole groups. */
static MLP_INLINE void mlp_update_rows(const mlp_rule *r, size_t i, int rows, const int cols, const int last, const float *sums,
                                       const size_t across, const size_t down)
{
    for (; rows > 0; rows--, i += down, sums += 16 * MLP_GROUP) {
        MLP_UNROLL
        for (int c = 0; c < cols; c++) {
            const int n = c < cols - 1 ? MLP_LANES : last;
            MLP_UPDATE(r, i + MLP_PLACE(c * MLP_LANES, across), mlp_take(sums + c * MLP_LANES, n), n);
        }
    }
}

/* The same for a whole tile, and for a part of one. Functions of their own: their numbers would take the registers of the sums.
 * A tile's sums come from the first cache, what is changed has been fetched: bound by the instructions, 5 a vector by SGD and
 * 28 by Adam, which take 0.03 of the tile's own time for 128 samples, and 0.15 for 256. */
static MLP_COLD void mlp_update_tile(const mlp_rule *rule, const size_t i, const float *sums, const size_t across,
                                     const size_t down)
{
    mlp_rule r = *rule;
    MLP_BY_METHOD(mlp_update_rows(&r, i, MLP_ROWS, MLP_COLS, MLP_LANES, sums, across, down));
}

static MLP_COLD void mlp_update_part(const mlp_rule *rule, const size_t i, const int rows, const int cols, const int last,
                                     const float *sums, const size_t across, const size_t down)
{
    mlp_rule r = *rule;
    for (int c = 0; c < cols; c++)
        MLP_BY_METHOD(mlp_update_rows(&r, i + MLP_PLACE(c * MLP_LANES, across), rows, 1, c < cols - 1 ? MLP_LANES : last,
                                      sums + c * MLP_LANES, across, down));
}

/*@ end */
