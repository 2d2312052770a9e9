/* data_labels.c: from labels as they stand in a file, text or numbers, to class numbers 0, 1, 2... */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: G. Fowler, L. C. Noll, K.-P. Vo. */
static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xCBF29CE484222325);
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    }
    return h ^ h >> 32;
}

/* The slot of that label, or the free one where it belongs. */
static uint32_t *find_slot(const mlp_labels *labels, const char *text)
{
    size_t at = (size_t)hash(text) & (labels->slot_count - 1);
    while (labels->slots[at] && strcmp(labels->items[labels->slots[at] - 1].text, text) != 0) {
        at = (at + 1) & (labels->slot_count - 1);
    }
    return &labels->slots[at];
}

/* Room for one more item, the table at most half full. */
static bool grow(mlp_labels *labels)
{
    if (labels->count < labels->room) {
        return true;
    }
    size_t room = labels->room ? labels->room * 2 : 16;
    mlp_label *items = realloc(labels->items, room * sizeof *items);
    if (!items) {
        return false;
    }
    labels->items = items;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    if (!slots) {
        return false;
    }
    free(labels->slots);
    labels->slots = slots;
    labels->slot_count = room * 2;
    labels->room = room;
    for (size_t i = 0; i < labels->count; i++) {
        *find_slot(labels, items[i].text) = (uint32_t)i + 1;
    }
    return true;
}

mlp_status mlp_labels_add(mlp_labels *labels, const char *text, long line, uint32_t *index)
{
    if (!grow(labels)) {
        return MLP_ENOMEM;
    }
    uint32_t *slot = find_slot(labels, text);
    if (*slot == 0) {
        size_t size = strlen(text) + 1;
        char *copy = labels->count < MLP_MOST_LABELS ? malloc(size) : NULL;
        if (!copy) {
            return labels->count < MLP_MOST_LABELS ? MLP_ENOMEM : MLP_EVALUE;
        }
        memcpy(copy, text, size);
        labels->items[labels->count++] = (mlp_label){copy, line, 0};
        *slot = (uint32_t)labels->count;
    }
    *index = *slot - 1;
    labels->items[*index].count++;
    return MLP_OK;
}

void mlp_labels_free(mlp_labels *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        free(labels->items[i].text);
    }
    free(labels->items);
    free(labels->slots);
    *labels = (mlp_labels){0};
}

void mlp_names_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++) {
        free(names[i]);
    }
    free(names);
}

char **mlp_names_copy(const char *const *names, size_t count)
{
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        size_t size = strlen(names[i]) + 1;
        copy[i] = malloc(size);
        if (!copy[i]) {
            mlp_names_free(copy, count);
            return NULL;
        }
        memcpy(copy[i], names[i], size);
    }
    return copy;
}

static int by_text(const void *left, const void *right)
{
    return strcmp((*(const mlp_label *const *)left)->text, (*(const mlp_label *const *)right)->text);
}

/* The place of text in names, or count. */
static size_t find_name(const char *const *names, size_t count, const char *text)
{
    size_t i = 0;
    while (i < count && strcmp(names[i], text) != 0) {
        i++;
    }
    return i;
}

/* The first names, for a message: "'setosa', 'versicolor', ...". */
static const char *list_names(const char *const *names, size_t count, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && at < size; i++) {
        if (at > size / 2 || i == 8) {
            snprintf(text + at, size - at, ", ...");
            break;
        }
        at += (size_t)snprintf(text + at, size - at, "%s'%.40s'", i ? ", " : "", names[i]);
    }
    return text;
}

/* Fills number[i] with the class of item i: its place among the given names. */
static mlp_status number_by_names(const mlp_labels *labels, uint32_t *number, const mlp_data_spec *spec,
                                  const char *file, mlp_error *err)
{
    char known[200];
    for (size_t i = 0; i < labels->count; i++) {
        size_t place = find_name(spec->class_names, spec->classes, labels->items[i].text);
        if (place == spec->classes && labels->items[i].count > 0) {
            return mlp_fail(err, MLP_EVALUE, file, labels->items[i].line, "label '%.60s' is none of the classes %s",
                            labels->items[i].text, list_names(spec->class_names, spec->classes, known, sizeof known));
        }
        number[i] = (uint32_t)place;
    }
    return MLP_OK;
}

/* Fills number[i] with the place of item i in the order of the texts, and names with the texts in that order. */
static mlp_status number_by_order(const mlp_labels *labels, uint32_t *number, const char **names, size_t *count,
                                  const mlp_data_spec *spec, const char *file, mlp_error *err)
{
    const mlp_label **sorted = malloc((labels->count + 1) * sizeof *sorted);
    size_t n = 0;
    if (!sorted) {
        return mlp_fail_memory(err, file, labels->count * sizeof *sorted, "the labels");
    }
    for (size_t i = 0; i < labels->count; i++) {
        if (labels->items[i].count == 0) {
            continue;
        }
        if (spec->classes && n == spec->classes) {
            free((void *)sorted);
            return mlp_fail(err, MLP_EVALUE, file, labels->items[i].line,
                            "label '%.60s': there are more than %zu different labels, the net has %zu classes",
                            labels->items[i].text, spec->classes, spec->classes);
        }
        sorted[n++] = &labels->items[i];
    }
    if (n > 1) {
        qsort(sorted, n, sizeof *sorted, by_text);
    }
    for (size_t i = 0; i < n; i++) {
        number[sorted[i] - labels->items] = (uint32_t)i;
        names[i] = sorted[i]->text;
    }
    *count = n;
    free((void *)sorted);
    return MLP_OK;
}

