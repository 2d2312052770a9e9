/* rows.c: files as streams of rows. Which column of a CSV goes where is decided once, by its first line. */
#include "rows.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "data.h"

const char *const mlp_rows_format_name[MLP_ROWS_FORMATS] = {"csv", "npy", "f32"};

enum { UNUSED = -1 };

struct mlp_rows {
    mlp_rows_format format;
    mlp_input in;
    mlp_error *err, late; /* late: of the row after those that were given */
    const mlp_group *groups;
    size_t group_count, width;
    bool named, failed;
    /* csv */
    mlp_csv csv;
    mlp_record record;
    char **names; /* of the columns */
    size_t columns;
    long *place;  /* where in the row a column goes, or UNUSED; NULL: they are the row */
    float *line;  /* what a line holds, before its columns go to their places */
    bool waiting; /* the record is a first line that is no names, and not given yet */
    long blank;   /* line of a blank line; 0: none */
    /* npy, f32 */
    mlp_element element;
    uint64_t count, done; /* rows */
    unsigned char *bytes; /* of rows on their way */
    size_t room, have;
};

mlp_rows_format mlp_rows_format_of(const char *path)
{
    static const struct {
        const char *ending;
        mlp_rows_format format;
    } endings[] = {{".csv", MLP_ROWS_CSV},  {".tsv", MLP_ROWS_CSV}, {".txt", MLP_ROWS_CSV},
                   {".data", MLP_ROWS_CSV}, {".npy", MLP_ROWS_NPY}, {".f32", MLP_ROWS_F32}};
    size_t length = strlen(path);
    length -= length > 3 && strcmp(path + length - 3, ".gz") == 0 ? 3 : 0;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i].ending);
        if (length > n && strncmp(path + length - n, endings[i].ending, n) == 0) {
            return endings[i].format;
        }
    }
    return MLP_ROWS_FORMATS;
}

/* ---- columns by name -------------------------------------------------------------------------------------------- */

enum { WHOLE_NAME = -1, NOT_CALLED = -2 };

/* Which number of the group a column's name says: "state3", "state_3", "state[3]" ...: 3. WHOLE_NAME: the name alone. */
static long called(const char *text, const mlp_group *g)
{
    size_t n = strlen(g->name);
    if (strncmp(text, g->name, n) != 0) {
        return NOT_CALLED;
    }
    if (text[n] == '\0') {
        return g->width == 1 ? WHOLE_NAME : NOT_CALLED;
    }
    const char *p = text + n + (strchr("_.-[ ", text[n]) != NULL);
    long number = 0;
    bool any = false;
    for (; isdigit((unsigned char)*p) && number < 100000000; p++, any = true) {
        number = number * 10 + (*p - '0');
    }
    p += text[n] == '[' && *p == ']';
    return any && *p == '\0' ? number : NOT_CALLED;
}

/* Gives column `at` the place that it is called after, if there is one. bases: of the groups' numbers. taken: places. */
static mlp_status place_column(mlp_rows *r, size_t at, const long *bases, bool *taken)
{
    size_t offset = 0;
    bool whole = false; /* a whole name says more than a name and a number */
    for (size_t i = 0; i < r->group_count; offset += r->groups[i++].width) {
        const mlp_group *g = &r->groups[i];
        long number = called(r->names[at], g);
        long to = number == WHOLE_NAME ? 0 : number == NOT_CALLED ? -1 : number - bases[i];
        if (to < 0 || (size_t)to >= g->width || (whole && number != WHOLE_NAME)) {
            continue;
        }
        if (r->place[at] != UNUSED && number != WHOLE_NAME) {
            return mlp_fail(r->err, MLP_EFORMAT, r->in.name, r->record.line, "column '%.100s' has two meanings",
                            r->names[at]);
        }
        whole = number == WHOLE_NAME;
        r->place[at] = (long)offset + to;
    }
    if (r->place[at] != UNUSED && taken[r->place[at]]) {
        return mlp_fail(r->err, MLP_EFORMAT, r->in.name, r->record.line, "there are two columns for '%.100s'", r->names[at]);
    }
    if (r->place[at] != UNUSED) {
        taken[r->place[at]] = true;
    }
    return MLP_OK;
}

