/* data.h: what the data readers share. Not installed.
 *
 *   mlp_data_read (data.c)  opens, chooses the reader, joins features and targets
 *     data_csv.c            text tables, through csv.c and number.c
 *     data_array.c          IDX, NPY, raw f32; data_npz.c finds members of archives
 *   rows.c                  the same files (CSV, NPY, f32) as a stream, for those who need no data set
 *     data_labels.c         from labels as they stand in a file to class numbers
 *   data_use.c              gathering, splitting, scaling */
#ifndef MLP_RUNTIME_DATA_H
#define MLP_RUNTIME_DATA_H

#include "csv.h"
#include "input.h"

/* What a file holds for us. */
typedef enum mlp_part { MLP_PART_BOTH, MLP_PART_FEATURES, MLP_PART_TARGETS } mlp_part;

/* A position in a list of columns that are targets. */
typedef struct mlp_columns {
    size_t count;    /* columns in the file */
    size_t targets;  /* how many of them are targets */
    bool *is_target; /* [count] */
} mlp_columns;

/* Decides which of columns->count columns are targets and checks the rest against spec->inputs. names: of the columns,
 * or NULL. note: 256 bytes that are told what was decided here. The caller frees is_target. */
mlp_status mlp_columns_choose(mlp_columns *columns, const char *const *names, const mlp_data_spec *spec, mlp_part part,
                              const char *file, long line, char *note, mlp_error *err);

/* The different labels of a file, in order of appearance. */
typedef struct mlp_label {
    char *text;
    long line;    /* of the first one */
    size_t count; /* how often it stands there */
} mlp_label;

typedef struct mlp_labels {
    mlp_label *items;
    size_t count, room;
    uint32_t *slots; /* hash table of 1 + index; 0: free */
    size_t slot_count;
} mlp_labels;

enum { MLP_MOST_LABELS = 65536 };

/* The index of a label, added when it is new. MLP_EVALUE, not told, when there would be too many. */
mlp_status mlp_labels_add(mlp_labels *labels, const char *text, long line, uint32_t *index);

void mlp_labels_free(mlp_labels *labels);

/* Makes class numbers of the labels index[0..data->rows), in place, and fills data's labels, classes and class_names.
 * Takes over index. The labels must be text: numbers go through mlp_classes_from_numbers. */
mlp_status mlp_classes_from_text(mlp_data *data, const mlp_labels *labels, uint32_t *index, const mlp_data_spec *spec,
                                 const char *file, mlp_error *err);

/* Makes class numbers of one number a row. lines: of the rows, or 0 when the file has none (rows are named then);
 * found as line_of(context, row), NULL for none. */
mlp_status mlp_classes_from_numbers(mlp_data *data, const mlp_array *numbers, const mlp_data_spec *spec,
                                    const char *file, long (*line_of)(const void *context, size_t row),
                                    const void *context, mlp_error *err);

/* Checks that data->labels has enough different classes (spec->min_classes). */
mlp_status mlp_classes_check(const mlp_data *data, const mlp_data_spec *spec, const char *file, mlp_error *err);

/* Copies `count` names; NULL when memory is out. */
char **mlp_names_copy(const char *const *names, size_t count);
void mlp_names_free(char **names, size_t count);

/* Field i of a record as a finite float (any float, if nonfinite and it is written so). name: of its column, or NULL. Else
 * tells what is wrong with it. */
mlp_status mlp_field_number(const mlp_record *record, size_t i, const char *name, bool nonfinite, const char *file,
                            float *value, mlp_error *err);

/* Whether a text stands for "no value". A label is asked for fewer words: the others may be the name of a class. */
bool mlp_text_is_missing(const char *text, bool label);

/* Reads a table into data: x, and labels or t (part says which are there). expect: rows that the other file has, or 0.
 */
mlp_status mlp_csv_read(mlp_data *data, mlp_input *in, const mlp_data_spec *spec, mlp_part part, size_t expect,
                        mlp_error *err);

/* How one value stands in a binary file. */
typedef struct mlp_element {
    char kind;   /* 'u' and 'i' integers, 'f' floats, 'b' one byte of 0 or 1 */
    size_t size; /* bytes */
    bool little;
    const char *name; /* for messages */
} mlp_element;

/* Reads an NPY header, checked against what the file has: `rows` rows of `width` values follow. */
mlp_status mlp_npy_begin(mlp_input *in, mlp_element *e, uint64_t *rows, uint64_t *width);

/* One value at bytes[0..size), in the file's byte order, as a float. */
float mlp_element_value(const mlp_element *e, const unsigned char *bytes);

/* Reads an array that begins at the input's next byte. width: of raw f32 rows. */
mlp_status mlp_idx_read(mlp_array *array, mlp_input *in, const mlp_data_spec *spec);
mlp_status mlp_npy_read(mlp_array *array, mlp_input *in, const mlp_data_spec *spec);
mlp_status mlp_f32_read(mlp_array *array, mlp_input *in, size_t width, const mlp_data_spec *spec);

/* An archive of NPY files. Begins as zero; mlp_npz_close ends it. */
typedef struct mlp_member {
    char *name; /* without ".npy" */
    uint64_t header, stored;
    uint32_t crc;
    unsigned method, flags;
} mlp_member;

typedef struct mlp_npz {
    FILE *file;
    const char *path; /* the caller's */
    uint64_t size;    /* of the file */
    mlp_member *members;
    size_t count;
    mlp_error *err;
} mlp_npz;

mlp_status mlp_npz_open(mlp_npz *npz, const char *path, mlp_error *err);
void mlp_npz_close(mlp_npz *npz);

/* The member called `name`; by custom (x and y, ...) when it is NULL: the features, or the targets that belong to the
 * features (npz->count when there are none). MLP_ENOTFOUND lists the members. */
mlp_status mlp_npz_find(const mlp_npz *npz, const char *name, mlp_part part, size_t *member);

mlp_status mlp_npz_read(mlp_array *array, const mlp_npz *npz, size_t member, const mlp_data_spec *spec);

/* MLP_ENOMEM with both figures when `bytes`, of which `held` are taken already, are more than spec->memory, or than the
 * machine has free. */
mlp_status mlp_data_fits(uint64_t bytes, uint64_t held, const mlp_data_spec *spec, const char *file, const char *what,
                         mlp_error *err);

#endif
