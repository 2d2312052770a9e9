/* convert.h: numbers as files hold them, into floats. Small enough to be inlined into every reader. Not installed. */
#ifndef MLP_RUNTIME_CONVERT_H
#define MLP_RUNTIME_CONVERT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool mlp_host_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* Reverses the bytes of `count` numbers of `size` (1, 2, 4, 8) bytes each, in place. */
static inline void mlp_swap_bytes(void *numbers, size_t count, size_t size)
{
    unsigned char *p = (unsigned char *)numbers;
    for (size_t i = 0; size > 1 && i < count; i++, p += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char t = p[a];
            p[a] = p[b];
            p[b] = t;
        }
    }
}

static inline float mlp_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16; every value is exact in float32. */
static inline float mlp_float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = (half >> 10) & 0x1Fu, fraction = half & 0x3FFu;
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    return mlp_float_of_bits(sign | (exponent == 31 ? 0xFFu : exponent + 112u) << 23 | fraction << 13);
}

/* bfloat16: the upper half of a float32. */
static inline float mlp_float_of_bfloat(uint16_t bits) { return mlp_float_of_bits((uint32_t)bits << 16); }

/* Rounds to nearest; what would round beyond the largest float is an infinity (C leaves that cast undefined). */
static inline float mlp_float_of_double(double value)
{
    if (fabs(value) >= 0x1.ffffffp127) {
        return value > 0 ? INFINITY : -INFINITY;
    }
    return (float)value;
}

static inline bool mlp_is_finite(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7F800000u) != 0x7F800000u;
}

#endif