static mlp_status missing_column(const mlp_rows *r, size_t place)
{
    const mlp_group *g = r->groups;
    for (; place >= g->width; g++) {
        place -= g->width;
    }
    char name[160];
    snprintf(name, sizeof name, g->width == 1 ? "%.100s" : "%.100s%zu", g->name, place + 1);
    return mlp_fail(r->err, MLP_ENOTFOUND, r->in.name, r->record.line, "there is no column '%s' among the %zu", name,
                    r->columns);
}

/* Gives every number of the groups its column. *any: whether some have one; then all must. */
static mlp_status place_by_name(mlp_rows *r, long *bases, bool *taken, bool *any)
{
    for (size_t i = 0; i < r->group_count; i++) {
        bases[i] = 1;
        for (size_t at = 0; at < r->columns && r->groups[i].width > 1; at++) {
            bases[i] = called(r->names[at], &r->groups[i]) == 0 ? 0 : bases[i];
        }
    }
    *any = false;
    for (size_t at = 0; at < r->columns; at++) {
        mlp_status status = place_column(r, at, bases, taken);
        if (status != MLP_OK) {
            return status;
        }
        *any = *any || r->place[at] != UNUSED;
    }
    for (size_t i = 0; i < r->width && *any; i++) {
        if (!taken[i]) {
            return missing_column(r, i);
        }
    }
    return MLP_OK;
}

/* Names are texts, or 0, 1, 2 ... as pandas numbers its columns; a sample with a missing or mistaken value is none. */
static bool is_names(const mlp_record *record)
{
    size_t texts = 0;
    for (size_t i = 0; i < record->count; i++) {
        double value;
        const char *text = mlp_field_text(record, i);
        if (mlp_parse_number(text, record->fields[i].length, &value) == MLP_NUMBER_NOT) {
            texts += !mlp_text_is_missing(text, false);
        } else if (!(value >= (double)i && value <= (double)i)) {
            return false;
        }
    }
    return texts > 0;
}

static mlp_status wrong_count(const mlp_rows *r, size_t count)
{
    return mlp_fail(r->err, MLP_ESHAPE, r->in.name, r->record.line, "%zu value%s where the net takes %zu", count,
                    count == 1 ? "" : "s", r->width);
}

static mlp_status no_memory(const mlp_rows *r, size_t bytes)
{
    return mlp_fail_memory(r->err, r->in.name, bytes, "a row");
}

static mlp_status take_names(mlp_rows *r)
{
    size_t count = r->columns = r->record.count;
    const char **texts = malloc(count * sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = mlp_field_text(&r->record, i);
    }
    r->names = texts ? mlp_names_copy(texts, count) : NULL;
    free((void *)texts);
    r->place = malloc(count * sizeof *r->place);
    if (!r->names || !r->place) {
        return no_memory(r, count * sizeof *r->place);
    }
    for (size_t i = 0; i < count; i++) {
        r->place[i] = UNUSED;
    }
    long *bases = calloc(r->group_count + 1, sizeof *bases);
    bool any = false, *taken = calloc(r->width + 1, sizeof *taken);
    mlp_status status = bases && taken ? place_by_name(r, bases, taken, &any) : no_memory(r, r->width);
    free(bases);
    free(taken);
    r->named = true;
    bool in_order = count == r->width;
    for (size_t i = 0; i < count && any; i++) {
        in_order = in_order && r->place[i] == (long)i;
    }
    if (status == MLP_OK && !any && count != r->width) {
        const mlp_group *g = r->groups;
        status = mlp_fail(r->err, MLP_ESHAPE, r->in.name, r->record.line,
                          "%zu column%s where the net takes %zu (others may stand beside its inputs if these are called %s%s)",
                          count, count == 1 ? "" : "s", r->width, g->name, g->width > 1 ? "1 ..." : "");
    }
    if (in_order) {
        free(r->place);
        r->place = NULL;
    }
    return status;
}

static mlp_status begin_csv(mlp_rows *r, char delimiter)
{
    mlp_status status = mlp_csv_begin(&r->csv, &r->in, delimiter);
    r->columns = r->width;
    while (status == MLP_OK && (r->waiting = mlp_csv_next(&r->csv, &r->record)) && r->record.blank) {
    }
    status = status == MLP_OK ? r->in.status : status;
    if (status == MLP_OK && r->waiting && is_names(&r->record)) {
        r->waiting = false;
        status = take_names(r);
    }
    r->line = malloc((r->columns + 1) * sizeof *r->line);
    return status == MLP_OK && !r->line ? no_memory(r, r->columns * sizeof *r->line) : status;
}

