/* data_columns.c: which columns of a file are features and which the target, by what the caller says and by its shape.
 */
#include "data.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What one call to mlp_columns_choose works on. */
typedef struct chooser {
    mlp_columns *columns;
    const char *const *names;
    const mlp_data_spec *spec;
    const char *file;
    long line;
    mlp_error *err;
} chooser;

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) {
            return false;
        }
    }
    return *a == *b;
}

/* The one column whose name says that it is the target; count when none or several say so. */
static size_t column_by_custom(const chooser *c)
{
    static const char *const words[] = {"label", "labels", "class", "target", "species", "y"};
    size_t found = c->columns->count, hits = 0;
    for (size_t i = 0; c->names && i < c->columns->count; i++) {
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            if (same_name(c->names[i], words[k])) {
                found = i;
                hits++;
            }
        }
    }
    return hits == 1 ? found : c->columns->count;
}

static mlp_status mark(const chooser *c, size_t column)
{
    if (c->columns->is_target[column]) {
        return mlp_fail(c->err, MLP_EARGUMENT, c->file, c->line, "label column %zu is named twice", column + 1);
    }
    c->columns->is_target[column] = true;
    c->columns->targets++;
    return MLP_OK;
}

/* Marks the column called text[0..length): a name, else a position from 1 or (negative) from the end. */
static mlp_status mark_named(const chooser *c, const char *text, size_t length)
{
    size_t count = c->columns->count;
    for (size_t i = 0; c->names && i < count; i++) {
        if (strlen(c->names[i]) == length && memcmp(c->names[i], text, length) == 0) {
            return mark(c, i);
        }
    }
    bool back = length > 0 && text[0] == '-';
    size_t position = 0, at = back;
    while (at < length && text[at] >= '0' && text[at] <= '9' && position <= count) {
        position = position * 10 + (size_t)(text[at++] - '0');
    }
    if (at < length || at == (size_t)back) {
        return mlp_fail(c->err, MLP_ENOTFOUND, c->file, c->line, "no column is named '%.*s'%s", (int)(length & 0xFFF),
                        text, c->names ? "" : ": the file has no line of names");
    }
    if (position == 0 || position > count) {
        return mlp_fail(c->err, MLP_ENOTFOUND, c->file, c->line, "no column %.*s: there are %zu", (int)(length & 0xFFF),
                        text, count);
    }
    return mark(c, back ? count - position : position - 1);
}

/* Marks the columns of spec->label: one name (commas and all), or several with commas between. */
static mlp_status mark_told(const chooser *c)
{
    const char *text = c->spec->label;
    for (size_t i = 0; c->names && i < c->columns->count; i++) {
        if (strcmp(c->names[i], text) == 0) {
            return mark(c, i);
        }
    }
    for (;;) {
        size_t length = strcspn(text, ",");
        mlp_status status = mark_named(c, text, length);
        if (status != MLP_OK || !text[length]) {
            return status;
        }
        text += length + 1;
    }
}

static mlp_status mark_last(const chooser *c, size_t targets)
{
    size_t one = targets == 1 ? column_by_custom(c) : c->columns->count;
    if (one < c->columns->count) {
        return mark(c, one);
    }
    for (size_t i = c->columns->count - targets; i < c->columns->count; i++) {
        c->columns->is_target[i] = true;
    }
    c->columns->targets = targets;
    return MLP_OK;
}

/* How many columns of a file with features and targets are targets, when nobody named them. */
static mlp_status count_targets(const chooser *c, size_t *targets)
{
    const mlp_data_spec *spec = c->spec;
    size_t count = c->columns->count;
    *targets = 0;
    if (spec->target == MLP_TARGET_NONE) {
        return MLP_OK;
    }
    if (spec->inputs == 0) {
        *targets = spec->target == MLP_TARGET_VALUES && spec->target_width ? spec->target_width : 1;
        if (count <= *targets && spec->target == MLP_TARGET_AUTO) {
            *targets = 0;
        } else if (count <= *targets) {
            return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "%zu column%s for features and target", count,
                            count == 1 ? " is not enough" : "s are not enough");
        }
        return MLP_OK;
    }
    if (count == spec->inputs && spec->target != MLP_TARGET_AUTO) {
        return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line,
                        "the net takes all %zu columns as inputs: none is left for the %s", count,
                        spec->target == MLP_TARGET_CLASS ? "label" : "target");
    }
    *targets = count > spec->inputs ? count - spec->inputs : 0;
    return MLP_OK;
}

