/* rows_out.h: what a net answers, as rows of a file: CSV (numbers, or class names and probabilities), NPY, raw f32. */
#ifndef MLPC_ROWS_OUT_H
#define MLPC_ROWS_OUT_H

#include "graph/graph.h"
#include "rows.h"

typedef struct RowsOut RowsOut;

typedef struct RowsOutOptions {
    const char *path;       /* "-": standard output */
    mlp_rows_format format;
    bool header;            /* CSV: a first line with the names of the columns */
    bool classes;           /* CSV: the outputs that the script's labels belong to as names and probabilities */
    uint64_t count;         /* rows that will come; UINT64_MAX: nobody knows */
} RowsOutOptions;

/* Opens the file (a new one is written beside its place). A column is called as its output, numbered from 1 if that is
 * wider than 1. NULL: reported to d. The graph must live as long. */
RowsOut *rows_out_new(const Graph *g, const RowsOutOptions *o, Diag *d);

/* n rows of each output, in order of name. They are with the system when this returns. false: reported. */
bool rows_out_add(RowsOut *r, size_t n, float *const *y);

/* Ends the file and frees r: `good` puts it into its place, else it is gone, but for what standard output has shown. Returns
 * good, or false after a report. */
bool rows_out_end(RowsOut *r, bool good);

#endif
