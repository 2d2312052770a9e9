/* plot.c: runs gnuplot. Its three streams are files without a name: none of them can fill up and wait for another. */
#include "repl/plot.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mlp.h"

extern char **environ;

PlotKind plot_kind(const char *path)
{
    size_t n = path ? strlen(path) : 0;
    if (!path)
        return PLOT_TERMINAL;
    if (n > 4 && strcmp(path + n - 4, ".svg") == 0)
        return PLOT_SVG;
    return n > 4 && strcmp(path + n - 4, ".png") == 0 ? PLOT_PNG : PLOT_NOTHING;
}

void plot_size(int *columns, int *rows)
{
    struct winsize size;
    bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *columns = terminal ? size.ws_col - 1 : 79;
    *rows = terminal ? size.ws_row - 2 : 24;
    *rows = *rows > 30 ? 30 : *rows < 10 ? 10 : *rows;
    *columns = *columns > 120 ? 120 : *columns < 16 ? 16 : *columns;
}

void plot_add_curve(Text *commands, const char *name, const double *x, const double *y, size_t count)
{
    text_printf(commands, "$%s << EOD\n", name);
    for (size_t i = 0; i < count; i++)
        if (isfinite(y[i]))
            text_printf(commands, "%.9g %.9g\n", x[i], y[i]);
        else
            text_add(commands, "\n");
    text_add(commands, "EOD\n");
}

static void add_terminal(FILE *to, PlotKind kind)
{
    int columns, rows;
    plot_size(&columns, &rows);
    switch (kind) {
    case PLOT_SVG:
        fputs("set terminal svg noenhanced size 720,480 dynamic background rgb 'white'\n", to);
        break;
    case PLOT_PNG:
        fputs("if (strstrt(GPVAL_TERMINALS, 'pngcairo') > 0) set terminal pngcairo noenhanced size 960,640; "
              "else set terminal png noenhanced size 960,640\n",
              to);
        break;
    default:
        fprintf(to, "set terminal dumb noenhanced mono size %d,%d\n", columns, rows);
    }
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

enum { IN, OUT, ERR, STREAMS };

/* Starts gnuplot and waits for its end. 0, or an errno; *status: as waitpid has it. */
static int run(FILE *const stream[STREAMS], int *status)
{
    char name[] = "gnuplot", settings[] = "--default-settings", *argv[] = {name, settings, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t usual;
    pid_t child;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (int i = 0; i < STREAMS; i++)
        posix_spawn_file_actions_adddup2(&files, fileno(stream[i]), i);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawnp(&child, name, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed)
        return failed;
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR) /* Ctrl-C has reached gnuplot too */
            return errno;
    return 0;
}

static void read_all(FILE *from, Text *to)
{
    char part[4096];
    rewind(from);
    for (size_t n; (n = fread(part, 1, sizeof part, from)) > 0;)
        text_add_n(to, part, n);
}

/* The first line that gnuplot complains in. */
static bool complain(FILE *from, int status, Diag *d)
{
    Text said = {0};
    read_all(from, &said);
    const char *line = said.data ? said.data : "";
    const char *last = strstr(line, "line ");
    line = last ? last : line + strspn(line, "\n ^");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
        diag_error(d, (Pos){0}, "interrupted");
    else
        diag_error(d, (Pos){0}, "plot: gnuplot fails: %.*s", *line ? (int)strcspn(line, "\n") : 12,
                   *line ? line : "it says nothing");
    text_free(&said);
    return false;
}

/* Lines of blanks around a drawing are cut. */
static void add_drawing(Text *out, const Text *drawn)
{
    const char *from = drawn->data ? drawn->data : "";
    size_t n = drawn->size;
    for (size_t line; (line = strcspn(from, "\n")) < n && strspn(from, " \f\r") >= line;) {
        from += line + 1;
        n -= line + 1;
    }
    while (n && strchr(" \n\r\f", from[n - 1]))
        n--;
    for (const char *end = from + n; from < end;) { /* without blanks at the ends of lines */
        size_t line = strcspn(from, "\n"), kept = line < (size_t)(end - from) ? line : (size_t)(end - from);
        const char *next = from + kept + 1;
        while (kept && from[kept - 1] == ' ')
            kept--;
        text_add_n(out, from, kept);
        text_char(out, '\n');
        from = next;
    }
}

static bool write_file(const char *path, const Text *t, Diag *d)
{
    mlp_error err;
    mlp_file *file = mlp_file_create(path, &err);
    if (!file || mlp_file_write(file, t->data, t->size, &err) != MLP_OK) {
        mlp_file_abort(file);
        return diag_error(d, (Pos){0}, "plot: %s", err.text);
    }
    return mlp_file_commit(file, &err) == MLP_OK || diag_error(d, (Pos){0}, "plot: %s", err.text);
}

bool plot_draw(const Text *commands, const char *path, Text *out, Diag *d)
{
    FILE *stream[STREAMS] = {NULL};
    Text drawn = {0};
    int status = 0, failed = 0;
    bool ok = true;
    for (int i = 0; i < STREAMS && ok; i++)
        ok = (stream[i] = tmpfile()) != NULL || diag_error(d, (Pos){0}, "plot: no temporary file: %s", strerror(errno));
    if (ok) {
        add_terminal(stream[IN], plot_kind(path));
        fwrite(commands->data, 1, commands->size, stream[IN]);
        ok = fflush(stream[IN]) == 0 || diag_error(d, (Pos){0}, "plot: no temporary file: %s", strerror(errno));
        rewind(stream[IN]);
    }
    if (ok && (failed = run(stream, &status)) != 0)
        ok = diag_error(d, (Pos){0},
                        failed == ENOENT ? "plot: gnuplot is not installed (Debian: apt install gnuplot-nox)"
                                         : "plot: gnuplot does not start: %s",
                        strerror(failed));
    if (ok)
        read_all(stream[OUT], &drawn);
    if (ok && (status != 0 || drawn.size == 0))
        ok = complain(stream[ERR], status, d);
    if (ok && path)
        ok = write_file(path, &drawn, d);
    else if (ok)
        add_drawing(out, &drawn);
    for (int i = 0; i < STREAMS; i++)
        if (stream[i])
            fclose(stream[i]);
    text_free(&drawn);
    return ok;
}
