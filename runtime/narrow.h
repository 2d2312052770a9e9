/* narrow.h: weights kept in less than a float, as vectors of floats, over simd.h: one loader for each way of storing
 * them that compiler/graph/storage.h lists. Text for generated files alone; the templates of kernel.h call a loader as
 * MLP_TAKE and MLP_AT. Every stored weight is finite. Bound by memory while the floats would not fit in L2, else by the
 * instructions that widen: with AVX-512 two for bf16 and i8, which leave 1.5 cycles for each vector of FMA. i8 need not be
 * widened where the machine multiplies bytes (digits, and `fixed` in kernel.h). */
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

/*@ digits : i8 kernel cold */
/* MLP_DIGITS: the machine multiplies bytes, four at a time (AVX-512 VNNI), and rows of inputs are taken in fixed point, so many in
 * a block: weights that are bytes then stay bytes. */
#if defined(MLP_AVX512) && defined(__AVX512BW__) && defined(__AVX512VBMI__) && defined(__AVX512VNNI__)
#define MLP_DIGITS 1024

/* A block of inputs, each the nearest of (65536 d2 + 256 d1 + d0) 2^exponent, digits from -128 to 127: 23 bits below the largest
 * one's power of two. balance: 128 times the sums of the digits. */
typedef struct {
    signed char digit[3][MLP_DIGITS];
    int balance[3], exponent;
} mlp_fixed_row;

/* a plus, in each lane, the sum of four bytes of u, without a sign, times those of s, with one. (gcc 12 copies the sums to and fro
 * around its built-in function.) */
static MLP_INLINE __m512i mlp_dot4(__m512i a, __m512i u, __m512i s)
{
    __asm__("vpdpbusd {%2, %1, %0|%0, %1, %2}" : "+v"(a) : "v"(u), "v"(s));
    return a;
}

/* 0: an input is infinite or NaN, and the digits mean nothing. Behind the last one there are zeros up to a multiple of 16. */
static MLP_COLD int mlp_to_fixed(const size_t count, const float *x, mlp_fixed_row *row)
{
    const __m512i size = _mm512_set1_epi32(0x7fffffff), middle = _mm512_set1_epi32(0x808080);
    __m512i most = _mm512_setzero_si512(), balance[3];
    unsigned lane[16], top = 0;
    for (size_t k = 0; k < count; k += 16) {
        const __m512i bits = _mm512_castps_si512(mlp_take(x + k, count - k < 16 ? (int)(count - k) : 16));
        most = _mm512_maskz_max_epu32(0xffff, most, _mm512_and_si512(bits, size));
    }
    _mm512_storeu_si512(lane, most);
    for (int i = 0; i < 16; i++)
        top = lane[i] > top ? lane[i] : top;
    row->exponent = (int)(top >> 23) - 148;
    MLP_UNROLL
    for (int i = 0; i < 3; i++)
        balance[i] = _mm512_setzero_si512();
    for (size_t k = 0; k < count; k += 16) {
        const mlp_vec v = _mm512_maskz_scalef_ps(0xffff, mlp_take(x + k, count - k < 16 ? (int)(count - k) : 16),
                                                 mlp_set((float)-row->exponent));
        const __m512i q = _mm512_xor_si512(_mm512_add_epi32(_mm512_maskz_cvtps_epi32(0xffff, v), middle), middle);
        MLP_UNROLL
        for (int i = 0; i < 3; i++) {
            balance[i] = mlp_dot4(balance[i], _mm512_set1_epi32(0x80 << 8 * i), q);
            _mm_storeu_si128((__m128i *)(void *)(row->digit[i] + k),
                            _mm512_maskz_cvtepi32_epi8(0xffff, _mm512_maskz_srli_epi32(0xffff, q, (unsigned)(8 * i))));
        }
    }
    for (int i = 0; i < 3; i++) {
        int sum = 0, part[16];
        _mm512_storeu_si512(part, balance[i]);
        for (int l = 0; l < 16; l++)
            sum += part[l];
        row->balance[i] = sum;
    }
    return top < 0x7f800000u;
}
#endif

/*@ end */

#endif
