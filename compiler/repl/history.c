/* history.c: the file of lines typed at earlier prompts. */
#include "repl/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mlp.h"

static char *text(const char *a, const char *b, const char *c)
{
    size_t n = strlen(a) + strlen(b) + strlen(c) + 1;
    char *s = malloc(n);
    if (s)
        snprintf(s, n, "%s%s%s", a, b, c);
    return s;
}

/* Makes the folders of a path, for their owner alone, as the XDG base directory specification says. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0700);
        struct stat st;
        bool there = !failed || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode));
        if (failed && errno == EEXIST && !there)
            errno = ENOTDIR;
        *slash = '/';
        if (!there)
            return false;
    }
    return true;
}

char *history_path(char **why)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool given = state && *state == '/'; /* the specification: a relative path is to be ignored */
    *why = NULL;
    if (!given && (!home || *home != '/')) {
        *why = text("neither XDG_STATE_HOME nor HOME says where to keep it", "", "");
        return NULL;
    }
    char *path = given ? text(state, "/mlpc/history", "") : text(home, "/.local/state", "/mlpc/history");
    if (!path)
        return NULL;
    FILE *file = make_folders(path) ? fopen(path, "a") : NULL;
    if (file) {
        fclose(file);
        chmod(path, 0600); /* what somebody typed is nobody else's business */
        return path;
    }
    *why = text(path, ": ", strerror(errno));
    free(path);
    return NULL;
}

/* The file is written anew with its last lines. */
static void cut(const char *path, char *const *line, size_t count)
{
    mlp_file *file = mlp_file_create(path, NULL);
    if (!file)
        return;
    mlp_file_quick(file);
    for (size_t i = 0; i < count; i++)
        fprintf(mlp_file_stream(file), "%s\n", line[i]);
    mlp_file_commit(file, NULL);
}

bool history_read(const char *path, void (*take)(void *context, const char *text), void *context)
{
    char *ring[HISTORY_MAX] = {NULL}, *line = NULL;
    size_t count = 0, room = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return errno == ENOENT;
    for (ssize_t n; (n = getline(&line, &room, file)) > 0;) {
        line[n - (line[n - 1] == '\n')] = 0;
        if (!*line)
            continue;
        char **slot = &ring[count++ % HISTORY_MAX];
        free(*slot);
        *slot = strdup(line);
    }
    free(line);
    fclose(file);
    size_t kept = count < HISTORY_MAX ? count : HISTORY_MAX;
    char *last[HISTORY_MAX];
    for (size_t i = 0; i < kept; i++) {
        last[i] = ring[(count - kept + i) % HISTORY_MAX];
        take(context, last[i]);
    }
    if (count > 2 * (size_t)HISTORY_MAX)
        cut(path, last, kept);
    for (size_t i = 0; i < kept; i++)
        free(last[i]);
    return true;
}

bool history_add(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    char *whole = text(line, "\n", "");
    size_t n = whole ? strlen(whole) : 0;
    bool ok = whole && write(fd, whole, n) == (ssize_t)n; /* one call: two sessions do not mix their lines */
    int why = errno;
    free(whole);
    close(fd);
    errno = why;
    return ok;
}
