/* vmath.h: elementary functions, activations and their derivatives, one form for every unit of simd.h.
 *
 * Marker lines as in simd.h: each snippet is printed into the generated files that need it.
 *
 * "ulp": units in the last place of the exact result, the largest error over all floats as measured by
 * tests/long/vmath_all.c, with or without fused multiply-add; denormal results count in units of 2^-149.
 * NaN gives NaN. Nothing here calls the C library or branches on data; tables only lie in registers (see
 * exp, pieces). The polynomials are our own minimax fits by the exchange of E. Remez (1934; J.-M. Muller,
 * Elementary Functions, ch. 3). */
#ifndef MLP_VMATH_H
#define MLP_VMATH_H

#include "simd.h"

/*@ clamp : simd */
/* x brought into lo .. hi; NaN stays NaN. */
static MLP_INLINE mlp_vec mlp_clamp(mlp_vec x, float lo, float hi)
{
    return mlp_min(mlp_set(hi), mlp_max(mlp_set(lo), x));
}

/*@ split : simd */
/* x = n ln 2 + r with n whole and |r| <= 0.3467, for |x| < 1000. Gives r, and in *t the number n + shift:
 * adding shift = 1.5 * 2^23 rounds to whole numbers. ln 2 in two parts, the first of 15 bits, so that n
 * times it is exact (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980). */
static MLP_INLINE mlp_vec mlp_split(mlp_vec x, mlp_vec *t)
{
    const mlp_vec shift = mlp_set(12582912.0f);
    mlp_vec n;
    *t = mlp_pin(mlp_fma(x, mlp_set(1.44269504f), shift));
    n = *t - shift;
    return mlp_fma(n, mlp_set(-1.42860677e-6f), mlp_fma(n, mlp_set(-0.693145752f), x));
}

/*@ scale : simd simd_bits */
/* v * 2^n, where t = n + 1.5 * 2^23 and |n| <= 252: in two factors, the first of which makes no error, so
 * that denormals come out rounded once. */
static MLP_INLINE mlp_vec mlp_scale(mlp_vec v, mlp_vec t)
{
#if defined(MLP_AVX512)
    return _mm512_maskz_scalef_ps(0xffff, v, t - mlp_set(12582912.0f));
#else
    const mlp_ivec n = mlp_bits(t), half = n >> 1, one = mlp_iset(0x3f800000u);
    return mlp_mul(v * mlp_unbits((half << 23) + one), mlp_unbits(((n - half) << 23) + one));
#endif
}

/*@ power : simd simd_bits */
/* 2^n, where t = n + 1.5 * 2^23 and -126 <= n <= 127. */
static MLP_INLINE mlp_vec mlp_power(mlp_vec t)
{
#if defined(MLP_AVX512)
    return _mm512_maskz_scalef_ps(0xffff, mlp_set(1.0f), t - mlp_set(12582912.0f));
#else
    return mlp_unbits((mlp_bits(t) << 23) + mlp_iset(0x3f800000u));
#endif
}

/*@ exp_small : simd */
/* (e^r - 1 - r) / r^2 for |r| <= 0.3467, s = r^2: a polynomial; for e^r an error of 2^-28. */
static MLP_INLINE mlp_vec mlp_exp_small(mlp_vec r, mlp_vec s)
{
    const mlp_vec low = mlp_fma(r, mlp_set(0.1666652052f), mlp_set(0.4999999344f));
    const mlp_vec high = mlp_fma(r, mlp_set(0.008368730995f), mlp_set(0.04166838942f));
    return mlp_fma(mlp_fma(s, mlp_set(0.00138145694f), high), s, low);
}

/*@ exp : clamp split scale exp_small */
#if defined(MLP_AVX512)
static const float mlp_steps[32] MLP_ALIGN = {
    1.0f, 1.02189715f, 1.04427378f, 1.0671404f, 1.09050773f, 1.11438674f, 1.13878863f, 1.16372486f,
    1.18920712f, 1.21524736f, 1.24185781f, 1.26905096f, 1.29683955f, 1.32523664f, 1.35425555f,
    1.38390988f, 1.41421356f, 1.44518081f, 1.47682615f, 1.50916443f, 1.54221083f, 1.57598085f,
    1.61049033f, 1.64575548f, 1.68179283f, 1.7186193f, 1.75625216f, 1.79470908f, 1.83400809f,
    1.87416763f, 1.91520656f, 1.95714412f};
#endif

/* e^x = 2^n e^r. At most 0.91 ulp, 1.2 without fused multiply-add. With AVX-512 n counts 32nds, |r| <= 0.0109, and
 * the fraction of 2^n, one of 32 steps, is found as in pieces, by the low five bits of t = n + 1.5 * 2^18: at most
 * 1.1 ulp; 13 instructions, 6.6 cycles a vector in place of 7.9. Overflows to infinity, underflows through the
 * denormals to 0. */
