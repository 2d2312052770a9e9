/* data_npz.c: the members of an NPZ file, which is a zip archive of NPY files: found here, read by data_array.c. */
#include "data.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Sizes and places in zip archives: APPNOTE.TXT, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16. All are little-endian. */
enum { LOCAL_SIZE = 30, ENTRY_SIZE = 46, END_SIZE = 22, END64_SIZE = 56, LOCATOR_SIZE = 20, MOST_COMMENT = 65535 };

static uint64_t number(const unsigned char *p, int size)
{
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; i--) {
        value = value << 8 | p[i];
    }
    return value;
}

static mlp_status damaged(const mlp_npz *npz, const char *what, uint64_t at)
{
    return mlp_fail(npz->err, MLP_EFORMAT, npz->path, 0, "damaged or cut short zip archive: %s (byte %llu)", what,
                    (unsigned long long)at);
}

/* Reads `size` bytes at `at`; false when they are not there (told as a broken `what`). */
static bool read_at(const mlp_npz *npz, uint64_t at, void *to, size_t size, const char *what)
{
    if (mlp_seek(npz->file, npz->path, at, npz->err) != MLP_OK) {
        return false;
    }
    if (fread(to, 1, size, npz->file) != size) {
        damaged(npz, what, at);
        return false;
    }
    return true;
}

/* Where the directory stands and how long it is: from the record at the end of the file, or its 64-bit form. */
static mlp_status find_directory(const mlp_npz *npz, uint64_t file_size, uint64_t *at, uint64_t *size, uint64_t *count)
{
    size_t n = file_size < END_SIZE + MOST_COMMENT ? (size_t)file_size : END_SIZE + MOST_COMMENT;
    unsigned char *end = malloc(n + 1);
    if (!end) {
        return mlp_fail_memory(npz->err, npz->path, n, "the directory");
    }
    if (!read_at(npz, file_size - n, end, n, "no end record")) {
        free(end);
        return MLP_EFORMAT;
    }
    size_t i = n;
    while (i >= END_SIZE && memcmp(end + i - END_SIZE, "PK\5\6", 4) != 0) {
        i--;
    }
    if (i < END_SIZE) {
        free(end);
        return damaged(npz, "no end record", file_size);
    }
    const unsigned char *record = end + i - END_SIZE;
    uint64_t record_at = file_size - n + (i - END_SIZE);
    *count = number(record + 10, 2);
    *size = number(record + 12, 4);
    *at = number(record + 16, 4);
    free(end);
    if ((*at == UINT32_MAX || *size == UINT32_MAX || *count == UINT16_MAX) && record_at >= LOCATOR_SIZE) {
        unsigned char locator[LOCATOR_SIZE], end64[END64_SIZE];
        if (!read_at(npz, record_at - LOCATOR_SIZE, locator, sizeof locator, "no 64-bit end record")) {
            return MLP_EFORMAT;
        }
        if (memcmp(locator, "PK\6\7", 4) == 0) {
            uint64_t end64_at = number(locator + 8, 8);
            if (!read_at(npz, end64_at, end64, sizeof end64, "no 64-bit end record")) {
                return MLP_EFORMAT;
            }
            *count = number(end64 + 32, 8);
            *size = number(end64 + 40, 8);
            *at = number(end64 + 48, 8);
        }
    }
    if (*at > file_size || *size > file_size - *at || *count > *size / ENTRY_SIZE) {
        return damaged(npz, "its directory lies outside of it", record_at);
    }
    return MLP_OK;
}

/* Replaces sizes of 2^32 - 1 by those of the 64-bit extra field: its numbers stand there in a fixed order, each one
 * only when it is needed. */
