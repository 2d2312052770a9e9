/* native.c: runs the C compiler on a text and loads what it makes; everything that it needs on disk lives for that long. */
#include "back/native.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct Native {
    void *handle;
};

enum { PATH_SIZE = 4096, CC_SIZE = 1024, CC_WORDS = 32 };

/* The private directory and what lies in it. */
typedef struct Folder {
    char path[PATH_SIZE], source[PATH_SIZE + 16], object[PATH_SIZE + 16], log[PATH_SIZE + 16];
} Folder;

static bool because(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool because(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, NATIVE_WHY, format, args);
    va_end(args);
    return false;
}

/* ---- the directory --------------------------------------------------------------------------------------------- */

static bool folder_make(Folder *f, char *why)
{
    const char *tmp = getenv("TMPDIR");
    tmp = tmp && *tmp ? tmp : "/tmp";
    int n = snprintf(f->path, sizeof f->path, "%s/mlpc-XXXXXX", tmp);
    if (n < 0 || (size_t)n >= sizeof f->path || !mkdtemp(f->path))
        return because(why, "no temporary directory in %.100s: %s", tmp, strerror(n < 0 || n >= PATH_SIZE ? ENAMETOOLONG : errno));
    snprintf(f->source, sizeof f->source, "%s/net.c", f->path);
    snprintf(f->object, sizeof f->object, "%s/net.so", f->path);
    snprintf(f->log, sizeof f->log, "%s/log", f->path);
    return true;
}

/* With whatever the compiler has put there besides, which may have been ended in the middle of it. */
static void folder_remove(const Folder *f)
{
    DIR *d = opendir(f->path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0); /* not . and .. */
    if (d)
        closedir(d);
    rmdir(f->path);
}

static bool write_text(const char *path, const char *text, char *why)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return because(why, "%.100s: %s", path, strerror(errno));
    errno = 0;
    bool good = fputs(text, file) >= 0;
    good = fclose(file) == 0 && good;
    return good || because(why, "%.100s: cannot write: %s", path, strerror(errno));
}

/* ---- the compiler ---------------------------------------------------------------------------------------------- */

/* $CC cut at blanks, as make does it; returns how many words. */
static int compiler_words(char *text, char **word)
{
    const char *cc = getenv("CC");
    int n = 0;
    snprintf(text, CC_SIZE, "%s", cc && cc[strspn(cc, " \t")] ? cc : "cc");
    for (char *rest = text, *w; n < CC_WORDS && (w = strtok_r(rest, " \t\n", &rest)) != NULL;)
        word[n++] = w;
    return n;
}

/* Its first complaint, else its first line. */
static void first_complaint(const char *log, char *line, size_t size)
{
    FILE *file = fopen(log, "re");
    char text[NATIVE_WHY];
    bool found = false;
    *line = '\0';
    while (file && !found && fgets(text, sizeof text, file)) {
        const char *mark = strstr(text, "error: ");
        text[strcspn(text, "\n")] = '\0';
        found = mark != NULL;
        if (found || !*line)
            snprintf(line, size, "%s", mark ? mark + 7 : text);
    }
    if (file)
        fclose(file);
}

/* The environment, but for TMPDIR, which is the directory: so that what is left of a compiler that was ended goes with it.
 * variable: "TMPDIR=..."; room: for as many as environ has, and two more. */
static void environment(char *variable, char **room)
{
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "TMPDIR=", 7) != 0)
            *room++ = *e;
    *room++ = variable;
    *room = NULL;
}

/* Starts it in a process group of its own (Ctrl-C at a prompt is not meant for it), with the signals as programs expect
 * them. Returns an errno. */
static int start(char *const *argument, const Folder *f, pid_t *child)
{
    char variable[PATH_SIZE + 8];
    size_t count = 0;
    while (environ[count])
        count++;
    char **with = malloc((count + 2) * sizeof *with);
    if (!with)
        return ENOMEM;
    snprintf(variable, sizeof variable, "TMPDIR=%s", f->path);
    environment(variable, with);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    sigaddset(&usual, SIGINT);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, f->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    int error = posix_spawnp(child, argument[0], &files, &attributes, argument, with);
    free(with);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static bool compile(const Folder *f, NativeJob *job, char *why)
{
    char words[CC_SIZE], *argument[CC_WORDS + 16];
    int n = compiler_words(words, argument);
    static const char *const flags[] = {"-O3", "-march=native", "-fPIC", "-shared", "-w", "-o"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        argument[n++] = (char *)(uintptr_t)flags[i]; /* POSIX wants char *, and does not write */
    argument[n++] = (char *)(uintptr_t)f->object;
    argument[n++] = (char *)(uintptr_t)f->source;
    argument[n] = NULL;
    pid_t child;
    int error = start(argument, f, &child), status = 0;
    if (error)
        return because(why, "no C compiler: %.80s: %s", argument[0], strerror(error));
    atomic_store(&job->child, child);
    if (atomic_load(&job->stop)) /* asked for before there was anyone to end */
        kill(-child, SIGKILL);
    /* The child stays a zombie while native_stop may still know its number, so that it is nobody else's. */
    siginfo_t info;
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    atomic_store(&job->child, 0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    char line[NATIVE_WHY];
    first_complaint(f->log, line, sizeof line);
    if (*line)
        return because(why, "%.60s fails: %.160s", argument[0], line);
    return because(why, WIFSIGNALED(status) ? "%.60s is ended by signal %d" : "%.60s fails with status %d", argument[0],
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

static void *load(const Folder *f, char *why)
{
    void *handle = dlopen(f->object, RTLD_NOW | RTLD_LOCAL);
    const char *error = handle ? NULL : dlerror();
    if (error) {
        size_t known = strlen(f->object); /* its name says nothing to anybody */
        bool named = strncmp(error, f->object, known) == 0;
        because(why, "what it made cannot be loaded from %.80s: %.120s", f->path,
                named ? error + known + strspn(error + known, ": ") : error);
    }
    return handle;
}

Native *native_load(const char *text, NativeJob *job, char *why)
{
    Folder f;
    Native *n = NULL;
    if (!folder_make(&f, why))
        return NULL;
    void *handle = write_text(f.source, text, why) && compile(&f, job, why) ? load(&f, why) : NULL;
    folder_remove(&f);
    if (handle && (n = malloc(sizeof *n)) == NULL)
        dlclose(handle);
    if (n)
        n->handle = handle;
    return n;
}

void native_stop(NativeJob *job)
{
    atomic_store(&job->stop, true);
    int child = atomic_load(&job->child);
    if (child > 0)
        kill(-child, SIGKILL);
}

void *native_symbol(const Native *n, const char *name)
{
    return dlsym(n->handle, name);
}

void native_free(Native *n)
{
    if (!n)
        return;
    dlclose(n->handle);
    free(n);
}
