/* data_csv.c: text tables into data: header, columns, numbers, labels; every bad field told with its line. */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"

/* One table while it is read. */
typedef struct table {
    mlp_data *data;
    const mlp_data_spec *spec;
    mlp_part part;
    mlp_error *err;
    const char *file;
    mlp_csv csv;
    char **names; /* of the columns, or NULL */
    size_t name_count;
    mlp_columns columns;
    size_t features; /* columns that go to x */
    size_t values;   /* columns that go to t */
    float *x, *t;
    uint32_t *index; /* label of each row while labels are collected (collecting) */
    mlp_labels labels;
    bool collecting;
    size_t text_rows;    /* labels that are no numbers */
    uint32_t first_text; /* the first of them */
    size_t rows, room;
    size_t promised;    /* rows by scikit-learn's first line; 0: none */
    char **class_names; /* from there */
    size_t class_count;
    long first_line; /* of the first row */
    long blank_line; /* of a blank line in between; 0: none */
    bool headless;   /* nobody and nothing said whether the first line holds names */
} table;

/* ---- fields ---- */

bool mlp_text_is_missing(const char *text, bool label)
{
    static const char *const words[] = {"", "?", "NA", "N/A", "null", "NULL", "n/a", "na", "None", "none", "."};
    size_t count = label ? 6 : sizeof words / sizeof words[0];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Tells why field i is no number that can be used. */
static mlp_status bad_field(const mlp_record *record, size_t i, const char *name, mlp_number kind, const char *file,
                            mlp_error *err)
{
    const char *text = mlp_field_text(record, i);
    long line = record->fields[i].line;
    char where[160];
    snprintf(where, sizeof where, name && name[0] ? "column %zu (%.100s)" : "column %zu", i + 1, name ? name : "");
    if (mlp_text_is_missing(text, false)) {
        return mlp_fail(err, MLP_EVALUE, file, line, *text ? "missing value in %s ('%s')" : "missing value in %s", where,
                        text);
    }
    if (kind == MLP_NUMBER_FINITE || (kind == MLP_NUMBER_INFINITE && strpbrk(text, "0123456789"))) {
        return mlp_fail(err, MLP_EVALUE, file, line, "'%.40s' in %s is too large for a float", text, where);
    }
    if (kind != MLP_NUMBER_NOT) {
        return mlp_fail(err, MLP_EVALUE, file, line, "'%.40s' in %s is not finite", text, where);
    }
    const char *comma = strchr(text, ',');
    bool decimal = comma && !strchr(comma + 1, ',') && strspn(text, "+-0123456789,eE") == strlen(text);
    return mlp_fail(err, MLP_EVALUE, file, line, "'%.40s' in %s is not a number%s", text, where,
                    decimal ? " (write a decimal point, not a comma)" : "");
}

mlp_status mlp_field_number(const mlp_record *record, size_t i, const char *name, bool nonfinite, const char *file,
                            float *value, mlp_error *err)
{
    double number;
    mlp_number kind = mlp_parse_number(mlp_field_text(record, i), record->fields[i].length, &number);
    if (kind != MLP_NUMBER_NOT) {
        *value = mlp_float_of_double(number);
    }
    bool written_so =
        kind == MLP_NUMBER_NAN || (kind == MLP_NUMBER_INFINITE && !strpbrk(mlp_field_text(record, i), "0123456789"));
    if (kind == MLP_NUMBER_NOT || (!mlp_is_finite(*value) && !(nonfinite && written_so))) {
        return bad_field(record, i, name, kind, file, err);
    }
    return MLP_OK;
}

static const char *name_of(const table *t, size_t i) { return t->names ? t->names[i] : NULL; }

static mlp_status number_in(table *t, const mlp_record *record, size_t i, float *value)
{
    return mlp_field_number(record, i, name_of(t, i), t->spec->allow_nonfinite, t->file, value, t->err);
}

/* Keeps the label of one row as text and, if it is one, as a number. */
static mlp_status label_in(table *t, const mlp_record *record, size_t i, float *value)
{
    const char *text = mlp_field_text(record, i);
    double number;
    if (mlp_text_is_missing(text, true) && !record->fields[i].quoted) {
        return bad_field(record, i, name_of(t, i), MLP_NUMBER_NOT, t->file, t->err);
    }
    mlp_number kind = mlp_parse_number(text, record->fields[i].length, &number);
    *value = mlp_float_of_double(number);
    if (kind == MLP_NUMBER_NAN || kind == MLP_NUMBER_INFINITE) {
        return bad_field(record, i, name_of(t, i), kind, t->file, t->err);
    }
    mlp_status status = mlp_labels_add(&t->labels, text, record->fields[i].line, &t->index[t->rows]);
    if (kind == MLP_NUMBER_NOT && status == MLP_OK && t->text_rows++ == 0) {
        t->first_text = t->index[t->rows];
    }
    if (status == MLP_ENOMEM) {
        return mlp_fail_memory(t->err, t->file, record->fields[i].length, "the labels");
    }
    if (status != MLP_OK && t->text_rows == 0 && kind == MLP_NUMBER_FINITE && t->spec->target == MLP_TARGET_AUTO) {
        t->collecting = false; /* so many numbers are no classes */
        return MLP_OK;
    }
    if (status != MLP_OK) {
        return mlp_fail(t->err, MLP_EVALUE, t->file, record->fields[i].line,
                        "more than %d different labels in column %zu: these are no classes", MLP_MOST_LABELS, i + 1);
    }
    return MLP_OK;
}

/* ---- rows ---- */

static mlp_status resize(table *t, size_t room)
{
    uint64_t row = (t->features + t->values) * sizeof(float) + (t->collecting ? sizeof *t->index : 0);
    char what[80];
    snprintf(what, sizeof what, "more than %zu rows of %zu values", t->rows, t->columns.count);
    mlp_status status = mlp_data_fits(room * row, t->rows * row, t->spec, t->file, what, t->err);
    if (status != MLP_OK) {
        return status;
    }
    void *x = t->features ? realloc(t->x, room * t->features * sizeof *t->x) : NULL;
    t->x = x ? x : t->x;
    void *values = t->values ? realloc(t->t, room * t->values * sizeof *t->t) : NULL;
    t->t = values ? values : t->t;
    void *index = t->collecting ? realloc(t->index, room * sizeof *t->index) : NULL;
    t->index = index ? index : t->index;
    if ((t->features && !x) || (t->values && !values) || (t->collecting && !index)) {
        return mlp_fail(t->err, MLP_ENOMEM, t->file, 0, "larger than memory: %s need %llu bytes", what,
                        (unsigned long long)(room * row));
    }
    t->room = room;
    return MLP_OK;
}

static mlp_status add_row(table *t, const mlp_record *record)
{
    if (t->columns.count == 1 && t->blank_line && t->rows > 0) { /* at the end of a file, or of wider rows, no harm */
        return mlp_fail(t->err, MLP_EVALUE, t->file, t->blank_line, "missing value: the line is empty");
    }
    if (record->count != t->columns.count) {
        return mlp_fail(t->err, MLP_EFORMAT, t->file, record->line, "%zu field%s where line %ld has %zu", record->count,
                        record->count == 1 ? "" : "s", t->first_line, t->columns.count);
    }
    if (t->rows == t->room) {
        mlp_status status = resize(t, t->room ? t->room + t->room / 2 : 64);
        if (status != MLP_OK) {
            return status;
        }
    }
    float *x = t->x ? t->x + t->rows * t->features : NULL;
    float *values = t->t ? t->t + t->rows * t->values : NULL;
    for (size_t i = 0; i < record->count; i++) {
        mlp_status status = MLP_OK;
        if (!t->columns.is_target[i]) {
            status = t->features ? number_in(t, record, i, x++) : MLP_OK;
        } else if (t->values) {
            status = t->collecting ? label_in(t, record, i, values++) : number_in(t, record, i, values++);
        }
        if (status != MLP_OK) {
            return status;
        }
    }
    t->rows++;
    return MLP_OK;
}

/* ---- the first lines ---- */

static bool is_number(const mlp_record *record, size_t i)
{
    double value;
    return mlp_parse_number(mlp_field_text(record, i), record->fields[i].length, &value) != MLP_NUMBER_NOT;
}

/* Whether a field of the record is one of the names in spec->label. */
static bool names_the_label(const mlp_record *record, const char *label)
{
    for (size_t i = 0; label && i < record->count; i++) {
        const char *text = mlp_field_text(record, i);
        size_t length = strlen(text);
        for (const char *at = label; length > 0 && (at = strstr(at, text)) != NULL; at++) {
            bool whole = (at == label || at[-1] == ',') && (at[length] == '\0' || at[length] == ',');
            if (whole && !is_number(record, i)) {
                return true;
            }
        }
    }
    return false;
}

/* Whether field i is the number i. */
static bool counts(const mlp_record *record, size_t i)
{
    double value;
    mlp_number kind = mlp_parse_number(mlp_field_text(record, i), record->fields[i].length, &value);
    return kind == MLP_NUMBER_FINITE && value >= (double)i && value <= (double)i;
}

/* Whether `first`, which stands before `second` (blank: nothing does), holds names rather than a sample. */
static bool is_header(table *t, const mlp_record *first, const mlp_record *second)
{
    if (t->spec->header != 0) {
        return t->spec->header > 0;
    }
    if (names_the_label(first, t->spec->label)) {
        return true;
    }
    /* Names are texts, or 0, 1, 2... as pandas numbers its columns. A sample with a mistake in it is no header. */
    size_t texts = 0, counting = 0;
    bool text_above_number = false, second_counts = true;
    for (size_t i = 0; i < first->count; i++) {
        bool below = i < second->count && is_number(second, i);
        if (!is_number(first, i)) {
            texts++;
            text_above_number = text_above_number || below;
        } else {
            counting += counts(first, i);
            second_counts = second_counts && below && counts(second, i);
        }
    }
    bool names = texts > 0 && texts + counting == first->count;
    if (names && (text_above_number || (counting >= 3 && !second_counts))) {
        return true;
    }
    static const char *const words[] = {"label", "labels", "class", "target", "species", "y"};
    for (size_t i = 0; first->count == 1 && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(mlp_field_text(first, 0), words[i]) == 0) {
            return true;
        }
    }
    t->headless = true;
    return texts == first->count && second->count == 0 && first->count > 1;
}

