/* params.c: reads safetensors files straight into float32 blocks. The header is params_header.c's, writing is
 * params_write.c's, the order in which tensors bind to a net is params_order.c's.
 *
 * The file is 8 bytes of little-endian header length, the header (a JSON object from names to dtype, shape and
 * data_offsets), then the data. */
#include "params.h"

#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "file.h"

enum { ALIGN = 64, ALIGN_FLOATS = ALIGN / sizeof(float), CHUNK = 16384 };

/* Where the bytes come from: a regular file, or memory (then file is NULL). Both know their size. */
typedef struct source {
    FILE *file;
    const unsigned char *bytes;
    uint64_t size, at;
    const char *name;
    mlp_error *err;
} source;

struct mlp_params_memory {
    mlp_params params; /* what the caller sees */
    mlp_tensor *tensors;
    const mlp_tensor **by_name;
    mlp_pair *pairs;
    size_t *shapes;
    char *header;
    float *values;
};

static mlp_status take_bytes(source *src, void *to, size_t size)
{
    if (src->file) {
        if (fread(to, 1, size, src->file) != size) {
            return ferror(src->file)
                       ? mlp_fail_system(src->err, src->name, 0, "cannot read")
                       : mlp_fail(src->err, MLP_EFORMAT, src->name, 0, "became shorter while it was read");
        }
    } else if (size > 0) {
        memcpy(to, src->bytes + src->at, size);
    }
    src->at += size;
    return MLP_OK;
}

static mlp_status go_to(source *src, uint64_t at)
{
    if (src->file && src->at != at && mlp_seek(src->file, src->name, at, src->err) != MLP_OK) {
        return MLP_EIO;
    }
    src->at = at;
    return MLP_OK;
}

/* Reads the length and the header itself, both checked against the size of the file. */
static mlp_status take_header(source *src, mlp_header *header)
{
    unsigned char first[MLP_HEADER_AT];
    uint64_t length = 0;
    if (src->size < sizeof first) {
        return mlp_fail(src->err, MLP_EFORMAT, src->name, 0, "%llu bytes are too short for a safetensors file",
                        (unsigned long long)src->size);
    }
    if (take_bytes(src, first, sizeof first) != MLP_OK) {
        return MLP_EIO;
    }
    for (int i = 7; i >= 0; i--) {
        length = length << 8 | first[i];
    }
    if (memcmp(first, "PK\3\4", 4) == 0) {
        return mlp_fail(src->err, MLP_EFORMAT, src->name, 0,
                        "is a zip archive (a PyTorch .pt file?), not a safetensors file");
    }
    if (length > MLP_HEADER_LIMIT) {
        return mlp_fail(src->err, MLP_EFORMAT, src->name, 0,
                        "header length %llu (byte 0) is over the limit of %d bytes: damaged, or no safetensors file",
                        (unsigned long long)length, MLP_HEADER_LIMIT);
    }
    if (length > src->size - src->at) {
        return mlp_fail(src->err, MLP_EFORMAT, src->name, 0,
                        "cut short: header length %llu (byte 0), but only %llu bytes follow",
                        (unsigned long long)length, (unsigned long long)(src->size - src->at));
    }
    header->size = (size_t)length;
    header->text = malloc(header->size + 1);
    if (!header->text) {
        return mlp_fail_memory(src->err, src->name, length, "the header");
    }
    return take_bytes(src, header->text, header->size);
}

/* One stored value at p, little-endian, as a float. */
static float value_at(const unsigned char *p, mlp_dtype dtype)
{
    uint64_t bits = 0;
    int size = dtype == MLP_DTYPE_F64 ? 8 : 2;
    for (int i = size - 1; i >= 0; i--) {
        bits = bits << 8 | p[i];
    }
    if (dtype == MLP_DTYPE_F64) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return mlp_float_of_double(value);
    }
    return dtype == MLP_DTYPE_F16 ? mlp_float_of_half((uint16_t)bits) : mlp_float_of_bfloat((uint16_t)bits);
}

/* Reads the `count` values of a tensor from the place where the source stands. */
static mlp_status take_values(source *src, mlp_dtype dtype, float *to, size_t count)
{
    if (dtype == MLP_DTYPE_F32) {
        mlp_status status = take_bytes(src, to, count * sizeof *to);
        if (!mlp_host_is_little()) {
            mlp_swap_bytes(to, count, sizeof *to);
        }
        return status;
    }
    unsigned char chunk[CHUNK];
    size_t size = dtype == MLP_DTYPE_F64 ? 8 : 2;
    while (count > 0) {
        size_t n = count < CHUNK / size ? count : CHUNK / size;
        mlp_status status = take_bytes(src, chunk, n * size);
        if (status != MLP_OK) {
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            to[i] = value_at(chunk + i * size, dtype);
        }
        to += n;
        count -= n;
    }
    return MLP_OK;
}

static void judge(mlp_tensor *tensor)
{
    size_t bad = 0;
    for (size_t i = 0; i < tensor->count; i++) {
        bad += !mlp_is_finite(tensor->data[i]);
    }
    tensor->nonfinite = bad;
    for (size_t i = 0; bad > 0; i++) {
        if (!mlp_is_finite(tensor->data[i])) {
            tensor->first_nonfinite = i;
            return;
        }
    }
}