mlp_status mlp_classes_from_text(mlp_data *data, const mlp_labels *labels, uint32_t *index, const mlp_data_spec *spec,
                                 const char *file, mlp_error *err)
{
    data->labels = index;
    data->target = MLP_TARGET_CLASS;
    uint32_t *number = malloc((labels->count + 1) * sizeof *number);
    const char **names = malloc((labels->count + 1) * sizeof *names);
    mlp_status status;
    if (!number || !names) {
        status = mlp_fail_memory(err, file, labels->count * sizeof *names, "the labels");
    } else if (spec->class_names) {
        status = number_by_names(labels, number, spec, file, err);
        data->classes = spec->classes;
        data->class_names = status == MLP_OK ? mlp_names_copy(spec->class_names, spec->classes) : NULL;
    } else {
        status = number_by_order(labels, number, names, &data->classes, spec, file, err);
        data->class_names = status == MLP_OK ? mlp_names_copy(names, data->classes) : NULL;
    }
    if (status == MLP_OK && !data->class_names) {
        status = mlp_fail_memory(err, file, data->classes * sizeof *names, "the names of the classes");
    }
    for (size_t i = 0; i < data->rows && status == MLP_OK; i++) {
        index[i] = number[index[i]];
    }
    free(number);
    free((void *)names);
    return status;
}

/* Tells what is wrong with `value`, the label of one row. */
static mlp_status bad_number(const mlp_data *data, const mlp_array *numbers, size_t row, double value, double limit,
                             const char *file, long line, mlp_error *err)
{
    char where[40] = "";
    if (line == 0) {
        snprintf(where, sizeof where, "row %zu: ", row + 1);
    }
    if (isnan(value) || floor(value) != value) {
        return mlp_fail(err, MLP_EVALUE, file, line, "%slabel %g is no class number", where, value);
    }
    if (value < 0) {
        return mlp_fail(err, MLP_EVALUE, file, line, "%slabel %g is out of range: classes count from 0", where, value);
    }
    bool from_one = value == limit;
    for (size_t i = 0; i < data->rows && from_one; i++) {
        float other;
        mlp_gather(numbers, &i, 1, &other);
        from_one = other >= 1.0f;
    }
    return mlp_fail(err, MLP_EVALUE, file, line, "%slabel %g is out of range: classes run from 0 to %g%s", where, value,
                    limit - 1, from_one ? " (do the labels count from 1?)" : "");
}

mlp_status mlp_classes_from_numbers(mlp_data *data, const mlp_array *numbers, const mlp_data_spec *spec,
                                    const char *file, long (*line_of)(const void *context, size_t row),
                                    const void *context, mlp_error *err)
{
    size_t most = spec->classes ? spec->classes : MLP_MOST_LABELS;
    uint32_t largest = 0;
    data->target = MLP_TARGET_CLASS;
    data->labels = malloc(data->rows * sizeof *data->labels);
    if (!data->labels) {
        return mlp_fail_memory(err, file, data->rows * sizeof *data->labels, "the labels");
    }
    for (size_t i = 0; i < data->rows; i++) {
        float value;
        mlp_gather(numbers, &i, 1, &value);
        double number = (double)value;
        if (!(number >= 0) || number >= (double)most || floor(number) != number) {
            long line = line_of ? line_of(context, i) : 0;
            return bad_number(data, numbers, i, number, (double)most, file, line, err);
        }
        data->labels[i] = (uint32_t)number;
        largest = data->labels[i] > largest ? data->labels[i] : largest;
    }
    data->classes = spec->classes ? spec->classes : (size_t)largest + 1;
    if (spec->class_names) {
        data->class_names = mlp_names_copy(spec->class_names, spec->classes);
        if (!data->class_names) {
            return mlp_fail_memory(err, file, data->classes * sizeof(char *), "the names of the classes");
        }
    }
    return MLP_OK;
}

mlp_status mlp_classes_check(const mlp_data *data, const mlp_data_spec *spec, const char *file, mlp_error *err)
{
    if (data->target != MLP_TARGET_CLASS || spec->min_classes == 0) {
        return MLP_OK;
    }
    bool *seen = calloc(data->classes + 1, sizeof *seen);
    size_t different = 0;
    if (!seen) {
        return mlp_fail_memory(err, file, data->classes, "the labels");
    }
    for (size_t i = 0; i < data->rows; i++) {
        different += !seen[data->labels[i]];
        seen[data->labels[i]] = true;
    }
    free(seen);
    if (different >= spec->min_classes) {
        return MLP_OK;
    }
    uint32_t first = data->labels[0];
    if (different == 1 && data->class_names) {
        return mlp_fail(err, MLP_EVALUE, file, 0, "one class only: every label is '%.60s'", data->class_names[first]);
    }
    if (different == 1) {
        return mlp_fail(err, MLP_EVALUE, file, 0, "one class only: every label is %u", (unsigned)first);
    }
    return mlp_fail(err, MLP_EVALUE, file, 0, "%zu different labels, at least %zu are needed", different,
                    spec->min_classes);
}
