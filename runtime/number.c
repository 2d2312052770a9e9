/* number.c: decimal numbers in text, correctly rounded and the same in every locale. Used by the CSV reader. */
#include "csv.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same_word(const char *text, size_t length, const char *word)
{
    if (strlen(word) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The general case: strtod with the point that the locale wants. false: memory ran out or strtod disagrees. */
static bool slow(const char *text, size_t length, double *value)
{
    const char *point = localeconv()->decimal_point, *dot = memchr(text, '.', length);
    size_t wide = strlen(point);
    char local[128], *copy = length + wide < sizeof local ? local : malloc(length + wide + 1);
    if (!copy) {
        return false;
    }
    size_t head = dot ? (size_t)(dot - text) : length;
    memcpy(copy, text, head);
    if (dot) {
        memcpy(copy + head, point, wide);
        memcpy(copy + head + wide, dot + 1, length - head - 1);
    }
    copy[dot ? length - 1 + wide : length] = '\0';
    char *end;
    *value = strtod(copy, &end);
    bool whole = *end == '\0';
    if (copy != local) {
        free(copy);
    }
    return whole;
}

/* What a decimal number is made of. */
typedef struct decimal {
    bool negative, any; /* any digit */
    bool exact;         /* digits holds all of them */
    uint64_t digits;
    int exponent;
} decimal;

/* Goes over as much of [p, end) as is a decimal number; returns where that ends. */
static inline const char *scan(const char *p, const char *end, decimal *d)
{
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    const char *first = p;
    uint64_t digits = 0;
    while (p < end && is_digit(*p)) {
        digits = digits * 10 + (uint64_t)(*p++ - '0');
    }
    const char *point = p;
    if (p < end && *p == '.') {
        p++;
        while (p < end && is_digit(*p)) {
            digits = digits * 10 + (uint64_t)(*p++ - '0');
        }
    }
    long seen = p - first - (p > point), exponent = p > point ? point + 1 - p : 0;
    *d = (decimal){negative, seen > 0, true, digits, (int)(exponent < -100000 ? -100000 : exponent)};
    if (seen > 18) { /* leading zeros do not count, and what is more may have run over */
        long zeros = 0;
        for (const char *q = first; q < p && (*q == '0' || *q == '.'); q++) {
            zeros += *q == '0';
        }
        d->exact = seen - zeros <= 18;
    }
    if (d->any && p < end && (*p == 'e' || *p == 'E')) {
        const char *q = p + 1;
        bool down = q < end && *q == '-';
        int power = 0;
        q += q < end && (*q == '-' || *q == '+');
        for (p = q < end && is_digit(*q) ? q : p; p >= q && p < end && is_digit(*p); p++) {
            power = power < 100000 ? power * 10 + (*p - '0') : power;
        }
        d->exponent += down ? -power : power;
    }
    return p;
}

/* W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990: digits and power both exact, so one operation
 * rounds once. false: not so. */
static inline bool round_once(const decimal *d, double *value)
{
    /* Powers of ten that a double holds exactly. */
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!d->exact || d->digits > UINT64_C(1) << 53 || d->exponent < -22 || d->exponent > 22) {
        return false;
    }
    double number = d->exponent < 0 ? (double)d->digits / tens[-d->exponent] : (double)d->digits * tens[d->exponent];
    *value = d->negative ? -number : number;
    return true;
}

size_t mlp_scan_number(const char *text, size_t size, double *value)
{
    decimal d;
    const char *end = scan(text, text + size, &d);
    return d.any && round_once(&d, value) ? (size_t)(end - text) : 0;
}

mlp_number mlp_parse_number(const char *text, size_t length, double *value)
{
    decimal d;
    const char *end = text + length, *p = scan(text, end, &d);
    if (!d.any || p < end) {
        const char *word = text + (length > 0 && (*text == '-' || *text == '+'));
        size_t size = (size_t)(end - word);
        *value = (double)(d.negative ? -INFINITY : INFINITY);
        if (same_word(word, size, "inf") || same_word(word, size, "infinity")) {
            return MLP_NUMBER_INFINITE;
        }
        *value = (double)NAN;
        return same_word(word, size, "nan") ? MLP_NUMBER_NAN : MLP_NUMBER_NOT;
    }
    if (round_once(&d, value)) {
        return MLP_NUMBER_FINITE;
    }
    if (!slow(text, length, value)) {
        return MLP_NUMBER_NOT;
    }
    return isfinite(*value) ? MLP_NUMBER_FINITE : MLP_NUMBER_INFINITE;
}
