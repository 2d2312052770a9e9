/* params_header.c: the header of a safetensors file: parsed and proven before params.c touches the data.
 *
 * What is accepted follows the reference implementation and its README (https://github.com/huggingface/safetensors):
 * nothing that it refuses is taken, except dtypes not known here, whose tensors are listed and never read. */
#include "params.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { MAX_RANK = 64 };

typedef mlp_header_entry entry;

/* The header while it is read. */
typedef struct builder {
    mlp_header *header;
    mlp_json json;
    size_t room, shape_count, shape_room, pair_room;
    bool has_metadata;
} builder;

/* The dtypes of the format with the bits of one value; the first ones as in mlp_dtype. */
static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {{"F32", 32},    {"F16", 16},    {"BF16", 16}, {"F64", 64}, {"BOOL", 8},    {"U8", 8},     {"I8", 8},
              {"I16", 16},    {"U16", 16},    {"I32", 32},  {"U32", 32}, {"I64", 64},    {"U64", 64},   {"F8_E5M2", 8},
              {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"C64", 64},  {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static size_t dtype_of(const char *name)
{
    size_t i = 0;
    while (i < DTYPES && strcmp(dtypes[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* Makes room for one more item; false when memory is out (told). */
static bool grow(builder *b, void *items_at, size_t count, size_t *room, size_t item)
{
    if (count < *room) {
        return true;
    }
    void *items, *grown = NULL;
    memcpy(&items, items_at, sizeof items);
    size_t wanted = *room ? *room * 2 : 16;
    if (wanted <= SIZE_MAX / item) {
        grown = realloc(items, wanted * item);
    }
    if (!grown) {
        mlp_fail_memory(b->header->err, b->header->file, (unsigned long long)wanted * item, "the header");
        return false;
    }
    memcpy(items_at, &grown, sizeof grown);
    *room = wanted;
    return true;
}

/* ---- header ---- */

static bool read_metadata(builder *b)
{
    mlp_json *json = &b->json;
    size_t index = 0;
    if (mlp_json_peek(json) == 'n') {
        return mlp_json_skip(json); /* null: none, as the reference reads it */
    }
    if (!mlp_json_take(json, '{')) {
        return false;
    }
    for (bool more;;) {
        if (!mlp_json_next(json, '}', &index, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        char *key, *value;
        if (!mlp_json_string(json, &key) || !mlp_json_take(json, ':') || !mlp_json_string(json, &value) ||
            !grow(b, &b->header->pairs, b->header->pair_count, &b->pair_room, sizeof *b->header->pairs)) {
            return false;
        }
        b->header->pairs[b->header->pair_count++] = (mlp_pair){key, value};
    }
}

static bool read_shape(builder *b, entry *e)
{
    mlp_json *json = &b->json;
    size_t index = 0;
    e->shape_at = b->shape_count;
    if (!mlp_json_take(json, '[')) {
        return false;
    }
    for (bool more;;) {
        uint64_t size;
        if (!mlp_json_next(json, ']', &index, &more)) {
            return false;
        }
        if (!more) {
            e->tensor.rank = (int)index;
            return true;
        }
        if (index > MAX_RANK) {
            return mlp_json_fail(json, json->at, "tensor '%s': more than %d dimensions", e->tensor.name, MAX_RANK);
        }
        if (!mlp_json_unsigned(json, &size) ||
            !grow(b, &b->header->shapes, b->shape_count, &b->shape_room, sizeof *b->header->shapes)) {
            return false;
        }
        if (size > SIZE_MAX) {
            return mlp_json_fail(json, json->at, "tensor '%s': a number too large", e->tensor.name);
        }
        b->header->shapes[b->shape_count++] = (size_t)size;
    }
}

static bool read_offsets(mlp_json *json, entry *e)
{
    return mlp_json_take(json, '[') && mlp_json_unsigned(json, &e->begin) && mlp_json_take(json, ',') &&
           mlp_json_unsigned(json, &e->end) && mlp_json_take(json, ']');
}

/* The object of one tensor. Fields that are not known are skipped, as the reference does. */
static bool read_entry(builder *b, entry *e)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    static const char *const fields[] = {"dtype", "shape", "data_offsets"};
    mlp_json *json = &b->json;
    unsigned seen = 0;
    size_t index = 0;
    if (!mlp_json_take(json, '{')) {
        return false;
    }
    for (bool more;;) {
        char *field, *text;
        if (!mlp_json_next(json, '}', &index, &more)) {
            return false;
        }
        if (!more) {
            break;
        }
        size_t at = json->at;
        if (!mlp_json_string(json, &field) || !mlp_json_take(json, ':')) {
            return false;
        }
        unsigned bit = strcmp(field, fields[0]) == 0   ? DTYPE
                       : strcmp(field, fields[1]) == 0 ? SHAPE
                       : strcmp(field, fields[2]) == 0 ? OFFSETS
                                                       : 0;
        if (seen & bit) {
            return mlp_json_fail(json, at, "tensor '%s' has two fields '%s'", e->tensor.name, field);
        }
        seen |= bit;
        if (bit == DTYPE) {
            if (!mlp_json_string(json, &text)) {
                return false;
            }
            e->tensor.dtype = text;
        } else if (!(bit == SHAPE ? read_shape(b, e) : bit == OFFSETS ? read_offsets(json, e) : mlp_json_skip(json))) {
            return false;
        }
    }
    for (int i = 0; i < 3; i++) {
        if (!(seen & 1u << i)) {
            return mlp_json_fail(json, e->header_at, "tensor '%s' has no field '%s'", e->tensor.name, fields[i]);
        }
    }
    return true;
}

static bool read_header(builder *b)
{
    mlp_json *json = &b->json;
    size_t index = 0;
    if (json->size == 0 || json->text[0] != '{') {
        return mlp_json_fail(json, 0, "does not begin with '{': this is no safetensors file");
    }
    json->at = 1;
    for (bool more;;) {
        if (!mlp_json_next(json, '}', &index, &more)) {
            return false;
        }
        if (!more) {
            return mlp_json_end(json);
        }
        entry e = {.header_at = (mlp_json_peek(json), json->at), .tensor.position = b->header->count};
        char *name;
        if (!mlp_json_string(json, &name) || !mlp_json_take(json, ':')) {
            return false;
        }
        if (strcmp(name, "__metadata__") == 0) {
            if (b->has_metadata) {
                return mlp_json_fail(json, e.header_at, "'__metadata__' stands twice");
            }
            b->has_metadata = true;
            if (!read_metadata(b)) {
                return false;
            }
            continue;
        }
        e.tensor.name = name;
        if (!read_entry(b, &e) ||
            !grow(b, &b->header->entries, b->header->count, &b->room, sizeof *b->header->entries)) {
            return false;
        }
        b->header->entries[b->header->count++] = e;
    }
}

/* ---- checks ---- */

static int by_offset(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end < b->end ? -1 : 1;
    }
    return a->tensor.position < b->tensor.position ? -1 : 1;
}

static const char *shape_text(const size_t *shape, int rank, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, i ? ", %zu" : "%zu", shape[i]);
    }
    if (at < size) {
        snprintf(text + at, size - at, "]");
    }
    return text;
}

/* Sets count and proves that dtype, shape and offsets tell of the same number of bytes. */
static mlp_status check_size(builder *b, entry *e)
{
    mlp_tensor *t = &e->tensor;
    const char *file = b->header->file;
    char shape[128];
    const size_t *sizes = b->header->shapes ? b->header->shapes + e->shape_at : NULL;
    size_t dtype = dtype_of(t->dtype);
    e->dtype = dtype < MLP_DTYPE_OTHER ? (mlp_dtype)dtype : MLP_DTYPE_OTHER;
    unsigned long long begin = e->begin, end = e->end;
    if (e->end < e->begin) {
        return mlp_fail(b->header->err, MLP_EFORMAT, file, 0, "tensor '%s': data_offsets [%llu, %llu] run backwards",
                        t->name, begin, end);
    }
    uint64_t count = 1;
    bool overflow = false;
    for (int i = 0; i < t->rank; i++) {
        overflow = overflow || (sizes[i] != 0 && count > UINT64_MAX / 64 / sizes[i]);
        count = overflow ? 0 : count * sizes[i];
    }
    if (overflow || count > SIZE_MAX / sizeof(double)) {
        return mlp_fail(b->header->err, MLP_EFORMAT, file, 0, "tensor '%s': shape %s is too large", t->name,
                        shape_text(sizes, t->rank, shape, sizeof shape));
    }
    t->count = (size_t)count;
    if (dtype == DTYPES) {
        return MLP_OK; /* one of a later format: its size is not known, and its data is not read */
    }
    uint64_t bits = count * dtypes[dtype].bits;
    if (bits % 8 != 0 || bits / 8 != e->end - e->begin) {
        return mlp_fail(b->header->err, MLP_EFORMAT, file, 0,
                        "tensor '%s': %s of shape %s needs %llu bytes, its data_offsets [%llu, %llu] hold %llu",
                        t->name, t->dtype, shape_text(sizes, t->rank, shape, sizeof shape),
                        (unsigned long long)((bits + 7) / 8), begin, end, end - begin);
    }
    return MLP_OK;
}

/* The data must begin at 0, leave no hole, never overlap and end with the file. Leaves the entries sorted by offset. */
static mlp_status check_tiling(builder *b, uint64_t data_at, uint64_t held)
{
    mlp_error *err = b->header->err;
    const char *file = b->header->file;
    uint64_t at = 0;
    if (b->header->count > 1) {
        qsort(b->header->entries, b->header->count, sizeof *b->header->entries, by_offset);
    }
    for (size_t i = 0; i < b->header->count; i++) {
        const entry *e = &b->header->entries[i];
        if (e->begin < at) {
            return mlp_fail(err, MLP_EFORMAT, file, 0,
                            "tensors '%s' and '%s' overlap: one ends at data byte %llu, the other begins at %llu",
                            e[-1].tensor.name, e->tensor.name, (unsigned long long)at, (unsigned long long)e->begin);
        }
        if (e->begin > at) {
            return mlp_fail(err, MLP_EFORMAT, file, 0,
                            "hole before tensor '%s': data bytes %llu to %llu belong to none", e->tensor.name,
                            (unsigned long long)at, (unsigned long long)e->begin);
        }
        at = e->end;
    }
    if (at > held) {
        return mlp_fail(err, MLP_EFORMAT, file, 0,
                        "cut short: the header promises %llu bytes of data, the file holds %llu (from byte %llu on)",
                        (unsigned long long)at, (unsigned long long)held, (unsigned long long)data_at);
    }
    if (at < held) {
        return mlp_fail(err, MLP_EFORMAT, file, 0, "%llu bytes follow the last tensor (from byte %llu on)",
                        (unsigned long long)(held - at), (unsigned long long)(data_at + at));
    }
    return MLP_OK;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* No tensor's name and no key of __metadata__ may stand twice. texts: `count` of them, which are sorted. */
static mlp_status check_unique(builder *b, const char **texts, size_t count, const char *what)
{
    if (count > 1) {
        qsort(texts, count, sizeof *texts, by_text);
    }
    for (size_t i = 1; i < count; i++) {
        if (strcmp(texts[i - 1], texts[i]) == 0) {
            return mlp_fail(b->header->err, MLP_EFORMAT, b->header->file, 0, "header: %s '%s' stands twice", what,
                            texts[i]);
        }
    }
    return MLP_OK;
}

static mlp_status check_names(builder *b)
{
    const mlp_header *h = b->header;
    size_t most = h->count > h->pair_count ? h->count : h->pair_count;
    const char **texts = malloc((most + 1) * sizeof *texts);
    if (!texts) {
        return mlp_fail_memory(h->err, h->file, most * sizeof *texts, "the header");
    }
    for (size_t i = 0; i < h->count; i++) {
        texts[i] = h->entries[i].tensor.name;
    }
    mlp_status status = check_unique(b, texts, h->count, "tensor");
    for (size_t i = 0; i < h->pair_count; i++) {
        texts[i] = h->pairs[i].key;
    }
    if (status == MLP_OK) {
        status = check_unique(b, texts, h->pair_count, "__metadata__ key");
    }
    free(texts);
    return status;
}

mlp_status mlp_header_parse(mlp_header *header, uint64_t held)
{
    mlp_error local = {.status = MLP_EFORMAT};
    if (!header->err) {
        header->err = &local; /* read_header tells its status through it */
    }
    builder b = {.header = header,
                 .json = {.text = header->text,
                          .size = header->size,
                          .file = header->file,
                          .base = MLP_HEADER_AT,
                          .err = header->err}};
    mlp_status status = read_header(&b) ? check_names(&b) : header->err->status;
    for (size_t i = 0; i < header->count && status == MLP_OK; i++) {
        status = check_size(&b, &header->entries[i]);
    }
    if (status == MLP_OK) {
        status = check_tiling(&b, MLP_HEADER_AT + (uint64_t)header->size, held);
    }
    for (size_t i = 0; i < header->count; i++) {
        mlp_header_entry *e = &header->entries[i];
        e->tensor.shape = header->shapes ? header->shapes + e->shape_at : NULL;
        e->tensor.offset = MLP_HEADER_AT + (uint64_t)header->size + e->begin;
    }
    if (header->err == &local) {
        header->err = NULL;
    }
    return status;
}

void mlp_header_free(mlp_header *header)
{
    free(header->entries);
    free(header->shapes);
    free(header->pairs);
    free(header->text);
}
