/* file.c: whole files in and out: written beside and renamed, every error seen. The runtime's one door to the system.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE, realpath */
#endif
#define _FILE_OFFSET_BITS 64

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

struct mlp_file {
    FILE *stream;
    char *path;    /* as the caller gave it, for messages */
    char *place;   /* where the rename goes; NULL when written straight (stdout, device, pipe) */
    char *temp;    /* NULL when written straight */
    bool nameless; /* nothing has the name temp yet */
    bool standard_output;
    bool quick; /* no waiting for the disk */
    int error;  /* errno of the first failed write; 0: none seen */
};

static char *copy_text(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

static void file_free(mlp_file *file)
{
    free(file->path);
    free(file->place);
    free(file->temp);
    free(file);
}

/* 64 bits that nobody can guess, for the name of a temporary file; the clock and addresses where there is no urandom.
 */
static uint64_t unpredictable(const void *salt, unsigned attempt)
{
    uint64_t bits = 0;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, &bits, sizeof bits);
        close(fd);
        if (n == (ssize_t)sizeof bits) {
            return bits;
        }
    }
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    bits ^= (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 20 ^ (uint64_t)(uintptr_t)salt;
    return (bits + attempt) * UINT64_C(0x9E3779B97F4A7C15);
}

/* A program started with a closed stdout gets descriptor 1 for the first file that it opens, and its next printf
 * would land in that file. So no file of ours stays on 0, 1 or 2. */
