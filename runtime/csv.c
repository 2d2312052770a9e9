/* csv.c: text tables record by record: quotes, delimiters, line ends and line numbers. data_csv.c makes data of them.
 */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#include "convert.h"

/* A record larger than this is a quote that was never closed, or no table. */
enum { MOST_RECORD = 64 << 20 };

void mlp_record_free(mlp_record *record)
{
    free(record->text);
    free(record->fields);
    *record = (mlp_record){0};
}

const char *mlp_field_text(const mlp_record *record, size_t i) { return record->text + record->fields[i].at; }

/* ---- the start of the file ---- */

/* How often each candidate stands outside quotes in the line at bytes[*at..size); moves *at to the next line. */
static void count_delimiters(const unsigned char *bytes, size_t size, size_t *at, const char *candidates,
                             size_t *counts)
{
    bool quoted = false;
    for (; *at < size && (quoted || (bytes[*at] != '\n' && bytes[*at] != '\r')); ++*at) {
        const char *found = bytes[*at] ? strchr(candidates, bytes[*at]) : NULL;
        if (bytes[*at] == '"') {
            quoted = !quoted;
        } else if (found && !quoted) {
            counts[found - candidates]++;
        }
    }
    while (*at < size && (bytes[*at] == '\n' || bytes[*at] == '\r')) {
        ++*at;
    }
}

static char find_delimiter(const unsigned char *bytes, size_t size)
{
    static const char candidates[] = ",;\t|";
    size_t first[4] = {0}, second[4] = {0}, at = 0, best = 0;
    while (at < size && (bytes[at] == '\n' || bytes[at] == '\r')) {
        at++;
    }
    count_delimiters(bytes, size, &at, candidates, first);
    bool more = at < size;
    count_delimiters(bytes, size, &at, candidates, second);
    for (size_t i = 1; i < 4; i++) {
        bool even = more && first[i] == second[i], best_even = more && first[best] == second[best];
        if (first[i] > 0 && (first[best] == 0 || even > best_even || (even == best_even && first[i] > first[best]))) {
            best = i;
        }
    }
    /* "5,1;3,5": with about a comma a field, the commas are decimal ones, which the error of the field will say. */
    if (best == 0 && first[1] > 0 && first[1] == second[1] && first[0] <= first[1] + 1) {
        best = 1;
    }
    bool mixed = candidates[best] == '\t' && more && first[best] != second[best]; /* tabs and spaces alike */
    return first[best] > 0 && !mixed ? candidates[best] : ' ';
}

/* The bytes that are next, the first line whole if it has arrived by now or fits the buffer. */
static size_t peek_line(mlp_input *in, const unsigned char **bytes)
{
    size_t n = mlp_input_peek(in, bytes);
    while (n > 0 && !memchr(*bytes, '\n', n) && mlp_input_more(in)) {
        n = mlp_input_peek(in, bytes);
    }
    return n;
}

mlp_status mlp_csv_begin(mlp_csv *csv, mlp_input *in, char delimiter)
{
    const unsigned char *bytes;
    *csv = (mlp_csv){.in = in, .delimiter = delimiter, .line = 1};
    size_t n = peek_line(in, &bytes);
    if (n >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF))) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 1, "UTF-16 text; save it as UTF-8");
    }
    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        in->at += 3;
    }
    for (;;) {
        n = peek_line(in, &bytes);
        if (n == 0 || bytes[0] != '#') {
            break;
        }
        const unsigned char *end = memchr(bytes, '\n', n);
        if (!end) {
            return in->status =
                       mlp_fail(in->err, MLP_EFORMAT, in->name, csv->line, "a comment line and nothing after it");
        }
        in->at += (size_t)(end - bytes) + 1;
        csv->line++;
    }
    if (!delimiter) {
        csv->delimiter = find_delimiter(bytes, n);
    }
    for (int c = 0; c < 256; c++) {
        csv->stops[c] = c < ' ' || c == (unsigned char)csv->delimiter;
    }
    return in->status;
}

