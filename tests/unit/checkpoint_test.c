/* checkpoint_test.c: a run that is interrupted or killed at any moment and goes on ends with the same bits as one that is
 * not; files that are damaged, cut short or of another run are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toy.h"

/* A folder of this test's own; file names in it. */
static char folder[] = "/tmp/mlp-checkpoint-XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/run", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    return rmdir(folder);
}

static mlp_training options(mlp_method method)
{
    mlp_training o = {.optimizer = mlp_optimizer_default(method), .epochs = 6, .batch = 10, .seed = 5, .net = 77};
    o.schedule.curve = MLP_COSINE;
    return o;
}

/* Runs from the weights of seed 1 and returns the status. */
static mlp_status train(Toy *toy, const mlp_training *o, const mlp_samples *s, const mlp_samples *val, float *w,
                        mlp_result *r, mlp_error *err)
{
    toy_weights(w, 1);
    toy->stop = 0;
    return mlp_train(&toy->learner, o, s, val, w, r, err);
}

/* Stops after every possible number of steps, and goes on from there. */
static void resumed_anywhere(mlp_training o, const mlp_samples *s, const mlp_samples *val)
{
    Toy toy;
    mlp_error err;
    mlp_result whole, part;
    float expected[TOY_PARAMS], w[TOY_PARAMS];
    toy_begin(&toy);
    o.stop = &toy.stop;
    assert_int_equal(train(&toy, &o, s, val, expected, &whole, &err), MLP_OK);
    for (uint64_t step = 1; step <= whole.step; step++) {
        mlp_training first = o, second = o;
        first.checkpoint = path;
        first.every = 100; /* only when it is stopped */
        toy.stop_step = step;
        assert_int_equal(train(&toy, &first, s, val, w, &part, &err), MLP_OK);
        assert_int_equal(part.step, step);
        toy.stop_step = 0;
        second.resume = path;
        if (train(&toy, &second, s, val, w, &part, &err) != MLP_OK)
            fail_msg("%s", err.text);
        assert_memory_equal(w, expected, sizeof w);
        assert_int_equal(part.step, whole.step);
        assert_int_equal(part.best_epoch, whole.best_epoch);
        assert_true(part.loss == whole.loss && part.ending == whole.ending && part.restored == whole.restored);
        assert_true(part.best_epoch == 0 || part.best_loss == whole.best_loss);
    }
}

static void goes_on_with_the_same_bits(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    for (int method = MLP_SGD; method <= MLP_ADAMW; method++) {
        mlp_training o = options((mlp_method)method);
        resumed_anywhere(o, &s, NULL);
        o.threads = 2;
        o.clip = 0.3;
        o.optimizer.momentum = 0.8;
        resumed_anywhere(o, &s, NULL);
    }
    toy_data_free(&d);
}

static void patience_goes_on(void **state)
{
    (void)state;
    size_t rows[TOY_ROWS];
    mlp_data d = toy_data(TOY_ROWS);
    for (size_t i = 0; i < TOY_ROWS; i++)
        rows[i] = i;
    mlp_samples s = {.data = &d, .rows = rows, .count = 40}, val = {.data = &d, .rows = rows + 40, .count = 13};
    mlp_training o = options(MLP_SGD);
    o.optimizer.lr = 0.9; /* jumps about: the best epoch is not the last */
    o.patience = 2;
    o.epochs = 12;
    resumed_anywhere(o, &s, &val);
    toy_data_free(&d);
}

static void longer_than_planned(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    mlp_result r;
    float expected[TOY_PARAMS], w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.schedule.curve = MLP_CONSTANT;
    o.epochs = 9;
    assert_int_equal(train(&toy, &o, &s, NULL, expected, &r, &err), MLP_OK);
    o.epochs = 4;
    o.checkpoint = path;
    o.every = 3; /* the end is written as well */
    assert_int_equal(train(&toy, &o, &s, NULL, w, &r, &err), MLP_OK);
    o.epochs = 9;
    o.resume = path;
    assert_int_equal(train(&toy, &o, &s, NULL, w, &r, &err), MLP_OK);
    assert_memory_equal(w, expected, sizeof w);
    assert_int_equal(r.epochs, 9);
    /* Nothing is left to do. */
    assert_int_equal(train(&toy, &o, &s, NULL, w, &r, &err), MLP_OK);
    assert_memory_equal(w, expected, sizeof w);
    assert_true(r.ending == MLP_FINISHED && r.step == 54);
    toy_data_free(&d);
}

