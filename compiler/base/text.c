/* text.c: text that grows, and the shortest decimal of a float. */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

/* Room for n more bytes and the NUL. */
static char *grow(Text *t, size_t n)
{
    if (t->room - t->size <= n) {
        size_t room = t->room ? t->room : 256;
        while (room - t->size <= n)
            room += room / 2 + 16;
        char *data = realloc(t->data, room);
        if (!data)
            die("out of memory (%zu bytes of text)", room);
        t->data = data;
        t->room = room;
    }
    return t->data + t->size;
}

void text_add_n(Text *t, const char *s, size_t n)
{
    char *at = grow(t, n);
    memcpy(at, s, n);
    at[n] = 0;
    t->size += n;
}

void text_add(Text *t, const char *s)
{
    text_add_n(t, s, strlen(s));
}

void text_char(Text *t, char c)
{
    text_add_n(t, &c, 1);
}

void text_vprintf(Text *t, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        die("cannot format text");
    vsnprintf(grow(t, (size_t)n), (size_t)n + 1, format, again);
    t->size += (size_t)n;
    va_end(again);
}

void text_printf(Text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(t, format, args);
    va_end(args);
}

void text_column(Text *t, size_t column)
{
    size_t start = t->size;
    while (start > 0 && t->data[start - 1] != '\n')
        start--;
    while (t->size - start < column)
        text_char(t, ' ');
}

void text_free(Text *t)
{
    free(t->data);
    *t = (Text){0};
}

/* Powers of ten that an 80-bit long double holds exactly: 5^27 < 2^64. */
static const long double power10[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                      1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                      1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

/* Whether `digits` * 10^exponent reads back as v. A result half-way between two floats is left to strtof, since rounding
 * it twice could go wrong; so is everything on machines without an 80-bit format. */
static bool reads_back(long digits, int exponent, float v)
{
#if LDBL_MANT_DIG == 64
    if (exponent >= -27 && exponent <= 27) {
        long double d = (long double)digits;
        d = exponent < 0 ? d / power10[-exponent] : d * power10[exponent];
        uint64_t mantissa;
        memcpy(&mantissa, &d, sizeof mantissa);
        if ((mantissa & 0xffffffffffu) != 0x8000000000u)
            return (float)d == v;
    }
#endif
    char buffer[40];
    snprintf(buffer, sizeof buffer, "%lde%d", digits, exponent);
    return strtof(buffer, NULL) == v;
}

/* v > 0 rounded to `count` significant digits: digits * 10^exponent. e10 is the power of its first digit, or one less. */
static long rounded(float v, int e10, int count, int *exponent)
{
    *exponent = e10 + 1 - count;
    if (*exponent >= -27 && *exponent <= 27) {
        long double d = (long double)v;
        return lrintl(*exponent < 0 ? d * power10[-*exponent] : d / power10[*exponent]);
    }
    char buffer[40];
    snprintf(buffer, sizeof buffer, "%.*e", count - 1, (double)v);
    char *e = strchr(buffer, 'e');
    long digits = 0;
    *exponent = atoi(e + 1) + 1 - count;
    for (char *c = buffer; c < e; c++)
        if (*c >= '0' && *c <= '9')
            digits = digits * 10 + (*c - '0');
    return digits;
}

/* The short way for floats of everyday size: v and the middles between it and its neighbours, as doubles times a power of
 * ten, nine digits before the point; what the roundings of that may hide (EDGE is a thousand times as much) is left to the
 * long way. 0: left. */
static long shortest_everyday(float v, int *exponent)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    static const double EDGE = 1e-3;
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    const int binary = (int)(bits >> 23) - 127;
    if (binary < -40 || binary > 70 || (bits & 0x7fffff) == 0) /* a power of two is closer to its lower neighbour */
        return 0;
    int power = 8 - (binary * 1233 >> 12); /* 1233 / 4096 is about log10(2): the right one, or one too large */
    uint32_t above = bits + 1;
    float next;
    memcpy(&next, &above, sizeof next);
    double reach = ((double)next - (double)v) / 2;
    double s = power < 0 ? (double)v / tens[-power] : (double)v * tens[power];
    if (s >= 1e9) {
        power--;
        s = power < 0 ? (double)v / tens[-power] : (double)v * tens[power];
    }
    reach = power < 0 ? reach / tens[-power] : reach * tens[power];
    const long best = (long)(s + 0.5);
    *exponent = -power;
    if (!(s >= 1e8 && s < 1e9 - 1) || fabs(s - (double)best) > 0.5 - EDGE)
        return 0;
    long digits = best;
    for (int t = 1; t < 9; t++) {
        const long d = (long)(s / tens[t] + 0.5);
        const double unit = tens[t], away = fabs((double)d * unit - s);
        if (fabs(away - reach) < EDGE || fabs(away - unit / 2) < EDGE)
            return 0;
        if (away > reach)
            break;
        digits = d;
        *exponent = t - power;
    }
    return digits;
}