static void widen(mlp_member *member, const unsigned char *entry, const unsigned char *extra, size_t size)
{
    for (size_t at = 0; size - at >= 4;) {
        size_t length = (size_t)number(extra + at + 2, 2);
        const unsigned char *field = extra + at + 4;
        if (length > size - at - 4) {
            return;
        }
        if (number(extra + at, 2) == 1) {
            size_t k = number(entry + 24, 4) == UINT32_MAX ? 8 : 0;
            if (member->stored == UINT32_MAX && k + 8 <= length) {
                member->stored = number(field + k, 8);
                k += 8;
            }
            if (member->header == UINT32_MAX && k + 8 <= length) {
                member->header = number(field + k, 8);
            }
            return;
        }
        at += 4 + length;
    }
}

static mlp_status read_directory(mlp_npz *npz, const unsigned char *bytes, size_t size, uint64_t count, uint64_t base)
{
    size_t at = 0;
    npz->members = calloc((size_t)count + 1, sizeof *npz->members);
    if (!npz->members) {
        return mlp_fail_memory(npz->err, npz->path, count * sizeof *npz->members, "the directory");
    }
    for (uint64_t i = 0; i < count; i++) {
        const unsigned char *e = bytes + at;
        if (size - at < ENTRY_SIZE || memcmp(e, "PK\1\2", 4) != 0) {
            return damaged(npz, "a broken directory entry", base + at);
        }
        size_t name = (size_t)number(e + 28, 2), extra = (size_t)number(e + 30, 2), note = (size_t)number(e + 32, 2);
        if (size - at - ENTRY_SIZE < name + extra + note) {
            return damaged(npz, "a broken directory entry", base + at);
        }
        mlp_member *member = &npz->members[npz->count];
        *member = (mlp_member){.header = number(e + 42, 4),
                               .stored = number(e + 20, 4),
                               .crc = (uint32_t)number(e + 16, 4),
                               .method = (unsigned)number(e + 10, 2),
                               .flags = (unsigned)number(e + 8, 2)};
        widen(member, e, e + ENTRY_SIZE + name, extra);
        if (name > 4 && memcmp(e + ENTRY_SIZE + name - 4, ".npy", 4) == 0) {
            member->name = malloc(name);
            if (!member->name) {
                return mlp_fail_memory(npz->err, npz->path, name, "the directory");
            }
            memcpy(member->name, e + ENTRY_SIZE, name - 4);
            member->name[name - 4] = '\0';
            npz->count++;
        }
        at += ENTRY_SIZE + name + extra + note;
    }
    return MLP_OK;
}

mlp_status mlp_npz_open(mlp_npz *npz, const char *path, mlp_error *err)
{
    uint64_t file_size = 0, at = 0, size = 0, count = 0;
    *npz = (mlp_npz){.path = path, .err = err};
    npz->file = mlp_open_read(path, &file_size, err);
    if (!npz->file) {
        return MLP_EIO;
    }
    if (file_size == MLP_SIZE_UNKNOWN) {
        return mlp_fail(err, MLP_EIO, path, 0, "an NPZ archive must be a regular file that is not empty");
    }
    npz->size = file_size;
    mlp_status status = find_directory(npz, file_size, &at, &size, &count);
    if (status != MLP_OK) {
        return status;
    }
    status = mlp_data_fits(size, 0, &(mlp_data_spec){.memory = 0}, path, "the directory", err);
    unsigned char *bytes = status == MLP_OK ? malloc((size_t)size + 1) : NULL;
    if (!bytes) {
        return status != MLP_OK ? status : mlp_fail_memory(err, path, size, "the directory");
    }
    status = read_at(npz, at, bytes, (size_t)size, "no directory") ? read_directory(npz, bytes, (size_t)size, count, at)
                                                                   : MLP_EFORMAT;
    free(bytes);
    if (status == MLP_OK && npz->count == 0) {
        status = mlp_fail(err, MLP_EFORMAT, path, 0, "holds no arrays: a zip archive without .npy members");
    }
    return status;
}

void mlp_npz_close(mlp_npz *npz)
{
    for (size_t i = 0; i < npz->count; i++) {
        free(npz->members[i].name);
    }
    free(npz->members);
    if (npz->file && npz->file != stdin) {
        fclose(npz->file);
    }
    *npz = (mlp_npz){.file = NULL};
}