/* scikit-learn's first line: samples, features, then the names of the classes. Below it a label is a number: where one is
 * text, the first line is a sample like the others. */
static bool is_sklearn(table *t, const mlp_record *first, const mlp_record *second)
{
    double rows, features;
    if (t->spec->header != 0 || first->count < 3 || second->count < 2 || !is_number(first, 0) || !is_number(first, 1) ||
        !is_number(second, second->count - 1)) {
        return false;
    }
    mlp_parse_number(mlp_field_text(first, 0), first->fields[0].length, &rows);
    mlp_parse_number(mlp_field_text(first, 1), first->fields[1].length, &features);
    for (size_t i = 2; i < first->count; i++) {
        if (is_number(first, i) || mlp_text_is_missing(mlp_field_text(first, i), false)) {
            return false;
        }
    }
    if (!(rows >= 1 && rows < 1e15 && floor(rows) == rows && fabs(features - (double)(second->count - 1)) < 0.5)) {
        return false;
    }
    t->promised = (size_t)rows;
    return true;
}

/* Copies the fields from `from` on. */
static char **copy_fields(table *t, const mlp_record *record, size_t from)
{
    size_t count = record->count - from;
    const char **texts = malloc((count + 1) * sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = mlp_field_text(record, from + i);
    }
    char **names = texts ? mlp_names_copy(texts, count) : NULL;
    free((void *)texts);
    if (!names) {
        mlp_fail_memory(t->err, t->file, count * sizeof *names, "the names of the columns");
    }
    return names;
}

