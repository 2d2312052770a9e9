/* simd.h: the vector vocabulary of the kernels and of vmath.h; also printed as text into generated C.
 *
 * A line that starts with the at-sign marker names a snippet and, after the colon, the snippets it needs;
 * the text up to the next marker belongs to it. The emitter prints the snippets a file needs, those they
 * need first, with the prefixes mlp_ and MLP_ replaced by the net's own. So: C99 and C++11 both, and no
 * other names at file scope. */
#ifndef MLP_SIMD_H
#define MLP_SIMD_H

/*@ simd : */
/* Vectors in the widest unit that the compiler was told of: AVX-512, AVX2, NEON or SSE2; in plain C, one
 * float at a time, for other compilers and whoever defines MLP_PLAIN. Floats are IEEE 754, lanes
 * little-endian.
 *
 * MLP_LANES            floats in a vector, mlp_vec; + - * / and unary - work on it
 * MLP_ROWS, MLP_GROUP  samples, and panels of 16 outputs, that registers hold in one tile of a dense layer
 * mlp_load mlp_store   MLP_LANES floats at p, which needs no alignment
 * mlp_set              one number in every lane
 * mlp_fma mlp_fnma     a * b + c and c - a * b, rounded once if MLP_FUSED is defined, else twice
 * mlp_max mlp_min      a > b ? a : b and a < b ? a : b: so b if either is NaN, and b if they are equal
 * mlp_mul mlp_pin      see there: products that must not be fused into a sum. No text here says a * b + c.
 * mlp_prefetch         asks for what lies at p to be brought into L2 meanwhile; p need not be readable */
#if defined(__GNUC__) && !defined(__TINYC__)
#define MLP_GNU 1
#endif
#if defined(MLP_GNU) && !defined(MLP_PLAIN) && defined(__AVX512F__)
#include <immintrin.h>
#define MLP_AVX512 1
#define MLP_FUSED 1
#define MLP_LANES 16
#define MLP_ROWS 8
#define MLP_GROUP 3
typedef __m512 mlp_vec;
#define mlp_load(p) _mm512_loadu_ps(p)
#define mlp_store(p, v) _mm512_storeu_ps(p, v)
#define mlp_set(x) _mm512_set1_ps(x)
#define mlp_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define mlp_fnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define mlp_max(a, b) _mm512_maskz_max_ps(0xffff, a, b)
#define mlp_min(a, b) _mm512_maskz_min_ps(0xffff, a, b)
#define mlp_half(v, i) _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(15, _mm512_castps_pd(v), i))
#elif defined(MLP_GNU) && !defined(MLP_PLAIN) && defined(__AVX2__)
#include <immintrin.h>
#define MLP_AVX2 1
#define MLP_LANES 8
#define MLP_ROWS 6
#define MLP_GROUP 1
typedef __m256 mlp_vec;
#define mlp_load(p) _mm256_loadu_ps(p)
#define mlp_store(p, v) _mm256_storeu_ps(p, v)
#define mlp_set(x) _mm256_set1_ps(x)
#if defined(__FMA__)
#define MLP_FUSED 1
#define mlp_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define mlp_fnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#endif
#define mlp_max(a, b) _mm256_max_ps(a, b)
#define mlp_min(a, b) _mm256_min_ps(a, b)
#elif defined(MLP_GNU) && !defined(MLP_PLAIN) && defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define MLP_NEON 1
#define MLP_FUSED 1
#define MLP_LANES 4
#define MLP_ROWS 6
#define MLP_GROUP 1
typedef float32x4_t mlp_vec;
#define mlp_load(p) vld1q_f32(p)
#define mlp_store(p, v) vst1q_f32(p, v)
#define mlp_set(x) vdupq_n_f32(x)
#define mlp_fma(a, b, c) vfmaq_f32(c, a, b)
#define mlp_fnma(a, b, c) vfmsq_f32(c, a, b)
#elif defined(MLP_GNU) && !defined(MLP_PLAIN) && defined(__SSE2__)
#if defined(__FMA__)
#include <immintrin.h>
#else
#include <emmintrin.h>
#endif
#define MLP_SSE2 1
#define MLP_LANES 4
#define MLP_ROWS 3
#define MLP_GROUP 1
typedef __m128 mlp_vec;
#define mlp_load(p) _mm_loadu_ps(p)
#define mlp_store(p, v) _mm_storeu_ps(p, v)
#define mlp_set(x) _mm_set1_ps(x)
#if defined(__FMA__)
#define MLP_FUSED 1
#define mlp_fma(a, b, c) _mm_fmadd_ps(a, b, c)
#define mlp_fnma(a, b, c) _mm_fnmadd_ps(a, b, c)
#endif
#define mlp_max(a, b) _mm_max_ps(a, b)
#define mlp_min(a, b) _mm_min_ps(a, b)
#else
#define MLP_LANES 1
#define MLP_ROWS 1
#define MLP_GROUP 1
typedef float mlp_vec;
#define mlp_load(p) (*(p))
#define mlp_store(p, v) ((void)(*(p) = (v)))
#define mlp_set(x) (x)
#if defined(MLP_GNU) && defined(__FP_FAST_FMAF)
#define MLP_FUSED 1
#define mlp_fma(a, b, c) __builtin_fmaf(a, b, c)
#define mlp_fnma(a, b, c) __builtin_fmaf(-(a), b, c)
#endif
#endif

