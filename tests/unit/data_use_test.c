/* data_use_test.c: batches, splits and scaling: what the training loop does with data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

static void gathers_every_type(void **state)
{
    (void)state;
    static const float f32[] = {1, 2, 3, 4, 5, 6};
    static const uint16_t f16[] = {0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600};
    static const uint8_t u8[] = {1, 2, 3, 4, 5, 6};
    static const int8_t i8[] = {1, 2, 3, 4, 5, 6};
    static const uint16_t u16[] = {1, 2, 3, 4, 5, 6};
    static const int16_t i16[] = {1, 2, 3, 4, 5, 6};
    static const void *const values[] = {
        [MLP_F32] = f32, [MLP_F16] = f16, [MLP_U8] = u8, [MLP_I8] = i8, [MLP_U16] = u16, [MLP_I16] = i16};
    static const size_t sizes[] = {4, 2, 1, 1, 2, 2};
    for (int type = MLP_F32; type <= MLP_I16; type++) {
        const mlp_array array = {(mlp_type)type, 3, 2, (void *)(uintptr_t)values[type]};
        const size_t rows[] = {2, 0, 2};
        float out[7] = {[6] = -1};
        assert_int_equal(mlp_type_size((mlp_type)type), sizes[type]);
        mlp_gather(&array, rows, 3, out);
        assert_memory_equal(out, ((const float[]){5, 6, 1, 2, 5, 6, -1}), sizeof out);
        mlp_gather(&array, NULL, 3, out);
        assert_memory_equal(out, ((const float[]){1, 2, 3, 4, 5, 6, -1}), sizeof out);
        mlp_gather(&array, rows, 0, out);
    }
}

static void gathers_targets(void **state)
{
    (void)state;
    uint32_t labels[] = {2, 0, 1};
    uint8_t bytes[] = {7, 8, 9, 10, 11, 12};
    const size_t rows[] = {1, 0};
    mlp_data data = {.rows = 3, .target = MLP_TARGET_CLASS, .labels = labels, .classes = 3};
    float out[6];
    mlp_gather_targets(&data, rows, 2, out);
    assert_memory_equal(out, ((const float[]){0, 2}), 8);
    mlp_gather_one_hot(&data, rows, 2, 3, out);
    assert_memory_equal(out, ((const float[]){1, 0, 0, 0, 0, 1}), 24);
    mlp_gather_one_hot(&data, NULL, 3, 2, out);
    assert_memory_equal(out, ((const float[]){0, 0, 1, 0, 0, 1}), 24);
    data = (mlp_data){.rows = 3, .target = MLP_TARGET_VALUES, .t = {MLP_U8, 3, 2, bytes}};
    mlp_gather_targets(&data, rows, 2, out);
    assert_memory_equal(out, ((const float[]){9, 10, 7, 8}), 16);
}

/* A data set of labels alone: `counts` of each class, interleaved. */
static mlp_data labelled(const size_t *counts, size_t classes, uint32_t *labels)
{
    size_t left[16], n = 0;
    memcpy(left, counts, classes * sizeof *left);
    for (bool more = true; more;) {
        more = false;
        for (size_t c = 0; c < classes; c++) {
            if (left[c] > 0) {
                left[c]--;
                labels[n++] = (uint32_t)c;
                more = true;
            }
        }
    }
    return (mlp_data){.rows = n, .target = MLP_TARGET_CLASS, .labels = labels, .classes = classes};
}