static int away_from_standard(int fd)
{
    if (fd < 0 || fd > 2) {
        return fd;
    }
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

/* Where the name of open file fd stands, for those that have none of their own. */
static void descriptor_path(char path[static 40], int fd) { snprintf(path, 40, "/proc/self/fd/%d", fd); }

/* A file in that folder that has no name until it is whole: a program that is killed leaves nothing behind. -1 where
 * the system, or the folder's, has no such files. */
static int open_nameless(const char *folder)
{
    int fd = -1;
#if defined(O_TMPFILE)
    char path[40];
    fd = away_from_standard(open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
    descriptor_path(path, fd);
    if (fd >= 0 && access(path, F_OK) != 0) {
        close(fd);
        fd = -1;
    }
#else
    (void)folder;
#endif
    return fd;
}

/* The next name for file->temp, which has room for it. */
static void choose_name(mlp_file *file, unsigned attempt)
{
    const char *slash = strrchr(file->place, '/');
    int folder = slash ? (int)(slash - file->place) + 1 : 0;
    sprintf(file->temp, "%.*s.mlp-%016llx.tmp", folder, file->place, (unsigned long long)unpredictable(file, attempt));
}

enum { NAMES = 16 }; /* that are tried */

/* Gives a nameless file the name file->temp; returns an errno, or 0. */
static int give_name(mlp_file *file)
{
    char path[40];
    descriptor_path(path, fileno(file->stream));
    for (unsigned attempt = 0; attempt < NAMES; attempt++) {
        choose_name(file, attempt);
        if (linkat(AT_FDCWD, path, AT_FDCWD, file->temp, AT_SYMLINK_FOLLOW) == 0) {
            file->nameless = false;
            return 0;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return errno;
}

/* Opens a new file beside file->place; file->temp is its name, or room for one. */
static mlp_status open_beside(mlp_file *file, mode_t mode, bool replaces, mlp_error *err)
{
    const char *slash = strrchr(file->place, '/');
    int folder = slash ? (int)(slash - file->place) + 1 : 0;
    size_t size = (size_t)folder + 32;
    file->temp = malloc(size);
    if (!file->temp) {
        return mlp_fail_memory(err, file->path, size, "the name of a temporary file");
    }
    snprintf(file->temp, size, "%.*s", folder, folder ? file->place : "");
    int fd = open_nameless(folder ? file->temp : ".");
    file->nameless = fd >= 0;
    for (unsigned attempt = 0; attempt < NAMES && !file->nameless; attempt++) {
        choose_name(file, attempt);
        fd = away_from_standard(open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (fd < 0) {
        int why = errno;
        free(file->temp);
        file->temp = NULL;
        return mlp_fail_system(err, file->path, why, "cannot create");
    }
    if (replaces) {
        (void)fchmod(fd, mode & 0777); /* a file system without modes is no reason to fail */
    }
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        int why = errno;
        close(fd);
        if (!file->nameless) {
            unlink(file->temp);
        }
        return mlp_fail_system(err, file->path, why, "cannot create");
    }
    return MLP_OK;
}

/* Chooses between writing beside and writing straight, and opens. */
static mlp_status file_open(mlp_file *file, mlp_error *err)
{
    const char *path = file->path;
    size_t length = strlen(path);
    struct stat st;
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) {
        file->standard_output = true;
        file->stream = stdout;
        return MLP_OK;
    }
    if (length == 0) {
        return mlp_fail(err, MLP_EIO, NULL, 0, "cannot create a file with an empty name");
    }
    bool exists = stat(path, &st) == 0;
    if (!exists && errno != ENOENT) {
        return mlp_fail_system(err, path, errno, "cannot create");
    }
    if ((exists && S_ISDIR(st.st_mode)) || path[length - 1] == '/') {
        return mlp_fail(err, MLP_EIO, path, 0, "cannot write: this is a directory");
    }
    if (exists && access(path, W_OK) != 0) {
        return mlp_fail_system(err, path, errno, "cannot write");
    }
    if (exists && !S_ISREG(st.st_mode)) {
        int fd = away_from_standard(open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY));
        file->stream = fd < 0 ? NULL : fdopen(fd, "wb");
        if (!file->stream) {
            int why = errno;
            if (fd >= 0) {
                close(fd);
            }
            return mlp_fail_system(err, path, why, "cannot write");
        }
        return MLP_OK;
    }
    file->place = exists ? realpath(path, NULL) : copy_text(path, length);
    if (!file->place) {
        return mlp_fail_system(err, path, errno, "cannot create");
    }
    return open_beside(file, exists ? st.st_mode : 0, exists, err);
}

mlp_file *mlp_file_create(const char *path, mlp_error *err)
{
    mlp_file *file = calloc(1, sizeof *file);
    if (file) {
        file->path = copy_text(path, strlen(path));
    }
    if (!file || !file->path) {
        free(file);
        mlp_fail_memory(err, path, sizeof *file, "a file");
        return NULL;
    }
    if (file_open(file, err) != MLP_OK) {
        file_free(file);
        return NULL;
    }
    if (!file->standard_output) {
        setvbuf(file->stream, NULL, _IOFBF, (size_t)1 << 16);
    }
    return file;
}

FILE *mlp_file_stream(mlp_file *file) { return file->stream; }

static mlp_status write_failed(const mlp_file *file, mlp_error *err)
{
    const char *name = file->standard_output ? "standard output" : file->path;
    return mlp_fail_system(err, name, file->error > 0 ? file->error : 0, "cannot write");
}

mlp_status mlp_file_write(mlp_file *file, const void *bytes, size_t size, mlp_error *err)
{
    if (file->error == 0 && size > 0) {
        errno = 0;
        if (fwrite(bytes, 1, size, file->stream) != size) {
            file->error = errno ? errno : -1;
        }
    }
    return file->error ? write_failed(file, err) : MLP_OK;
}

void mlp_file_quick(mlp_file *file) { file->quick = true; }

/* Everything written so far is with the system and, for a regular file, on disk; the stream is closed. */
static mlp_status finish(mlp_file *file, mlp_error *err)
{
    if (file->error == 0 && ferror(file->stream)) {
        /* A printf failed some time ago and its errno is lost: one more byte fails the same way and tells why. The
         * file is lost in any case. */
        clearerr(file->stream);
        errno = 0;
        bool again = fputc('\n', file->stream) == EOF || fflush(file->stream) != 0;
        file->error = again && errno ? errno : -1;
    }
    errno = 0;
    if (file->error == 0 && fflush(file->stream) != 0) {
        file->error = errno ? errno : -1;
    }
    /* EINVAL and EROFS: the file system has no notion of syncing, which is no failure of ours. */
    if (file->error == 0 && file->temp && !file->quick && fsync(fileno(file->stream)) != 0 && errno != EINVAL &&
        errno != EROFS) {
        file->error = errno;
    }
    if (file->error == 0 && file->nameless) {
        file->error = give_name(file);
    }
    if (!file->standard_output) {
        errno = 0;
        if (fclose(file->stream) != 0 && file->error == 0) {
            file->error = errno ? errno : -1;
        }
        file->stream = NULL;
    }
    return file->error ? write_failed(file, err) : MLP_OK;
}

/* Makes the rename itself survive a power cut, where the file system can; not worth failing for. */
static void sync_folder(const char *place)
{
    const char *slash = strrchr(place, '/');
    char *folder = slash ? copy_text(place, (size_t)(slash - place) + 1) : copy_text(".", 1);
    if (!folder) {
        return;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(folder);
}

static mlp_status move_into_place(mlp_file *file, mlp_error *err)
{
    if (!file->temp) {
        return MLP_OK;
    }
    if (rename(file->temp, file->place) != 0) {
        return mlp_fail_system(err, file->path, errno, "cannot rename the new file into place");
    }
    free(file->temp);
    file->temp = NULL;
    if (!file->quick) {
        sync_folder(file->place);
    }
    return MLP_OK;
}

mlp_status mlp_file_commit_all(mlp_file **files, size_t count, mlp_error *err)
{
    mlp_status status = MLP_OK;
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        status = finish(files[i], err);
    }
    for (size_t i = 0; i < count && status == MLP_OK; i++) {
        status = move_into_place(files[i], err);
    }
    for (size_t i = 0; i < count; i++) {
        mlp_file_abort(files[i]); /* frees; a file that is in place has no temporary one left to remove */
    }
    return status;
}

mlp_status mlp_file_commit(mlp_file *file, mlp_error *err) { return mlp_file_commit_all(&file, 1, err); }

void mlp_file_abort(mlp_file *file)
{
    if (!file) {
        return;
    }
    if (file->stream && !file->standard_output) {
        fclose(file->stream);
    }
    if (file->temp && !file->nameless) {
        unlink(file->temp);
    }
    file_free(file);
}

FILE *mlp_open_read(const char *path, uint64_t *size, mlp_error *err)
{
    struct stat st;
    bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "rb");
    if (!file) {
        mlp_fail_system(err, path, errno, "cannot open");
        return NULL;
    }
    int failed = fstat(fileno(file), &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (failed) {
        if (!standard_input) {
            fclose(file);
        }
        mlp_fail_system(err, standard_input ? "standard input" : path, failed, "cannot read");
        return NULL;
    }
    /* A shell may have read part of what stands on stdin, and files of /proc say 0: their size is not known. */
    bool known = !standard_input && S_ISREG(st.st_mode) && st.st_size > 0;
    *size = known ? (uint64_t)st.st_size : MLP_SIZE_UNKNOWN;
    return file;
}

mlp_status mlp_seek(FILE *file, const char *name, uint64_t offset, mlp_error *err)
{
    if (offset > INT64_MAX || fseeko(file, (off_t)offset, SEEK_SET) != 0) {
        return mlp_fail_system(err, name, offset > INT64_MAX ? EOVERFLOW : errno, "cannot seek");
    }
    return MLP_OK;
}

mlp_status mlp_read_rest(FILE *file, const char *name, size_t limit, size_t expected, void **bytes, size_t *size,
                         mlp_error *err)
{
    size_t room = expected + 1; /* one more, so that the end of the file shows in the first round; then the NUL's */
    size_t have = 0;
    char *block = malloc(room);
    while (block) {
        have += fread(block + have, 1, room - have, file);
        if (have < room) {
            break;
        }
        if (limit && have > limit) {
            free(block);
            return mlp_fail(err, MLP_EFORMAT, name, 0, "too large: over the limit of %zu bytes", limit);
        }
        size_t wanted = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
        char *grown = wanted > room ? realloc(block, wanted) : NULL;
        if (!grown) {
            free(block);
        }
        room = wanted;
        block = grown;
    }
    if (!block) {
        return mlp_fail_memory(err, name, room, "the whole file");
    }
    if (ferror(file)) {
        int why = errno;
        free(block);
        return mlp_fail_system(err, name, why, "cannot read");
    }
    if (limit && have > limit) {
        free(block);
        return mlp_fail(err, MLP_EFORMAT, name, 0, "too large: %zu bytes, the limit is %zu", have, limit);
    }
    block[have] = '\0';
    *bytes = block;
    *size = have;
    return MLP_OK;
}

mlp_status mlp_file_read(const char *path, size_t limit, void **bytes, size_t *size, mlp_error *err)
{
    uint64_t length;
    FILE *file = mlp_open_read(path, &length, err);
    if (!file) {
        return MLP_EIO;
    }
    bool standard_input = file == stdin;
    const char *name = standard_input ? "standard input" : path;
    mlp_status status;
    if (length != MLP_SIZE_UNKNOWN && ((limit && length > limit) || length >= SIZE_MAX)) {
        status = mlp_fail(err, MLP_EFORMAT, name, 0, "too large: %llu bytes, the limit is %zu",
                          (unsigned long long)length, limit ? limit : SIZE_MAX - 1);
    } else {
        size_t expected = length == MLP_SIZE_UNKNOWN ? (size_t)1 << 16 : (size_t)length;
        status = mlp_read_rest(file, name, limit, expected, bytes, size, err);
    }
    if (!standard_input) {
        fclose(file);
    }
    return status;
}

/* A number of bytes that stands at the start of a file of /sys; UINT64_MAX when there is none ("max"). */
static uint64_t number_in(const char *path)
{
    unsigned long long value;
    FILE *file = fopen(path, "re");
    if (!file) {
        return UINT64_MAX;
    }
    bool found = fscanf(file, "%19llu", &value) == 1;
    fclose(file);
    return found ? value : UINT64_MAX;
}

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t mlp_memory_available(void)
{
    uint64_t bytes = UINT64_MAX;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) {
        bytes = (uint64_t)pages * (uint64_t)page;
    }
    FILE *file = fopen("/proc/meminfo", "re");
    if (file) {
        char line[128];
        unsigned long long kilobytes;
        while (fgets(line, sizeof line, file)) {
            if (sscanf(line, "MemAvailable: %15llu kB", &kilobytes) == 1) {
                bytes = smaller(bytes, kilobytes * 1024);
                break;
            }
        }
        fclose(file);
    }
    bytes = smaller(bytes, number_in("/sys/fs/cgroup/memory.max"));
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        bytes = smaller(bytes, (uint64_t)limit.rlim_cur);
    }
    return bytes;
}