/* MLP_INLINE: inlined always, no warning if unused. MLP_ALIGN: at the start of a declaration, 64-byte
 * alignment. MLP_UNROLL: before a loop of at most 16 constant rounds, unrolls it whole; MLP_UNROLL4: before
 * any loop, by four. MLP_UNROLL_STRIP: before the loop over a strip's inputs, which clang would else unroll
 * whole where it is short, to load all weights before the loop over samples. */
#if defined(MLP_AVX512) && defined(__clang__)
#define MLP_INLINE inline __attribute__((always_inline, unused, min_vector_width(512)))
#elif defined(MLP_GNU)
#define MLP_INLINE inline __attribute__((always_inline, unused))
#else
#define MLP_INLINE inline
#endif
#if defined(MLP_GNU)
#define MLP_ALIGN __attribute__((aligned(64)))
#define MLP_RESTRICT __restrict
#define mlp_prefetch(p) __builtin_prefetch(p, 0, 2)
#else
#define MLP_ALIGN
#define MLP_RESTRICT
#define mlp_prefetch(p) ((void)(p))
#endif
#if defined(MLP_GNU) && defined(__clang__)
#define MLP_UNROLL _Pragma("clang loop unroll(full)")
#define MLP_UNROLL4 _Pragma("clang loop unroll_count(4)")
#define MLP_UNROLL_STRIP _Pragma("clang loop unroll_count(2)")
#elif defined(MLP_GNU) && __GNUC__ >= 8
#define MLP_UNROLL _Pragma("GCC unroll 16")
#define MLP_UNROLL4 _Pragma("GCC unroll 4")
#define MLP_UNROLL_STRIP
#else
#define MLP_UNROLL
#define MLP_UNROLL4
#define MLP_UNROLL_STRIP
#endif

/* v as it stands, rounded to floats: no compiler may fuse the product v into a sum, or keep more digits of
 * it. So the same bits come out wherever a function is inlined. Costs nothing but x87's trip through
 * memory. */
static MLP_INLINE mlp_vec mlp_pin(mlp_vec v)
{
#if defined(MLP_AVX512)
    __asm__("" : "+v"(v));
#elif defined(MLP_GNU) && defined(__SSE2_MATH__) && (defined(__FMA__) || defined(__FAST_MATH__))
    __asm__("" : "+x"(v));
#elif defined(MLP_GNU) && defined(__aarch64__)
    __asm__("" : "+w"(v));
#elif defined(MLP_GNU) && defined(__arm__) && defined(__ARM_FP)
    __asm__("" : "+t"(v));
#elif defined(MLP_GNU) && defined(__FP_FAST_FMAF)
    __asm__("" : "+m"(v));
#elif defined(MLP_GNU) && defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
    __asm__("" : "+m"(v));
#endif
    return v;
}

