/* rows_test.c: streams of rows against the data sets of the same files, however the bytes arrive; columns by name; numbers in
 * text by the short way and the long. What users see of them is in tests/e2e/run.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "csv.h"
#include "mlp.h"
#include "rows.h"

static char folder[64], path[96], fifo[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rows_test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/rows", folder);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    return mkfifo(fifo, 0600);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(fifo);
    return rmdir(folder);
}

/* ---- bytes that arrive ------------------------------------------------------------------------------------------- */

typedef struct Bytes {
    const char *bytes;
    size_t size;
    uint64_t seed;
} Bytes;

/* Writes into the fifo in pieces of any size, most of them small. */
static void *send(void *bytes)
{
    Bytes *b = bytes;
    mlp_rng rng;
    mlp_rng_seed(&rng, b->seed, 1);
    FILE *f = fopen(fifo, "wb");
    setvbuf(f, NULL, _IONBF, 0);
    for (size_t at = 0, n; at < b->size; at += n) {
        n = 1 + mlp_rng_below(&rng, mlp_rng_below(&rng, 4) ? 9 : 40000);
        n = n < b->size - at ? n : b->size - at;
        assert_int_equal(fwrite(b->bytes + at, 1, n, f), n);
    }
    fclose(f);
    return NULL;
}

static void save(const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

/* All rows of a stream, in batches of `most`; NULL: the error is in err. */
static float *read_all(const char *from, mlp_rows_format format, const mlp_group *g, size_t groups, size_t most, size_t *rows,
                       mlp_error *err)
{
    size_t width = 0, n = 0;
    for (size_t i = 0; i < groups; i++)
        width += g[i].width;
    float *all = malloc(most * width * sizeof *all);
    mlp_rows *r = mlp_rows_open(from, format, 0, g, groups, err);
    mlp_status status = r ? MLP_OK : err->status;
    for (*rows = 0; status == MLP_OK; *rows += n) {
        all = realloc(all, (*rows + most) * width * sizeof *all);
        status = mlp_rows_next(r, most, all + *rows * width, &n, err);
        if (n == 0)
            break;
    }
    mlp_rows_close(r);
    if (status != MLP_OK) {
        free(all);
        all = NULL;
    }
    return all;
}

/* The bytes by a file and by a fifo, in batches of several sizes: want[rows][width]. */
static void check_stream(const char *bytes, size_t size, mlp_rows_format format, size_t width, const float *want, size_t rows)
{
    static const size_t most[] = {1, 7, 4096};
    mlp_group g = {"x", width};
    save(bytes, size);
    for (size_t i = 0; i < 2 * sizeof most / sizeof *most; i++) {
        Bytes b = {bytes, size, i};
        pthread_t thread;
        bool piped = i % 2;
        size_t got;
        mlp_error err;
        if (piped)
            pthread_create(&thread, NULL, send, &b);
        float *all = read_all(piped ? fifo : path, format, &g, 1, most[i / 2], &got, &err);
        if (piped)
            pthread_join(thread, NULL);
        if (!all)
            fail_msg("%s", err.text);
        assert_int_equal(got, rows);
        assert_memory_equal(all, want, rows * width * sizeof *all);
        free(all);
    }
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

enum { ROWS = 3000, WIDTH = 5 };

/* A table written in every way that a number and a line may be, and what it says. */
static size_t random_table(char *text, float *want, uint64_t seed, char delimiter)
{
    static const char *const formats[] = {"%.9g", "%.3f", "%e", "%.17g", "%g", "%.0f", "%+.20f"};
    mlp_rng rng;
    size_t at = 0;
    mlp_rng_seed(&rng, seed, 2);
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < WIDTH; i++) {
            char number[400];
            double v = (double)mlp_rng_normal(&rng) * pow(10, (double)mlp_rng_below(&rng, 20) - 10);
            bool quoted = mlp_rng_below(&rng, 50) == 0, blank = mlp_rng_below(&rng, 9) == 0;
            snprintf(number, sizeof number, formats[mlp_rng_below(&rng, sizeof formats / sizeof *formats)], v);
            *want++ = strtof(number, NULL); /* the reader rounds to double first: see below */
            at += (size_t)sprintf(text + at, "%s%s%s%s%s", blank ? "  " : "", quoted ? "\"" : "", number, quoted ? "\"" : "",
                                  blank && delimiter != ' ' ? " " : "");
            if (i + 1 < WIDTH)
                text[at++] = delimiter;
        }
        at += (size_t)sprintf(text + at, "%s", mlp_rng_below(&rng, 9) ? "\n" : mlp_rng_below(&rng, 2) ? "\r\n" : "\n\n");
    }
    return at - (mlp_rng_below(&rng, 2) && text[at - 2] != '\n' && text[at - 2] != '\r'); /* the last line's end */
}

