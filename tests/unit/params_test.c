/* params_test.c: safetensors in and out, what is refused and with which words, and the order of binding. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mlp.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* A file in memory: `header` with its length before it, then `data` zero bytes. The caller frees. */
static unsigned char *make_file(const char *header, size_t data, size_t *size)
{
    size_t length = strlen(header);
    *size = 8 + length + data;
    unsigned char *bytes = calloc(*size + 1, 1);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    }
    memcpy(bytes + 8, header, length);
    return bytes;
}

static mlp_params *parse(const char *header, size_t data, mlp_error *err)
{
    size_t size;
    unsigned char *bytes = make_file(header, data, &size);
    mlp_params *params = mlp_params_parse(bytes, size, "w", err);
    free(bytes);
    return params;
}

static void bad_headers_have_exact_messages(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *text;
    } cases[] = {
        {"", 0, "w: header: does not begin with '{': this is no safetensors file (byte 8)"},
        {" {}", 0, "w: header: does not begin with '{': this is no safetensors file (byte 8)"},
        {"{", 0, "w: header: ends where '\"' is needed (byte 9)"},
        {"{}x", 0, "w: header: more text after its end (byte 10)"},
        {"{\"a\"}", 0, "w: header: '}' where ':' is needed (byte 12)"},
        {"{\"a\":1}", 0, "w: header: '1' where '{' is needed (byte 13)"},
        {"{\"a\":{},}", 0, "w: header: tensor 'a' has no field 'dtype' (byte 9)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},}", 4,
         "w: header: '}' where '\"' is needed (byte 62)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,],\"data_offsets\":[0,4]}}", 4,
         "w: header: something else where a whole number of 0 or more is needed (byte 39)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
         "w: header: something else where a whole number of 0 or more is needed (byte 37)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
         "w: header: something else where a whole number of 0 or more is needed (byte 37)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", 4,
         "w: header: something else where a whole number of 0 or more is needed (byte 37)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,4]}}", 4,
         "w: header: a number too large (byte 37)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
         "w: tensor 'a': shape [4294967296, 4294967296] is too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
         "w: tensor 'a': shape [4611686018427387905] is too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"dtype\":\"F32\"}}", 4,
         "w: header: tensor 'a' has two fields 'dtype' (byte 61)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4,
         "w: header: ',' where ']' is needed (byte 59)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
         "w: tensor 'a': data_offsets [4, 0] run backwards"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,20]}}", 20,
         "w: tensor 'a': F32 of shape [2, 3] needs 24 bytes, its data_offsets [0, 20] hold 20"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "w: header: tensor 'a' stands twice"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
         12, "w: tensors 'a' and 'b' overlap: one ends at data byte 8, the other begins at 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
         12, "w: hole before tensor 'b': data bytes 4 to 8 belong to none"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
         "w: hole before tensor 'a': data bytes 0 to 4 belong to none"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7,
         "w: cut short: the header promises 8 bytes of data, the file holds 7 (from byte 62 on)"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 11,
         "w: 3 bytes follow the last tensor (from byte 70 on)"},
        {"{}", 1, "w: 1 bytes follow the last tensor (from byte 10 on)"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "w: header: '1' where '\"' is needed (byte 29)"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "w: header: __metadata__ key 'a' stands twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "w: header: '__metadata__' stands twice (byte 27)"},
        {"{\"a\\u0000b\":{}}", 0, "w: header: the character U+0000 in a string (byte 11)"},
        {"{\"\\ud800\":{}}", 0, "w: header: half of a surrogate pair in a string (byte 10)"},
        {"{\"\\udc00\":{}}", 0, "w: header: half of a surrogate pair in a string (byte 10)"},
        {"{\"\\ud800\\u0041\":{}}", 0, "w: header: half of a surrogate pair in a string (byte 10)"},
        {"{\"\\x\":{}}", 0, "w: header: unknown escape in a string (byte 10)"},
        {"{\"a\nb\":{}}", 0, "w: header: a control character in a string (byte 11)"},
        {"{\"a\xff\":{}}", 0, "w: header: a string that is not UTF-8 (byte 11)"},
        {"{\"\xc0\x80\":{}}", 0, "w: header: a string that is not UTF-8 (byte 10)"},
        {"{\"\xed\xa0\x80\":{}}", 0, "w: header: a string that is not UTF-8 (byte 10)"},
        {"{\"a", 0, "w: header: a string without end (byte 9)"},
        {"{\"a\":{\"x\":[1,2,{\"y\":tru}]}}", 0, "w: header: not a JSON value (byte 28)"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlp_error err = {.status = MLP_OK};
        assert_null(parse(cases[i].header, cases[i].data, &err));
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(err.status, MLP_EFORMAT);
    }
    char deep[300] = "{\"a\":{\"x\":";
    memset(deep + strlen(deep), '[', 100);
    mlp_error err;
    assert_null(parse(deep, 0, &err));
    assert_string_equal(err.text, "w: header: nested more than 64 deep (byte 82)");
}