/* a * b, never fused into a sum that takes it. */
static MLP_INLINE mlp_vec mlp_mul(mlp_vec a, mlp_vec b)
{
    return mlp_pin(a * b);
}

#if !defined(MLP_FUSED)
static MLP_INLINE mlp_vec mlp_fma(mlp_vec a, mlp_vec b, mlp_vec c)
{
    return a * b + c;
}

static MLP_INLINE mlp_vec mlp_fnma(mlp_vec a, mlp_vec b, mlp_vec c)
{
    return c - a * b;
}
#endif

#if MLP_LANES == 1
static MLP_INLINE mlp_vec mlp_max(mlp_vec a, mlp_vec b)
{
    return a > b ? a : b;
}

static MLP_INLINE mlp_vec mlp_min(mlp_vec a, mlp_vec b)
{
    return a < b ? a : b;
}
#elif defined(MLP_NEON)
static MLP_INLINE mlp_vec mlp_max(mlp_vec a, mlp_vec b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static MLP_INLINE mlp_vec mlp_min(mlp_vec a, mlp_vec b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
#endif

/*@ simd_part : simd */
/* mlp_load_n reads the first n lanes from p, with zeros in the others; mlp_store_n writes the first n
 * lanes to p. 0 <= n <= MLP_LANES; neither touches a byte beyond n floats. Best if n is a constant: a mask costs two
 * instructions, and what was stored through one is not read back at once, so that with AVX-512 some need none. */
#if defined(MLP_AVX512) && (defined(__clang__) || __GNUC__ >= 10)
#define MLP_KNOWN(n, number) (__builtin_constant_p(n) && (n) == (number))
#define mlp_wide(v) _mm512_castpd_ps(_mm512_maskz_insertf64x4(0xff, _mm512_setzero_pd(), _mm256_castps_pd(v), 0))
#endif
static MLP_INLINE mlp_vec mlp_load_n(const float *p, int n)
{
#if defined(MLP_AVX512)
#if defined(MLP_KNOWN)
    if (MLP_KNOWN(n, 8))
        return mlp_wide(_mm256_loadu_ps(p));
    if (MLP_KNOWN(n, 4))
        return mlp_wide(_mm256_zextps128_ps256(_mm_loadu_ps(p)));
    if (MLP_KNOWN(n, 1))
        return mlp_wide(_mm256_zextps128_ps256(_mm_load_ss(p)));
#endif
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p);
#elif defined(MLP_AVX2)
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
#elif defined(MLP_NEON)
    mlp_vec v = mlp_set(0.0f);
    if (n >= 4)
        return mlp_load(p);
    if (n > 0)
        v = vld1q_lane_f32(p, v, 0);
    if (n > 1)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        v = vld1q_lane_f32(p + 2, v, 2);
    return v;
#elif defined(MLP_SSE2)
    if (n >= 4)
        return mlp_load(p);
    if (n >= 2) {
        const mlp_vec two = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
        return n > 2 ? _mm_movelh_ps(two, _mm_load_ss(p + 2)) : two;
    }
    return n > 0 ? _mm_load_ss(p) : mlp_set(0.0f);
#else
    return n > 0 ? *p : 0.0f;
#endif
}

static MLP_INLINE void mlp_store_n(float *p, mlp_vec v, int n)
{
#if defined(MLP_AVX512)
#if defined(MLP_KNOWN)
    if (MLP_KNOWN(n, 8))
        _mm256_storeu_ps(p, mlp_half(v, 0));
    else if (MLP_KNOWN(n, 4))
        _mm_storeu_ps(p, _mm256_castps256_ps128(mlp_half(v, 0)));
    else if (MLP_KNOWN(n, 1))
        _mm_store_ss(p, _mm256_castps256_ps128(mlp_half(v, 0)));
    else
#endif
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), v);
#elif defined(MLP_AVX2)
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane), v);
#elif defined(MLP_NEON)
    if (n >= 4) {
        mlp_store(p, v);
        return;
    }
    if (n > 0)
        vst1q_lane_f32(p, v, 0);
    if (n > 1)
        vst1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        vst1q_lane_f32(p + 2, v, 2);