/* v > 0 as digits * 10^exponent with the fewest digits that read back. Nine always do, and if k do then k + 1 do: most
 * weights need eight or nine, so the search goes down from there. */
static long shortest(float v, int *exponent)
{
    long everyday = shortest_everyday(v, exponent);
    if (everyday)
        return everyday;
    int binary;
    frexpf(v, &binary);
    int e10 = (int)floor((binary - 1) * 0.30102999566398120); /* log10(2) */
    if (e10 >= 27 || e10 < -27) {
        char buffer[40];
        snprintf(buffer, sizeof buffer, "%.8e", (double)v);
        e10 = atoi(strchr(buffer, 'e') + 1);
    } else if ((long double)v >= (e10 < -1 ? 1 / power10[-e10 - 1] : power10[e10 + 1])) {
        e10++;
    }
    long best = rounded(v, e10, 9, exponent);
    for (int count = 8; count >= 1; count--) {
        int shorter;
        long digits = rounded(v, e10, count, &shorter);
        if (!reads_back(digits, shorter, v))
            break;
        best = digits;
        *exponent = shorter;
    }
    return best;
}

/* Writes the decimal digits of n > 0, returns how many. */
static int put_digits(char *out, long n)
{
    char reversed[24], *end = reversed + sizeof reversed, *at = end;
    for (unsigned rest = (unsigned)n; rest; rest /= 10) /* nine digits at most */
        *--at = (char)('0' + rest % 10);
    memcpy(out, at, (size_t)(end - at));
    return (int)(end - at);
}

static char *put(char *out, const char *s, int n)
{
    memcpy(out, s, (size_t)n);
    return out + n;
}

/* v is finite. compact: 12e-8, not 1.2e-7. */
static void add_number(Text *t, float v, bool compact)
{
    char digits[24], out[64];
    char *o = out;
    if (signbit(v))
        *o++ = '-';
    if (v == 0) {
        o = put(o, "0.0", 3);
        text_add_n(t, out, (size_t)(o - out));
        return;
    }
    int exponent;
    long number = shortest(fabsf(v), &exponent);
    for (; number % 10 == 0; exponent++)
        number /= 10;
    int n = put_digits(digits, number);
    int point = n + exponent; /* the decimal point stands before digit number `point` */
    if (point > 9 || point < -4) {
        int before = compact ? n : 1;
        o = put(o, digits, before);
        if (before < n)
            o = put(put(o, ".", 1), digits + before, n - before);
        o += sprintf(o, "e%d", exponent + n - before);
    } else if (exponent >= 0) {
        o = put(put(put(o, digits, n), "000000000", exponent), ".0", 2);
    } else if (point > 0) {
        o = put(put(put(o, digits, point), ".", 1), digits + point, n - point);
    } else {
        o = put(put(put(o, "0.", 2), "0000", -point), digits, n);
    }
    text_add_n(t, out, (size_t)(o - out));
}

void text_number(Text *t, float v)
{
    if (fabsf(v) <= FLT_MAX)
        add_number(t, v, false);
    else
        text_add(t, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

void text_float(Text *t, float v)
{
    if (!(fabsf(v) <= FLT_MAX))
        die("internal error: a number to print is not finite");
    add_number(t, v, true);
    text_char(t, 'f');
}
