/* update.h: the parameters themselves, over simd.h and kernel.h: first weights and the steps of the optimisers, over one flat
 * block and one flat gradient. Printed into generated files like kernel.h. */
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

/*@ sgd : kernel ahead */
/* w -= lr d, d = scale g + decay w; with momentum v = momentum v + d stands for d (nesterov: d + momentum v). As
 * torch.optim.SGD. Bound by memory: three floats go there or come for each parameter, at 19 GB/s for 8 million of them. */
static void mlp_sgd(const size_t count, float *w, const float *g, const float scale, const float lr, const float decay)
{
    for (size_t i = 0; i < count; i += MLP_LANES) {
        const int left = count - i < MLP_LANES ? (int)(count - i) : MLP_LANES;
        MLP_FETCH(w, i);
        MLP_FETCH(g, i);
        const mlp_vec old = mlp_take(w + i, left);
        const mlp_vec d = mlp_fma(mlp_set(decay), old, mlp_mul(mlp_set(scale), mlp_take(g + i, left)));
        mlp_give(w + i, mlp_fnma(mlp_set(lr), d, old), left);
    }
}

/*@ momentum : kernel ahead */
/* As torch.optim.SGD with momentum; state: count floats, zero at first. */
static void mlp_momentum(const size_t count, float *w, const float *g, float *state, const float scale, const float lr,
                         const float decay, const float momentum, const int nesterov)
{
    for (size_t i = 0; i < count; i += MLP_LANES) {
        const int left = count - i < MLP_LANES ? (int)(count - i) : MLP_LANES;
        MLP_FETCH(w, i);
        MLP_FETCH(g, i);
        MLP_FETCH(state, i);
        const mlp_vec old = mlp_take(w + i, left), mu = mlp_set(momentum);
        const mlp_vec d = mlp_fma(mlp_set(decay), old, mlp_mul(mlp_set(scale), mlp_take(g + i, left)));
        const mlp_vec v = mlp_fma(mu, mlp_take(state + i, left), d);
        mlp_give(state + i, v, left);
        mlp_give(w + i, mlp_fnma(mlp_set(lr), nesterov ? mlp_fma(mu, v, d) : v, old), left);
    }
}

/*@ rmsprop : kernel ahead simd_sqrt */
/* s = alpha s + (1 - alpha) d^2, w -= lr d / (sqrt(s) + eps), as torch.optim.RMSprop; state: count floats, zero at first. */
static void mlp_rmsprop(const size_t count, float *w, const float *g, float *state, const float scale, const float lr,
                        const float decay, const float alpha, const float eps)
{
    for (size_t i = 0; i < count; i += MLP_LANES) {
        const int left = count - i < MLP_LANES ? (int)(count - i) : MLP_LANES;
        MLP_FETCH(w, i);
        MLP_FETCH(g, i);
        MLP_FETCH(state, i);
        const mlp_vec old = mlp_take(w + i, left);
        const mlp_vec d = mlp_fma(mlp_set(decay), old, mlp_mul(mlp_set(scale), mlp_take(g + i, left)));
        const mlp_vec s = mlp_fma(mlp_set(alpha), mlp_take(state + i, left), mlp_mul(mlp_set(1.0f - alpha), mlp_mul(d, d)));
        mlp_give(state + i, s, left);
        mlp_give(w + i, mlp_fnma(mlp_set(lr), d / (mlp_sqrt(s) + mlp_set(eps)), old), left);
    }
}

/*@ adam : kernel ahead simd_sqrt */
/* As torch.optim.Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019) when the decay is decoupled. step
 * counts from 1; state: 2 count floats, zero at first. Bound by memory, seven floats for each parameter (at 24 GB/s for 8
 * million), and by one root and one quotient where all stay in L2. */
static void mlp_adam(const size_t count, float *w, const float *g, float *state, unsigned long step, const float scale,
                     const float lr, const float decay, const int decoupled, const float beta1, const float beta2,
                     const float eps)
{
    double power1 = 1.0, power2 = 1.0, b1 = (double)beta1, b2 = (double)beta2;
    float lane[MLP_LANES];
    for (; step > 0; step >>= 1, b1 *= b1, b2 *= b2)
        if (step & 1) {
            power1 *= b1;
            power2 *= b2;
        }
    mlp_store(lane, mlp_sqrt(mlp_set((float)(1.0 - power2))));
    const mlp_vec size = mlp_set((float)((double)lr / (1.0 - power1))), root = mlp_set(1.0f / lane[0]);
    const mlp_vec keep = mlp_set(decoupled ? 1.0f - lr * decay : 1.0f), l2 = mlp_set(decoupled ? 0.0f : decay);
    for (size_t i = 0; i < count; i += MLP_LANES) {
        const int left = count - i < MLP_LANES ? (int)(count - i) : MLP_LANES;
        MLP_FETCH(w, i);
        MLP_FETCH(g, i);
        MLP_FETCH(state, i);
        MLP_FETCH(state + count, i);
        const mlp_vec old = mlp_take(w + i, left);
        const mlp_vec d = mlp_fma(l2, old, mlp_mul(mlp_set(scale), mlp_take(g + i, left)));
        const mlp_vec m0 = mlp_take(state + i, left), v0 = mlp_take(state + count + i, left);
        const mlp_vec m = mlp_fma(mlp_set(1.0f - beta1), d - m0, m0);
        const mlp_vec v = mlp_fma(mlp_set(1.0f - beta2), mlp_mul(d, d), mlp_mul(mlp_set(beta2), v0));
        mlp_give(state + i, m, left);
        mlp_give(state + count + i, v, left);
        const mlp_vec rate = m / mlp_fma(mlp_sqrt(v), root, mlp_set(eps));
        mlp_give(w + i, mlp_fnma(size, rate, mlp_mul(old, keep)), left);
    }
}

/*@ end */