#elif defined(MLP_SSE2)
    if (n >= 4)
        mlp_store(p, v);
    else if (n >= 2)
        _mm_storel_epi64((__m128i *)(void *)p, _mm_castps_si128(v));
    if (n == 3)
        _mm_store_ss(p + 2, _mm_movehl_ps(v, v));
    if (n == 1)
        _mm_store_ss(p, v);
#else
    if (n > 0)
        *p = v;
#endif
}

/*@ simd_bits : simd */
/* mlp_ivec: as many unsigned 32-bit integers as mlp_vec has floats; + - & << >> work on it. mlp_svec:
 * signed ones.
 *
 * mlp_iset              one integer in every lane
 * mlp_bits mlp_unbits   floats read as their bits, and back
 * mlp_sar(i, n)         integers read as signed, over 2^n, rounded down
 * mlp_tofloat           integers read as signed, as floats
 * mlp_abs mlp_signed    |v|, and v >= 0 with the sign of x; NaN stays NaN */
#if MLP_LANES > 1
#define mlp_bits(v) ((mlp_ivec)(v))
#define mlp_unbits(i) ((mlp_vec)(i))
#endif
#if defined(MLP_NEON)
typedef uint32x4_t mlp_ivec;
typedef int32x4_t mlp_svec;
#define mlp_iset(x) vdupq_n_u32(x)
#define mlp_tofloat(i) vcvtq_f32_s32((mlp_svec)(i))
#elif MLP_LANES > 1
typedef unsigned mlp_ivec __attribute__((vector_size(4 * MLP_LANES)));
typedef int mlp_svec __attribute__((vector_size(4 * MLP_LANES)));
#if defined(MLP_AVX512)
#define mlp_iset(x) ((mlp_ivec)_mm512_set1_epi32((int)(x)))
#define mlp_tofloat(i) _mm512_maskz_cvtepi32_ps(0xffff, (__m512i)(i))
#elif defined(MLP_AVX2)
#define mlp_iset(x) ((mlp_ivec)_mm256_set1_epi32((int)(x)))
#define mlp_tofloat(i) _mm256_cvtepi32_ps((__m256i)(i))
#else
#define mlp_iset(x) ((mlp_ivec)_mm_set1_epi32((int)(x)))
#define mlp_tofloat(i) _mm_cvtepi32_ps((__m128i)(i))
#endif
#else
#if defined(__UINT32_TYPE__)
typedef __UINT32_TYPE__ mlp_ivec;
typedef __INT32_TYPE__ mlp_svec;
#else
typedef unsigned mlp_ivec;
typedef int mlp_svec;
#endif
#define mlp_iset(x) ((mlp_ivec)(x))
#define mlp_tofloat(i) ((float)(mlp_svec)(i))

static MLP_INLINE mlp_ivec mlp_bits(mlp_vec v)
{
    union {
        mlp_vec v;
        mlp_ivec i;
    } u;
    u.v = v;
    return u.i;
}

static MLP_INLINE mlp_vec mlp_unbits(mlp_ivec i)
{
    union {
        mlp_vec v;
        mlp_ivec i;
    } u;
    u.i = i;
    return u.v;
}
#endif
#define mlp_sar(i, n) ((mlp_ivec)((mlp_svec)(i) >> (n)))
#define mlp_abs(v) mlp_unbits(mlp_bits(v) & mlp_iset(0x7fffffffu))
#define mlp_signed(v, x) mlp_unbits(mlp_bits(v) | (mlp_bits(x) & mlp_iset(0x80000000u)))

/*@ simd_mask : simd */
/* mlp_gt (a > b) and mlp_eq (a == b) give a mask, false where either is NaN; mlp_select(mask, a, b) is
 * mask ? a : b. */