static MLP_INLINE mlp_vec mlp_exp(mlp_vec x)
{
    const mlp_vec c = mlp_clamp(x, -104.0f, 89.0f);
#if defined(MLP_AVX512)
    const mlp_vec shift = mlp_set(393216.0f), t = mlp_pin(mlp_fma(c, mlp_set(1.44269504f), shift)), n = t - shift;
    const mlp_vec r = mlp_fma(n, mlp_set(1.9046543e-9f), mlp_fma(n, mlp_set(-0.693147182f), c));
    const mlp_vec step = _mm512_permutex2var_ps(mlp_load(mlp_steps), (__m512i)t, mlp_load(mlp_steps + 16));
    const mlp_vec q = mlp_fma(r * r, mlp_fma(r, mlp_set(0.16666667f), mlp_set(0.5f)), r);
    return _mm512_maskz_scalef_ps(0xffff, mlp_fma(step, q, step), n);
#else
    const mlp_vec one = mlp_set(1.0f);
    mlp_vec t, r = mlp_split(c, &t);
    return mlp_scale(mlp_fma(mlp_fma(mlp_exp_small(r, r * r), r, one), r, one), t);
#endif
}

/*@ exp_ratio : simd */
/* e^r = num / den for |r| <= 0.3467: (1 + tanh(r/2)) / (1 - tanh(r/2)), and tanh(r/2) = r odd / even, with
 * an error of 2^-32. For those who divide anyway. Gives num. */
static MLP_INLINE mlp_vec mlp_exp_ratio(mlp_vec r, mlp_vec *den)
{
    const mlp_vec s = r * r;
    const mlp_vec even = mlp_fma(s, mlp_set(0.09997863826f), mlp_set(1.0f));
    const mlp_vec odd = mlp_fma(s, mlp_set(0.008322689304f), mlp_set(0.5f));
    *den = mlp_fnma(r, odd, even);
    return mlp_fma(r, odd, even);
}

/*@ expm1_core : simd split power exp_small */
/* e^x - 1 for -18 <= x <= 88 or NaN: 2^n (e^r - 1) + (2^n - 1), the last exact, or else of no weight. */
static MLP_INLINE mlp_vec mlp_expm1_core(mlp_vec x)
{
    mlp_vec t, r = mlp_split(x, &t);
    const mlp_vec s = r * r, q = mlp_fma(s, mlp_exp_small(r, s), r), power = mlp_power(t);
    return mlp_fma(power, q, power - mlp_set(1.0f));
}

/*@ expm1 : simd_mask clamp exp expm1_core */
/* e^x - 1, as e^x from 30 on. At most 1.7 ulp; -0 stays -0. */
static MLP_INLINE mlp_vec mlp_expm1(mlp_vec x)
{
    mlp_vec y = mlp_expm1_core(mlp_clamp(x, -18.0f, 32.0f));
    y = mlp_select(mlp_gt(x, mlp_set(30.0f)), mlp_exp(x), y);
    return mlp_select(mlp_eq(x, mlp_set(0.0f)), x, y);
}

/*@ log_small : simd */
/* k ln 2 + log(1 + f) for 0.707 <= 1 + f <= 1.415, k whole: f - f^2/2 + f^3 P(f), error 2^-30. */
static MLP_INLINE mlp_vec mlp_log_small(mlp_vec f, mlp_vec k)
{
    const mlp_vec s = f * f;
    mlp_vec p = mlp_fma(mlp_set(0.07105190612f), f, mlp_set(-0.119622031f));
    p = mlp_fma(p, f, mlp_set(0.1188644146f));
    p = mlp_fma(p, f, mlp_set(-0.1235895966f));
    p = mlp_fma(p, f, mlp_set(0.1421343697f));
    p = mlp_fma(p, f, mlp_set(-0.1667034941f));
    p = mlp_fma(p, f, mlp_set(0.2000251159f));
    p = mlp_fma(p, f, mlp_set(-0.2499997359f));
    p = mlp_fma(p, f, mlp_set(0.3333330652f));
    p = mlp_fma(p, f, mlp_set(-0.5f));
    p = mlp_fma(p, s, mlp_mul(k, mlp_set(1.42860677e-6f)));
    return mlp_fma(k, mlp_set(0.693145752f), f + p);
}

/*@ log_ends : simd simd_bits simd_mask */
/* y, but -infinity where x is 0, NaN where it is less, and x where it is infinite or NaN. */
static MLP_INLINE mlp_vec mlp_log_ends(mlp_vec x, mlp_vec y)
{
    const mlp_vec zero = mlp_set(0.0f), inf = mlp_unbits(mlp_iset(0x7f800000u));
    y = mlp_select(mlp_gt(x, zero), y, mlp_select(mlp_eq(x, zero), -inf, mlp_unbits(mlp_iset(0x7fc00000u))));
    return mlp_select(mlp_gt(inf, x), y, x);
}

