/* params_write.c: writes float32 tensors and a text map as a safetensors file. Read back by params.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "error.h"
#include "json.h"
#include "params.h"

/* The header while it is put together. full: memory ran out. */
typedef struct text {
    char *bytes;
    size_t size, room;
    bool full;
} text;

static void put(text *t, const char *bytes, size_t size)
{
    if (t->full || size > SIZE_MAX / 4 - t->size) {
        t->full = true;
        return;
    }
    if (t->size + size > t->room) {
        size_t room = (t->size + size) * 2;
        char *grown = realloc(t->bytes, room);
        if (!grown) {
            t->full = true;
            return;
        }
        t->bytes = grown;
        t->room = room;
    }
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static void put_text(text *t, const char *bytes) { put(t, bytes, strlen(bytes)); }

static void put_number(text *t, const char *before, uint64_t number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    put_text(t, before);
    put_text(t, digits);
}

/* A string with the escapes that JSON demands and no others. */
static void put_string(text *t, const char *s)
{
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    put(t, "\"", 1);
    while (*s) {
        size_t plain = 0;
        while ((unsigned char)s[plain] >= 0x20 && s[plain] != '"' && s[plain] != '\\') {
            plain++;
        }
        put(t, s, plain);
        s += plain;
        if (*s) {
            const char *known = strchr(special, *s);
            char escape[8];
            if (known) {
                snprintf(escape, sizeof escape, "\\%c", letters[known - special]);
            } else {
                snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*s);
            }
            put_text(t, escape);
            s++;
        }
    }
    put(t, "\"", 1);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* No name twice and all of them UTF-8. */
static mlp_status check_texts(const char *path, const char *const *names, size_t count, const char *what,
                              mlp_error *err)
{
    const char **sorted = malloc((count + 1) * sizeof *sorted);
    mlp_status status = MLP_OK;
    if (!sorted) {
        return mlp_fail_memory(err, path, count * sizeof *sorted, "the header");
    }
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        sorted[i] = names[i];
        if (mlp_utf8_valid(names[i], strlen(names[i])) != strlen(names[i])) {
            status = mlp_fail(err, MLP_EARGUMENT, path, 0, "cannot write: %s '%s' is not UTF-8", what, names[i]);
        }
    }
    if (status == MLP_OK && count > 1) {
        qsort(sorted, count, sizeof *sorted, by_text);
    }
    for (size_t i = 1; i < count && status == MLP_OK; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            status = mlp_fail(err, MLP_EARGUMENT, path, 0, "cannot write: %s '%s' stands twice", what, sorted[i]);
        }
    }
    free(sorted);
    return status;
}

static mlp_status check_input(const char *path, const mlp_tensor *tensors, size_t count, const mlp_pair *metadata,
                              size_t metadata_count, mlp_error *err)
{
    size_t most = count > metadata_count ? count : metadata_count;
    const char **names = malloc((most + 1) * sizeof *names);
    mlp_status status = MLP_OK;
    if (!names) {
        return mlp_fail_memory(err, path, most * sizeof *names, "the header");
    }
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        const mlp_tensor *t = &tensors[i];
        size_t product = 1;
        for (int k = 0; k < t->rank; k++) {
            bool overflow = t->shape[k] != 0 && product > SIZE_MAX / t->shape[k];
            product = overflow ? SIZE_MAX : product * t->shape[k];
        }
        names[i] = t->name;
        if (product != t->count || (t->count > 0 && !t->data)) {
            status = mlp_fail(err, MLP_EARGUMENT, path, 0, "cannot write: tensor '%s' has %zu values, its shape %zu",
                              t->name, t->data ? t->count : 0, product);
        } else if (strcmp(t->name, "__metadata__") == 0) {
            status = mlp_fail(err, MLP_EARGUMENT, path, 0, "cannot write: no tensor may be named '__metadata__'");
        }
    }
    if (status == MLP_OK) {
        status = check_texts(path, names, count, "tensor", err);
    }
    for (size_t i = 0; i < metadata_count; i++) {
        names[i] = metadata[i].key;
    }
    if (status == MLP_OK) {
        status = check_texts(path, names, metadata_count, "__metadata__ key", err);
    }
    for (size_t i = 0; i < metadata_count && status == MLP_OK; i++) {
        size_t length = strlen(metadata[i].value);
        if (mlp_utf8_valid(metadata[i].value, length) != length) {
            status = mlp_fail(err, MLP_EARGUMENT, path, 0,
                              "cannot write: the text of __metadata__ key '%s' is not UTF-8", metadata[i].key);
        }
    }
    free((void *)names);
    return status;
}

