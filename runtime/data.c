/* data.c: reads a data set: finds the format, calls its reader, and joins features with labels or target values. */
#include "data.h"

#include <stdlib.h>
#include <string.h>

typedef enum format { FORMAT_CSV, FORMAT_IDX, FORMAT_NPY, FORMAT_NPZ, FORMAT_F32, FORMAT_COUNT } format;

/* One data set while it is read. */
typedef struct reader {
    mlp_data *data;
    mlp_data_spec spec;
    mlp_error *err;
} reader;

/* ---- formats ---- */

static bool ends_with(const char *text, size_t length, const char *ending)
{
    size_t n = strlen(ending);
    return length >= n && memcmp(text + length - n, ending, n) == 0;
}

/* By the name's ending (.gz does not count), FORMAT_COUNT if it says nothing. IDX files are called "x-idx3-ubyte". */
static format format_by_name(const char *path)
{
    static const struct {
        const char *ending;
        format format;
    } endings[] = {{".csv", FORMAT_CSV},  {".tsv", FORMAT_CSV}, {".txt", FORMAT_CSV},
                   {".data", FORMAT_CSV}, {".idx", FORMAT_IDX}, {"-ubyte", FORMAT_IDX},
                   {".npy", FORMAT_NPY},  {".npz", FORMAT_NPZ}, {".f32", FORMAT_F32}};
    size_t length = strlen(path);
    length -= ends_with(path, length, ".gz") ? 3 : 0;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (ends_with(path, length, endings[i].ending)) {
            return endings[i].format;
        }
    }
    return FORMAT_COUNT;
}

/* By the first bytes: an array's mark, or text. */
static format format_by_bytes(mlp_input *in)
{
    const unsigned char *bytes;
    size_t n = mlp_input_peek(in, &bytes);
    if (n >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0) {
        return FORMAT_NPY;
    }
    if (n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) {
        return FORMAT_NPZ;
    }
    if (n >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] >= 8 && bytes[2] <= 14 && bytes[3] > 0) {
        return FORMAT_IDX;
    }
    return memchr(bytes, 0, n < 1024 ? n : 1024) ? FORMAT_COUNT : FORMAT_CSV;
}

static mlp_status format_told(const reader *r, const char *path, format *found)
{
    static const char *const names[FORMAT_COUNT] = {"csv", "idx", "npy", "npz", "f32"};
    *found = FORMAT_COUNT;
    for (size_t i = 0; r->spec.format && i < FORMAT_COUNT; i++) {
        if (strcmp(r->spec.format, names[i]) == 0) {
            *found = (format)i;
        }
    }
    if (r->spec.format && *found == FORMAT_COUNT) {
        return mlp_fail(r->err, MLP_EARGUMENT, path, 0, "unknown format '%s': csv, idx, npy, npz or f32",
                        r->spec.format);
    }
    return MLP_OK;
}

/* ---- arrays into data ---- */

static void array_free(mlp_array *array)
{
    free(array->values);
    *array = (mlp_array){0};
}

/* Moves the marked columns of x out into t. */
static mlp_status split_columns(reader *r, const mlp_columns *columns, const char *file)
{
    mlp_array *x = &r->data->x, *t = &r->data->t;
    size_t size = mlp_type_size(x->type), targets = columns->targets, width = x->width;
    if (targets == 0) {
        return MLP_OK;
    }
    *t = (mlp_array){x->type, x->rows, targets, malloc(x->rows * targets * size)};
    if (!t->values) {
        return mlp_fail_memory(r->err, file, x->rows * targets * size, "the targets");
    }
    unsigned char *from = x->values, *to = x->values, *target = t->values;
    for (size_t row = 0; row < x->rows; row++) {
        for (size_t i = 0; i < width; i++, from += size) {
            unsigned char **place = columns->is_target[i] ? &target : &to;
            memmove(*place, from, size); /* in x a value never moves back past one that is still to be read */
            *place += size;
        }
    }
    x->width = width - targets;
    void *smaller = realloc(x->values, x->rows * x->width * size);
    x->values = smaller ? smaller : x->values;
    return MLP_OK;
}

