/* storage.c: the table of ways to keep weights. A new one is a row here and a loader in runtime/narrow.h. */
#include "graph/storage.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "convert.h"

/* The upper half of a float, rounded to nearest even: the carry may run into the exponent, which is right. */
static int bf16_code(double w)
{
    float f = (float)w;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    int code = (int)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    return (code & 0x7f80) == 0x7f80 ? STORAGE_NONE : code;
}

static double bf16_value(int code)
{
    return (double)mlp_float_of_bfloat((uint16_t)code);
}

/* IEEE binary16: 11 bits from the exponent e on, or from 2^-14 on for subnormal numbers. */
static int f16_code(double w)
{
    double size = fabs(w);
    int sign = signbit(w) ? 0x8000 : 0;
    if (size >= 65520)
        return STORAGE_NONE;
    int e = size < 0x1p-14 ? -14 : ilogb(size);
    return sign | (((e + 14) * 1024) + (int)nearbyint(ldexp(size, 10 - e)));
}

static double f16_value(int code)
{
    return (double)mlp_float_of_half((uint16_t)code);
}

static int i8_code(double w)
{
    double q = nearbyint(w);
    return fabs(q) > 127 ? STORAGE_NONE : (int)q;
}

static double i8_value(int code)
{
    return code;
}

const StorageInfo storage_info[STORAGE_COUNT] = {
    {"f32", "float", 4, 0, NULL, NULL},
    {"bf16", "unsigned short", 2, 0, bf16_code, bf16_value},
    {"f16", "unsigned short", 2, 0, f16_code, f16_value},
    {"i8", "signed char", 1, 127, i8_code, i8_value},
};
