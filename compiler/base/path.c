/* path.c: what a path is, asked of the system. */
#include "base/path.h"

#include <string.h>
#include <sys/stat.h>

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool path_is_stream(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

bool path_same_file(Arena *a, const char *x, const char *y)
{
    struct stat sx, sy;
    bool have_x = stat(x, &sx) == 0, have_y = stat(y, &sy) == 0;
    if (path_is_stream(x) || path_is_stream(y) || have_x != have_y)
        return false;
    if (have_x)
        return sx.st_dev == sy.st_dev && sx.st_ino == sy.st_ino;
    const char *folder_x = arena_printf(a, "%.*s.", (int)(path_base(x) - x), x);
    const char *folder_y = arena_printf(a, "%.*s.", (int)(path_base(y) - y), y);
    return strcmp(path_base(x), path_base(y)) == 0 && stat(folder_x, &sx) == 0 && stat(folder_y, &sy) == 0 &&
           sx.st_dev == sy.st_dev && sx.st_ino == sy.st_ino;
}