/* Decides about the columns. `sample` is the first record with numbers in it; line: where a complaint points to. */
static mlp_status set_columns(table *t, const mlp_record *sample)
{
    size_t count = t->columns.count = sample->count;
    t->first_line = sample->line;
    mlp_status status = mlp_columns_choose(&t->columns, (const char *const *)t->names, t->spec, t->part, t->file,
                                           sample->line, t->data->note, t->err);
    bool wants_targets = t->part != MLP_PART_FEATURES && t->spec->target != MLP_TARGET_NONE;
    t->features = t->part == MLP_PART_TARGETS ? 0 : count - t->columns.targets;
    t->values = wants_targets ? t->columns.targets : 0;
    t->collecting = t->values == 1 && t->spec->target != MLP_TARGET_VALUES;
    return status;
}

static mlp_status begin(table *t, mlp_record *first, mlp_record *second)
{
    mlp_input *in = t->csv.in;
    while (mlp_csv_next(&t->csv, first) && first->blank) {
    }
    if (in->status != MLP_OK) {
        return in->status;
    }
    if (first->count == 0 || first->blank) {
        return mlp_fail(t->err, MLP_EFORMAT, t->file, 0, "the file is empty");
    }
    while (mlp_csv_next(&t->csv, second) && second->blank) {
        t->blank_line = t->blank_line ? t->blank_line : second->line;
    }
    if (in->status != MLP_OK) {
        return in->status;
    }
    second->count = second->blank ? 0 : second->count;
    bool sklearn = is_sklearn(t, first, second), names = !sklearn && is_header(t, first, second);
    if (sklearn) {
        t->class_count = first->count - 2;
        t->class_names = copy_fields(t, first, 2);
    } else if (names) {
        t->name_count = first->count;
        t->names = copy_fields(t, first, 0);
    }
    if ((sklearn && !t->class_names) || (names && !t->names)) {
        return MLP_ENOMEM;
    }
    if (names && second->count == 0) {
        return mlp_fail(t->err, MLP_EFORMAT, t->file, 0, "holds no samples, only a line of names");
    }
    if (names && second->count != first->count) {
        return mlp_fail(t->err, MLP_EFORMAT, t->file, second->line, "%zu field%s where line %ld has %zu names",
                        second->count, second->count == 1 ? "" : "s", first->line, first->count);
    }
    bool taken = sklearn || names;
    t->blank_line = taken ? 0 : t->blank_line;
    mlp_status status = set_columns(t, taken ? second : first);
    if (status == MLP_OK && !taken) {
        status = add_row(t, first);
    }
    return status == MLP_OK && second->count > 0 ? add_row(t, second) : status;
}

