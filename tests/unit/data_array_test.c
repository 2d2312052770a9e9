/* data_array_test.c: IDX and NPY: every type in both byte orders, and what is refused with which words. */
#define _POSIX_C_SOURCE 200809L

#include "data_files.h"

static void every_npy_type(void **state)
{
    (void)state;
    static const struct {
        const char *type; /* one byte of order, kind, bytes */
        mlp_type stored;
        uint64_t bits[4];
        float expected[4];
    } cases[] = {
        {"|b1", MLP_U8, {0, 1, 1, 0}, {0, 1, 1, 0}},
        {"|u1", MLP_U8, {0, 7, 128, 255}, {0, 7, 128, 255}},
        {"|i1", MLP_I8, {0, 127, 128, 255}, {0, 127, -128, -1}},
        {"<u2", MLP_U16, {0, 1, 0x1234, 65535}, {0, 1, 4660, 65535}},
        {"<i2", MLP_I16, {0, 1, 0x8000, 65535}, {0, 1, -32768, -1}},
        {"<u4", MLP_F32, {0, 1, 0x80000000, 16777217}, {0, 1, 2147483648.0f, 16777216}},
        {"<i4", MLP_F32, {0, 1, 0x80000000, 0xFFFFFFFF}, {0, 1, -2147483648.0f, -1}},
        {"<u8", MLP_F32, {0, 1, UINT64_MAX, 3}, {0, 1, 18446744073709551616.0f, 3}},
        {"<i8", MLP_F32, {0, 1, UINT64_MAX, UINT64_C(1) << 63}, {0, 1, -1, -9223372036854775808.0f}},
        {"<f2", MLP_F16, {0, 0x3C00, 0xC100, 1}, {0, 1, -2.5f, 0x1p-24f}},
        {"<f4", MLP_F32, {0, 0x3F800000, 0xC0200000, 1}, {0, 1, -2.5f, 0x1p-149f}},
        {"<f8", MLP_F32, {0, UINT64_C(0x3FF0000000000000), UINT64_C(0xC004000000000000), 1}, {0, 1, -2.5f, 0}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int size = cases[i].type[2] - '0';
        for (int big = 0; big < 2; big++) {
            for (int version = 1; version <= 3; version++) {
                bytes values = {.size = 0};
                char header[200], type[4];
                strcpy(type, cases[i].type);
                type[0] = size > 1 && big ? '>' : type[0];
                for (int k = 0; k < 4; k++) {
                    add_number(&values, cases[i].bits[k], big ? -size : size);
                }
                snprintf(header, sizeof header, "{\"shape\": (2L, 1, 2), 'fortran_order':False,'descr':'%s'}   ", type);
                bytes file = npy(header, version, values.data, values.size);
                save(&file, "a.npy");
                assert_holds("a.npy", cases[i].stored, 2, 2, cases[i].expected);
                save_packed(&file, "a.npy");
                assert_holds("a.npy", cases[i].stored, 2, 2, cases[i].expected);
                save(&file, "a.bin"); /* by its first bytes */
                assert_holds("a.bin", cases[i].stored, 2, 2, cases[i].expected);
            }
        }
    }
}

static void bad_npy_has_exact_messages(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t size;
        mlp_status status;
        const char *detail;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16, MLP_EFORMAT,
         "is in Fortran order (columns first): save numpy.ascontiguousarray(x)"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2), }", 32, MLP_EFORMAT,
         "NPY type '<c8' is not supported: save it as float32, float64, or an integer type"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 16, MLP_EFORMAT,
         "NPY type '|O' is not supported: save it as float32, float64, or an integer type"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", 8, MLP_EFORMAT,
         "NPY type '|f4' is not supported: save it as float32, float64, or an integer type"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, MLP_EFORMAT,
         "NPY header: a structured type is not supported, at '[('a', '<f4')], 'for'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, MLP_ESHAPE,
         "holds a single number, not rows of them"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }", 0, MLP_EFORMAT, "holds no samples"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -1), }", 8, MLP_EFORMAT,
         "NPY header: no size, at '-1), }?'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999), }", 8, MLP_EFORMAT,
         "NPY header: a size too large, at '), }?'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4294967296, 4294967296), }", 8, MLP_EFORMAT,
         "NPY header: a size too large, at '), }?'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 2147483648), }", 8, MLP_EFORMAT,
         "cut short or lying: its shape promises 4294967296 rows of 2147483648 values"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 23, MLP_EFORMAT,
         "cut short or lying: its shape promises 24 bytes from byte 70 on, the file has 23"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 25, MLP_EFORMAT,
         "too long: its shape promises 24 bytes from byte 70 on, the file has 25"},
        {"{'descr': '<f4', 'fortran_order': False, }", 8, MLP_EFORMAT,
         "NPY header: not all of descr, fortran_order and shape, at '}?'"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,), }", 8, MLP_EFORMAT,
         "NPY header: neither True nor False, at 'Maybe, 'shape': (2,)'"},
        {"", 0, MLP_EFORMAT, "NPY header: no '{', at ''"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        bytes b = npy(cases[i].header, 1, NULL, cases[i].size);
        save(&b, "a.npy");
        assert_refused("a.npy", NULL, cases[i].status, cases[i].detail);
    }
    bytes b = npy_of("<f8", "(2, 1)", (const double[]){1, 1e300}, 16);
    save(&b, "a.npy");
    assert_refused("a.npy", NULL, MLP_EVALUE, "row 2, column 1 is infinite or too large for a float (byte 78)");
    b = npy_of("<f4", "(1, 2)", (const float[]){1, NAN}, 8);
    save(&b, "a.npy");
    assert_refused("a.npy", NULL, MLP_EVALUE, "row 1, column 2 is NaN (byte 74)");
    assert_refused("a.npy", &(mlp_data_spec){.inputs = 3}, MLP_EVALUE, "row 1, column 2 is NaN (byte 74)");
    assert_refused("a.npy", &(mlp_data_spec){.inputs = 3, .allow_nonfinite = true}, MLP_ESHAPE,
                   "2 columns, but the net takes 3 inputs and no target");
    b.data[6] = 4;
    save(&b, "a.npy");
    assert_refused("a.npy", NULL, MLP_EFORMAT, "is no NPY file of version 1 to 3 (by its first 8 bytes)");
    for (size_t n = 0; n < 70; n++) {
        b = npy_of("<f4", "(1, 2)", NULL, 8);
        b.size = n;
        save(&b, "a.npy");
        char detail[80];
        snprintf(detail, sizeof detail, "cut short: the NPY header ends at byte %zu", n);
        assert_refused("a.npy", NULL, MLP_EFORMAT, detail);
    }
}