/* Makes of data->t what the net learns: class numbers of one column, else values. */
static mlp_status finish_targets(reader *r, const char *file)
{
    mlp_data *data = r->data;
    if (!data->t.values) {
        return MLP_OK;
    }
    bool small = data->t.width == 1 && r->spec.target == MLP_TARGET_AUTO;
    for (size_t i = 0; i < data->t.rows && small; i++) {
        float value;
        mlp_gather(&data->t, &i, 1, &value);
        small = value >= 0 && value < 1000 && (float)(int)value >= value;
    }
    if (r->spec.target == MLP_TARGET_NONE) {
        array_free(&data->t);
    } else if (small || (r->spec.target == MLP_TARGET_CLASS && data->t.width == 1)) {
        mlp_array numbers = data->t;
        data->t = (mlp_array){0};
        mlp_status status = mlp_classes_from_numbers(data, &numbers, &r->spec, file, NULL, NULL, r->err);
        array_free(&numbers);
        return status;
    } else {
        data->target = MLP_TARGET_VALUES;
    }
    return MLP_OK;
}

/* Chooses the columns of an array just read into data->x, or into data->t for MLP_PART_TARGETS. */
static mlp_status place_array(reader *r, mlp_array array, mlp_part part, const char *file)
{
    mlp_data *data = r->data;
    mlp_columns columns = {.count = array.width};
    if (part == MLP_PART_BOTH && r->spec.inputs == 0 && !r->spec.label && r->spec.target == MLP_TARGET_AUTO) {
        part = MLP_PART_FEATURES; /* nothing tells that an array holds more than features */
    }
    data->rows = array.rows;
    data->x = array;
    mlp_status status = mlp_columns_choose(&columns, NULL, &r->spec, part, file, 0, data->note, r->err);
    if (status == MLP_OK && part == MLP_PART_TARGETS && columns.targets == columns.count) {
        data->t = array;
        data->x = (mlp_array){0};
    } else if (status == MLP_OK) {
        status = split_columns(r, &columns, file);
        if (part == MLP_PART_TARGETS) {
            array_free(&data->x);
        }
    }
    free(columns.is_target);
    return status == MLP_OK ? finish_targets(r, file) : status;
}

/* ---- files ---- */

/* Reads "ARCHIVE[:MEMBER]"; without a member and with MLP_PART_BOTH the labels come from the archive as well. */
static mlp_status read_archive(reader *r, const char *path, const char *member, mlp_part part)
{
    mlp_npz npz;
    mlp_array array = {0};
    size_t index, targets;
    mlp_status status = mlp_npz_open(&npz, path, r->err);
    if (status == MLP_OK) {
        status = mlp_npz_find(&npz, member, part, &index);
    }
    if (status == MLP_OK && index == npz.count) { /* only for targets: a lone member is what is meant */
        index = 0;
        status = npz.count == 1 ? MLP_OK : mlp_npz_find(&npz, "y", part, &index);
    }
    if (status == MLP_OK) {
        status = mlp_npz_read(&array, &npz, index, &r->spec);
    }
    targets = npz.count;
    if (status == MLP_OK && part == MLP_PART_BOTH && !member && r->spec.target != MLP_TARGET_NONE) {
        status = mlp_npz_find(&npz, NULL, MLP_PART_TARGETS, &targets);
    }
    bool pair = status == MLP_OK && targets < npz.count;
    if (status == MLP_OK) {
        status = place_array(r, array, pair ? MLP_PART_FEATURES : part, path);
    } else {
        array_free(&array);
    }
    if (status == MLP_OK && pair) {
        mlp_data *whole = r->data, label_data = {.rows = 0};
        mlp_array labels = {0};
        snprintf(whole->note, sizeof whole->note, "target: member %.200s", npz.members[targets].name);
        status = mlp_npz_read(&labels, &npz, targets, &r->spec);
        if (status == MLP_OK && labels.rows != whole->rows) {
            status = mlp_fail(r->err, MLP_ESHAPE, path, 0, "member '%s' has %zu rows, member '%s' %zu",
                              npz.members[targets].name, labels.rows, npz.members[index].name, whole->rows);
        }
        if (status == MLP_OK) {
            r->data = &label_data;
            status = place_array(r, labels, MLP_PART_TARGETS, path);
            r->data = whole;
            whole->target = label_data.target;
            whole->labels = label_data.labels;
            whole->t = label_data.t;
            whole->classes = label_data.classes;
            whole->class_names = label_data.class_names;
            array_free(&label_data.x);
        } else {
            array_free(&labels);
        }
    }
    mlp_npz_close(&npz);
    return status;
}

