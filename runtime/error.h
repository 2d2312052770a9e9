/* error.h: how the runtime's own files fill an mlp_error. Not installed. */
#ifndef MLP_RUNTIME_ERROR_H
#define MLP_RUNTIME_ERROR_H

#include "mlp.h"

#if defined(__GNUC__)
#define MLP_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MLP_PRINTF(text, first)
#endif

/* Fills *err (if not NULL) with "FILE:LINE: TEXT" and returns `status`, so that a function can `return mlp_fail(...)`.
 * file NULL: no file; line 0: no line. Control characters in the text come out as '?', so that it stays one line. */
mlp_status mlp_fail(mlp_error *err, mlp_status status, const char *file, long line, const char *format, ...)
    MLP_PRINTF(5, 6);

/* MLP_EIO "FILE: WHAT: the system's reason for errnum"; errnum 0 leaves the reason out. */
mlp_status mlp_fail_system(mlp_error *err, const char *file, int errnum, const char *what);

/* MLP_ENOMEM "FILE: no memory for BYTES bytes (WHAT)". */
mlp_status mlp_fail_memory(mlp_error *err, const char *file, unsigned long long bytes, const char *what);

/* The number of bytes at the start of text[0..size) that are valid UTF-8: size when all are. */
size_t mlp_utf8_valid(const char *text, size_t size);

#endif