/* ---- lines of numbers ---- */

static const char *skip_between(const mlp_csv *csv, const char *p, const char *end)
{
    while (p < end && (*p == ' ' || (*p == '\t' && csv->delimiter != '\t'))) {
        p++;
    }
    return p;
}

mlp_line mlp_csv_numbers(mlp_csv *csv, float *to, size_t count)
{
    mlp_input *in = csv->in;
    const char *p = (const char *)in->buffer + in->at, *end = (const char *)in->buffer + in->have;
    const char *last = in->status == MLP_OK && p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    if (!last && !in->ended) {
        return MLP_LINE_CUT;
    }
    if (in->status != MLP_OK || p == end) {
        return MLP_LINE_ODD;
    }
    end = last ? last : end;
    end -= end > p && end[-1] == '\r';
    for (size_t i = 0; i < count; i++) {
        double value;
        p = skip_between(csv, p, end);
        size_t n = mlp_scan_number(p, (size_t)(end - p), &value);
        if (n == 0) {
            return MLP_LINE_ODD;
        }
        to[i] = mlp_float_of_double(value);
        const char *after = p + n;
        p = skip_between(csv, after, end);
        if (i + 1 < count && csv->delimiter != ' ') {
            if (p == end || *p++ != csv->delimiter) {
                return MLP_LINE_ODD;
            }
        } else if (i + 1 < count && p == after) {
            return MLP_LINE_ODD;
        }
    }
    if (p != end) {
        return MLP_LINE_ODD;
    }
    in->at = last ? (size_t)(last + 1 - (const char *)in->buffer) : in->have;
    csv->line++;
    return MLP_LINE_TAKEN;
}

/* ---- records ---- */

static bool fail(mlp_csv *csv, long line, const char *text)
{
    csv->in->status = mlp_fail(csv->in->err, MLP_EFORMAT, csv->in->name, line, "%s", text);
    return false;
}

static bool no_memory(mlp_csv *csv, size_t bytes)
{
    csv->in->status = mlp_fail_memory(csv->in->err, csv->in->name, bytes, "one record");
    return false;
}

static bool make_room(mlp_csv *csv, mlp_record *record, size_t size)
{
    size_t room = (record->size + size + 1) * 2;
    if (record->size + size > MOST_RECORD) {
        return fail(csv, record->line, "a record of more than 64 MB: a quote that is never closed?");
    }
    char *grown = realloc(record->text, room);
    if (!grown) {
        return no_memory(csv, room);
    }
    record->text = grown;
    record->room = room;
    return true;
}

static bool append(mlp_csv *csv, mlp_record *record, const void *bytes, size_t size)
{
    if (record->size + size + 1 > record->room && !make_room(csv, record, size)) {
        return false;
    }
    memcpy(record->text + record->size, bytes, size);
    record->size += size;
    return true;
}

/* Starts a field where the text stands. */
static mlp_field *add_field(mlp_csv *csv, mlp_record *record)
{
    if (record->count == record->field_room) {
        size_t room = record->field_room ? record->field_room * 2 : 16;
        mlp_field *grown = realloc(record->fields, room * sizeof *grown);
        if (!grown) {
            no_memory(csv, room * sizeof *grown);
            return NULL;
        }
        record->fields = grown;
        record->field_room = room;
    }
    mlp_field *field = &record->fields[record->count++];
    *field = (mlp_field){.at = record->size, .line = csv->line};
    return field;
}

/* The next byte, not taken; -1 at the end. */
static int peek(mlp_csv *csv)
{
    mlp_input *in = csv->in;
    if (in->at == in->have) {
        const unsigned char *bytes;
        if (mlp_input_peek(in, &bytes) == 0) {
            return -1;
        }
    }
    return in->buffer[in->at];
}

static void skip_blanks(mlp_csv *csv)
{
    for (int c = peek(csv); c == ' ' || (c == '\t' && csv->delimiter != '\t'); c = peek(csv)) {
        csv->in->at++;
    }
}