/* Reads one file of features, targets or both into r->data. expect: rows that there should be; 0: any number. */
static mlp_status read_file(reader *r, const char *path, mlp_part part, size_t expect)
{
    format kind;
    mlp_status status = format_told(r, path, &kind);
    const char *colon = strrchr(path, ':');
    if (status != MLP_OK) {
        return status;
    }
    if (colon && ends_with(path, (size_t)(colon - path), ".npz")) {
        size_t length = (size_t)(colon - path);
        char *archive = malloc(length + 1);
        if (!archive) {
            return mlp_fail_memory(r->err, path, length, "a name");
        }
        memcpy(archive, path, length);
        archive[length] = '\0';
        status = read_archive(r, archive, colon + 1, part);
        free(archive);
        return status;
    }
    kind = kind == FORMAT_COUNT ? format_by_name(path) : kind;
    if (kind == FORMAT_NPZ) {
        return read_archive(r, path, NULL, part);
    }
    mlp_input in;
    mlp_array array = {0};
    status = mlp_input_open(&in, path, r->err);
    if (status == MLP_OK && kind == FORMAT_COUNT) {
        kind = format_by_bytes(&in);
        status = in.status;
    }
    if (status == MLP_OK && kind == FORMAT_CSV) {
        status = mlp_csv_read(r->data, &in, &r->spec, part, expect, r->err);
    } else if (status == MLP_OK && (kind == FORMAT_NPZ || kind == FORMAT_COUNT)) {
        status = mlp_fail(r->err, MLP_EFORMAT, in.name, 0,
                          kind == FORMAT_NPZ ? "a zip archive: call it .npz if it is one of NumPy's"
                                             : "unknown format: neither text nor IDX nor NPY (raw float32 is .f32)");
    } else if (status == MLP_OK) {
        size_t width = part == MLP_PART_TARGETS ? (r->spec.target_width ? r->spec.target_width : 1) : r->spec.inputs;
        status = kind == FORMAT_IDX   ? mlp_idx_read(&array, &in, &r->spec)
                 : kind == FORMAT_NPY ? mlp_npy_read(&array, &in, &r->spec)
                                      : mlp_f32_read(&array, &in, width, &r->spec);
        if (status == MLP_OK) {
            status = place_array(r, array, part, in.name);
        } else {
            array_free(&array);
        }
    }
    mlp_input_close(&in);
    return status;
}

/* The second file: labels or target values alone, as many as there are samples. */
static mlp_status read_labels(reader *r, const char *path, const char *features_path)
{
    mlp_data *whole = r->data, *part = calloc(1, sizeof *part);
    if (!part) {
        return mlp_fail_memory(r->err, path, sizeof *part, "the labels");
    }
    r->data = part;
    mlp_status status = read_file(r, path, MLP_PART_TARGETS, whole->rows);
    r->data = whole;
    if (status == MLP_OK && part->rows != whole->rows) {
        status = mlp_fail(r->err, MLP_ESHAPE, path, 0, "has %zu labels for the %zu samples of %s", part->rows,
                          whole->rows, features_path);
    }
    if (status == MLP_OK) {
        whole->target = part->target;
        whole->labels = part->labels;
        whole->t = part->t;
        whole->classes = part->classes;
        whole->class_names = part->class_names;
        part->labels = NULL;
        part->t.values = NULL;
        part->class_names = NULL;
    }
    mlp_data_free(part);
    return status;
}

