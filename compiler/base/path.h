/* path.h: questions about paths, for whoever writes files. */
#ifndef MLPC_PATH_H
#define MLPC_PATH_H

#include <stdbool.h>

#include "base/arena.h"

/* The last part of a path: a pointer into it. */
const char *path_base(const char *path);

/* Standard output ("-"), a device or a pipe: it is written straight into, and nothing can stand beside it. */
bool path_is_stream(const char *path);

/* Whether two paths are, or would be, one file: also by links, and when it does not exist yet. Streams are never the same. */
bool path_same_file(Arena *a, const char *x, const char *y);

#endif