/* ---- the end ---- */

static long line_of(const void *context, size_t row)
{
    const table *t = context;
    return t->labels.items[t->index[row]].line;
}

/* A single column of text labels cannot show whether its first line is a name; one row too many can. */
static void drop_header_row(table *t, size_t expect)
{
    if (expect == 0 || t->rows != expect + 1 || !t->headless || !t->collecting || t->labels.items[0].count != 1 ||
        t->text_rows != t->rows) {
        return;
    }
    t->labels.items[0].count = 0;
    t->text_rows--;
    t->rows--;
    memmove(t->index, t->index + 1, t->rows * sizeof *t->index);
    memmove(t->t, t->t + 1, t->rows * sizeof *t->t);
}

static bool all_known(const table *t)
{
    for (size_t i = 0; i < t->labels.count; i++) {
        size_t k = 0;
        while (k < t->spec->classes && strcmp(t->spec->class_names[k], t->labels.items[i].text) != 0) {
            k++;
        }
        if (k == t->spec->classes && t->labels.items[i].count > 0) {
            return false;
        }
    }
    return true;
}

/* With nothing told, whole numbers from 0 to 999 are classes. */
static bool small_numbers(const table *t)
{
    for (size_t i = 0; i < t->rows; i++) {
        if (!(t->t[i] >= 0 && t->t[i] < 1000) || floorf(t->t[i]) < t->t[i]) {
            return false;
        }
    }
    return true;
}