/*@ log : simd_bits simd_mask log_small log_ends */
/* log x = k ln 2 + log m, 0.707 <= m < 1.415. At most 0.9 ulp. -infinity at 0, NaN below. */
static MLP_INLINE mlp_vec mlp_log(mlp_vec x)
{
    const mlp_mask denormal = mlp_gt(mlp_set(1.17549435e-38f), x);
    const mlp_vec big = mlp_select(denormal, x * mlp_set(33554432.0f), x);
    const mlp_ivec n = mlp_sar(mlp_bits(big) - mlp_iset(0x3f3504f3u), 23);
    const mlp_vec m = mlp_unbits(mlp_bits(big) - (n << 23));
    const mlp_vec k = mlp_tofloat(n) - mlp_select(denormal, mlp_set(25.0f), mlp_set(0.0f));
    return mlp_log_ends(x, mlp_log_small(m - mlp_set(1.0f), k));
}

/*@ log1p : scale simd_bits simd_mask log_small log_ends */
/* log(1 + x) = k ln 2 + log(1 + f), k from the rounded 1 + x, and f = 2^-k x + (2^-k - 1) with one
 * rounding. At most 1.6 ulp; -infinity at -1, NaN below, -0 stays -0. */
static MLP_INLINE mlp_vec mlp_log1p(mlp_vec x)
{
    const mlp_vec one = mlp_set(1.0f), c = mlp_max(-one, x);
    const mlp_vec k = mlp_tofloat(mlp_sar(mlp_bits(one + c) - mlp_iset(0x3f3504f3u), 23));
    const mlp_vec t = mlp_set(12582912.0f) - k;
    const mlp_vec y = mlp_log_small(mlp_scale(c, t) + (mlp_scale(one, t) - one), k);
    return mlp_select(mlp_eq(x, mlp_set(0.0f)), x, mlp_log_ends(one + x, y));
}

/*@ pieces : simd simd_bits */
/* AVX-512 finds one of 32 numbers for each lane in two registers, with one instruction: enough for a function
 * in 32 pieces, each a polynomial of degree 4. No division, and half the latency of other ways. The exponent and
 * the upper digits of z + from say which piece: narrow ones near zero, wide ones far away. Rows of a table: the
 * coefficients c, in the order of the low five bits of the piece's number, for c0 + z (c1 + r (c2 + r (c3 + r c4))),
 * where r is z less some number not far away, which keeps rounding errors small. */
#if defined(MLP_AVX512)
static MLP_INLINE mlp_vec mlp_pick(const float row[32], mlp_ivec number)
{
    return _mm512_permutex2var_ps(mlp_load(row), (__m512i)number, mlp_load(row + 16));
}

static MLP_INLINE mlp_vec mlp_pieces(mlp_vec z, mlp_vec r, mlp_ivec number, const float table[5][32])
{
    mlp_vec p = mlp_fma(r, mlp_pick(table[4], number), mlp_pick(table[3], number));
    p = mlp_fma(r, p, mlp_pick(table[2], number));
    p = mlp_fma(r, p, mlp_pick(table[1], number));
    return mlp_fma(z, p, mlp_pick(table[0], number));
}
#endif

/*@ tanh : pieces power */
#if defined(MLP_AVX512)
static const float mlp_tanh_pieces[5][32] MLP_ALIGN = {
    {-0.1555397f, -0.14359078f, -0.073651746f, 0.03927526f, 0.17420033f, 0.31300992f, 0.44345182f, 0.5588352f,
     0.6960526f, 0.8259584f, 0.904677f, 0.94962215f, 0.9741522f, 0.9870666f, 0.99366677f, 0.9969564f,
     0.99897397f, 1.0f, 0.0f, 7.727505e-7f, 9.99996e-6f, 4.7709287e-5f, 0.00013297444f, 0.00026689982f,
     0.00036359133f, -0.00074060535f, -0.0061314944f, -0.018755613f, -0.040134873f, -0.068799116f,
     -0.10051493f, -0.1295854f},
    {0.7182151f, 0.7100824f, 0.6625846f, 0.586415f, 0.4965018f, 0.4055353f, 0.321778f, 0.24938194f,
     0.16582146f, 0.0903f, 0.046997808f, 0.023609908f, 0.011525254f, 0.0054935715f, 0.0025662761f,
     0.0011782702f, 0.00037224422f, 0.0f, 0.33255452f, 0.45083988f, 0.5315993f, 0.5874924f, 0.62114054f,
     0.6389704f, 0.6445196f, 0.6362799f, 0.6281293f, 0.6294822f, 0.6408694f, 0.65938956f, 0.680775f,
     0.7005447f},
    {-0.35882565f, -0.35333958f, -0.32211334f, -0.274551f, -0.22190636f, -0.17222434f, -0.12959696f,
     -0.095223255f, -0.05857129f, -0.02885642f, -0.013676112f, -0.0062967245f, -0.002834077f, -0.0012523191f,
     -0.00054497627f, -0.00023411278f, -6.745908e-5f, 0.0f, -0.87275445f, -0.6177981f, -0.43263444f,
     -0.29636168f, -0.20889874f, -0.15926245f, -0.14270885f, -0.17466034f, -0.2251034f, -0.26615158f,
     -0.29504946f, -0.31601283f, -0.33292195f, -0.3467737f},
    {0.12724084f, 0.123855114f, 0.1065132f, 0.08386293f, 0.062203832f, 0.044310268f, 0.030695697f,
     0.02084871f, 0.011495475f, 0.004962051f, 0.002089767f, 0.00086512824f, 0.00035356244f, 0.0001430318f,
     5.738397e-5f, 2.2862994e-5f, 5.941807e-6f, 0.0f, -0.26022634f, -0.07693947f, 0.064793155f, 0.17583767f,
     0.25183737f, 0.29790977f, 0.31424546f, 0.27712214f, 0.21189123f, 0.15633617f, 0.12298548f, 0.11089094f,
     0.11241358f, 0.11930744f},
    {-0.024770292f, -0.023464888f, -0.017895244f, -0.012342345f, -0.0080673965f, -0.0051149107f,
     -0.0031857567f, -0.0019633544f, -0.00094943075f, -0.00035191348f, -0.00012981986f, -4.7806585e-5f,
     -1.759363e-5f, -6.473225e-6f, -2.3814866e-6f, -8.7611625e-7f, -2.0417221e-7f, 0.0f, 0.016741898f,
     0.060692284f, 0.0969363f, 0.12726271f, 0.14951351f, 0.16404396f, 0.16958019f, 0.15381326f, 0.11942965f,
     0.07990528f, 0.04337955f, 0.014495455f, -0.005543809f, -0.017647058f},
};
#endif