static void lengths_that_lie(void **state)
{
    (void)state;
    mlp_error err;
    assert_null(mlp_params_parse("1234567", 7, "w", &err));
    assert_string_equal(err.text, "w: 7 bytes are too short for a safetensors file");
    assert_null(mlp_params_parse("", 0, "w", NULL));
    assert_null(mlp_params_parse("\x03\0\0\0\0\0\0\0{}", 10, "w", &err));
    assert_string_equal(err.text, "w: cut short: header length 3 (byte 0), but only 2 bytes follow");
    assert_null(mlp_params_parse("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "w", &err));
    assert_string_equal(err.text, "w: header length 18446744073709551615 (byte 0) is over the limit of 100000000 "
                                  "bytes: damaged, or no safetensors file");
    assert_null(mlp_params_parse("PK\3\4\0\0\0\0\0\0", 10, "w", &err));
    assert_string_equal(err.text, "w: is a zip archive (a PyTorch .pt file?), not a safetensors file");
    assert_null(mlp_params_read("/nonexistent/w", &err));
    assert_string_equal(err.text, "/nonexistent/w: cannot open: No such file or directory");
}

static void headers_that_the_reference_takes(void **state)
{
    (void)state;
    mlp_params *p = parse("{ \"\\u00e9\\ud83d\\ude00\\n\" : { \"extra\" : [ 1e-3 , { } , null ] ,\n"
                          "\"data_offsets\" : [ 4 , 8 ] , \"shape\" : [ ] , \"dtype\" : \"F32\" } , "
                          "\"e\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[4,4]},"
                          "\"n\":{\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[0,4]},"
                          "\"__metadata__\":null}   \n",
                          8, NULL);
    assert_non_null(p);
    assert_int_equal(p->count, 3);
    assert_string_equal(p->tensors[0].name, "n"); /* by offset, not as in the header */
    assert_string_equal(p->tensors[0].dtype, "BOOL");
    assert_null(p->tensors[0].data);
    assert_int_equal(p->tensors[0].position, 2);
    assert_string_equal(p->tensors[1].name, "e");
    assert_int_equal(p->tensors[1].count, 0);
    assert_string_equal(p->tensors[2].name, "\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_int_equal(p->tensors[2].count, 1);
    assert_int_equal(p->tensors[2].rank, 0);
    assert_ptr_equal(mlp_params_find(p, "e"), &p->tensors[1]);
    assert_null(mlp_params_find(p, "f"));
    assert_int_equal(p->metadata_count, 0);
    mlp_params_free(p);
    mlp_params_free(NULL);
}

/* One tensor of `dtype` whose bytes are given. */
static mlp_params *parse_values(const char *dtype, size_t count, const void *values, size_t value_size)
{
    char header[200];
    snprintf(header, sizeof header, "{\"v\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", dtype, count,
             count * value_size);
    size_t size;
    unsigned char *bytes = make_file(header, count * value_size, &size);
    memcpy(bytes + 8 + strlen(header), values, count * value_size); /* little-endian hosts only, as all of ours are */
    mlp_params *p = mlp_params_parse(bytes, size, "w", NULL);
    free(bytes);
    assert_non_null(p);
    return p;
}

static void halves_are_exact(void **state)
{
    (void)state;
    static uint16_t all[65536];
    for (size_t i = 0; i < 65536; i++) {
        all[i] = (uint16_t)i;
    }
    mlp_params *half = parse_values("F16", 65536, all, 2), *brain = parse_values("BF16", 65536, all, 2);
    for (unsigned i = 0; i < 65536; i++) {
        int sign = i & 0x8000 ? -1 : 1, exponent = (int)(i >> 10 & 31), fraction = (int)(i & 1023);
        double expected = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        float got = half->tensors[0].data[i];
        if (exponent == 31) {
            assert_true(fraction ? isnan(got) : isinf(got) && (got > 0) == (sign > 0));
        } else {
            assert_true((double)got == sign * expected && !signbit(got) == (sign > 0));
        }
        uint32_t bits;
        memcpy(&bits, &brain->tensors[0].data[i], 4);
        assert_int_equal(bits, i << 16);
    }
    assert_int_equal(half->tensors[0].nonfinite, 2 * 1024);
    assert_int_equal(half->tensors[0].first_nonfinite, 0x7C00);
    assert_int_equal(brain->tensors[0].nonfinite, 2 * 128);
    mlp_params_free(half);
    mlp_params_free(brain);
}

static void doubles_round_and_overflow(void **state)
{
    (void)state;
    /* Halfway beyond the largest float goes to infinity, just under it to the largest float: IEEE 754, 4.3.1. */
    const double in[] = {0.1, -0.0, 0x1.fffffefffffffp127, 0x1.ffffffp127, -1e300, 1e-46, 0x1p-149, (double)NAN};
    const float out[] = {0.1F, -0.0F, 0x1.fffffep127F, INFINITY, -INFINITY, 0.0F, 0x1p-149F};
    mlp_params *p = parse_values("F64", LENGTH(in), in, 8);
    assert_memory_equal(p->tensors[0].data, out, sizeof out);
    assert_true(isnan(p->tensors[0].data[7]));
    assert_int_equal(p->tensors[0].nonfinite, 3);
    assert_int_equal(p->tensors[0].first_nonfinite, 3);
    mlp_params_free(p);
}

/* The bytes that the reference implementation's own tests expect (safetensors/src/tensor.rs, test_serialization,
 * test_serialization_forced_alignement, test_empty). */
static void writes_the_reference_bytes(void **state)
{
    (void)state;
    static const float values[] = {0, 1, 2, 3, 4, 5};
    static const size_t shape[] = {1, 1, 2, 3};
    static const struct {
        mlp_tensor tensor;
        size_t count;
        mlp_pair pair;
        size_t pairs;
        size_t length;
        const char *header;
    } cases[] = {
        {{.name = "attn.0", .data = values, .count = 6, .shape = shape + 1, .rank = 3},
         1,
         {"", ""},
         0,
         64,
         "{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}"},
        {{.name = "attn0", .data = values, .count = 6, .shape = shape, .rank = 4},
         1,
         {"", ""},
         0,
         72,
         "{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,1,2,3],\"data_offsets\":[0,24]}}       "},
        {{.name = ""}, 0, {"", ""}, 0, 8, "{}      "},
        {{.name = ""}, 0, {"framework", "pt"}, 1, 40, "{\"__metadata__\":{\"framework\":\"pt\"}}     "},
    };
    char path[] = "/tmp/mlp_params_test.XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        void *bytes;
        size_t size;
        assert_int_equal(mlp_params_write(path, &cases[i].tensor, cases[i].count, &cases[i].pair, cases[i].pairs, NULL),
                         MLP_OK);
        assert_int_equal(mlp_file_read(path, 0, &bytes, &size, NULL), MLP_OK);
        assert_int_equal(size, 8 + cases[i].length + cases[i].count * sizeof values);
        assert_int_equal(((unsigned char *)bytes)[0], cases[i].length);
        assert_memory_equal((char *)bytes + 8, cases[i].header, cases[i].length);
        assert_memory_equal((char *)bytes + 8 + cases[i].length, values, cases[i].count * sizeof values);
        free(bytes);
    }
    unlink(path);
}

static void round_trip_keeps_everything(void **state)
{
    (void)state;
    float values[7] = {1, -2, 3, 4, 5, 6, 0.1F};
    const size_t shape[] = {2, 3, 0, 1};
    const mlp_tensor tensors[] = {
        {.name = "\"odd\" \\ \n\x01 \xe2\x82\xac", .data = values, .count = 6, .shape = shape, .rank = 2},
        {.name = "", .data = values + 6, .count = 1, .rank = 0},
        {.name = "none", .count = 0, .shape = shape, .rank = 4},
        {.name = "__metadata_", .data = values, .count = 1, .shape = shape + 3, .rank = 1}};
    const mlp_pair pairs[] = {{"z", "1"}, {"a", "two\tlines\n"}, {"", ""}};
    char path[] = "/tmp/mlp_params_test.XXXXXX";
    mlp_error err;
    assert_true(close(mkstemp(path)) == 0);
    assert_int_equal(mlp_params_write(path, tensors, 4, pairs, 3, &err), MLP_OK);
    mlp_params *p = mlp_params_read(path, &err);
    assert_non_null(p);
    assert_int_equal(p->count, 4);
    for (size_t i = 0; i < 4; i++) {
        const mlp_tensor *t = mlp_params_find(p, tensors[i].name);
        assert_non_null(t);
        assert_int_equal(t->position, i);
        assert_int_equal(t->rank, tensors[i].rank);
        assert_int_equal(t->count, tensors[i].count);
        assert_memory_equal(t->shape, tensors[i].shape ? tensors[i].shape : shape, (size_t)t->rank * sizeof *shape);
        assert_memory_equal(t->data, tensors[i].data ? tensors[i].data : values, t->count * sizeof(float));
        assert_int_equal((uintptr_t)t->data % 64, 0);
    }
    assert_int_equal(p->metadata_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(p->metadata[i].key, pairs[i].key);
        assert_string_equal(mlp_params_meta(p, pairs[i].key), pairs[i].value);
    }
    assert_null(mlp_params_meta(p, "b"));
    mlp_params_free(p);

    /* The same file through a pipe, whose size nobody knows. */
    char command[64];
    snprintf(command, sizeof command, "cat %s", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    snprintf(command, sizeof command, "/dev/fd/%d", fileno(pipe));
    if (access(command, R_OK) == 0) {
        p = mlp_params_read(command, &err);
        assert_non_null(p);
        assert_int_equal(p->count, 4);
        mlp_params_free(p);
    }
    pclose(pipe);
    unlink(path);
}

static void writer_refuses(void **state)
{
    (void)state;
    static const float values[] = {1, 2};
    static const size_t shape[] = {2};
    const mlp_tensor good = {.name = "a", .data = values, .count = 2, .shape = shape, .rank = 1};
    mlp_tensor two[] = {good, good};
    mlp_error err;
    assert_int_equal(mlp_params_write("/tmp/never", two, 2, NULL, 0, &err), MLP_EARGUMENT);
    assert_string_equal(err.text, "/tmp/never: cannot write: tensor 'a' stands twice");
    two[1].name = "b";
    two[1].count = 3;
    assert_int_equal(mlp_params_write("/tmp/never", two, 2, NULL, 0, &err), MLP_EARGUMENT);
    two[1].count = 2;
    two[1].name = "\xff";
    assert_int_equal(mlp_params_write("/tmp/never", two, 2, NULL, 0, &err), MLP_EARGUMENT);
    two[1].name = "__metadata__";
    assert_int_equal(mlp_params_write("/tmp/never", two, 2, NULL, 0, &err), MLP_EARGUMENT);
    assert_int_not_equal(access("/tmp/never", F_OK), 0);
    assert_int_equal(mlp_params_write("/nonexistent/w", &good, 1, NULL, 0, &err), MLP_EIO);
    assert_string_equal(err.text, "/nonexistent/w: cannot create: No such file or directory");
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(mlp_params_write("/dev/full", &good, 1, NULL, 0, &err), MLP_EIO);
    }
}

/* Binds a file whose tensors, all of one value, lie in the order of `names` (ended by NULL; "!x" has dtype I64) and
 * compares with `expected`, the same names joined by spaces. */
static void assert_order(mlp_order order, const char *const *names, const char *expected)
{
    char header[4096] = "{", got[1024] = "";
    size_t at = 0, count = 0;
    for (size_t i = 0; names[i]; i++, count++) {
        bool other = names[i][0] == '!';
        size_t size = other ? 8 : 4;
        sprintf(header + strlen(header), "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                i ? "," : "", names[i] + other, other ? "I64" : "F32", at, at + size);
        at += size;
    }
    strcat(header, "}");
    mlp_params *p = parse(header, at, NULL);
    assert_non_null(p);
    const mlp_tensor *list[64];
    assert_true(p->count <= 64);
    size_t bound;
    assert_int_equal(mlp_params_ordered(p, order, list, &bound, NULL), MLP_OK);
    for (size_t i = 0; i < bound; i++) {
        strcat(strcat(got, i ? " " : ""), list[i]->name);
    }
    assert_string_equal(got, expected);
    mlp_params_free(p);
}

#define ORDER(order, expected, ...) assert_order(order, (const char *const[]){__VA_ARGS__, NULL}, expected)

static void sequential_binds_in_order(void **state)
{
    (void)state;
    /* As PyTorch's safetensors writes an nn.Sequential with batch norm: I64 first, then by name. */
    ORDER(MLP_ORDER_AUTO,
          "0.weight 0.bias 1.weight 1.bias 1.running_mean 1.running_var 3.weight 3.bias 10.weight 10.bias",
          "!1.num_batches_tracked", "0.bias", "0.weight", "1.bias", "1.running_mean", "1.running_var", "1.weight",
          "10.bias", "10.weight", "3.bias", "3.weight");
    /* As a state dict goes, written in its own order. */
    ORDER(MLP_ORDER_AUTO, "0.weight 0.bias 2.weight 2.bias 10.weight 10.bias", "0.weight", "0.bias", "2.weight",
          "2.bias", "10.weight", "10.bias");
    ORDER(MLP_ORDER_AUTO, "net.2.weight net.2.bias net.11.weight net.11.bias", "net.11.bias", "net.11.weight",
          "net.2.bias", "net.2.weight");
    ORDER(MLP_ORDER_AUTO, "fc1.weight fc2.weight fc10.weight out.weight", "fc1.weight", "fc10.weight", "fc2.weight",
          "out.weight");
    /* Creation order that no sorting would give is kept, and bias before weight is put right. */
    ORDER(MLP_ORDER_AUTO, "in.weight in.bias hidden.weight hidden.bias a.weight", "in.bias", "in.weight",
          "hidden.weight", "hidden.bias", "a.weight");
    ORDER(MLP_ORDER_AUTO, "l1.weight l1.bias l0.weight l0.bias", "l1.weight", "l0.weight", "l1.bias", "l0.bias");
    ORDER(MLP_ORDER_AUTO, "dense1.weight dense1.bias batchnorm1.weight dense2.weight", "dense1.weight", "dense1.bias",
          "batchnorm1.weight", "dense2.weight");
    ORDER(MLP_ORDER_AUTO, "W1 b1 W2 b2 W10 b10", "W1", "W10", "W2", "b1", "b10", "b2");
    ORDER(MLP_ORDER_AUTO, "W2 b2 W1 b1", "W2", "b2", "W1", "b1");
    ORDER(MLP_ORDER_AUTO, "scale fc.weight fc.bias alpha", "scale", "fc.weight", "fc.bias", "alpha");
    /* A dtype that is not read stays where a parameter is due, so that binding can say so. */
    ORDER(MLP_ORDER_AUTO, "0.weight 0.bias", "!0.weight", "0.bias");
    ORDER(MLP_ORDER_NATURAL, "0.weight 00.weight 1.weight", "1.weight", "00.weight", "0.weight");
    ORDER(MLP_ORDER_FILE, "10.weight 10.bias 2.weight", "10.bias", "10.weight", "2.weight");
    ORDER(MLP_ORDER_NATURAL, "b.weight b.1.weight b.1.x b1.weight", "b.1.x", "b.1.weight", "b1.weight", "b.weight");
}

static void every_prefix_and_any_byte(void **state)
{
    (void)state;
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\\n\"},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                                 "\"b\\u00e9\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]},"
                                 "\"c\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[16,18]}}";
    size_t size;
    unsigned char *bytes = make_file(header, 18, &size);
    for (size_t n = 0; n < size; n++) {
        unsigned char *copy = malloc(n + 1); /* its own block, so that a sanitizer sees one byte too many */
        memcpy(copy, bytes, n);
        mlp_error err = {.status = MLP_OK};
        assert_null(mlp_params_parse(copy, n, "w", &err));
        assert_int_equal(err.status, MLP_EFORMAT);
        assert_memory_equal(err.text, "w: ", 3);
        free(copy);
    }
    for (size_t at = 0; at < size; at++) { /* every value of every byte: no crash, and an error tells its reason */
        unsigned char was = bytes[at];
        for (unsigned value = 0; value < 256; value++) {
            bytes[at] = (unsigned char)value;
            mlp_error err = {.status = MLP_OK};
            mlp_params *p = mlp_params_parse(bytes, size, "w", &err);
            assert_true(p ? err.status == MLP_OK : err.status == MLP_EFORMAT && strlen(err.text) > 8);
            mlp_params_free(p);
        }
        bytes[at] = was;
    }
    free(bytes);
}

static void reads_the_trained_autoencoder(void **state)
{
    (void)state;
    const char *data = getenv("MLPC_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/mlperf_tiny_ad/ad.safetensors", data ? data : "../shared/data");
    if (access(path, R_OK) != 0) {
        print_message("skipped: no %s\n", path);
        return;
    }
    mlp_error err;
    mlp_params *p = mlp_params_read(path, &err);
    assert_non_null(p);
    assert_int_equal(p->count, 56); /* 10 dense with two tensors, 9 batch norms with four */
    size_t values = 0;
    for (size_t i = 0; i < p->count; i++) {
        values += p->tensors[i].count;
        assert_int_equal(p->tensors[i].nonfinite, 0);
        assert_int_equal((uintptr_t)p->tensors[i].data % 64, 0);
    }
    const size_t dense = (640 + 1) * 128 + 6 * (128 + 1) * 128 + (128 + 1) * 8 + (8 + 1) * 128 + (128 + 1) * 640;
    const size_t batchnorm = 4 * (8 * 128 + 8);
    assert_int_equal(values, dense + batchnorm);
    const mlp_tensor *w = mlp_params_find(p, "dense1.weight");
    assert_non_null(w);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], 128);
    assert_int_equal(w->shape[1], 640);
    assert_non_null(mlp_params_meta(p, "source"));
    mlp_params_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers_have_exact_messages),  cmocka_unit_test(lengths_that_lie),
        cmocka_unit_test(headers_that_the_reference_takes), cmocka_unit_test(halves_are_exact),
        cmocka_unit_test(doubles_round_and_overflow),       cmocka_unit_test(writes_the_reference_bytes),
        cmocka_unit_test(round_trip_keeps_everything),      cmocka_unit_test(writer_refuses),
        cmocka_unit_test(sequential_binds_in_order),        cmocka_unit_test(every_prefix_and_any_byte),
        cmocka_unit_test(reads_the_trained_autoencoder),
    };
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