static void settings_are_kept(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    float w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.checkpoint = path;
    o.settings = "epochs=6\nlabel=\"\xC3\xA4\"\n";
    assert_int_equal(train(&toy, &o, &s, NULL, w, NULL, &err), MLP_OK);
    char *text = mlp_checkpoint_settings(path, &err);
    assert_string_equal(text, o.settings);
    free(text);
    assert_null(mlp_checkpoint_settings("/nonexistent/file", &err));
    assert_int_equal(err.status, MLP_EIO);
    toy_data_free(&d);
}

/* ---- refused ---------------------------------------------------------------------------------------------------- */

static void write_bytes(const char *name, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Resuming from `other` must fail; returns what was said, without the file's name. */
static const char *refusal(mlp_training o, const mlp_samples *s, mlp_status expected)
{
    static mlp_error err;
    Toy toy;
    toy_begin(&toy);
    float w[TOY_PARAMS], start[TOY_PARAMS];
    mlp_result r;
    o.resume = other;
    assert_int_equal(train(&toy, &o, s, NULL, w, &r, &err), expected);
    assert_int_equal(r.ending, MLP_FAILED);
    assert_string_equal(err.file, other);
    toy_weights(start, 1);
    assert_memory_equal(w, start, sizeof w);
    assert_int_equal(toy.calls, 0);
    return mlp_error_detail(&err);
}

static void damage_is_refused(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    float w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.checkpoint = path;
    o.patience = 3;
    o.settings = "some text";
    assert_int_equal(train(&toy, &o, &s, NULL, w, NULL, &err), MLP_OK);
    o.checkpoint = NULL;
    void *whole;
    size_t size;
    assert_int_equal(mlp_file_read(path, 0, &whole, &size, &err), MLP_OK);
    unsigned char *bytes = whole;
    for (size_t i = 0; i < size; i++) { /* every byte */
        unsigned char kept = bytes[i];
        bytes[i] ^= (unsigned char)(1u << i % 8);
        write_bytes(other, bytes, size);
        refusal(o, &s, MLP_EFORMAT);
        assert_null(mlp_checkpoint_settings(other, &err));
        bytes[i] = kept;
    }
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 7) { /* every length, nearly */
        write_bytes(other, bytes, n);
        const char *said = refusal(o, &s, MLP_EFORMAT);
        assert_true(n == 0 ? strcmp(said, "no checkpoint of mlpc") == 0 : strstr(said, "a checkpoint cut short: ") == said);
    }
    unsigned char *longer = malloc(size + 1);
    memcpy(longer, bytes, size);
    longer[size] = 0;
    write_bytes(other, longer, size + 1);
    assert_string_equal(refusal(o, &s, MLP_EFORMAT), "a damaged checkpoint: its checksum does not fit");
    bytes[8] = 2;
    write_bytes(other, bytes, size);
    assert_string_equal(refusal(o, &s, MLP_EFORMAT), "a checkpoint of version 2, this program reads version 1");
    write_bytes(other, (const unsigned char *)"{\"weights\": []}", 15);
    assert_string_equal(refusal(o, &s, MLP_EFORMAT), "no checkpoint of mlpc");
    unlink(other);
    assert_string_equal(refusal(o, &s, MLP_EIO), "cannot open: No such file or directory");
    free(longer);
    free(whole);
    toy_data_free(&d);
}

static void other_runs_are_refused(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS}, fewer = {.data = &d, .count = 50};
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    float w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.checkpoint = other;
    assert_int_equal(train(&toy, &o, &s, NULL, w, NULL, &err), MLP_OK);
    mlp_training changed = o = options(MLP_ADAM);
    assert_string_equal(refusal(o, &fewer, MLP_ESHAPE), "a checkpoint of a run over 53 samples, these are 50");
    changed.batch = 20;
    assert_string_equal(refusal(changed, &s, MLP_ESHAPE), "a checkpoint of a run with batches of 10 samples, not 20");
    changed = o;
    changed.seed = 6;
    assert_string_equal(refusal(changed, &s, MLP_ESHAPE), "a checkpoint of a run with seed 5, not 6");
    changed = o;
    changed.net = 78;
    assert_string_equal(refusal(changed, &s, MLP_ESHAPE), "a checkpoint of another net with as many parameters");
    changed = o;
    changed.optimizer.method = MLP_RMSPROP;
    assert_string_equal(refusal(changed, &s, MLP_ESHAPE), "a checkpoint of a run with optimizer adam, not rmsprop");
    mlp_learner l = toy.learner;
    l.params--;
    o.resume = other;
    assert_int_equal(mlp_train(&l, &o, &s, NULL, w, NULL, &err), MLP_ESHAPE);
    assert_string_equal(mlp_error_detail(&err), "a checkpoint of another net: 21 parameters, this one has 20");
    toy_data_free(&d);
}