/* With AVX-512 in pieces, at most 2 ulp: 15 instructions, 7.9 cycles a vector. Else tanh
 * z = g / (g + 1), where z = |x| and g = (e^2z - 1) / 2. With 2z = n ln 2 + 2r that is
 * g = 2^n (r + r^2 P(r)) + (2^n - 1) / 2, P with an error of 2^-26. Errors of g count less and less as tanh
 * nears 1, so one constant will do for ln 2. At most 2.7 ulp. From z = 9.5 on the result is 1. */
static MLP_INLINE mlp_vec mlp_tanh(mlp_vec x)
{
#if defined(MLP_AVX512)
    const mlp_vec z = mlp_min(mlp_set(9.2f), mlp_abs(x));
    const mlp_ivec number = mlp_bits(z + mlp_set(0.625f)) >> 20;
    return mlp_signed(mlp_pieces(z, z - mlp_set(1.46875f), number, mlp_tanh_pieces), x);
#else
    const mlp_vec shift = mlp_set(12582912.0f), one = mlp_set(1.0f), z = mlp_min(mlp_set(9.5f), mlp_abs(x));
    const mlp_vec t = mlp_pin(mlp_fma(z, mlp_set(2.88539008f), shift));
    const mlp_vec r = mlp_fma(t - shift, mlp_set(-0.34657359f), z);
    const mlp_vec s = r * r, power = mlp_power(t);
    mlp_vec g = mlp_fma(r, mlp_set(0.1338652852f), mlp_set(0.3333376143f));
    g = mlp_fma(s, mlp_set(0.04442403115f), g);
    g = mlp_fma(s, g, mlp_fma(r, mlp_set(0.6666617271f), mlp_set(0.9999999629f)));
    g = mlp_fma(s, g, r);
    g = mlp_fma(power, g, mlp_fma(power, mlp_set(0.5f), mlp_set(-0.5f)));
    return mlp_signed(g / (g + one), x);
#endif
}

/*@ sigmoid : clamp split scale exp_ratio */
/* 1 / (1 + e^-x) = 2^n num / (den + 2^n num) with e^x = 2^n num / den. At most 2.7 ulp, also far below zero,
 * through the denormals to 0. */
static MLP_INLINE mlp_vec mlp_sigmoid(mlp_vec x)
{
    mlp_vec t, den, r = mlp_split(mlp_clamp(x, -104.0f, 18.0f), &t);
    const mlp_vec num = mlp_exp_ratio(r, &den), big = mlp_scale(num, t);
    return big / (den + big);
}

/*@ bell : simd simd_bits split exp_small */
/* e^(-z^2/2) = 2^n p for |z| <= 15: gives p, and *t as split does. The low part of z^2 is kept: by fused
 * multiply-add, else by cutting z in two. */
static MLP_INLINE mlp_vec mlp_bell(mlp_vec z, mlp_vec *t)
{
    const mlp_vec half = mlp_set(-0.5f), one = mlp_set(1.0f);
    mlp_vec r;
#if defined(MLP_FUSED)
    const mlp_vec h = z * z, low = mlp_fma(z, z, -h);
#else
    const mlp_vec up = mlp_unbits(mlp_bits(z) & mlp_iset(0xfffff000u));
    const mlp_vec h = up * up, low = (z - up) * (z + up);
#endif
    r = mlp_fma(half, low, mlp_split(half * h, t));
    return mlp_fma(mlp_fma(mlp_exp_small(r, r * r), r, one), r, one);
}