static mlp_status finish_classes(table *t)
{
    mlp_data *data = t->data;
    mlp_array numbers = {MLP_F32, t->rows, 1, t->t};
    if (t->text_rows > 0 && t->text_rows < t->rows - t->text_rows && !t->spec->class_names) {
        const mlp_label *label = &t->labels.items[t->first_text];
        return mlp_fail(t->err, MLP_EVALUE, t->file, label->line, "label '%.60s' is not a number, as most others are",
                        label->text);
    }
    if (t->text_rows > 0 || (t->spec->class_names && all_known(t))) {
        uint32_t *index = t->index;
        t->index = NULL;
        return mlp_classes_from_text(data, &t->labels, index, t->spec, t->file, t->err);
    }
    mlp_status status = mlp_classes_from_numbers(data, &numbers, t->spec, t->file, line_of, t, t->err);
    if (status == MLP_OK && t->class_names && !data->class_names) {
        if (data->classes > t->class_count) {
            return mlp_fail(t->err, MLP_EVALUE, t->file, 1, "names %zu classes, but the labels run to %zu",
                            t->class_count, data->classes - 1);
        }
        data->class_names = t->class_names;
        data->classes = t->class_count;
        t->class_names = NULL;
    }
    return status;
}

static mlp_status finish(table *t, size_t expect)
{
    mlp_data *data = t->data;
    if (t->promised && t->rows != t->promised) {
        return mlp_fail(t->err, MLP_EFORMAT, t->file, 1, "promises %zu rows, the file has %zu", t->promised, t->rows);
    }
    drop_header_row(t, expect);
    void *x = t->x ? realloc(t->x, t->rows * t->features * sizeof *t->x) : NULL; /* gives memory back, or does not */
    t->x = x ? x : t->x;
    data->rows = t->rows;
    if (t->features) {
        data->x = (mlp_array){MLP_F32, t->rows, t->features, t->x};
        t->x = NULL;
    }
    if (t->collecting && (t->spec->target == MLP_TARGET_CLASS || t->text_rows > 0 || small_numbers(t))) {
        return finish_classes(t);
    }
    if (t->values) {
        data->target = MLP_TARGET_VALUES;
        data->t = (mlp_array){MLP_F32, t->rows, t->values, t->t};
        t->t = NULL;
    }
    return MLP_OK;
}

mlp_status mlp_csv_read(mlp_data *data, mlp_input *in, const mlp_data_spec *spec, mlp_part part, size_t expect,
                        mlp_error *err)
{
    table t = {.data = data, .spec = spec, .part = part, .err = err, .file = in->name};
    mlp_record record = {0}, second = {0};
    mlp_status status = mlp_csv_begin(&t.csv, in, spec->delimiter);
    if (status == MLP_OK) {
        status = begin(&t, &record, &second);
    }
    while (status == MLP_OK && mlp_csv_next(&t.csv, &record)) {
        if (record.blank) {
            t.blank_line = t.blank_line ? t.blank_line : record.line;
        } else {
            status = add_row(&t, &record);
        }
    }
    if (status == MLP_OK) {
        status = in->status;
    }
    if (status == MLP_OK) {
        status = finish(&t, expect);
    }
    mlp_record_free(&record);
    mlp_record_free(&second);
    mlp_names_free(t.names, t.name_count);
    mlp_names_free(t.class_names, t.class_count);
    mlp_labels_free(&t.labels);
    free(t.columns.is_target);
    free(t.x);
    free(t.t);
    free(t.index);
    return status;
}
