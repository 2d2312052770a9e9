/* tensors.c: writes safetensors files for tests, right ones and wrong ones.
 * tensors FILE [OPTION]... [NAME:DTYPE:SHAPE[:VALUE@INDEX]]...
 * SHAPE is "8x4", "8" or "-" (one number). Values are sixteenths from -1 to 1, exact in every dtype; VALUE@INDEX sets
 * one of them ("nan@3", "-inf@0", "1e300@2"), VALUE@all every one; noise@all: numbers of full length. Options:
 *   --header TEXT   this header instead of one that fits        --length N   claims a header of N bytes
 *   --cut N         leaves the last N bytes away                --pad N      adds N zero bytes
 *   --sort          tensors by name, as libraries write them    --meta TEXT  "__metadata__": TEXT in front */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS_MAX = 4096, HEADER_MAX = 1 << 20 };

typedef struct Tensor {
    const char *name;
    char dtype[16], shape[64], value[32], where[32];
    size_t count, bytes;
} Tensor;

static Tensor tensor[TENSORS_MAX];
static int tensors;
static char header[HEADER_MAX];

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "tensors: %s: %s\n", what, which);
    exit(1);
}

static size_t size_of(const char *dtype)
{
    static const struct {
        const char *name;
        size_t size;
    } known[] = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"I32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2},
                 {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, dtype) == 0)
            return known[i].size;
    fail("unknown dtype", dtype);
    return 0;
}

static void add(char *text)
{
    Tensor *t = &tensor[tensors++];
    char *dtype = strchr(text, ':'), *shape = dtype ? strchr(dtype + 1, ':') : NULL;
    if (!shape || tensors == TENSORS_MAX)
        fail("no tensor", text);
    *dtype++ = *shape++ = 0;
    char *value = strchr(shape, ':');
    t->name = text;
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
    if (value) {
        char *at = strchr(value, '@');
        *value++ = *at++ = 0;
        snprintf(t->value, sizeof t->value, "%s", value);
        snprintf(t->where, sizeof t->where, "%s", at);
    }
    t->count = 1;
    if (strcmp(shape, "-") == 0)
        shape = "";
    size_t used = 0;
    for (char *s = shape; *s; s += *s == 'x') {
        size_t n = strtoull(s, &s, 10);
        t->count *= n;
        used += (size_t)snprintf(t->shape + used, sizeof t->shape - used, "%s%zu", used ? "," : "", n);
    }
    t->bytes = t->count * size_of(t->dtype);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Tensor *)a)->name, ((const Tensor *)b)->name);
}

static void little(unsigned char *to, uint64_t bits, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(bits >> (8 * i));
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* IEEE half precision of a number that it holds exactly, or of an infinity or NaN. */
static uint32_t half(double v)
{
    uint32_t sign = signbit(v) ? 0x8000u : 0;
    int e;
    if (isnan(v))
        return 0x7e00;
    if (isinf(v))
        return sign | 0x7c00;
    if (v == 0)
        return sign;
    double m = frexp(fabs(v), &e); /* 0.5 <= m < 1 */
    return sign | (uint32_t)(e + 14) << 10 | (uint32_t)((m * 2 - 1) * 1024);
}

static void put(FILE *f, const char *dtype, double v)
{
    unsigned char b[8] = {0};
    size_t size = size_of(dtype);
    if (strcmp(dtype, "F64") == 0) {
        uint64_t u;
        memcpy(&u, &v, sizeof u);
        little(b, u, 8);
    } else if (strcmp(dtype, "F32") == 0) {
        little(b, bits_of((float)v), 4);
    } else if (strcmp(dtype, "BF16") == 0) {
        little(b, bits_of((float)v) >> 16, 2);
    } else if (strcmp(dtype, "F16") == 0) {
        little(b, half(v), 2);
    } else {
        b[0] = (unsigned char)(v > 0);
    }
    fwrite(b, 1, size, f);
}

static void put_values(FILE *f, const Tensor *t, uint32_t *seed)
{
    bool all = strcmp(t->where, "all") == 0;
    size_t index = *t->where && !all ? strtoull(t->where, NULL, 10) : SIZE_MAX;
    for (size_t i = 0; i < t->count; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        double v = ((int)(*seed >> 24) % 33 - 16) / 16.0;
        if (*t->value == 'n' && t->value[1] == 'o')
            v = (double)*seed / 3e10;
        else if (all || i == index)
            v = strtod(t->value, NULL);
        put(f, t->dtype, v);
    }
}

int main(int argc, char **argv)
{
    const char *own = NULL, *meta = NULL;
    uint64_t length = 0, cut = 0, pad = 0, offset = 0;
    bool sort = false, lie = false;
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        bool known = true;
        if (strcmp(argv[i], "--sort") == 0) {
            sort = true;
            continue;
        } else if (strcmp(argv[i], "--header") == 0)
            own = value;
        else if (strcmp(argv[i], "--meta") == 0)
            meta = value;
        else if (strcmp(argv[i], "--length") == 0)
            length = strtoull(value, NULL, 0), lie = true;
        else if (strcmp(argv[i], "--cut") == 0)
            cut = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--pad") == 0)
            pad = strtoull(value, NULL, 0);
        else
            known = false;
        if (known)
            i++;
        else
            add(argv[i]);
    }
    if (sort)
        qsort(tensor, (size_t)tensors, sizeof *tensor, by_name);
    size_t n = 0;
    n += (size_t)snprintf(header + n, HEADER_MAX - n, "{%s%s", meta ? "\"__metadata__\":" : "", meta ? meta : "");
    for (int i = 0; i < tensors && n < HEADER_MAX - 1000; offset += tensor[i].bytes, i++)
        n += (size_t)snprintf(header + n, HEADER_MAX - n,
                              "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%llu,%llu]}",
                              i || meta ? "," : "", tensor[i].name, tensor[i].dtype, tensor[i].shape,
                              (unsigned long long)offset, (unsigned long long)(offset + tensor[i].bytes));
    n += (size_t)snprintf(header + n, HEADER_MAX - n, "}");
    while (n % 8)
        header[n++] = ' ';
    if (own)
        n = (size_t)snprintf(header, HEADER_MAX, "%s", own);
    FILE *f = argc > 1 ? fopen(argv[1], "wb+") : NULL;
    if (!f)
        fail("cannot write", argc > 1 ? argv[1] : "no file");
    unsigned char size[8];
    little(size, lie ? length : n, 8);
    fwrite(size, 1, 8, f);
    fwrite(header, 1, n, f);
    uint32_t seed = 1;
    for (int i = 0; i < tensors; i++)
        put_values(f, &tensor[i], &seed);
    for (; pad; pad--)
        fputc(0, f);
    long end = ftell(f);
    if (cut) { /* written anew without its end */
        size_t keep = (size_t)end - (size_t)cut;
        char *bytes = malloc(keep + 1);
        rewind(f);
        if (!bytes || fread(bytes, 1, keep, f) != keep || !(f = freopen(argv[1], "wb", f)))
            fail("cannot cut", argv[1]);
        fwrite(bytes, 1, keep, f);
        free(bytes);
    }
    return fclose(f) ? 1 : 0;
}