/*@ mills : simd */
/* e^(z^2/2) Phi(-z) = num / den for 0 <= z <= 15, Phi the normal distribution: Mills' ratio over sqrt(2 pi),
 * a ratio of polynomials with an error of 2^-27. Gives num. */
static MLP_INLINE mlp_vec mlp_mills(mlp_vec z, mlp_vec *den)
{
    const mlp_vec s = z * z;
    mlp_vec p = mlp_fma(z, mlp_set(0.04063322511f), mlp_set(0.1832351269f));
    mlp_vec q = mlp_fma(z, mlp_set(0.01031793825f), mlp_set(0.1018588381f));
    q = mlp_fma(s, q, mlp_fma(z, mlp_set(0.4694706034f), mlp_set(1.20250308f)));
    p = mlp_fma(s, mlp_set(0.004116309588f), p);
    *den = mlp_fma(s, q, mlp_fma(z, mlp_set(1.674474832f), mlp_set(1.0f)));
    return mlp_fma(s, p, mlp_fma(z, mlp_set(0.4382949255f), mlp_set(0.5f)));
}

/*@ erf : simd simd_bits simd_mask scale bell mills */
/* erf x for |x| < 0.75 by a polynomial, x P(x^2), error 2^-29; beyond, 1 - 2 Phi(-z) with z = sqrt(2) |x|.
 * At most 2.6 ulp. */
static MLP_INLINE mlp_vec mlp_erf(mlp_vec x)
{
    const mlp_vec s = x * x, z = mlp_min(mlp_set(6.0f), mlp_abs(x) * mlp_set(1.41421356f));
    mlp_vec t, q, e = mlp_bell(z, &t), p = mlp_mills(z, &q);
    const mlp_vec outer = mlp_set(1.0f) - mlp_scale(e * (p + p), t) / q;
    p = mlp_fma(s, mlp_set(-0.0006749510431f), mlp_set(0.005114345113f));
    p = mlp_fma(p, s, mlp_set(-0.02683462432f));
    p = mlp_fma(p, s, mlp_set(0.1128337657f));
    p = mlp_fma(p, s, mlp_set(-0.3761261876f));
    p = mlp_fma(p, s, mlp_set(1.128379165f));
    return mlp_select(mlp_gt(mlp_set(0.5625f), s), mlp_mul(x, p), mlp_signed(outer, x));
}

/*@ gelu : pieces */
#if defined(MLP_AVX512)
static const float mlp_gelu_centres[32] MLP_ALIGN = {
    5.9157715f, 6.315918f, 6.625f, 0.0f, 0.18543243f, 0.31507874f, 0.43518066f, 0.56973267f, 0.6822815f,
    0.8125f, 0.94400024f, 1.0722656f, 1.170166f, 1.2959595f, 1.4290161f, 1.5626831f, 1.756897f, 2.008667f,
    2.2165527f, 2.5231934f, 2.7510986f, 3.0046387f, 3.2728271f, 3.5212402f, 3.7819824f, 3.9631348f,
    4.2509766f, 4.5148926f, 4.7077637f, 4.9543457f, 5.312256f, 5.5615234f};