#if defined(MLP_AVX512)
typedef __mmask16 mlp_mask;
#define mlp_gt(a, b) _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ)
#define mlp_eq(a, b) _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)
#define mlp_select(mask, a, b) _mm512_mask_blend_ps(mask, b, a)
#elif defined(MLP_AVX2)
typedef __m256 mlp_mask;
#define mlp_gt(a, b) _mm256_cmp_ps(a, b, _CMP_GT_OQ)
#define mlp_eq(a, b) _mm256_cmp_ps(a, b, _CMP_EQ_OQ)
#define mlp_select(mask, a, b) _mm256_blendv_ps(b, a, mask)
#elif defined(MLP_NEON)
typedef uint32x4_t mlp_mask;
#define mlp_gt(a, b) vcgtq_f32(a, b)
#define mlp_eq(a, b) vceqq_f32(a, b)
#define mlp_select(mask, a, b) vbslq_f32(mask, a, b)
#elif defined(MLP_SSE2)
typedef __m128 mlp_mask;
#define mlp_gt(a, b) _mm_cmpgt_ps(a, b)
#define mlp_eq(a, b) _mm_cmpeq_ps(a, b)
static MLP_INLINE mlp_vec mlp_select(mlp_mask mask, mlp_vec a, mlp_vec b)
{
    return _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b));
}
#else
typedef int mlp_mask;
#define mlp_gt(a, b) ((a) > (b))
#define mlp_eq(a, b) ((a) == (b))
static MLP_INLINE mlp_vec mlp_select(mlp_mask mask, mlp_vec a, mlp_vec b)
{
    return mask ? a : b;
}
#endif

/*@ simd_sqrt : simd simd_bits */
/* The square root, correctly rounded; NaN below zero, -0 stays -0. Plain C on a machine that has no
 * instruction for it finds it bit by bit, as on paper; the remainder says how to round (a tie cannot be). */
static MLP_INLINE mlp_vec mlp_sqrt(mlp_vec v)
{
#if defined(MLP_AVX512)
    return _mm512_maskz_sqrt_ps(0xffff, v);
#elif defined(MLP_AVX2)
    return _mm256_sqrt_ps(v);
#elif defined(MLP_NEON)
    return vsqrtq_f32(v);
#elif defined(MLP_SSE2)
    return _mm_sqrt_ps(v);
#elif defined(MLP_GNU) && defined(__SSE2__)
    mlp_vec r;
    __asm__("sqrtss %1, %0" : "=x"(r) : "x"(v));
    return r;
#elif defined(MLP_GNU) && defined(__arm__) && defined(__ARM_FP)
    mlp_vec r;
    __asm__("vsqrt.f32 %0, %1" : "=t"(r) : "t"(v));
    return r;
#else
    mlp_ivec m = mlp_bits(v), rest = 0, root = 0;
    int e = (int)(m >> 23) - 150, i, odd;
    if (!(v > 0.0f) || m >= 0x7f800000u)
        return v < 0.0f ? mlp_unbits(0x7fc00000u) : v;
    if (m >= 0x800000u)
        m = (m & 0x7fffffu) | 0x800000u;
    else
        for (e = -149; m < 0x800000u; e--)
            m <<= 1;
    /* v = m 2^e, m of 24 bits. The root of m 2^24, or of m 2^23 if e is odd, has 24 bits: one from each
     * two bits. */
    odd = e & 1;
    m <<= 8 - odd;
    for (i = 0; i < 24; i++) {
        rest = rest << 2 | m >> 30;
        m <<= 2;
        root <<= 1;
        if (rest > root << 1) {
            rest -= (root << 1) + 1u;
            root++;
        }
    }
    root += rest > root;
    return mlp_unbits(((mlp_ivec)((e - 24 + odd) / 2 + 149) << 23) + root);
#endif
}

/*@ simd_reduce : simd */
/* mlp_sum adds the lanes: lane i and lane i + MLP_LANES / 2, then so on with the half that is left.
 * mlp_hmax finds the largest with mlp_max in the same order: a NaN among the lanes may or may not come
 * out. */
static MLP_INLINE float mlp_sum(mlp_vec v)
{
#if defined(MLP_NEON)
    const float32x2_t half = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(half, half), 0);
#elif MLP_LANES > 1
#if defined(MLP_AVX512)
    const __m256 v8 = _mm256_add_ps(mlp_half(v, 0), mlp_half(v, 1));
