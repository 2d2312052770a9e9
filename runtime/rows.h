/* rows.h: a file as a stream of rows of numbers, for those who answer row by row: CSV, NPY, raw f32; a batch at a time and
 * never more in memory. Stands on the same readers as the data sets of data.h. Not installed. */
#ifndef MLP_RUNTIME_ROWS_H
#define MLP_RUNTIME_ROWS_H

#include "mlp.h"

typedef enum mlp_rows_format { MLP_ROWS_CSV, MLP_ROWS_NPY, MLP_ROWS_F32, MLP_ROWS_FORMATS } mlp_rows_format;

/* "csv", "npy", "f32". */
extern const char *const mlp_rows_format_name[MLP_ROWS_FORMATS];

/* By the name's ending (.gz does not count); MLP_ROWS_FORMATS: it says nothing. */
mlp_rows_format mlp_rows_format_of(const char *path);

/* Neighbouring numbers of a row that belong together: one input of a net. */
typedef struct mlp_group {
    const char *name;
    size_t width;
} mlp_group;

/* A stream. */
typedef struct mlp_rows mlp_rows;

/* Opens `path` ("-": standard input, not read before; gzip is recognised) whose rows are what the groups hold, one after the
 * other. delimiter: of a CSV, 0: found out.
 *
 * A CSV may begin with a line of names. Where they name the groups - `name` for a group of one number, else name1, name2 ...
 * (or name_1, name.1, name[1], and from 0 as well) - the columns may stand in any order among others that are not read;
 * where they name none of them, the columns count from the left. Waits for the first line of a CSV, and the header of an
 * NPY. NULL on failure. The groups and the path must live as long as the stream. */
mlp_rows *mlp_rows_open(const char *path, mlp_rows_format format, char delimiter, const mlp_group *groups, size_t count,
                        mlp_error *err);

/* Reads up to `most` (at least 1) rows into to[most][width]. Waits until there is one, then takes what has arrived without
 * waiting for more. 0 rows: the end. Rows before one that is wrong are given first; it is told (with its line, or its number)
 * by the next call. Every number is finite. */
mlp_status mlp_rows_next(mlp_rows *r, size_t most, float *to, size_t *rows, mlp_error *err);

/* Whether the first line held names. */
bool mlp_rows_named(const mlp_rows *r);

/* How many rows an NPY file says it has; UINT64_MAX: nobody knows. */
uint64_t mlp_rows_count(const mlp_rows *r);

/* NULL is allowed. */
void mlp_rows_close(mlp_rows *r);

#endif