static void a_place_that_cannot_be_written(void **state)
{
    (void)state;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    mlp_result r;
    float w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.checkpoint = "/nonexistent/folder/run";
    assert_int_equal(train(&toy, &o, &s, NULL, w, &r, &err), MLP_EIO);
    assert_true(r.ending == MLP_FAILED && r.epochs == 1);
    toy_data_free(&d);
}

/* ---- killed ----------------------------------------------------------------------------------------------------- */

/* Trains in a process of its own, from the checkpoint if there is one; writes the weights to `other` at the end. Files
 * are written with all the care of fsync, after every epoch. */
static void child(const mlp_samples *s)
{
    Toy toy;
    toy_begin(&toy);
    mlp_error err;
    float w[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.epochs = 40;
    o.patience = 30;
    o.checkpoint = path;
    o.resume = access(path, F_OK) == 0 ? path : NULL;
    if (train(&toy, &o, s, NULL, w, NULL, &err) != MLP_OK) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    mlp_file *file = mlp_file_create(other, &err);
    if (!file || mlp_file_write(file, w, sizeof w, &err) != MLP_OK || mlp_file_commit(file, &err) != MLP_OK)
        _exit(1);
    _exit(0);
}

/* Waits for the child, or kills it after that many microseconds. true: it ended by itself. */
static bool outlives(pid_t pid, unsigned microseconds)
{
    int status;
    usleep(microseconds);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return false;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    const int runs = getenv("MLPC_LONG") ? 40 : 5;
    mlp_data d = toy_data(TOY_ROWS);
    mlp_samples s = {.data = &d, .count = TOY_ROWS};
    Toy toy;
    toy_begin(&toy);
    float expected[TOY_PARAMS];
    mlp_training o = options(MLP_ADAM);
    o.epochs = 40;
    o.patience = 30;
    mlp_error err;
    assert_int_equal(train(&toy, &o, &s, NULL, expected, NULL, &err), MLP_OK);
    mlp_rng rng;
    mlp_rng_seed(&rng, 31, 0);
    size_t kills = 0, resumed = 0;
    unsigned patience = 1000; /* grows, so that a slow machine gets through */
    for (int run = 0; run < runs; run++) {
        unlink(path);
        unlink(other);
        for (bool done = false; !done; kills += !done) {
            resumed += access(path, F_OK) == 0;
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0)
                child(&s);
            done = outlives(pid, (unsigned)mlp_rng_below(&rng, patience));
            /* Whatever lies at the checkpoint's place is whole. */
            if (access(path, F_OK) == 0) {
                char *text = mlp_checkpoint_settings(path, &err);
                if (!text)
                    fail_msg("after %zu kills: %s", kills, err.text);
                free(text);
            }
            patience += patience / 50;
            assert_true(kills < MOST);
        }
        patience = patience > 4000 ? patience / 2 : patience;
        void *bytes;
        size_t size;
        assert_int_equal(mlp_file_read(other, 0, &bytes, &size, &err), MLP_OK);
        assert_int_equal(size, sizeof expected);
        assert_memory_equal(bytes, expected, sizeof expected);
        free(bytes);
    }
    print_message("killed %zu times, resumed %zu times\n", kills, resumed);
    assert_true(kills > (size_t)runs && resumed > (size_t)runs);
    toy_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_with_the_same_bits), cmocka_unit_test(patience_goes_on),
        cmocka_unit_test(longer_than_planned),        cmocka_unit_test(settings_are_kept),
        cmocka_unit_test(damage_is_refused),          cmocka_unit_test(other_runs_are_refused),
        cmocka_unit_test(a_place_that_cannot_be_written), cmocka_unit_test(killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