static const float mlp_gelu_pieces[5][32] MLP_ALIGN = {
    {9.793927e-9f, 8.4566026e-10f, 0.0f, 0.0f, 0.07907672f, 0.11858018f, 0.14435624f, 0.16204879f, 0.16888547f,
     0.16920507f, 0.16292006f, 0.15204766f, 0.14155157f, 0.12634921f, 0.10931945f, 0.09229765f, 0.06934065f,
     0.04476561f, 0.029539647f, 0.014671661f, 0.008170179f, 0.003994615f, 0.0017424145f, 0.00075624615f,
     0.00029420987f, 0.00014657965f, 4.5239005e-5f, 1.4300798e-5f, 5.895171e-6f, 1.7977424e-6f, 2.876041e-7f,
     7.436878e-8f},
    {-5.729363e-8f, -5.328283e-9f, 0.0f, 0.5f, 0.35372913f, 0.2567398f, 0.17378895f, 0.09118997f, 0.031860523f,
     -0.024761671f, -0.06861352f, -0.09893868f, -0.114440426f, -0.12575983f, -0.12885915f, -0.12480696f,
     -0.11029116f, -0.084296614f, -0.062482283f, -0.03591002f, -0.021972142f, -0.011802455f, -0.005631862f,
     -0.0026373134f, -0.0011043848f, -0.00057725294f, -0.00019134974f, -6.430447e-5f, -2.7660653e-5f,
     -8.88252e-6f, -1.5251238e-6f, -4.130499e-7f},
    {1.6058948e-7f, 1.6940925e-8f, 0.0f, -0.39894313f, -0.38539976f, -0.36078042f, -0.32853532f, -0.2841309f,
     -0.2425257f, -0.19212468f, -0.14166273f, -0.09544815f, -0.06343974f, -0.027604528f, 0.003023985f,
     0.026002325f, 0.04631774f, 0.053987447f, 0.04980458f, 0.036108453f, 0.025242774f, 0.015357869f,
     0.00820296f, 0.004210555f, 0.0019218919f, 0.0010629068f, 0.00038182802f, 0.00013727891f, 6.2013336e-5f,
     2.1076092e-5f, 3.8860703e-6f, 1.1050524e-6f},
    {-3.3501726e-7f, -3.5133525e-8f, 0.0f, 3.7986083e-5f, 0.04800868f, 0.07768076f, 0.10019835f, 0.118270405f,
     0.12693894f, 0.12959926f, 0.1248946f, 0.11430798f, 0.10319688f, 0.08633379f, 0.06701488f, 0.04776735f,
     0.02294786f, -0.000448808f, -0.01147388f, -0.016399492f, -0.014801803f, -0.011004413f, -0.0069059962f,
     -0.004005187f, -0.002036066f, -0.0012013107f, -0.0004785446f, -0.0001863371f, -8.7675086e-5f,
     -3.1651627e-5f, -6.2066947e-6f, -1.8581244e-6f},
    {5.408685e-7f, 3.6955175e-8f, 0.0f, 0.06608984f, 0.06128945f, 0.052617226f, 0.040714763f, 0.026744636f,
     0.012011499f, -0.002196625f, -0.014753946f, -0.024809409f, -0.031853065f, -0.03573176f, -0.036617953f,
     -0.03494227f, -0.028930273f, -0.018005671f, -0.007716229f, -0.0005401441f, 0.0030990713f, 0.004047366f,
     0.0035147078f, 0.002484989f, 0.0015208852f, 0.0008281804f, 0.00040728378f, 0.00018255405f, 7.503329e-5f,
     2.8402077e-5f, 9.932402e-6f, 3.2167286e-6f},
};
#endif

/* x Phi(x), the exact one, Phi the normal distribution. With AVX-512 max(x, 0) - z Phi(-z), z = |x|, the
 * product in pieces, r from centres of their own (z - 1.47 as for tanh would cost digits of the small ones): 17
 * instructions, 8.9 cycles a vector. Else Phi(x) = a^4 / (a^4 + b^4) with a = even + odd and b = even - odd,
 * polynomials; the fourth power keeps digits of a small Phi. Below -6.87 it is 0. At most 7 ulp for x > -1 (in
 * pieces 1.9), else an error of at most 1e-7, and of 2e-9 for x < -4. */
static MLP_INLINE mlp_vec mlp_gelu(mlp_vec x)
{
#if defined(MLP_AVX512)
    const mlp_vec z = mlp_min(mlp_set(6.7f), mlp_abs(x));
    const mlp_ivec number = mlp_bits(z + mlp_set(2.375f)) >> 19;
    const mlp_vec r = z - mlp_pick(mlp_gelu_centres, number);
    return mlp_max(mlp_set(0.0f), x) - mlp_pieces(r, r, number, mlp_gelu_pieces);
#else
    const mlp_vec low = mlp_max(mlp_set(-6.9f), x), c = mlp_min(mlp_set(6.9f), low), t = c * c;
    mlp_vec odd = mlp_fma(t, mlp_set(8.07888429e-07f), mlp_set(5.77257583e-05f));
    mlp_vec even = mlp_fma(t, mlp_set(1.20850995e-05f), mlp_set(0.000226410966f));
    mlp_vec a, b;
    odd = mlp_fma(odd, t, mlp_set(0.00204096049f));
    even = mlp_fma(even, t, mlp_set(0.00924232011f));
    odd = mlp_fma(odd, t, mlp_set(0.0227405041f));
    even = mlp_fma(even, t, mlp_set(0.0817261443f));
    odd = mlp_fma(odd, t, mlp_set(0.199471102f));
    even = mlp_fma(even, t, mlp_set(1.0f));
    a = mlp_max(mlp_set(0.0f), mlp_fma(c, odd, even));
    b = mlp_fnma(c, odd, even);
    a = a * a;
    b = b * b;
    a = mlp_mul(a, a);
    return mlp_mul(low, a / mlp_fma(b, b, a));
#endif
}

/*@ relu : simd */
/* max(x, 0). */
static MLP_INLINE mlp_vec mlp_relu(mlp_vec x)
{
    return mlp_max(mlp_set(0.0f), x);
}

/*@ leaky_relu : simd simd_mask */
/* x > 0 ? x : a x, correctly rounded. */
static MLP_INLINE mlp_vec mlp_leaky_relu(mlp_vec x, float a)
{
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), x, mlp_mul(mlp_set(a), x));
}