/* Whether the number of target columns is one that the net can learn from. */
static bool good_targets(const mlp_data_spec *spec, size_t targets)
{
    switch (spec->target) {
    case MLP_TARGET_CLASS:
        return targets == 1 || (spec->classes > 1 && targets == spec->classes);
    case MLP_TARGET_VALUES:
        return spec->target_width == 0 || targets == spec->target_width;
    default:
        return true;
    }
}

static const char *wanted(const mlp_data_spec *spec, char *text, size_t size)
{
    if (spec->target == MLP_TARGET_CLASS) {
        snprintf(text, size, "1 label");
    } else if (spec->target == MLP_TARGET_VALUES && spec->target_width) {
        snprintf(text, size, "%zu target%s", spec->target_width, spec->target_width == 1 ? "" : "s");
    } else {
        snprintf(text, size, "no target");
    }
    return text;
}

/* Compares what was chosen with what the net takes. */
static mlp_status check(const chooser *c, mlp_part part)
{
    const mlp_data_spec *spec = c->spec;
    size_t targets = c->columns->targets, features = c->columns->count - targets;
    char target_text[40];
    const char *s = c->columns->count == 1 ? "" : "s";
    if (part == MLP_PART_TARGETS) {
        return good_targets(spec, targets)
                   ? MLP_OK
                   : mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "%zu target column%s, but %s a row is needed",
                              targets, targets == 1 ? "" : "s", wanted(spec, target_text, sizeof target_text));
    }
    if (spec->inputs && (features != spec->inputs || (part == MLP_PART_BOTH && !good_targets(spec, targets)))) {
        const char *index = c->names && c->names[0][0] == '\0' && c->columns->count > spec->inputs
                                ? "; column 1 has no name: is it a row number?"
                                : "";
        if (part == MLP_PART_FEATURES) {
            return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "%zu column%s, but the net takes %zu input%s%s",
                            c->columns->count, s, spec->inputs, spec->inputs == 1 ? "" : "s", index);
        }
        return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "%zu column%s, but the net takes %zu input%s and %s%s",
                        c->columns->count, s, spec->inputs, spec->inputs == 1 ? "" : "s",
                        wanted(spec, target_text, sizeof target_text), index);
    }
    if (part == MLP_PART_BOTH && !good_targets(spec, targets)) {
        return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "%zu target columns, but %s is needed", targets,
                        wanted(spec, target_text, sizeof target_text));
    }
    if (features == 0) {
        return mlp_fail(c->err, MLP_ESHAPE, c->file, c->line, "every column is a target: none is left for features");
    }
    return MLP_OK;
}

static void describe(const chooser *c, char *note)
{
    const mlp_columns *columns = c->columns;
    size_t first = 0;
    while (first < columns->count && !columns->is_target[first]) {
        first++;
    }
    if (columns->targets == 1 && c->names) {
        snprintf(note, 256, "target: column %zu (%.100s)", first + 1, c->names[first]);
    } else if (columns->targets == 1) {
        snprintf(note, 256, "target: column %zu of %zu", first + 1, columns->count);
    } else if (columns->targets > 1) {
        snprintf(note, 256, "targets: columns %zu to %zu", first + 1, columns->count);
    }
}

mlp_status mlp_columns_choose(mlp_columns *columns, const char *const *names, const mlp_data_spec *spec, mlp_part part,
                              const char *file, long line, char *note, mlp_error *err)
{
    chooser c = {columns, names, spec, file, line, err};
    columns->targets = 0;
    columns->is_target = calloc(columns->count + 1, sizeof *columns->is_target);
    if (!columns->is_target) {
        return mlp_fail_memory(err, file, columns->count, "the columns");
    }
    mlp_status status = MLP_OK;
    if (part == MLP_PART_BOTH && !spec->label) {
        size_t targets;
        status = count_targets(&c, &targets);
        if (status == MLP_OK && targets > 0) {
            status = mark_last(&c, targets);
            describe(&c, note);
        }
    } else if (part == MLP_PART_BOTH) {
        status = mark_told(&c);
    } else if (part == MLP_PART_TARGETS && spec->label && columns->count > 1) {
        status = mark_told(&c);
    } else if (part == MLP_PART_TARGETS) {
        /* One column of several that is called "label" is the one; else all of them are. */
        size_t one = columns->count > 1 && spec->target == MLP_TARGET_CLASS ? column_by_custom(&c) : columns->count;
        status = mark_last(&c, one < columns->count ? 1 : columns->count);
    }
    return status == MLP_OK ? check(&c, part) : status;
}