static size_t padded(size_t count) { return (count + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS; }

/* Reads the data of every tensor that is read into one block, each at a multiple of 64 bytes. The header is proven,
 * so that no sum here can exceed a small multiple of the file's size. */
static mlp_status take_data(source *src, const mlp_header *header, float **values)
{
    uint64_t total = ALIGN_FLOATS; /* an empty tensor has an address too */
    for (size_t i = 0; i < header->count; i++) {
        const mlp_header_entry *e = &header->entries[i];
        total += e->dtype == MLP_DTYPE_OTHER ? 0 : padded(e->tensor.count);
    }
    float *to = total <= SIZE_MAX / sizeof *to ? aligned_alloc(ALIGN, (size_t)total * sizeof *to) : NULL;
    if (!to) {
        return mlp_fail_memory(src->err, src->name, total * sizeof *to, "the tensors");
    }
    *values = to;
    for (size_t i = 0; i < header->count; i++) {
        mlp_header_entry *e = &header->entries[i];
        if (e->dtype == MLP_DTYPE_OTHER) {
            continue;
        }
        mlp_status status = go_to(src, e->tensor.offset);
        if (status == MLP_OK) {
            status = take_values(src, e->dtype, to, e->tensor.count);
        }
        if (status != MLP_OK) {
            return status;
        }
        e->tensor.data = to;
        judge(&e->tensor);
        to += padded(e->tensor.count);
    }
    return MLP_OK;
}

static int by_name(const void *left, const void *right)
{
    return strcmp((*(const mlp_tensor *const *)left)->name, (*(const mlp_tensor *const *)right)->name);
}

/* Moves what was read into the shape that callers see. Takes over header->text, shapes and pairs, and values. */
static mlp_params *assemble(const source *src, mlp_header *header, float *values)
{
    struct mlp_params_memory *m = calloc(1, sizeof *m);
    size_t count = header->count;
    if (m) {
        m->tensors = malloc((count + 1) * sizeof *m->tensors);
        m->by_name = malloc((count + 1) * sizeof *m->by_name);
    }
    if (!m || !m->tensors || !m->by_name) {
        free(m ? m->tensors : NULL);
        free(m ? (void *)m->by_name : NULL);
        free(m);
        mlp_fail_memory(src->err, src->name, count * sizeof *m->tensors, "the list of tensors");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        m->tensors[i] = header->entries[i].tensor;
        m->by_name[i] = &m->tensors[i];
    }
    if (count > 1) {
        qsort(m->by_name, count, sizeof *m->by_name, by_name);
    }
    m->header = header->text;
    m->shapes = header->shapes;
    m->pairs = header->pairs;
    m->values = values;
    m->params = (mlp_params){count, m->tensors, header->pair_count, m->pairs, m->by_name, m};
    header->text = NULL;
    header->shapes = NULL;
    header->pairs = NULL;
    return &m->params;
}

static mlp_params *read_source(source *src)
{
    mlp_header header = {.file = src->name, .err = src->err};
    float *values = NULL;
    mlp_params *params = NULL;
    if (take_header(src, &header) == MLP_OK && mlp_header_parse(&header, src->size - src->at) == MLP_OK &&
        take_data(src, &header, &values) == MLP_OK) {
        params = assemble(src, &header, values);
    }
    if (!params) {
        free(values);
    }
    mlp_header_free(&header);
    return params;
}

mlp_params *mlp_params_parse(const void *bytes, size_t size, const char *name, mlp_error *err)
{
    source src = {.bytes = bytes, .size = size, .name = name, .err = err};
    return read_source(&src);
}

mlp_params *mlp_params_read(const char *path, mlp_error *err)
{
    source src = {.name = path, .err = err};
    src.file = mlp_open_read(path, &src.size, err);
    if (!src.file) {
        return NULL;
    }
    mlp_params *params = NULL;
    if (src.size != MLP_SIZE_UNKNOWN) {
        params = read_source(&src);
    } else { /* a pipe: its size is known when all of it is here */
        void *bytes;
        size_t size;
        const char *name = src.file == stdin ? "standard input" : path;
        if (mlp_read_rest(src.file, name, 0, (size_t)1 << 16, &bytes, &size, err) == MLP_OK) {
            params = mlp_params_parse(bytes, size, name, err);
            free(bytes);
        }
    }
    if (src.file != stdin) {
        fclose(src.file);
    }
    return params;
}

void mlp_params_free(mlp_params *params)
{
    if (!params) {
        return;
    }
    struct mlp_params_memory *m = params->memory;
    free(m->tensors);
    free((void *)m->by_name);
    free(m->pairs);
    free(m->shapes);
    free(m->header);
    free(m->values);
    free(m);
}

const mlp_tensor *mlp_params_find(const mlp_params *params, const char *name)
{
    size_t low = 0, high = params->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(params->by_name[middle]->name, name);
        if (order == 0) {
            return params->by_name[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const char *mlp_params_meta(const mlp_params *params, const char *key)
{
    for (size_t i = 0; i < params->metadata_count; i++) {
        if (strcmp(params->metadata[i].key, key) == 0) {
            return params->metadata[i].value;
        }
    }
    return NULL;
}