static void splits_are_partitions(void **state)
{
    (void)state;
    uint32_t labels[200];
    size_t rows[200], again[200], first, first_again;
    const mlp_data data = labelled((const size_t[]){150}, 1, labels);
    mlp_error err;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(mlp_split(&data, 0.8, false, seed, rows, &first, &err), MLP_OK);
        assert_int_equal(first, 120);
        bool seen[150] = {false};
        for (size_t i = 0; i < 150; i++) {
            assert_true(rows[i] < 150 && !seen[rows[i]]);
            seen[rows[i]] = true;
            assert_true(i == 0 || i == first || rows[i] > rows[i - 1]);
        }
        assert_int_equal(mlp_split(&data, 0.8, false, seed, again, &first_again, &err), MLP_OK);
        assert_memory_equal(rows, again, 150 * sizeof *rows);
        assert_int_equal(mlp_split(&data, 0.8, false, seed + 1, again, &first_again, &err), MLP_OK);
        assert_memory_not_equal(rows, again, 150 * sizeof *rows);
    }
    /* The very numbers, so that a split stays what it was when the code changes. */
    const mlp_data ten = labelled((const size_t[]){10}, 1, labels);
    assert_int_equal(mlp_split(&ten, 0.7, false, 1, rows, &first, &err), MLP_OK);
    assert_memory_equal(rows, ((const size_t[]){1, 3, 5, 6, 7, 8, 9, 0, 2, 4}), 10 * sizeof *rows);
}

static void stratified_splits_keep_shares(void **state)
{
    (void)state;
    static const size_t counts[] = {100, 50, 7, 2, 1, 0, 33};
    uint32_t labels[200];
    size_t rows[200], first;
    const mlp_data data = labelled(counts, 7, labels);
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int percent = 5; percent < 100; percent += 5) {
            double ratio = percent / 100.0;
            assert_int_equal(mlp_split(&data, ratio, true, seed, rows, &first, NULL), MLP_OK);
            size_t got[7] = {0};
            for (size_t i = 0; i < first; i++) {
                got[labels[rows[i]]]++;
            }
            for (size_t c = 0; c < 7; c++) {
                double share = ratio * (double)counts[c];
                assert_true(fabs((double)got[c] - share) < 1 || counts[c] == 2);
                assert_true(counts[c] < 2 || (got[c] > 0 && got[c] < counts[c]));
            }
            /* Each class of two or more may be one row off, to have a row in both parts. */
            assert_true(fabs((double)first - ratio * (double)data.rows) <= 2.5);
        }
    }
}

static void impossible_splits(void **state)
{
    (void)state;
    uint32_t labels[10];
    size_t rows[10], first;
    mlp_error err;
    mlp_data data = labelled((const size_t[]){1}, 1, labels);
    assert_int_equal(mlp_split(&data, 0.5, false, 0, rows, &first, &err), MLP_EVALUE);
    assert_string_equal(err.text, "1 sample cannot be split in two parts");
    data = labelled((const size_t[]){1, 1}, 2, labels);
    assert_int_equal(mlp_split(&data, 0.9, true, 0, rows, &first, &err), MLP_EVALUE);
    assert_string_equal(err.text, "a split of 0.9 leaves one part of the 2 samples empty");
    assert_int_equal(mlp_split(&data, 1, true, 0, rows, &first, &err), MLP_EARGUMENT);
    assert_int_equal(mlp_split(&data, (double)NAN, true, 0, rows, &first, &err), MLP_EARGUMENT);
    assert_int_equal(mlp_split(&data, 0.01, false, 0, rows, &first, &err), MLP_OK); /* each part gets a row */
    assert_int_equal(first, 1);
}

