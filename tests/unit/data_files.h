/* data_files.h: puts binary data files together for the tests of their readers. Included once by each such test. */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "mlp.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static char folder[] = "/tmp/mlp_array_test.XXXXXX";
static const char *const used[] = {"a.npy", "a.idx", "a.f32", "a.npz", "b.npy", "a.bin", "b.f32"};

static inline const char *at(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(used); i++) {
        unlink(at(used[i]));
    }
    return rmdir(folder);
}

/* Bytes while a file is put together. */
typedef struct bytes {
    unsigned char data[8192];
    size_t size;
} bytes;

static inline void add(bytes *b, const void *data, size_t size)
{
    assert_true(b->size + size <= sizeof b->data);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* A number of `size` bytes, least significant first, or most when size is negative. */
static inline void add_number(bytes *b, uint64_t number, int size)
{
    int n = abs(size);
    for (int i = 0; i < n; i++) {
        unsigned char c = (unsigned char)(number >> 8 * (size > 0 ? i : n - 1 - i));
        add(b, &c, 1);
    }
}

static inline void save(const bytes *b, const char *name)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(b->data, 1, b->size, file), b->size);
    assert_int_equal(fclose(file), 0);
}

static inline void save_packed(const bytes *b, const char *name)
{
    gzFile file = gzopen(at(name), "wb9");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, b->data, (unsigned)b->size), b->size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* An NPY file with any header text; data may be NULL for zeros. */
static inline bytes npy(const char *header, int version, const void *data, size_t size)
{
    bytes b = {.size = 0};
    static const unsigned char zeros[4096];
    add(&b, "\x93NUMPY", 6);
    add_number(&b, (uint64_t)version, 1);
    add_number(&b, 0, 1);
    add_number(&b, strlen(header) + 1, version == 1 ? 2 : 4);
    add(&b, header, strlen(header));
    add(&b, "\n", 1);
    add(&b, data ? data : zeros, size);
    return b;
}

static inline bytes npy_of(const char *type, const char *shape, const void *data, size_t size)
{
    char header[200];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    return npy(header, 1, data, size);
}

static inline bytes idx(int type, int rank, const uint32_t *sizes, const void *data, size_t size)
{
    bytes b = {.size = 0};
    add_number(&b, (uint64_t)(type << 8 | rank), -4);
    for (int i = 0; i < rank; i++) {
        add_number(&b, sizes[i], -4);
    }
    add(&b, data, size);
    return b;
}

/* Reads a file and compares all of x. */
static inline void assert_holds(const char *name, mlp_type type, size_t rows, size_t width, const float *expected)
{
    mlp_error err = {.text = ""};
    mlp_data *data = mlp_data_read(at(name), NULL, &(mlp_data_spec){.inputs = width}, &err);
    if (!data) {
        print_error("%s\n", err.text);
    }
    assert_non_null(data);
    assert_int_equal(data->x.type, type);
    assert_int_equal(data->rows, rows);
    assert_int_equal(data->x.width, width);
    float *got = malloc(rows * width * sizeof *got);
    mlp_gather(&data->x, NULL, rows, got);
    assert_memory_equal(got, expected, rows * width * sizeof *got);
    free(got);
    mlp_data_free(data);
}

static inline void assert_refused(const char *name, const mlp_data_spec *spec, mlp_status status, const char *detail)
{
    mlp_error err = {.text = ""};
    mlp_data *data = mlp_data_read(at(name), NULL, spec, &err);
    assert_null(data);
    assert_string_equal(mlp_error_detail(&err), detail);
    assert_int_equal(err.status, status);
}

#endif