static mlp_status check_spec(const mlp_data_spec *spec, const char *path, const char *labels_path, mlp_error *err)
{
    char d = spec->delimiter;
    bool letter = (d >= '0' && d <= '9') || (d >= 'a' && d <= 'z') || (d >= 'A' && d <= 'Z');
    if (letter || (d && strchr("\"\r\n.+-", d))) {
        return mlp_fail(err, MLP_EARGUMENT, path, 0, "'%c' cannot be the delimiter", d);
    }
    if (spec->class_names && spec->classes == 0) {
        return mlp_fail(err, MLP_EARGUMENT, path, 0, "names of classes without their number");
    }
    if (labels_path && spec->target == MLP_TARGET_NONE) {
        return mlp_fail(err, MLP_EARGUMENT, labels_path, 0, "a file of labels where no target is wanted");
    }
    if (labels_path && strcmp(path, "-") == 0 && strcmp(labels_path, "-") == 0) {
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "samples and labels cannot both come from standard input");
    }
    return MLP_OK;
}

/* A reader with nothing in it yet. false: the spec makes no sense, or there is no memory. */
static bool begin(reader *r, const char *path, const char *labels_path, const mlp_data_spec *spec, mlp_error *err)
{
    *r = (reader){.err = err};
    if (spec) {
        r->spec = *spec;
    }
    if (check_spec(&r->spec, path, labels_path, err) != MLP_OK) {
        return false;
    }
    r->data = calloc(1, sizeof *r->data);
    if (!r->data) {
        mlp_fail_memory(err, path, sizeof *r->data, "the data");
    }
    return r->data != NULL;
}

/* What was read, looked at as a whole; labels: the file that has them. */
static mlp_data *finish(reader *r, mlp_status status, const char *labels)
{
    if (status == MLP_OK) {
        status = mlp_classes_check(r->data, &r->spec, labels, r->err);
    }
    if (status != MLP_OK) {
        mlp_data_free(r->data);
        return NULL;
    }
    if (r->data->target == MLP_TARGET_AUTO) {
        r->data->target = MLP_TARGET_NONE;
    }
    return r->data;
}

mlp_data *mlp_data_read(const char *path, const char *labels_path, const mlp_data_spec *spec, mlp_error *err)
{
    reader r;
    if (!begin(&r, path, labels_path, spec, err)) {
        return NULL;
    }
    mlp_status status = read_file(&r, path, labels_path ? MLP_PART_FEATURES : MLP_PART_BOTH, 0);
    if (status == MLP_OK && labels_path) {
        status = read_labels(&r, labels_path, path);
    }
    return finish(&r, status, labels_path ? labels_path : path);
}

mlp_data *mlp_data_parse(const char *text, size_t size, const char *name, const mlp_data_spec *spec, mlp_error *err)
{
    reader r;
    mlp_input in;
    if (!begin(&r, name, NULL, spec, err)) {
        return NULL;
    }
    mlp_status status = mlp_input_open_text(&in, text, size, name, err);
    if (status == MLP_OK) {
        status = mlp_csv_read(r.data, &in, &r.spec, MLP_PART_BOTH, 0, err);
    }
    mlp_input_close(&in);
    return finish(&r, status, name);
}

void mlp_data_free(mlp_data *data)
{
    if (!data) {
        return;
    }
    free(data->x.values);
    free(data->t.values);
    free(data->labels);
    mlp_names_free(data->class_names, data->classes);
    free(data);
}