/* Streams give what data sets give, bit by bit. */
static void tables_are_what_data_sets_are(void **state)
{
    (void)state;
    static const char delimiters[] = ",;\t| ";
    char *text = malloc((size_t)ROWS * WIDTH * 80);
    float *want = malloc((size_t)ROWS * WIDTH * sizeof *want);
    for (uint64_t seed = 0; seed < 5; seed++) {
        mlp_error err;
        size_t size = random_table(text, want, seed, delimiters[seed]);
        save(text, size);
        mlp_data_spec spec = {.format = "csv", .target = MLP_TARGET_NONE, .inputs = WIDTH, .header = -1};
        mlp_data *d = mlp_data_read(path, NULL, &spec, &err);
        if (!d)
            fail_msg("%s", err.text);
        assert_int_equal(d->rows, ROWS);
        for (int i = 0; i < ROWS * WIDTH; i++) /* double rounding costs an ulp at most */
            assert_true(fabsf(((float *)d->x.values)[i] - want[i]) <= 1.2e-7f * fabsf(want[i]));
        check_stream(text, size, MLP_ROWS_CSV, WIDTH, d->x.values, ROWS);
        mlp_data_free(d);
    }
    free(text);
    free(want);
}

/* A line that is longer than any buffer. */
static void lines_may_be_long(void **state)
{
    (void)state;
    enum { WIDE = 30000, LINES = 5 };
    char *text = malloc((size_t)WIDE * LINES * 12);
    float *want = malloc(sizeof *want * WIDE * LINES);
    size_t at = 0;
    for (int i = 0; i < WIDE * LINES; i++) {
        want[i] = (float)i * 0.25f; /* exact */
        at += (size_t)sprintf(text + at, "%.2f%c", (double)want[i], i % WIDE < WIDE - 1 ? ',' : '\n');
    }
    check_stream(text, at, MLP_ROWS_CSV, WIDE, want, LINES);
    free(text);
    free(want);
}