/* Takes one line end, which stands next. */
static void take_line_end(mlp_csv *csv)
{
    int c = csv->in->buffer[csv->in->at++];
    if (c == '\r' && peek(csv) == '\n') {
        csv->in->at++;
    }
    csv->line++;
}

static bool ends_field(const mlp_csv *csv, unsigned char c)
{
    return c == '\n' || c == '\r' || c == (unsigned char)csv->delimiter || (c == '\t' && csv->delimiter == ' ');
}

/* A field without quotes, up to its delimiter; blanks at its end go. */
static bool plain_field(mlp_csv *csv, mlp_record *record)
{
    mlp_input *in = csv->in;
    size_t start = record->size;
    while (peek(csv) >= 0) {
        size_t run = in->at;
        while (run < in->have && !csv->stops[in->buffer[run]]) {
            run++;
        }
        /* A tab inside a field is a blank; any other control character is no text. */
        bool tab = run < in->have && in->buffer[run] == '\t' && !ends_field(csv, '\t');
        if (!append(csv, record, in->buffer + in->at, run + tab - in->at)) {
            return false;
        }
        in->at = run + tab;
        if (run < in->have && !tab) {
            if (!ends_field(csv, in->buffer[run])) {
                char text[64];
                snprintf(text, sizeof text, "byte 0x%02X in text: this is no table", in->buffer[run]);
                return fail(csv, csv->line, text);
            }
            break;
        }
    }
    while (record->size > start && (record->text[record->size - 1] == ' ' || record->text[record->size - 1] == '\t')) {
        record->size--;
    }
    return true;
}

/* A field after its opening quote, up to and with the closing one. */
static bool quoted_field(mlp_csv *csv, mlp_record *record)
{
    mlp_input *in = csv->in;
    long start = csv->line;
    for (;;) {
        int c = peek(csv);
        if (c < 0) {
            return in->status == MLP_OK && fail(csv, start, "a quote that is never closed");
        }
        if (c == '"') {
            in->at++;
            if (peek(csv) != '"') {
                return true;
            }
            in->at++;
            if (!append(csv, record, "\"", 1)) {
                return false;
            }
            continue;
        }
        if (c == '\n' || c == '\r') {
            take_line_end(csv);
            if (!append(csv, record, "\n", 1)) {
                return false;
            }
            continue;
        }
        size_t run = in->at;
        while (run < in->have && in->buffer[run] != '"' && in->buffer[run] != '\n' && in->buffer[run] != '\r' &&
               in->buffer[run] != '\0') {
            run++;
        }
        if (run == in->at) {
            return fail(csv, csv->line, "byte 0x00 in text: this is no table");
        }
        if (!append(csv, record, in->buffer + in->at, run - in->at)) {
            return false;
        }
        in->at = run;
    }
}

bool mlp_csv_next(mlp_csv *csv, mlp_record *record)
{
    mlp_input *in = csv->in;
    record->size = record->count = 0;
    record->line = csv->line;
    record->blank = false;
    if (in->status != MLP_OK || peek(csv) < 0) {
        return false;
    }
    for (;;) {
        skip_blanks(csv);
        mlp_field *field = add_field(csv, record);
        if (!field) {
            return false;
        }
        bool quoted = peek(csv) == '"';
        in->at += quoted;
        if (!(quoted ? quoted_field(csv, record) : plain_field(csv, record))) {
            return false;
        }
        field->quoted = quoted;
        field->length = record->size - field->at;
        if (!append(csv, record, "", 1)) {
            return false;
        }
        skip_blanks(csv);
        int c = peek(csv);
        if (c < 0 || c == '\n' || c == '\r') {
            if (c >= 0) {
                take_line_end(csv);
            }
            break;
        }
        if (csv->delimiter != ' ') {
            if (c != (unsigned char)csv->delimiter) {
                return fail(csv, csv->line, "text after a closing quote");
            }
            in->at++;
        }
    }
    record->blank = record->count == 1 && record->fields[0].length == 0 && !record->fields[0].quoted;
    return in->status == MLP_OK;
}
