/* mlp.h: the public face of the mlpc runtime: files, parameters, random numbers, data. Nothing here knows the compiler.
 *
 * Conventions
 *   - Every name starts with mlp_ (types and functions) or MLP_ (constants). C11; the header also reads as C++.
 *   - No global state: every function is thread-safe as long as two threads do not share one object that changes.
 *   - What can fail returns an mlp_status, or a pointer that is NULL on failure, and fills *err when err is not NULL.
 *     On success *err is left alone. Outputs are not touched on failure unless the comment says so.
 *   - Who makes an object frees it: X_read, X_new and X_create have an X_free (NULL is allowed).
 *   - Matrices are row-major, one sample a row. Sizes count elements, not bytes, unless the name says bytes.
 *   - A path of "-" is standard input or standard output.
 */
#ifndef MLP_H
#define MLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------------------------------------------ */

/* What went wrong, for programs to branch on. MLP_OK is 0, so `if (f(...))` reads as "if it failed". */
typedef enum mlp_status {
    MLP_OK = 0,
    MLP_ENOMEM,    /* memory ran out, or the data is larger than the memory of this machine */
    MLP_EIO,       /* the system refused to open, read, write or rename a file */
    MLP_EFORMAT,   /* a file is not what it claims to be: damaged, cut short, or another format */
    MLP_ESHAPE,    /* sizes that do not fit together */
    MLP_EVALUE,    /* a number out of its range, not finite, or missing */
    MLP_ENOTFOUND, /* a name that does not exist in the file */
    MLP_EARGUMENT  /* the caller's mistake: an argument that makes no sense */
} mlp_status;

/* A failure, told in one sentence. text is whole: "F:LINE: SENTENCE" or "F: SENTENCE" (no newline, no full stop).
 * To print it in another shape use the parts: file, line and mlp_error_detail(). Byte offsets are in the sentence. */
typedef struct mlp_error {
    mlp_status status;
    long line;      /* line in file, from 1; 0: the file as a whole */
    int detail;     /* index in text where SENTENCE begins */
    char file[256]; /* the file as the caller named it (its tail after "..." if longer); "" when there is none */
    char text[768];
} mlp_error;

/* A few constant words for a status ("out of memory"); never NULL. */
const char *mlp_status_text(mlp_status status);

/* The sentence of an error without the leading "F:LINE: ". Points into err->text. */
const char *mlp_error_detail(const mlp_error *err);

/* ---- whole files ------------------------------------------------------------------------------------------- */

/* A file being written. A regular file is written beside its place under an unpredictable name and renamed over it by
 * mlp_file_commit, so that a reader sees the old bytes or all the new ones. "-" is standard output. A path that
 * exists and is no regular file (a device, a pipe) is written straight into. */
typedef struct mlp_file mlp_file;

/* Opens `path` for writing. The new file takes the mode of the one it replaces, or 0666 less the umask; a symbolic
 * link is followed. NULL on failure (missing folder, a directory, no permission). The caller ends it with
 * mlp_file_commit or mlp_file_abort. */
mlp_file *mlp_file_create(const char *path, mlp_error *err);

/* The stream to print into. Its errors may be ignored: commit finds them. Owned by the file; do not close it. */
FILE *mlp_file_stream(mlp_file *file);

/* Adds `size` bytes; returns the first error at once (a full disk is one). */
mlp_status mlp_file_write(mlp_file *file, const void *bytes, size_t size, mlp_error *err);

/* Flushes, syncs to disk, closes and renames into place; frees `file` whatever happens. On failure the place that
 * was to be written holds what it held before and the temporary file is gone. */
mlp_status mlp_file_commit(mlp_file *file, mlp_error *err);

/* Commits several files as one: no place changes before every file is known to be whole on disk. Frees them all. */
mlp_status mlp_file_commit_all(mlp_file **files, size_t count, mlp_error *err);

/* Drops what was written and frees `file`; the place keeps what it held. NULL is allowed. */
void mlp_file_abort(mlp_file *file);

/* Reads the whole of `path` ("-": standard input) into new memory (free with free()), followed by one NUL byte that
 * *size does not count. More than `limit` bytes are an error; limit 0 is none. */
mlp_status mlp_file_read(const char *path, size_t limit, void **bytes, size_t *size, mlp_error *err);

/* ---- parameters: safetensors ------------------------------------------------------------------------------- */

/* One tensor of a file. F32, F16, BF16 and F64 arrive as float32 (an F64 beyond float32's range becomes an infinity);
 * a tensor of any other dtype is listed with data NULL, for callers that do not need it. */
typedef struct mlp_tensor {
    const char *name;       /* UTF-8, as in the file: "0.weight" */
    const char *dtype;      /* as in the file: "F32", "I64"; ignored when writing */
    const float *data;      /* count values, row-major, aligned to 64 bytes; NULL: a dtype that is not read */
    size_t count;           /* product of shape; 1 for rank 0 */
    const size_t *shape;    /* rank sizes, outermost first: a dense weight is [out][in] */
    int rank;               /* 0 (one number) to 64 */
    size_t position;        /* place in the header, from 0; the file's tensors are sorted by where their data lies */
    uint64_t offset;        /* first byte of the data in the file */
    size_t nonfinite;       /* how many values are NaN or infinite */
    size_t first_nonfinite; /* index of the first one when there is one */
} mlp_tensor;