static void packed_tables_are_unpacked(void **state)
{
    (void)state;
    char text[20000], packed[20000];
    float want[2000];
    size_t at = 0;
    for (int i = 0; i < 2000; i++) {
        want[i] = (float)(i % 100);
        at += (size_t)sprintf(text + at, "%d%s", i % 100, i % 2 ? "\n" : ",");
    }
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (unsigned char *)text;
    z.avail_in = (unsigned)at;
    z.next_out = (unsigned char *)packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = sizeof packed - z.avail_out;
    deflateEnd(&z);
    check_stream(packed, size, MLP_ROWS_CSV, 2, want, 1000);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void check_names(const char *text, const char *message, const float *want)
{
    static const mlp_group g[] = {{"a", 1}, {"ab", 2}, {"a1", 1}};
    size_t rows;
    mlp_error err;
    save(text, strlen(text));
    float *all = read_all(path, MLP_ROWS_CSV, g, 3, 8, &rows, &err);
    if (!all != !want || (!all && !strstr(err.text, message)))
        fail_msg("%s: %s", text, all ? "is read" : err.text);
    if (all && (rows != 1 || memcmp(all, want, 4 * sizeof *want) != 0))
        fail_msg("%s: %zu rows, %g %g %g %g", text, rows, (double)all[0], (double)all[1], (double)all[2], (double)all[3]);
    free(all);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    static const float want[] = {1, 2, 3, 4};
    check_names("a,ab1,ab2,a1\n1,2,3,4\n", "", want);
    check_names("ab2,a1,ab1,a\n3,4,2,1\n", "", want);
    check_names("ab_0;ab_1;a;a1\n2;3;1;4\n", "", want);
    check_names("note,ab[1],ab[2],a,a1\nsome text,2,3,1,4\n", "", want);
    check_names("a,ab.1,ab.2,a1,x\n1,2,3,4,\n", "", want);
    check_names("p,q,r,s\n1,2,3,4\n", "", want);       /* no name of ours: as they stand */
    check_names("1,2,3,4\n", "", want);
    check_names("\xEF\xBB\xBF" "a,ab1,ab2,a1\n1,2,3,4\n", "", want); /* as spreadsheets write it */
    check_names("a,ab1,ab2\n1,2,3\n", ":1: there is no column 'a1' among the 3", NULL);
    check_names("a,ab1,ab3,a1\n1,2,3,4\n", ":1: there is no column 'ab2' among the 4", NULL);
    check_names("a,ab1,ab1,ab2,a1\n", ":1: there are two columns for 'ab1'", NULL);
    check_names("p,q,r\n1,2,3\n", ":1: 3 columns where the net takes 4", NULL);
    check_names("a,ab1,ab2,a1\n1,2,3\n", ":2: 3 values for 4 columns", NULL);
    check_names("a,ab1,ab2,a1\n1,2,b,4\n", ":2: 'b' in column 3 (ab2) is not a number", NULL);
    check_names("1,2,3,four\n", ":1: 'four' in column 4 is not a number", NULL); /* a mistake, no names */
    check_names("1,,3,4\n", ":1: missing value in column 2", NULL);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* The short way says what strtod says, or nothing. */
static void numbers_are_read_to_the_last_bit(void **state)
{
    (void)state;
    static const char *const texts[] = {"0", "-0", "1", "+1.5", ".5", "5.", "1e5", "1E-5", "123456789012345678", "0.1",
                                        "9007199254740993", "9007199254740992", "1e22", "1e23", "000000000000000000000001",
                                        "0.000000000000000000000001", "1.7976931348623157e308", "4.9e-324", "1e-400",
                                        "123456789012345678901234567890", "00000000000000000000.5", "3.4028235677973366e38"};
    mlp_rng rng;
    mlp_rng_seed(&rng, 3, 3);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        double v, w;
        if ((size_t)i < sizeof texts / sizeof *texts)
            snprintf(text, sizeof text, "%s", texts[i]);
        else
            snprintf(text, sizeof text, "%.*g", 1 + (int)mlp_rng_below(&rng, 20),
                     (double)mlp_rng_normal(&rng) * pow(10, (double)mlp_rng_below(&rng, 60) - 30));
        double want = strtod(text, NULL);
        if (mlp_parse_number(text, strlen(text), &v) == MLP_NUMBER_NOT || memcmp(&v, &want, sizeof v) != 0)
            fail_msg("%s: %.17g", text, v);
        size_t n = mlp_scan_number(text, strlen(text), &w);
        if (n && (n != strlen(text) || memcmp(&w, &want, sizeof w) != 0))
            fail_msg("%s: %zu characters, %.17g", text, n, w);
    }
    double v;
    assert_int_equal(mlp_scan_number("1.5,2", 5, &v), 3);
    assert_int_equal(mlp_scan_number("-", 1, &v), 0);
    assert_int_equal(mlp_scan_number(".", 1, &v), 0);
    assert_int_equal(mlp_scan_number("", 0, &v), 0);
    assert_int_equal(mlp_scan_number("1e", 2, &v), 1); /* and what follows is no delimiter */
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

static void raw_floats_are_rows(void **state)
{
    (void)state;
    float want[7000];
    for (int i = 0; i < 7000; i++)
        want[i] = (float)i;
    check_stream((const char *)want, sizeof want, MLP_ROWS_F32, 7, want, 1000);
    check_stream((const char *)want, sizeof want, MLP_ROWS_F32, 3500, want, 2);
}

static void npy_arrays_are_rows(void **state)
{
    (void)state;
    float want[600];
    char bytes[128 + 600 * 8];
    double doubles[600];
    for (int i = 0; i < 600; i++)
        doubles[i] = (double)(want[i] = (float)i * 0.5f);
    memcpy(bytes, "\x93NUMPY\x01\x00v\x00", 10);
    snprintf(bytes + 10, 119, "%-117s\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (200, 3), }");
    memcpy(bytes + 128, doubles, sizeof doubles);
    check_stream(bytes, sizeof bytes, MLP_ROWS_NPY, 3, want, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_what_data_sets_are),
        cmocka_unit_test(lines_may_be_long),
        cmocka_unit_test(packed_tables_are_unpacked),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(numbers_are_read_to_the_last_bit),
        cmocka_unit_test(raw_floats_are_rows),
        cmocka_unit_test(npy_arrays_are_rows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
