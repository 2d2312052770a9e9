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

#ifdef __cplusplus
}
#endif

#endif