static size_t find(const mlp_npz *npz, const char *name)
{
    size_t i = 0;
    while (i < npz->count && strcmp(npz->members[i].name, name) != 0) {
        i++;
    }
    return i;
}

static mlp_status not_found(const mlp_npz *npz, const char *name)
{
    char list[200] = "";
    size_t at = 0;
    for (size_t i = 0; i < npz->count && at < sizeof list - 1; i++) {
        if (at > 140) {
            snprintf(list + at, sizeof list - at, ", ...");
            break;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.60s", i ? ", " : "", npz->members[i].name);
    }
    if (name) {
        return mlp_fail(npz->err, MLP_ENOTFOUND, npz->path, 0, "no member '%s'; there are: %s", name, list);
    }
    return mlp_fail(npz->err, MLP_ENOTFOUND, npz->path, 0, "which member? name one as FILE.npz:NAME; there are: %s",
                    list);
}

mlp_status mlp_npz_find(const mlp_npz *npz, const char *name, mlp_part part, size_t *member)
{
    static const char *const pairs[][2] = {{"x", "y"},
                                           {"X", "y"},
                                           {"X", "Y"},
                                           {"x_train", "y_train"},
                                           {"X_train", "y_train"},
                                           {"images", "labels"},
                                           {"features", "labels"},
                                           {"features", "targets"},
                                           {"data", "target"},
                                           {"data", "labels"},
                                           {"arr_0", "arr_1"}};
    size_t count = sizeof pairs / sizeof pairs[0];
    if (name) {
        *member = find(npz, name);
        return *member < npz->count ? MLP_OK : not_found(npz, name);
    }
    for (size_t i = 0; i < count; i++) {
        if (find(npz, pairs[i][0]) < npz->count && find(npz, pairs[i][1]) < npz->count) {
            *member = find(npz, pairs[i][part == MLP_PART_TARGETS]);
            return MLP_OK;
        }
    }
    *member = npz->count;
    if (part == MLP_PART_TARGETS) {
        return MLP_OK;
    }
    for (size_t i = 0; i < count && *member == npz->count; i++) {
        *member = find(npz, pairs[i][0]);
    }
    if (npz->count == 1) {
        *member = 0;
    }
    return *member < npz->count ? MLP_OK : not_found(npz, NULL);
}

mlp_status mlp_npz_read(mlp_array *array, const mlp_npz *npz, size_t member, const mlp_data_spec *spec)
{
    const mlp_member *m = &npz->members[member];
    unsigned char local[LOCAL_SIZE];
    if (m->flags & 1) {
        return mlp_fail(npz->err, MLP_EFORMAT, npz->path, 0, "member '%s' is encrypted", m->name);
    }
    if (m->method != 0 && m->method != 8) {
        return mlp_fail(npz->err, MLP_EFORMAT, npz->path, 0,
                        "member '%s' is packed by method %u, not stored or deflated", m->name, m->method);
    }
    if (!read_at(npz, m->header, local, sizeof local, "no member header")) {
        return MLP_EFORMAT;
    }
    if (memcmp(local, "PK\3\4", 4) != 0) {
        return damaged(npz, "no member header", m->header);
    }
    uint64_t data = m->header + LOCAL_SIZE + number(local + 26, 2) + number(local + 28, 2);
    if (data > npz->size || m->stored > npz->size - data) {
        return damaged(npz, "a member longer than the file", m->header);
    }
    size_t size = strlen(npz->path) + strlen(m->name) + 2;
    char *name = malloc(size);
    if (!name) {
        return mlp_fail_memory(npz->err, npz->path, size, "a name");
    }
    snprintf(name, size, "%s:%s", npz->path, m->name);
    mlp_input in;
    mlp_status status = mlp_input_open_part(&in, npz->file, name, data, m->stored, m->method ? MLP_DEFLATE : MLP_PLAIN,
                                            m->crc, npz->err);
    if (status == MLP_OK) {
        status = mlp_npy_read(array, &in, spec);
    }
    mlp_input_close(&in);
    free(name);
    return status;
}