/*@ prelu : simd simd_mask */
/* x > 0 ? x : slope x, correctly rounded; a slope for each lane. */
static MLP_INLINE mlp_vec mlp_prelu(mlp_vec x, mlp_vec slope)
{
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), x, mlp_mul(slope, x));
}

/*@ elu : simd simd_mask clamp expm1_core */
/* x > 0 ? x : a (e^x - 1). At most 1 ulp if a = 1, else 2. */
static MLP_INLINE mlp_vec mlp_elu(mlp_vec x, float a)
{
    const mlp_vec y = mlp_expm1_core(mlp_clamp(x, -18.0f, 0.0f));
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), x, mlp_mul(mlp_set(a), y));
}

/*@ selu : simd simd_mask clamp expm1_core */
/* 1.0507 (x > 0 ? x : 1.6733 (e^x - 1)), digits from G. Klambauer and others, 2017. At most 2 ulp. */
static MLP_INLINE mlp_vec mlp_selu(mlp_vec x)
{
    const mlp_vec y = mlp_expm1_core(mlp_clamp(x, -18.0f, 0.0f)), zero = mlp_set(0.0f);
    return mlp_mul(mlp_select(mlp_gt(x, zero), x, y),
                   mlp_select(mlp_gt(x, zero), mlp_set(1.05070099f), mlp_set(1.75809934f)));
}

/*@ silu : simd_mask split scale exp_ratio */
/* x / (1 + e^-x) = 2^n x num / (den + 2^n num), as sigmoid; x itself from 18 on. At most 3.9 ulp. */
static MLP_INLINE mlp_vec mlp_silu(mlp_vec x)
{
    const mlp_vec high = mlp_set(18.0f), c = mlp_max(mlp_set(-110.0f), x);
    mlp_vec t, den, r = mlp_split(mlp_min(high, c), &t);
    const mlp_vec num = mlp_exp_ratio(r, &den);
    return mlp_select(mlp_gt(x, high), x, mlp_scale(c * num, t) / (den + mlp_scale(num, t)));
}

/*@ softplus : simd simd_bits exp */
/* log(1 + e^x) = max(x, 0) + log(1 + u) with u = e^-|x|: u + u^2 P(u), error 2^-27. At most 2.5
 * ulp, also far below zero. */
static MLP_INLINE mlp_vec mlp_softplus(mlp_vec x)
{
    const mlp_vec u = mlp_exp(-mlp_abs(x));
    mlp_vec p = mlp_fma(u, mlp_set(-0.003318475295f), mlp_set(0.02020459742f));
    p = mlp_fma(p, u, mlp_set(-0.05766446794f));
    p = mlp_fma(p, u, mlp_set(0.1068055795f));
    p = mlp_fma(p, u, mlp_set(-0.1535539778f));
    p = mlp_fma(p, u, mlp_set(0.1969540107f));
    p = mlp_fma(p, u, mlp_set(-0.2495858753f));
    p = mlp_fma(p, u, mlp_set(0.3333051133f));
    p = mlp_fma(p, u, mlp_set(-0.4999993276f));
    return mlp_max(mlp_set(0.0f), x) + mlp_fma(p, u * u, u);
}

/*@ hard_sigmoid : simd clamp */
/* x / 6 + 1/2 within 0 .. 1. At most 1.4 ulp. */
static MLP_INLINE mlp_vec mlp_hard_sigmoid(mlp_vec x)
{
    return mlp_mul(mlp_clamp(x + mlp_set(3.0f), 0.0f, 6.0f), mlp_set(0.166666667f));
}

/*@ hard_tanh : clamp */
/* x within -1 .. 1, exact. */
static MLP_INLINE mlp_vec mlp_hard_tanh(mlp_vec x)
{
    return mlp_clamp(x, -1.0f, 1.0f);
}

/*@ softsign : simd simd_bits clamp */
/* x / (1 + |x|). At most 1.5 ulp. The clamp is for infinity. */
static MLP_INLINE mlp_vec mlp_softsign(mlp_vec x)
{
    const mlp_vec c = mlp_clamp(x, -1e30f, 1e30f);
    return c / (mlp_set(1.0f) + mlp_abs(c));
}

/*@ sign : simd simd_mask */
/* 1, -1, or x itself if it is 0, -0 or NaN. */
static MLP_INLINE mlp_vec mlp_sign(mlp_vec x)
{
    const mlp_vec zero = mlp_set(0.0f), one = mlp_set(1.0f);
    return mlp_select(mlp_gt(x, zero), one, mlp_select(mlp_gt(zero, x), -one, x));
}

/*@ abs : simd simd_bits */
/* |x| is mlp_abs of simd_bits. */

/*@ d_relu : simd simd_mask */
/* Derivatives, from the input x and the output y. Where the function has a corner they say what PyTorch
 * says. */
static MLP_INLINE mlp_vec mlp_d_relu(mlp_vec x, mlp_vec y)
{
    (void)y;
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.0f), mlp_set(0.0f));
}

