/* csv.h: text tables, record by record, and numbers in text. Not installed. */
#ifndef MLP_RUNTIME_CSV_H
#define MLP_RUNTIME_CSV_H

#include "input.h"

/* One field: bytes [at, at + length) of its record's text, blanks around it and quotes removed. */
typedef struct mlp_field {
    size_t at, length;
    long line; /* where it begins */
    bool quoted;
} mlp_field;

/* One record. Its memory is used again for the next one. Begins as zero; mlp_record_free ends it. */
typedef struct mlp_record {
    char *text; /* a NUL follows every field */
    size_t size, room;
    mlp_field *fields;
    size_t count, field_room;
    long line;  /* where it begins, from 1 */
    bool blank; /* nothing but white space: one empty field */
} mlp_record;

typedef struct mlp_csv {
    mlp_input *in;
    char delimiter;  /* ' ' stands for any run of blanks */
    long line;       /* of the next byte */
    bool stops[256]; /* bytes that a run of plain text ends at: delimiter, line ends, control characters */
} mlp_csv;

/* Skips a byte order mark and comment lines ('#') at the start and finds the delimiter when `delimiter` is 0: the one
 * of , ; tab | that the first two lines have equally often, else blanks. */
mlp_status mlp_csv_begin(mlp_csv *csv, mlp_input *in, char delimiter);

/* The next record. Returns false at the end and after a failure (csv->in->status tells which). Quoted fields may hold
 * delimiters, line ends and doubled quotes (RFC 4180); lines end in LF, CRLF or CR. */
bool mlp_csv_next(mlp_csv *csv, mlp_record *record);

/* What mlp_csv_numbers found. */
typedef enum mlp_line {
    MLP_LINE_TAKEN,
    MLP_LINE_CUT, /* the next line's end has not arrived (never so at the end of the file): nothing is taken */
    MLP_LINE_ODD  /* anything but plain numbers: nothing is taken, mlp_csv_next knows what it is */
} mlp_line;

/* The short way for the many lines that are nothing but `count` finite numbers, of which none takes more than an operation
 * to round: to[count] gets them. */
mlp_line mlp_csv_numbers(mlp_csv *csv, float *to, size_t count);

void mlp_record_free(mlp_record *record);

/* The text of field i, NUL-terminated. */
const char *mlp_field_text(const mlp_record *record, size_t i);

typedef enum mlp_number { MLP_NUMBER_FINITE, MLP_NUMBER_NAN, MLP_NUMBER_INFINITE, MLP_NUMBER_NOT } mlp_number;

/* Reads text[0..length) (text[length] is NUL) as a decimal number, correctly rounded, whatever the locale. "nan",
 * "inf" and "infinity" in any case are numbers that are not finite; so is one beyond the range of a double. */
mlp_number mlp_parse_number(const char *text, size_t length, double *value);

/* The length of the decimal number that text[0..size) begins with, if it has at most 53 bits and a small exponent; else 0,
 * and mlp_parse_number knows. */
size_t mlp_scan_number(const char *text, size_t size, double *value);

#endif