/* The length and the header, in the reference writer's form: no white space, then spaces up to a multiple of 8. */
static void put_header(text *t, const mlp_tensor *tensors, size_t count, const mlp_pair *metadata,
                       size_t metadata_count)
{
    uint64_t offset = 0;
    put(t, "\0\0\0\0\0\0\0\0{", MLP_HEADER_AT + 1);
    for (size_t i = 0; i < metadata_count; i++) {
        put_text(t, i ? "," : "\"__metadata__\":{");
        put_string(t, metadata[i].key);
        put_text(t, ":");
        put_string(t, metadata[i].value);
    }
    put_text(t, metadata_count ? "}" : "");
    for (size_t i = 0; i < count; i++) {
        put_text(t, i || metadata_count ? "," : "");
        put_string(t, tensors[i].name);
        put_text(t, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int k = 0; k < tensors[i].rank; k++) {
            put_number(t, k ? "," : "", tensors[i].shape[k]);
        }
        put_number(t, "],\"data_offsets\":[", offset);
        offset += (uint64_t)tensors[i].count * sizeof(float);
        put_number(t, ",", offset);
        put_text(t, "]}");
    }
    put_text(t, "}");
    while (t->size % 8 != 0 && !t->full) {
        put(t, " ", 1);
    }
    uint64_t length = t->size - MLP_HEADER_AT;
    for (int i = 0; i < MLP_HEADER_AT && !t->full; i++) {
        t->bytes[i] = (char)(unsigned char)(length >> 8 * i);
    }
}

static mlp_status write_values(mlp_file *file, const float *values, size_t count, mlp_error *err)
{
    if (mlp_host_is_little()) {
        return mlp_file_write(file, values, count * sizeof *values, err);
    }
    mlp_status status = MLP_OK;
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        float swapped = values[i];
        mlp_swap_bytes(&swapped, 1, sizeof swapped);
        status = mlp_file_write(file, &swapped, sizeof swapped, err);
    }
    return status;
}

mlp_status mlp_params_write(const char *path, const mlp_tensor *tensors, size_t count, const mlp_pair *metadata,
                            size_t metadata_count, mlp_error *err)
{
    mlp_status status = check_input(path, tensors, count, metadata, metadata_count, err);
    if (status != MLP_OK) {
        return status;
    }
    text header = {0};
    put_header(&header, tensors, count, metadata, metadata_count);
    mlp_file *file = NULL;
    if (header.full) {
        status = mlp_fail_memory(err, path, header.size, "the header");
    } else if (header.size - MLP_HEADER_AT > MLP_HEADER_LIMIT) {
        status = mlp_fail(err, MLP_EARGUMENT, path, 0, "cannot write: a header of %zu bytes, the limit is %d",
                          header.size, MLP_HEADER_LIMIT);
    } else {
        mlp_error reason;
        file = mlp_file_create(path, &reason);
        status = file ? mlp_file_write(file, header.bytes, header.size, err) : reason.status;
        if (!file && err) {
            *err = reason;
        }
    }
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        status = write_values(file, tensors[i].data, tensors[i].count, err);
    }
    free(header.bytes);
    if (status != MLP_OK) {
        mlp_file_abort(file);
        return status;
    }
    return mlp_file_commit(file, err);
}
