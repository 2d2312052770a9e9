/* file_test.c: whole files and errors: what is written is whole or not there, and every refusal says why. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mlp.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/mlp_file_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

/* Removes every file of the folder and returns how many there were. */
static int empty_folder(void)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            remove(path);
            count++;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static int remove_folder(void **state)
{
    (void)state;
    empty_folder();
    return rmdir(folder);
}

static void write_text(const char *path, const char *text)
{
    mlp_error err;
    mlp_file *file = mlp_file_create(path, &err);
    assert_non_null(file);
    assert_int_equal(mlp_file_write(file, text, strlen(text), &err), MLP_OK);
    assert_int_equal(mlp_file_commit(file, &err), MLP_OK);
}

static void assert_holds(const char *path, const char *text)
{
    void *bytes;
    size_t size;
    mlp_error err;
    assert_int_equal(mlp_file_read(path, 0, &bytes, &size, &err), MLP_OK);
    assert_int_equal(size, strlen(text));
    assert_string_equal((char *)bytes, text); /* the NUL after the last byte is promised */
    free(bytes);
}

static void new_file_appears_at_commit_only(void **state)
{
    (void)state;
    const char *path = in_folder("new.c");
    mlp_file *file = mlp_file_create(path, NULL);
    assert_non_null(file);
    fprintf(mlp_file_stream(file), "int x = %d;\n", 7);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(mlp_file_commit(file, NULL), MLP_OK);
    assert_holds(path, "int x = 7;\n");
    assert_int_equal(empty_folder(), 1); /* no temporary file left */
}

static void abort_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = in_folder("kept");
    write_text(path, "old");
    mlp_file *file = mlp_file_create(path, NULL);
    assert_non_null(file);
    assert_int_equal(mlp_file_write(file, "new", 3, NULL), MLP_OK);
    mlp_file_abort(file);
    mlp_file_abort(NULL);
    assert_holds(path, "old");
    assert_int_equal(empty_folder(), 1);
}

/* Where files without a name are to be had. */
static void a_killed_writer_leaves_nothing(void **state)
{
    (void)state;
    int fd = open(folder, O_WRONLY | O_TMPFILE, 0600);
    if (fd < 0) {
        skip();
    }
    close(fd);
    write_text(in_folder("kept"), "old");
    pid_t child = fork();
    if (child == 0) {
        mlp_error err;
        mlp_file *file = mlp_file_create(in_folder("kept"), &err);
        static char much[1 << 20]; /* more than is kept back */
        if (file && mlp_file_write(file, much, sizeof much, &err) == MLP_OK) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_holds(in_folder("kept"), "old");
    assert_int_equal(empty_folder(), 1);
}

static void modes_follow_umask_and_the_old_file(void **state)
{
    (void)state;
    struct stat st;
    const char *path = in_folder("mode");
    mode_t before = umask(027);
    write_text(path, "a");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(chmod(path, 0604), 0);
    write_text(path, "b");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    umask(before);
    empty_folder();
}

static void symbolic_link_stays_a_link(void **state)
{
    (void)state;
    struct stat st;
    const char *target = in_folder("target"), *link = in_folder("link");
    write_text(target, "old");
    assert_int_equal(symlink("target", link), 0);
    write_text(link, "new");
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_holds(target, "new");
    empty_folder();
}

static void full_disk_is_an_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        print_message("skipped: no /dev/full\n");
        return;
    }
    mlp_error err;
    mlp_file *file = mlp_file_create("/dev/full", &err);
    assert_non_null(file);
    assert_int_equal(mlp_file_write(file, "x", 1, &err), MLP_OK); /* still in the buffer */
    assert_int_equal(mlp_file_commit(file, &err), MLP_EIO);
    assert_string_equal(err.text, "/dev/full: cannot write: No space left on device");
    assert_string_equal(mlp_error_detail(&err), "cannot write: No space left on device");

    /* The same through printf, far more than a buffer: the error is old when commit comes, the reason still there. */
    file = mlp_file_create("/dev/full", &err);
    assert_non_null(file);
    for (int i = 0; i < 100000; i++) {
        fprintf(mlp_file_stream(file), "%d\n", i);
    }
    assert_int_equal(mlp_file_commit(file, &err), MLP_EIO);
    assert_string_equal(err.text, "/dev/full: cannot write: No space left on device");
}