static void every_idx_type(void **state)
{
    (void)state;
    static const struct {
        int code, size;
        mlp_type stored;
        uint64_t bits[4];
        float expected[4];
    } cases[] = {
        {0x08, 1, MLP_U8, {0, 1, 128, 255}, {0, 1, 128, 255}},
        {0x09, 1, MLP_I8, {0, 1, 128, 255}, {0, 1, -128, -1}},
        {0x0B, 2, MLP_I16, {0, 1, 0x8000, 0xFFFE}, {0, 1, -32768, -2}},
        {0x0C, 4, MLP_F32, {0, 1, 0x80000000, 0xFFFFFFFE}, {0, 1, -2147483648.0f, -2}},
        {0x0D, 4, MLP_F32, {0, 0x3F800000, 0xC0200000, 1}, {0, 1, -2.5f, 0x1p-149f}},
        {0x0E, 8, MLP_F32, {0, UINT64_C(0x3FF0000000000000), UINT64_C(0xC004000000000000), 1}, {0, 1, -2.5f, 0}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        bytes values = {.size = 0};
        for (int k = 0; k < 4; k++) {
            add_number(&values, cases[i].bits[k], -cases[i].size);
        }
        bytes file = idx(cases[i].code, 3, (const uint32_t[]){2, 2, 1}, values.data, values.size);
        save(&file, "a.idx");
        assert_holds("a.idx", cases[i].stored, 2, 2, cases[i].expected);
        save_packed(&file, "a.idx");
        assert_holds("a.idx", cases[i].stored, 2, 2, cases[i].expected);
    }
}

static void bad_idx_has_exact_messages(void **state)
{
    (void)state;
    static const unsigned char data[16];
    static const struct {
        int code, rank;
        uint32_t sizes[4];
        size_t size;
        const char *detail, *packed; /* packed: what the same file says when it is gzipped; NULL: not tried */
    } cases[] = {
        {8,
         2,
         {3, 4},
         11,
         "cut short or lying: its shape promises 12 bytes from byte 12 on, the file has 11",
         "cut short: the array ends at byte 23"},
        {8,
         2,
         {3, 4},
         13,
         "too long: its shape promises 12 bytes from byte 12 on, the file has 13",
         "too long: its shape ends the array before byte 24"},
        {8, 1, {0}, 0, "holds no samples", NULL},
        {8, 2, {5, 0}, 0, "holds no samples", NULL},
        {7, 1, {1}, 1, "bytes 00 00 07 01 begin no IDX file", NULL},
        {8, 0, {0}, 1, "bytes 00 00 08 00 begin no IDX file", NULL},
        {8, 4, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, 1, "dimension 4 is too large (byte 16)", NULL},
        {14,
         3,
         {0xFFFFFFFF, 0xFFFFFFFF, 1},
         1,
         "cut short or lying: its shape promises 4294967295 rows of 4294967295 values",
         NULL},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        bytes b = idx(cases[i].code, cases[i].rank, cases[i].sizes, data, cases[i].size);
        save(&b, "a.idx");
        assert_refused("a.idx", NULL, MLP_EFORMAT, cases[i].detail);
        save_packed(&b, "a.idx");
        if (cases[i].packed) {
            assert_refused("a.idx", NULL, MLP_EFORMAT, cases[i].packed);
        }
    }
    bytes header = {.size = 0};
    for (size_t n = 1; n < 12; n++) {
        header = idx(8, 2, (const uint32_t[]){3, 4}, data, 0);
        header.size = n;
        save(&header, "a.idx");
        char detail[80];
        snprintf(detail, sizeof detail, "cut short: the IDX header ends at byte %zu", n);
        assert_refused("a.idx", NULL, MLP_EFORMAT, detail);
    }
    /* A packed file that promises far more than such a file can hold is refused before memory is asked for. */
    bytes b = idx(8, 3, (const uint32_t[]){60000, 28, 28}, data, 8);
    save_packed(&b, "a.idx");
    mlp_error err;
    assert_null(mlp_data_read(at("a.idx"), NULL, NULL, &err));
    assert_memory_equal(mlp_error_detail(&err), "cut short or lying: its shape promises 47040000 bytes", 53);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_npy_type),
        cmocka_unit_test(bad_npy_has_exact_messages),
        cmocka_unit_test(every_idx_type),
        cmocka_unit_test(bad_idx_has_exact_messages),
    };
    return cmocka_run_group_tests_name("data_array", tests, make_folder, remove_folder);
}
