/* storage.h: the ways in which weights may be kept, one row each: the rule from a number to what is stored and back. Known by
 * pass/narrow.c, which applies it, and by plan and emit, which print what it gave. Pure functions, any thread. */
#ifndef MLPC_STORAGE_H
#define MLPC_STORAGE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum Storage { STORAGE_F32, STORAGE_BF16, STORAGE_F16, STORAGE_I8, STORAGE_COUNT } Storage;

typedef struct StorageInfo {
    const char *name;   /* of the option; also of the snippet in runtime/narrow.h, whose functions end in it */
    const char *c_type; /* of one stored weight */
    size_t bytes;
    int most;           /* scaled: the largest code; what an output's largest weight becomes. 0: codes are the weights */
    int (*code)(double w);      /* nearest, ties to even; STORAGE_NONE: beyond the largest */
    double (*value)(int code);  /* exact */
} StorageInfo;

enum { STORAGE_NONE = -(1 << 30) };

extern const StorageInfo storage_info[STORAGE_COUNT];

#endif