#elif defined(MLP_AVX2)
    const __m256 v8 = v;
#endif
#if defined(MLP_SSE2)
    const __m128 v4 = v;
#else
    const __m128 v4 = _mm_add_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
#endif
    const __m128 v2 = _mm_add_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_add_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
#else
    return v;
#endif
}

static MLP_INLINE float mlp_hmax(mlp_vec v)
{
#if defined(MLP_NEON)
    const mlp_vec half = mlp_max(v, vextq_f32(v, v, 2));
    return vgetq_lane_f32(mlp_max(half, vextq_f32(half, half, 1)), 0);
#elif MLP_LANES > 1
#if defined(MLP_AVX512)
    const __m256 v8 = _mm256_max_ps(mlp_half(v, 0), mlp_half(v, 1));
#elif defined(MLP_AVX2)
    const __m256 v8 = v;
#endif
#if defined(MLP_SSE2)
    const __m128 v4 = v;
#else
    const __m128 v4 = _mm_max_ps(_mm256_castps256_ps128(v8), _mm256_extractf128_ps(v8, 1));
#endif
    const __m128 v2 = _mm_max_ps(v4, _mm_movehl_ps(v4, v4));
    return _mm_cvtss_f32(_mm_max_ss(v2, _mm_shuffle_ps(v2, v2, 1)));
#else
    return v;
#endif
}

/*@ simd_across : simd */
/* mlp_across adds the lanes of each of `count` vectors, 1 to MLP_LANES of them, of which the first `used` lanes are not 0: the
 * sum of v[i] comes in lane i. A step folds pairs of vectors into one each, two shuffles and an addition; what is left alone
 * is folded by halves. v is overwritten; lanes from `count` on are of no use, but sums of the same numbers. */
#if defined(MLP_AVX512)
#define mlp_fours(a, b, order) _mm512_maskz_shuffle_f32x4(0xffff, a, b, order)
#define mlp_swapped(a, order) _mm512_maskz_permute_ps(0xffff, a, order)
#elif defined(MLP_AVX2)
#define mlp_swapped(a, order) _mm256_permute_ps(a, order)
#elif defined(MLP_SSE2)
#define mlp_swapped(a, order) _mm_shuffle_ps(a, a, order)
#endif
static MLP_INLINE mlp_vec mlp_fold(mlp_vec a, mlp_vec b, const int step)
{
#if defined(MLP_NEON)
    (void)step;
    return vpaddq_f32(a, b);
#elif defined(MLP_AVX512)
    const __m512d a8 = _mm512_castps_pd(a), b8 = _mm512_castps_pd(b);
    if (step == 0)
        return _mm512_maskz_unpacklo_ps(0xffff, a, b) + _mm512_maskz_unpackhi_ps(0xffff, a, b);
    if (step == 1)
        return _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(0xff, a8, b8)) +
               _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(0xff, a8, b8));
    return mlp_fours(a, b, 0x88) + mlp_fours(a, b, 0xdd);
#elif defined(MLP_AVX2)
    const __m256d a4 = _mm256_castps_pd(a), b4 = _mm256_castps_pd(b);
    if (step == 0)
        return _mm256_unpacklo_ps(a, b) + _mm256_unpackhi_ps(a, b);
    if (step == 1)
        return _mm256_castpd_ps(_mm256_unpacklo_pd(a4, b4)) + _mm256_castpd_ps(_mm256_unpackhi_pd(a4, b4));
    return _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
#elif defined(MLP_SSE2)
    if (step == 0)
        return _mm_unpacklo_ps(a, b) + _mm_unpackhi_ps(a, b);
    return _mm_movelh_ps(a, b) + _mm_movehl_ps(b, a);
#else
    (void)step;
    return a + b;
#endif
}