/*@ d_leaky_relu : simd simd_mask */
static MLP_INLINE mlp_vec mlp_d_leaky_relu(mlp_vec x, mlp_vec y, float a)
{
    (void)y;
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.0f), mlp_set(a));
}

/*@ d_prelu : simd simd_mask */
static MLP_INLINE mlp_vec mlp_d_prelu(mlp_vec x, mlp_vec y, mlp_vec slope)
{
    (void)y;
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.0f), slope);
}

/*@ d_prelu_slope : simd */
/* By the slope, not by x: min(x, 0). */
static MLP_INLINE mlp_vec mlp_d_prelu_slope(mlp_vec x)
{
    return mlp_min(mlp_set(0.0f), x);
}

/*@ d_elu : simd simd_mask */
static MLP_INLINE mlp_vec mlp_d_elu(mlp_vec x, mlp_vec y, float a)
{
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.0f), y + mlp_set(a));
}

/*@ d_selu : simd simd_mask */
static MLP_INLINE mlp_vec mlp_d_selu(mlp_vec x, mlp_vec y)
{
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.05070099f), y + mlp_set(1.75809934f));
}

/*@ d_gelu : simd simd_bits simd_mask scale bell mills */
/* Phi(x) + x phi(x): for x < 0 it is e^(-z^2/2) (M(z) - z / sqrt(2 pi)), z = |x|, M as in mills; for -x it
 * is 1 less that. Error at most 2.1e-7. */
static MLP_INLINE mlp_vec mlp_d_gelu(mlp_vec x, mlp_vec y)
{
    const mlp_vec z = mlp_min(mlp_set(15.0f), mlp_abs(x));
    mlp_vec t, q, e = mlp_bell(z, &t), p = mlp_mills(z, &q);
    const mlp_vec low = mlp_scale(e * mlp_fnma(z * mlp_set(0.398942280f), q, p), t) / q;
    (void)y;
    return mlp_select(mlp_gt(x, mlp_set(0.0f)), mlp_set(1.0f) - low, low);
}

/*@ d_silu : clamp split scale exp_ratio */
/* s + x s (1 - s), s = sigmoid(x) = big / sum: big (sum + x den) / sum^2. Error at most 3.1e-7. */
static MLP_INLINE mlp_vec mlp_d_silu(mlp_vec x, mlp_vec y)
{
    const mlp_vec c = mlp_clamp(x, -110.0f, 30.0f);
    mlp_vec t, den, r = mlp_split(c, &t);
    const mlp_vec big = mlp_scale(mlp_exp_ratio(r, &den), t), sum = den + big;
    (void)y;
    return big * mlp_fma(c, den, sum) / (sum * sum);
}

/*@ d_sigmoid : simd */
static MLP_INLINE mlp_vec mlp_d_sigmoid(mlp_vec x, mlp_vec y)
{
    (void)x;
    return mlp_mul(y, mlp_set(1.0f) - y);
}

/*@ d_tanh : simd */
static MLP_INLINE mlp_vec mlp_d_tanh(mlp_vec x, mlp_vec y)
{
    (void)x;
    return mlp_fnma(y, y, mlp_set(1.0f));
}

/*@ d_hard_sigmoid : simd simd_bits simd_mask */
static MLP_INLINE mlp_vec mlp_d_hard_sigmoid(mlp_vec x, mlp_vec y)
{
    (void)y;
    return mlp_select(mlp_gt(mlp_set(3.0f), mlp_abs(x)), mlp_set(0.166666667f), mlp_set(0.0f));
}

/*@ d_hard_tanh : simd simd_bits simd_mask */
static MLP_INLINE mlp_vec mlp_d_hard_tanh(mlp_vec x, mlp_vec y)
{
    (void)y;
    return mlp_select(mlp_gt(mlp_set(1.0f), mlp_abs(x)), mlp_set(1.0f), mlp_set(0.0f));
}

/*@ d_softplus : sigmoid */
static MLP_INLINE mlp_vec mlp_d_softplus(mlp_vec x, mlp_vec y)
{
    (void)y;
    return mlp_sigmoid(x);
}

/*@ d_softsign : simd simd_bits */
static MLP_INLINE mlp_vec mlp_d_softsign(mlp_vec x, mlp_vec y)
{
    const mlp_vec q = mlp_set(1.0f) / (mlp_set(1.0f) + mlp_abs(x));
    (void)y;
    return mlp_mul(q, q);
}

/*@ d_sign : simd */
static MLP_INLINE mlp_vec mlp_d_sign(mlp_vec x, mlp_vec y)
{
    (void)x;
    (void)y;
    return mlp_set(0.0f);
}

/*@ d_abs : sign */
static MLP_INLINE mlp_vec mlp_d_abs(mlp_vec x, mlp_vec y)
{
    (void)y;
    return mlp_sign(x);
}

/*@ d_exp : simd */
static MLP_INLINE mlp_vec mlp_d_exp(mlp_vec x, mlp_vec y)
{
    (void)x;
    return y;
}

/*@ end */

#endif
