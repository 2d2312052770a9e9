/* narrow.h: weights kept in less than a float, as vectors of floats, over simd.h: one loader for each way of storing
 * them that compiler/graph/storage.h lists. Text for generated files alone; the templates of kernel.h call a loader as
 * MLP_TAKE and MLP_AT. Every stored weight is finite. Bound by memory while the floats would not fit in L2, else by the
 * instructions that widen: with AVX-512 two for bf16 and i8, which leave 1.5 cycles for each vector of FMA. */
#ifndef MLP_NARROW_H
#define MLP_NARROW_H

/* A loader reads MLP_LANES weights however many are wanted: tables end with 16 zeros more where a row of weights may
 * be narrower than a vector, and what is computed from the rest is not stored. */

/*@ bf16 : simd_bits */
/* bfloat16, the upper half of a float: one weight, and MLP_LANES weights from p on. */
static MLP_INLINE float mlp_at_bf16(unsigned short w)
{
    union {
        float f;
        unsigned u;
    } v;
    v.u = (unsigned)w << 16;
    return v.f;
}

static MLP_INLINE mlp_vec mlp_take_bf16(const unsigned short *p, int n)
{
    (void)n;
#if defined(MLP_AVX512)
    const __m512i w = _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, w, 16));
#elif defined(MLP_AVX2)
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
#elif defined(MLP_NEON)
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
#elif defined(MLP_SSE2)
    return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)(const void *)p)));
#else
    return mlp_at_bf16(*p);
#endif
}

/*@ f16 : simd_bits */
/* IEEE binary16: one weight, and MLP_LANES weights from p on. Exponent and fraction move into place, and 2^112 mends
 * the exponent's bias, of subnormal numbers too. */
static MLP_INLINE float mlp_at_f16(unsigned short w)
{
    union {
        float f;
        unsigned u;
    } v;
    v.u = ((unsigned)w & 0x7fffu) << 13;
    v.f *= 5192296858534827628530496329220096.0f;
    v.u |= ((unsigned)w & 0x8000u) << 16;
    return v.f;
}

#if MLP_LANES > 1 && !defined(MLP_AVX512)
static MLP_INLINE mlp_vec mlp_from_f16(mlp_ivec w)
{
    const mlp_vec v = mlp_unbits((w & mlp_iset(0x7fffu)) << 13) * mlp_set(5192296858534827628530496329220096.0f);
    return mlp_unbits(mlp_bits(v) | (w & mlp_iset(0x8000u)) << 16);
}
#endif

static MLP_INLINE mlp_vec mlp_take_f16(const unsigned short *p, int n)
{
    (void)n;
#if defined(MLP_AVX512)
    return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256((const __m256i *)(const void *)p));
#elif defined(MLP_AVX2) && defined(__F16C__)
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif defined(MLP_AVX2)
    return mlp_from_f16((mlp_ivec)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif defined(MLP_NEON)
    return mlp_from_f16(vmovl_u16(vld1_u16(p)));
#elif defined(MLP_SSE2)
    return mlp_from_f16((mlp_ivec)_mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)(const void *)p), _mm_setzero_si128()));
#else
    return mlp_at_f16(*p);
#endif
}

/*@ i8 : simd */
/* Whole numbers -127 to 127, which the epilogue multiplies by the scale of their output: one, and MLP_LANES of them. */
static MLP_INLINE float mlp_at_i8(signed char w)
{
    return (float)w;
}

static MLP_INLINE mlp_vec mlp_take_i8(const signed char *p, int n)
{
    (void)n;
#if defined(MLP_AVX512)
    const __m512i w = _mm512_maskz_cvtepi8_epi32(0xffff, _mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_maskz_cvtepi32_ps(0xffff, w);
#elif defined(MLP_AVX2)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#elif defined(MLP_NEON)
    const int four[4] = {p[0], p[1], p[2], p[3]};
    return vcvtq_f32_s32(vld1q_s32(four));
#elif defined(MLP_SSE2)
    int four;
    __builtin_memcpy(&four, p, 4);
    __m128i w = _mm_cvtsi32_si128(four);
    w = _mm_unpacklo_epi8(w, w);
    return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(w, w), 24));
#else
    return mlp_at_i8(*p);
#endif
}

/*@ end */

#endif