static MLP_INLINE mlp_vec mlp_across(mlp_vec v[MLP_LANES], const int count, const int used)
{
    int left = count, step = 0;
    MLP_UNROLL
    for (int lanes = MLP_LANES; lanes > 1; lanes /= 2) {
        if (left > 1) {
            MLP_UNROLL
            for (int i = 0; 2 * i < left; i++)
                v[i] = mlp_fold(v[2 * i], v[2 * i + 1 < left ? 2 * i + 1 : 2 * i], step);
            left = (left + 1) / 2;
            step++;
        }
    }
#if defined(mlp_swapped)
    if (step > 2) /* more than four sums, which do not come back every so many lanes */
        return MLP_LANES >> step == 2 ? mlp_fold(v[0], v[0], step) : v[0];
#if defined(MLP_AVX512)
    if (used > 8)
        v[0] = v[0] + mlp_fours(v[0], v[0], 0x4e);
    if (used > 4)
        v[0] = v[0] + mlp_fours(v[0], v[0], 0xb1);
#elif defined(MLP_AVX2)
    if (used > 4)
        v[0] = v[0] + _mm256_permute2f128_ps(v[0], v[0], 1);
#endif
    if (step == 0 ? used > 2 : step == 1)
        v[0] = v[0] + mlp_swapped(v[0], 0x4e);
    if (step < 1 && used > 1)
        v[0] = v[0] + mlp_swapped(v[0], 0xb1);
#else
    (void)used;
    for (; step < 2 && MLP_LANES > 1; step++)
        v[0] = mlp_fold(v[0], v[0], step);
#endif
    return v[0];
}

/*@ simd_transpose : simd */
/* Turns MLP_LANES vectors round: lane i of vector j becomes lane j of vector i. */
#if MLP_LANES > 1
static MLP_INLINE void mlp_transpose(mlp_vec v[MLP_LANES])
{
#if defined(MLP_AVX512)
    mlp_vec w[16];
    MLP_UNROLL
    for (int i = 0; i < 16; i += 2) {
        w[i] = _mm512_maskz_unpacklo_ps(0xffff, v[i], v[i + 1]);
        w[i + 1] = _mm512_maskz_unpackhi_ps(0xffff, v[i], v[i + 1]);
    }
    MLP_UNROLL
    for (int i = 0; i < 16; i += 4) {
        MLP_UNROLL
        for (int k = 0; k < 2; k++) {
            const __m512d a = _mm512_castps_pd(w[i + k]), b = _mm512_castps_pd(w[i + 2 + k]);
            v[i + 2 * k] = _mm512_castpd_ps(_mm512_maskz_unpacklo_pd(0xff, a, b));
            v[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_maskz_unpackhi_pd(0xff, a, b));
        }
    }
    MLP_UNROLL
    for (int i = 0; i < 16; i += 8) {
        MLP_UNROLL
        for (int k = 0; k < 4; k++) {
            w[i + k] = _mm512_maskz_shuffle_f32x4(0xffff, v[i + k], v[i + 4 + k], 0x88);
            w[i + 4 + k] = _mm512_maskz_shuffle_f32x4(0xffff, v[i + k], v[i + 4 + k], 0xdd);
        }
    }
    MLP_UNROLL
    for (int k = 0; k < 8; k++) {
        v[k] = _mm512_maskz_shuffle_f32x4(0xffff, w[k], w[8 + k], 0x88);
        v[8 + k] = _mm512_maskz_shuffle_f32x4(0xffff, w[k], w[8 + k], 0xdd);
    }
#elif defined(MLP_AVX2)
    mlp_vec w[8];
    MLP_UNROLL
    for (int i = 0; i < 8; i += 4) {
        const mlp_vec a = _mm256_unpacklo_ps(v[i], v[i + 1]), b = _mm256_unpackhi_ps(v[i], v[i + 1]);
        const mlp_vec c = _mm256_unpacklo_ps(v[i + 2], v[i + 3]), d = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
        w[i] = _mm256_shuffle_ps(a, c, 0x44);
        w[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        w[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        w[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    MLP_UNROLL
    for (int k = 0; k < 4; k++) {
        v[k] = _mm256_permute2f128_ps(w[k], w[4 + k], 0x20);
        v[4 + k] = _mm256_permute2f128_ps(w[k], w[4 + k], 0x31);
    }
#elif defined(MLP_NEON)
    const float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
#else
    _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
#endif
}
#endif

/*@ end */

#endif