/* ---- rows of a CSV ---------------------------------------------------------------------------------------------- */

/* What stands in the record. */
static mlp_status take_record(mlp_rows *r, float *to)
{
    if (r->blank && r->columns == 1) { /* at the end of a file, or of wider rows, no harm */
        return mlp_fail(r->err, MLP_EVALUE, r->in.name, r->blank, "missing value: the line is empty");
    }
    if (r->record.count != r->columns && r->named) {
        return mlp_fail(r->err, MLP_ESHAPE, r->in.name, r->record.line, "%zu value%s for %zu columns", r->record.count,
                        r->record.count == 1 ? "" : "s", r->columns);
    }
    if (r->record.count != r->columns) {
        return wrong_count(r, r->record.count);
    }
    for (size_t i = 0; i < r->columns; i++) {
        if (r->place && r->place[i] == UNUSED) {
            continue;
        }
        mlp_status status = mlp_field_number(&r->record, i, r->names ? r->names[i] : NULL, false, r->in.name,
                                             &to[r->place ? (size_t)r->place[i] : i], r->err);
        if (status != MLP_OK) {
            return status;
        }
    }
    return MLP_OK;
}

/* The next row the long way. *got: false at the end. */
static mlp_status next_record(mlp_rows *r, float *to, bool *got)
{
    *got = r->waiting;
    r->waiting = false;
    while (!*got && mlp_csv_next(&r->csv, &r->record)) {
        *got = !r->record.blank;
        r->blank = r->record.blank && !r->blank ? r->record.line : r->blank;
    }
    return r->in.status != MLP_OK ? r->in.status : *got ? take_record(r, to) : MLP_OK;
}

static mlp_status next_csv(mlp_rows *r, size_t most, float *to, size_t *rows)
{
    while (*rows < most) {
        float *row = to + *rows * r->width;
        mlp_line line = r->waiting || r->blank ? MLP_LINE_ODD : mlp_csv_numbers(&r->csv, r->place ? r->line : row, r->columns);
        if (line == MLP_LINE_TAKEN) {
            for (size_t i = 0; r->place && i < r->columns; i++) {
                if (r->place[i] != UNUSED) {
                    row[r->place[i]] = r->line[i];
                }
            }
            ++*rows;
            continue;
        }
        if (line == MLP_LINE_CUT) {
            if (*rows > 0 && mlp_input_waits(&r->in)) {
                return MLP_OK;
            }
            if (mlp_input_more(&r->in)) {
                continue;
            }
        }
        bool got = false;
        mlp_status status = next_record(r, row, &got);
        if (status != MLP_OK || !got) {
            return status;
        }
        ++*rows;
    }
    return MLP_OK;
}

/* ---- rows of arrays --------------------------------------------------------------------------------------------- */

static mlp_status begin_array(mlp_rows *r)
{
    uint64_t width = r->width, rest;
    bool exact;
    r->element = (mlp_element){'f', 4, true, "float32"};
    if (r->format == MLP_ROWS_NPY) {
        mlp_status status = mlp_npy_begin(&r->in, &r->element, &r->count, &width);
        if (status == MLP_OK && width != r->width) {
            status = mlp_fail(r->err, MLP_ESHAPE, r->in.name, 0, "rows of %llu value%s where the net takes %zu",
                              (unsigned long long)width, width == 1 ? "" : "s", r->width);
        }
        return status;
    }
    rest = mlp_input_rest(&r->in, &exact);
    if (exact && rest % (4 * width) != 0) {
        return mlp_fail(r->err, MLP_EFORMAT, r->in.name, 0,
                        "%llu bytes are no whole number of rows of %zu float32 values (%llu bytes each)",
                        (unsigned long long)rest, r->width, (unsigned long long)(4 * width));
    }
    return MLP_OK;
}

static mlp_status cut_short(const mlp_rows *r, size_t bytes)
{
    return mlp_fail(r->err, MLP_EFORMAT, r->in.name, 0, "cut short: row %llu has %zu of %zu bytes",
                    (unsigned long long)r->done + 1, bytes, r->width * r->element.size);
}