static void scaling_statistics(void **state)
{
    (void)state;
    /* Columns: ordinary; constant; far from zero with a small spread; never seen in the rows that count. */
    static float values[] = {1, 5, 10001, 1e30f, 2, 5, 10002, 0, 3, 5, 10003, 0, 4, 5, 10004, 0};
    const mlp_array x = {MLP_F32, 4, 4, values};
    const size_t rows[] = {1, 2, 3};
    float scale[4], shift[4];
    mlp_error err;
    assert_int_equal(mlp_scaling_learn(&x, rows, 3, MLP_SCALE_STANDARD, scale, shift, &err), MLP_OK);
    const double deviation = sqrt(2.0 / 3); /* of 2, 3, 4 */
    assert_true((double)scale[0] == (double)(float)(1 / deviation));
    assert_true((double)shift[0] == (double)(float)(-3 / deviation));
    assert_true(scale[1] == 1 && shift[1] == -5);
    assert_true((double)shift[2] == (double)(float)(-10003 / deviation));
    assert_true(scale[3] == 1 && shift[3] == 0);
    assert_int_equal(mlp_scaling_learn(&x, rows, 3, MLP_SCALE_MINMAX, scale, shift, &err), MLP_OK);
    assert_true(scale[0] == 0.5f && shift[0] == -1);
    assert_true(scale[1] == 1 && shift[1] == -5);
    assert_int_equal(mlp_scaling_learn(&x, rows, 3, MLP_SCALE_BYTE, scale, shift, &err), MLP_OK);
    assert_true(scale[3] == 1.0f / 255 && shift[3] == 0);
    assert_int_equal(mlp_scaling_learn(&x, NULL, 4, MLP_SCALE_NONE, scale, shift, &err), MLP_OK);
    assert_true(scale[0] == 1 && shift[0] == 0);
    assert_int_equal(mlp_scaling_learn(&x, NULL, 0, MLP_SCALE_STANDARD, scale, shift, &err), MLP_EVALUE);
    values[5] = INFINITY;
    assert_int_equal(mlp_scaling_learn(&x, NULL, 4, MLP_SCALE_MINMAX, scale, shift, &err), MLP_EVALUE);
    assert_string_equal(err.text, "row 2, column 2 is not finite: nothing to scale by");
    values[5] = 5;
}

static void scaling_holds_at_extremes(void **state)
{
    (void)state;
    static const float pairs[][2] = {{0, 1e-45f}, {-3e38f, 3e38f}, {1e30f, 1.0000001e30f}, {-1e-38f, 1e-38f}, {7, 7}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        float values[2] = {pairs[i][0], pairs[i][1]}, scale, shift;
        const mlp_array x = {MLP_F32, 2, 1, values};
        for (int kind = MLP_SCALE_STANDARD; kind <= MLP_SCALE_MINMAX; kind++) {
            assert_int_equal(mlp_scaling_learn(&x, NULL, 2, (mlp_scaling)kind, &scale, &shift, NULL), MLP_OK);
            for (int k = 0; k < 2; k++) {
                float y = values[k] * scale + shift;
                assert_true(isfinite(y) && fabsf(y) <= 1.0001f); /* both ends map to -1..1, give or take rounding */
            }
        }
    }
}

static void names_of_scalings(void **state)
{
    (void)state;
    mlp_scaling scaling;
    mlp_error err;
    assert_int_equal(mlp_scaling_parse("none", &scaling, &err), MLP_OK);
    assert_int_equal(scaling, MLP_SCALE_NONE);
    assert_int_equal(mlp_scaling_parse("standard", &scaling, &err), MLP_OK);
    assert_int_equal(scaling, MLP_SCALE_STANDARD);
    assert_int_equal(mlp_scaling_parse("minmax", &scaling, &err), MLP_OK);
    assert_int_equal(scaling, MLP_SCALE_MINMAX);
    assert_int_equal(mlp_scaling_parse("1/255", &scaling, &err), MLP_OK);
    assert_int_equal(scaling, MLP_SCALE_BYTE);
    assert_int_equal(mlp_scaling_parse("Standard", &scaling, &err), MLP_EARGUMENT);
    assert_string_equal(err.text, "unknown scaling 'Standard': none, standard, minmax or 1/255");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_every_type),        cmocka_unit_test(gathers_targets),
        cmocka_unit_test(splits_are_partitions),     cmocka_unit_test(stratified_splits_keep_shares),
        cmocka_unit_test(impossible_splits),         cmocka_unit_test(scaling_statistics),
        cmocka_unit_test(scaling_holds_at_extremes), cmocka_unit_test(names_of_scalings),
    };
    return cmocka_run_group_tests_name("data_use", tests, NULL, NULL);
}
