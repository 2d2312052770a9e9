/* params.h: what the files of the safetensors reader share. Not installed. */
#ifndef MLP_RUNTIME_PARAMS_H
#define MLP_RUNTIME_PARAMS_H

#include "error.h"

enum { MLP_HEADER_AT = 8, MLP_HEADER_LIMIT = 100000000 }; /* bytes; the limit is the reference implementation's */

/* The dtypes whose values are read, in this order in params_header.c's table, and all others. */
typedef enum mlp_dtype { MLP_DTYPE_F32, MLP_DTYPE_F16, MLP_DTYPE_BF16, MLP_DTYPE_F64, MLP_DTYPE_OTHER } mlp_dtype;

typedef struct mlp_header_entry {
    mlp_tensor tensor;
    mlp_dtype dtype;
    uint64_t begin, end; /* bytes in the data section */
    size_t shape_at;     /* where its sizes begin in the header's shapes */
    size_t header_at;    /* where its name begins in the header, for messages */
} mlp_header_entry;

/* The caller sets file, err, text (malloc) and size; the rest begins as zero. */
typedef struct mlp_header {
    const char *file;
    mlp_error *err;
    char *text; /* the JSON; holds every name and text once it is parsed */
    size_t size;
    mlp_header_entry *entries; /* sorted by their data */
    size_t count;
    size_t *shapes;
    mlp_pair *pairs;
    size_t pair_count;
} mlp_header;

/* Parses the header and proves it against `held`, the bytes that the file has after it. */
mlp_status mlp_header_parse(mlp_header *header, uint64_t held);

/* Frees what the header still owns; the caller sets to NULL what it took over. */
void mlp_header_free(mlp_header *header);

#endif