static mlp_status convert_row(mlp_rows *r, const unsigned char *bytes, float *to)
{
    const mlp_element *e = &r->element;
    bool plain = e->kind == 'f' && e->size == 4 && e->little && mlp_host_is_little();
    if (plain) {
        memcpy(to, bytes, r->width * sizeof *to);
    }
    for (size_t i = 0; i < r->width; i++) {
        if (!plain) {
            to[i] = mlp_element_value(e, bytes + i * e->size);
        }
        if (!mlp_is_finite(to[i])) {
            return mlp_fail(r->err, MLP_EVALUE, r->in.name, 0, "row %llu, column %zu is %s",
                            (unsigned long long)r->done + 1, i + 1,
                            isnan(to[i])   ? "NaN"
                            : e->size == 8 ? "infinite or too large for a float"
                                           : "infinite");
        }
    }
    r->done++;
    return MLP_OK;
}

static mlp_status next_array(mlp_rows *r, size_t most, float *to, size_t *rows)
{
    size_t row = r->width * r->element.size;
    uint64_t left = r->count - r->done; /* f32: endless */
    most = most > left ? (size_t)left : most;
    if (r->room < most * row) {
        unsigned char *grown = realloc(r->bytes, most * row);
        if (!grown) {
            return no_memory(r, most * row);
        }
        r->bytes = grown;
        r->room = most * row;
    }
    while (r->have < most * row && !(r->have >= row && mlp_input_waits(&r->in))) {
        size_t n = mlp_input_some(&r->in, r->bytes + r->have, most * row - r->have);
        r->have += n;
        if (n == 0) {
            break;
        }
    }
    mlp_status status = r->in.status;
    size_t whole = r->have / row;
    for (; *rows < whole && status == MLP_OK; *rows += status == MLP_OK) {
        status = convert_row(r, r->bytes + *rows * row, to + *rows * r->width);
    }
    r->have -= whole * row;
    if (r->have > 0) {
        memmove(r->bytes, r->bytes + whole * row, r->have);
    }
    if (status == MLP_OK && r->in.ended && r->in.at == r->in.have && *rows < most) {
        if (r->have > 0 || (r->format == MLP_ROWS_NPY && r->done < r->count)) {
            return cut_short(r, r->have);
        }
    }
    return status;
}

/* An NPY that goes on after its last row. */
static mlp_status check_end(mlp_rows *r)
{
    unsigned char more;
    if (r->format == MLP_ROWS_NPY && mlp_input_read(&r->in, &more, 1) == 1) {
        return mlp_fail(r->err, MLP_EFORMAT, r->in.name, 0, "too long: its shape ends the array after row %llu",
                        (unsigned long long)r->count);
    }
    return r->in.status;
}

/* ---- all formats ------------------------------------------------------------------------------------------------ */

mlp_rows *mlp_rows_open(const char *path, mlp_rows_format format, char delimiter, const mlp_group *groups, size_t count,
                        mlp_error *err)
{
    mlp_rows *r = calloc(1, sizeof *r);
    if (!r) {
        mlp_fail_memory(err, path, sizeof *r, "a stream");
        return NULL;
    }
    *r = (mlp_rows){.format = format, .err = &r->late, .groups = groups, .group_count = count, .count = UINT64_MAX};
    for (size_t i = 0; i < count; i++) {
        r->width += groups[i].width;
    }
    mlp_status status = mlp_input_open_eager(&r->in, path, r->err);
    if (status == MLP_OK) {
        status = format == MLP_ROWS_CSV ? begin_csv(r, delimiter) : begin_array(r);
    }
    if (status != MLP_OK) {
        if (err) {
            *err = r->late;
        }
        mlp_rows_close(r);
        return NULL;
    }
    return r;
}

mlp_status mlp_rows_next(mlp_rows *r, size_t most, float *to, size_t *rows, mlp_error *err)
{
    *rows = 0;
    if (!r->failed) {
        mlp_status status = r->format == MLP_ROWS_CSV ? next_csv(r, most, to, rows) : next_array(r, most, to, rows);
        if (status == MLP_OK && *rows == 0) {
            status = check_end(r);
        }
        r->failed = status != MLP_OK;
    }
    if (!r->failed || *rows > 0) {
        return MLP_OK;
    }
    if (err) {
        *err = r->late;
    }
    return r->late.status;
}

bool mlp_rows_named(const mlp_rows *r) { return r->named; }

uint64_t mlp_rows_count(const mlp_rows *r) { return r->count; }

void mlp_rows_close(mlp_rows *r)
{
    if (!r) {
        return;
    }
    mlp_input_close(&r->in);
    mlp_record_free(&r->record);
    mlp_names_free(r->names, r->columns);
    free(r->place);
    free(r->line);
    free(r->bytes);
    free(r);
}