static void devices_are_written_into(void **state)
{
    (void)state;
    struct stat st;
    if (stat("/dev/null", &st) != 0 || !S_ISCHR(st.st_mode)) {
        print_message("skipped: no /dev/null\n"); /* and no file must take its place */
        return;
    }
    write_text("/dev/null", "gone");
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void quick_files_are_as_whole(void **state)
{
    (void)state;
    const char *path = in_folder("quick");
    write_text(path, "old");
    mlp_file *file = mlp_file_create(path, NULL);
    assert_non_null(file);
    mlp_file_quick(file);
    fputs("new", mlp_file_stream(file));
    assert_holds(path, "old");
    assert_int_equal(mlp_file_commit(file, NULL), MLP_OK);
    assert_holds(path, "new");
    assert_int_equal(empty_folder(), 1);
}

static void bad_places_are_refused(void **state)
{
    (void)state;
    mlp_error err;
    assert_null(mlp_file_create(folder, &err));
    assert_string_equal(mlp_error_detail(&err), "cannot write: this is a directory");
    assert_int_equal(err.status, MLP_EIO);
    assert_null(mlp_file_create(in_folder("missing/net.c"), &err));
    assert_string_equal(mlp_error_detail(&err), "cannot create: No such file or directory");
    assert_null(mlp_file_create("", &err));
    write_text(in_folder("plain"), "x");
    assert_null(mlp_file_create(in_folder("plain/net.c"), &err));
    assert_string_equal(mlp_error_detail(&err), "cannot create: Not a directory");
    assert_null(mlp_file_create(in_folder("newdir/"), &err));
    assert_int_equal(empty_folder(), 1);
}

static void several_files_or_none(void **state)
{
    (void)state;
    mlp_error err;
    const char *c = in_folder("net.c"), *h = in_folder("net.h");
    mlp_file *files[2] = {mlp_file_create(c, &err), mlp_file_create(h, &err)};
    fputs("c", mlp_file_stream(files[0]));
    fputs("h", mlp_file_stream(files[1]));
    assert_int_equal(mlp_file_commit_all(files, 2, &err), MLP_OK);
    assert_holds(c, "c");
    assert_holds(h, "h");
    assert_int_equal(empty_folder(), 2);
    if (access("/dev/full", W_OK) == 0) {
        mlp_file *pair[2] = {mlp_file_create(c, &err), mlp_file_create("/dev/full", &err)};
        fputs("c", mlp_file_stream(pair[0]));
        fputs("h", mlp_file_stream(pair[1]));
        assert_int_equal(mlp_file_commit_all(pair, 2, &err), MLP_EIO);
        assert_int_equal(empty_folder(), 0);
    }
}

static void reading_keeps_limits(void **state)
{
    (void)state;
    mlp_error err;
    void *bytes;
    size_t size;
    const char *path = in_folder("six");
    write_text(path, "123456");
    assert_int_equal(mlp_file_read(path, 6, &bytes, &size, &err), MLP_OK);
    free(bytes);
    assert_int_equal(mlp_file_read(path, 5, &bytes, &size, &err), MLP_EFORMAT);
    assert_string_equal(mlp_error_detail(&err), "too large: 6 bytes, the limit is 5");
    assert_int_equal(mlp_file_read(folder, 0, &bytes, &size, &err), MLP_EIO);
    assert_string_equal(mlp_error_detail(&err), "cannot read: Is a directory");
    assert_int_equal(mlp_file_read(in_folder("none"), 0, &bytes, &size, &err), MLP_EIO);
    assert_string_equal(mlp_error_detail(&err), "cannot open: No such file or directory");
    write_text(path, "");
    assert_int_equal(mlp_file_read(path, 1, &bytes, &size, &err), MLP_OK);
    assert_int_equal(size, 0);
    free(bytes);
    /* Of unknown length: more than the first block, and a limit inside it. */
    assert_int_equal(mlp_file_read("/dev/zero", 300000, &bytes, &size, &err), MLP_EFORMAT);
    assert_string_equal(err.text, "/dev/zero: too large: over the limit of 300000 bytes");
    empty_folder();
}

static void long_names_keep_their_tail(void **state)
{
    (void)state;
    mlp_error err;
    char path[700];
    memset(path, 'a', sizeof path);
    memcpy(path + sizeof path - 7, "/net.c", 7);
    void *bytes;
    size_t size;
    assert_int_equal(mlp_file_read(path, 0, &bytes, &size, &err), MLP_EIO);
    assert_memory_equal(err.file, "...a", 4);
    assert_string_equal(err.file + strlen(err.file) - 6, "/net.c");
    assert_string_equal(mlp_error_detail(&err), "cannot open: File name too long");
    assert_memory_equal(err.text, err.file, strlen(err.file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_file_appears_at_commit_only),
        cmocka_unit_test(abort_leaves_the_old_file),
        cmocka_unit_test(a_killed_writer_leaves_nothing),
        cmocka_unit_test(modes_follow_umask_and_the_old_file),
        cmocka_unit_test(symbolic_link_stays_a_link),
        cmocka_unit_test(full_disk_is_an_error),
        cmocka_unit_test(devices_are_written_into),
        cmocka_unit_test(quick_files_are_as_whole),
        cmocka_unit_test(bad_places_are_refused),
        cmocka_unit_test(several_files_or_none),
        cmocka_unit_test(reading_keeps_limits),
        cmocka_unit_test(long_names_keep_their_tail),
    };
    return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