/* A name and a text, as in safetensors' __metadata__. */
typedef struct mlp_pair {
    const char *key, *value;
} mlp_pair;

/* A parameter file in memory. Read-only; everything in it lives until mlp_params_free. */
typedef struct mlp_params {
    size_t count;
    const mlp_tensor *tensors; /* in order of their data in the file */
    size_t metadata_count;
    const mlp_pair *metadata;         /* in order of the header */
    const mlp_tensor *const *by_name; /* the tensors, sorted by name as strcmp does */
    struct mlp_params_memory *memory; /* the library's */
} mlp_params;

/* Reads a safetensors file ("-": standard input). Every size in it is checked before it is used, by the rules of the
 * reference implementation: a header of at most 100 MB of strict JSON, no name twice, data that tiles the rest of the
 * file without hole or overlap, shapes that match their bytes. Peak memory is the float32 data plus the header.
 * NULL on failure: MLP_EIO, MLP_EFORMAT or MLP_ENOMEM. Values are not judged: see nonfinite. */
mlp_params *mlp_params_read(const char *path, mlp_error *err);

/* The same from `size` bytes in memory, which are copied; `name` stands for the file in messages. */
mlp_params *mlp_params_parse(const void *bytes, size_t size, const char *name, mlp_error *err);

void mlp_params_free(mlp_params *params);

/* The tensor of that name, or NULL. */
const mlp_tensor *mlp_params_find(const mlp_params *params, const char *name);

/* The text under `key` in __metadata__, or NULL. */
const char *mlp_params_meta(const mlp_params *params, const char *key);

/* In which order a file's tensors are matched to a net's parameters when the names do not tell. */
typedef enum mlp_order {
    MLP_ORDER_AUTO,   /* natural if the file is sorted by name, as libraries write it; else as in the file */
    MLP_ORDER_FILE,   /* modules in order of first appearance: a file written by hand in order of creation */
    MLP_ORDER_NATURAL /* modules by path, digits compared as numbers: 0, 2, 10; fc1, fc2, fc10 */
} mlp_order;

/* Fills list[0..*count) with the tensors in binding order; list has room for params->count. The module of a tensor is
 * its name up to the last dot ("net.0" of "net.0.weight"); in either order one module's tensors come as weight, bias,
 * running_mean, running_var, then others. Names such as W1 and b1 count as weight and bias of module 1. A tensor of a
 * dtype that is not read is left out unless it is one of those four (num_batches_tracked goes, an I8 weight stays).
 * The reference writer sorts names as text and so loses the order of creation of modules that no number orders
 * ("encoder", "decoder"); no rule brings it back. MLP_ENOMEM is the one failure. */
mlp_status mlp_params_ordered(const mlp_params *params, mlp_order order, const mlp_tensor **list, size_t *count,
                              mlp_error *err);

/* Writes tensors (as F32, in the order given; name, data, shape, rank and count are used) and metadata as a
 * safetensors file, through mlp_file. The same input gives the same bytes anywhere. MLP_EARGUMENT for names that stand
 * twice, are no UTF-8 or are "__metadata__", and for a count that is not the shape's product. */
mlp_status mlp_params_write(const char *path, const mlp_tensor *tensors, size_t count, const mlp_pair *metadata,
                            size_t metadata_count, mlp_error *err);

/* ---- random numbers ---------------------------------------------------------------------------------------- */

/* PCG32 (XSH-RR 64/32): M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
 * Random Number Generation", Harvey Mudd College HMC-CS-2014-0905. The two fields are the whole state: saving and
 * restoring them continues the sequence. Integers, uniform and shuffle are the same on every machine; normal uses the C
 * library's logarithm, so its last bit may differ between C libraries. */
typedef struct mlp_rng {
    uint64_t state;
    uint64_t increment; /* odd; picks the stream */
} mlp_rng;

/* Starts the sequence that belongs to `seed` and `stream`; both are scrambled by splitmix64 (Steele, Lea and Flood,
 * "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), so that 1, 2, 3... are as good as any seeds. */
void mlp_rng_seed(mlp_rng *rng, uint64_t seed, uint64_t stream);

uint32_t mlp_rng_u32(mlp_rng *rng);               /* 0 to 2^32 - 1 */
uint64_t mlp_rng_u64(mlp_rng *rng);               /* 0 to 2^64 - 1; two steps */
uint64_t mlp_rng_below(mlp_rng *rng, uint64_t n); /* 0 to n - 1 without bias; 0 for n = 0 */
float mlp_rng_uniform(mlp_rng *rng);              /* [0, 1) in steps of 2^-24; never 1 */
float mlp_rng_normal(mlp_rng *rng);               /* mean 0, variance 1; keeps nothing back for the next call */

/* Puts items[0..count) into random order, every order equally likely (Fisher and Yates). */
void mlp_rng_shuffle(mlp_rng *rng, size_t *items, size_t count);

#ifdef __cplusplus
}
#endif

#endif
