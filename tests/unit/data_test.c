/* data_test.c: text tables: what is understood, what is refused and with which words, and the real small sets. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mlp.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static char path[] = "/tmp/mlp_data_test.XXXXXX", path2[] = "/tmp/mlp_data_test.XXXXXX";

static int make_files(void **state)
{
    (void)state;
    int a = mkstemp(path), b = mkstemp(path2);
    return a < 0 || b < 0 || close(a) || close(b);
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(path) || unlink(path2);
}

static void put(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static mlp_data *read_text(const char *text, const mlp_data_spec *spec, mlp_error *err)
{
    put(path, text, strlen(text));
    return mlp_data_read(path, NULL, spec, err);
}

/* Prints the whole set: features, then '|' and the target, rows ended by ';', then the names of the classes. */
static const char *show(const mlp_data *data)
{
    static char text[2000];
    size_t at = 0;
    text[0] = '\0';
    for (size_t r = 0; data && r < data->rows; r++) {
        float x[64] = {0}, t[64] = {0};
        size_t targets = data->target == MLP_TARGET_CLASS ? 1 : data->t.width;
        assert_true(data->x.width <= 64 && targets <= 64);
        mlp_gather(&data->x, &r, 1, x);
        mlp_gather_targets(data, &r, 1, t);
        for (size_t i = 0; i < data->x.width; i++) {
            at += (size_t)sprintf(text + at, i ? " %g" : "%g", (double)x[i]);
        }
        at += (size_t)sprintf(text + at, data->target == MLP_TARGET_CLASS ? " #" : targets ? " |" : "");
        for (size_t i = 0; i < targets; i++) {
            at += (size_t)sprintf(text + at, " %g", (double)t[i]);
        }
        at += (size_t)sprintf(text + at, ";");
    }
    for (size_t i = 0; data && data->class_names && i < data->classes; i++) {
        at += (size_t)sprintf(text + at, " %s", data->class_names[i]);
    }
    return text;
}

static void assert_reads(const char *text, mlp_data_spec spec, const char *expected)
{
    mlp_error err = {.text = ""};
    mlp_data *data = read_text(text, &spec, &err);
    if (!data) {
        print_error("%s\n", err.text);
    }
    assert_non_null(data);
    assert_string_equal(show(data), expected);
    mlp_data_free(data);
}

#define READS(text, expected) assert_reads(text, (mlp_data_spec){.memory = 0}, expected)
#define READS_WITH(text, expected, ...) assert_reads(text, (mlp_data_spec){__VA_ARGS__}, expected)

static void forms_of_tables(void **state)
{
    (void)state;
    READS("1,2,0\n3,4,1\n", "1 2 # 0;3 4 # 1;");
    READS("1,2,0\n3,4,1", "1 2 # 0;3 4 # 1;"); /* no line end at the end */
    READS("1,2,0\r\n3,4,1\r\n", "1 2 # 0;3 4 # 1;");
    READS("1,2,0\r3,4,1\r", "1 2 # 0;3 4 # 1;");
    READS("\xEF\xBB\xBF"
          "1,2,0\n3,4,1\n\n\n",
          "1 2 # 0;3 4 # 1;");
    READS("# made by hand\n# twice\n1,2,0\n\n3,4,1\n", "1 2 # 0;3 4 # 1;");
    READS("1;2;0\n3;4;1\n", "1 2 # 0;3 4 # 1;");
    READS("1\t2\t0\n3\t4\t1\n", "1 2 # 0;3 4 # 1;");
    READS("1|2|0\n3|4|1\n", "1 2 # 0;3 4 # 1;");
    READS("  1   2\t0 \n 3 4 1\n", "1 2 # 0;3 4 # 1;");
    READS("1 , 2\t, 0\n 3,4 ,1\n", "1 2 # 0;3 4 # 1;");
    READS_WITH("1:2:0\n3:4:1\n", "1 2 # 0;3 4 # 1;", .delimiter = ':');
    READS("\"1\",\"2\",\"0\"\n3,4,1\n", "1 2 # 0;3 4 # 1;");
    READS("a,b,c\n1,2,0\n3,4,1\n", "1 2 # 0;3 4 # 1;");
    READS("\"a, or \"\"b\"\"\",\"two\nlines\",c\n1,2,0\n", "1 2 # 0;");
    READS("0,1,2,species\n5,6,7,b\n8,9,9,a\n", "5 6 7 # 1;8 9 9 # 0; a b"); /* names as pandas numbers them */
    READS_WITH("1,2,0\n", "1 2 0;", .target = MLP_TARGET_NONE);
    READS("1\n2\n", "1;2;"); /* one column cannot be both */
    READS_WITH("7,8,9\n1,2,0\n", "1 2 # 0;", .header = 1);
    READS("-1e-3,+.5,2.,0\n1E2,00.0,-0,1\n", "-0.001 0.5 2 # 0;100 0 -0 # 1;");
}

static void choice_of_columns(void **state)
{
    (void)state;
    READS("label,a,b\n3,1,2\n4,5,6\n", "1 2 # 3;5 6 # 4;"); /* by its name, where nothing else is told */
    READS_WITH("label,a,b\n3,1,2\n", "1 2 # 3;", .inputs = 2, .target = MLP_TARGET_CLASS);
    READS_WITH("label,a,b\n3,1,2\n", "3 1 2;", .inputs = 3);
    READS_WITH("a,b,c\n1,2,3\n", "1 3 # 2;", .label = "b");
    READS_WITH("a,b,c\n1,2,3\n", "2 3 # 1;", .label = "1");
    READS_WITH("1,2,3\n", "1 3 # 2;", .label = "-2");
    READS_WITH("3,2,1\n1,2,3\n", "3;1;", .label = "2,3", .target = MLP_TARGET_NONE); /* left out */
    READS_WITH("a,b,c\n1,2,3\n", "2 | 1 3;", .label = "c,a", .target = MLP_TARGET_VALUES);
    READS_WITH("2,1\n1,2\n", "2 1;1 2;", .inputs = 2); /* AUTO: all are features */
    READS_WITH("1,2,3,4\n", "1 2 | 3 4;", .inputs = 2, .target = MLP_TARGET_VALUES, .target_width = 2);
    READS_WITH("1,2,3,4\n", "1 2 | 3 4;", .target = MLP_TARGET_VALUES, .target_width = 2);
    READS_WITH("1,2,0.25,0.75\n", "1 2 | 0.25 0.75;", .inputs = 2, .target = MLP_TARGET_CLASS, .classes = 2);
    READS_WITH("1,2,7\n", "1 2 | 7;", .target = MLP_TARGET_VALUES);
    READS("1,2,0.5\n3,4,7\n", "1 2 | 0.5;3 4 | 7;"); /* AUTO: a fraction is no class */
    READS("1,2,1000\n", "1 2 | 1000;");
}

static void names_of_classes(void **state)
{
    (void)state;
    static const char *const abc[] = {"c", "a", "b"}, *const digits[] = {"5", "7"};
    READS("1,dog\n2,cat\n3,dog\n", "1 # 1;2 # 0;3 # 1; cat dog");
    READS_WITH("1,dog\n2,cat\n", "1 # 1;2 # 0; cat dog", .target = MLP_TARGET_CLASS, .classes = 5);
    READS_WITH("1,b\n2,c\n", "1 # 2;2 # 0; c a b", .class_names = abc, .classes = 3);
    READS_WITH("1,7\n2,5\n", "1 # 1;2 # 0; 5 7", .class_names = digits, .classes = 2);
    READS_WITH("1,1\n2,0\n", "1 # 1;2 # 0; c a b", .class_names = abc, .classes = 3, .target = MLP_TARGET_CLASS);
    READS("2,3,no,\"very, yes\"\n1,2,3,0\n4,5,6,1\n", "1 2 3 # 0;4 5 6 # 1; no very, yes");
    READS("1,2,k1\n2,4,k2\n", "1 2 # 0;2 4 # 1; k1 k2"); /* counts only by chance */
    READS_WITH("1,2.0\n3,0\n", "1 # 2;3 # 0;", .target = MLP_TARGET_CLASS);
    READS_WITH("1,none\n3,some\n", "1 # 0;3 # 1; none some", .target = MLP_TARGET_CLASS);
    READS_WITH("1,A\n3,2\n3,B\n", "1 # 1;3 # 0;3 # 2; 2 A B", .target = MLP_TARGET_CLASS);
}

static void numbers_round_correctly(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.1",
                                        "5.1",
                                        "1e-45",
                                        "3.4028234663852886e38",
                                        "16777217",
                                        "1e22",
                                        "1e23",
                                        "123456789012345678901234567890",
                                        "4.9e-324",
                                        "1e-400",
                                        "0.1e1",
                                        "8.5899345920000003e9",
                                        "1.17549435E-38",
                                        "0.000000000000000000000000000000000000000000001401298"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        char row[100];
        snprintf(row, sizeof row, "%s\n", texts[i]);
        mlp_data *data = read_text(row, NULL, NULL);
        assert_non_null(data);
        float value = (float)strtod(texts[i], NULL); /* the C library rounds correctly */
        assert_memory_equal(data->x.values, &value, sizeof value);
        mlp_data_free(data);
    }
    uint32_t bits = 1;
    for (int i = 0; i < 3000; i++, bits = bits * 1664525u + 1013904223u) { /* nine digits give every float back */
        float value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            char row[100];
            snprintf(row, sizeof row, "%.9g\n", (double)value);
            mlp_data *data = read_text(row, NULL, NULL);
            assert_non_null(data);
            assert_memory_equal(data->x.values, &value, sizeof value);
            mlp_data_free(data);
        }
    }
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) { /* a comma in the locale changes nothing */
        READS_WITH("1.5,0.1234567890123456789\n", "1.5 0.123457;", .inputs = 2);
        setlocale(LC_NUMERIC, "C");
    }
}

static void non_finite_only_when_asked(void **state)
{
    (void)state;
    READS_WITH("1,nan\n-inf,2\n", "1 nan;-inf 2;", .inputs = 2, .allow_nonfinite = true);
}

static void bad_tables_have_exact_messages(void **state)
{
    (void)state;
    static const char *const two[] = {"a", "b"};
    static const struct {
        const char *text;
        mlp_data_spec spec;
        mlp_status status;
        const char *message; /* after "FILE", so with ":LINE: " or ": " */
    } cases[] = {
        {"", {0}, MLP_EFORMAT, ": the file is empty"},
        {"\n \n", {0}, MLP_EFORMAT, ": the file is empty"},
        {"a,b,c\n", {0}, MLP_EFORMAT, ": holds no samples, only a line of names"},
        {"a,b,c\n1,2,0\n1,2\n", {0}, MLP_EFORMAT, ":3: 2 fields where line 2 has 3"},
        {"1,2,0\n\n1,2,3,4\n", {0}, MLP_EFORMAT, ":3: 4 fields where line 1 has 3"},
        {"a,b\n1,2,3\n", {0}, MLP_EFORMAT, ":2: 3 fields where line 1 has 2 names"},
        {"a,b,c\n1,abc,0\n", {0}, MLP_EVALUE, ":2: 'abc' in column 2 (b) is not a number"},
        {"5.1,abc,0\n1,2,1\n", {0}, MLP_EVALUE, ":1: 'abc' in column 2 is not a number"},
        {"1,2,0\n3,0x10,1\n", {0}, MLP_EVALUE, ":2: '0x10' in column 2 is not a number"},
        {"1,2,0\n3,1e,1\n", {0}, MLP_EVALUE, ":2: '1e' in column 2 is not a number"},
        {"1,2,0\n3,4 5,1\n", {0}, MLP_EVALUE, ":2: '4 5' in column 2 is not a number"},
        {"1,2;0\n",
         {.delimiter = ';'},
         MLP_EVALUE,
         ":1: '1,2' in column 1 is not a number (write a decimal point, not a comma)"},
        {"a;b;c\n1,5;2,5;0\n",
         {0},
         MLP_EVALUE,
         ":2: '1,5' in column 1 (a) is not a number (write a decimal point, not a comma)"},
        {"a,b,c\n1,,0\n", {0}, MLP_EVALUE, ":2: missing value in column 2 (b)"},
        {"a,b,c\n1,NA,0\n", {0}, MLP_EVALUE, ":2: missing value in column 2 (b) ('NA')"},
        {"1,2,0\n1,2,\n", {0}, MLP_EVALUE, ":2: missing value in column 3"},
        {"1,2,0\n1,2,?\n", {0}, MLP_EVALUE, ":2: missing value in column 3 ('?')"},
        {"1\n\n2\n", {0}, MLP_EVALUE, ":2: missing value: the line is empty"},
        {"1,nan,0\n", {0}, MLP_EVALUE, ":1: 'nan' in column 2 is not finite"},
        {"1,-Infinity,0\n", {0}, MLP_EVALUE, ":1: '-Infinity' in column 2 is not finite"},
        {"1,2,0\n1,2,nan\n", {0}, MLP_EVALUE, ":2: 'nan' in column 3 is not finite"},
        {"1,1e39,0\n", {0}, MLP_EVALUE, ":1: '1e39' in column 2 is too large for a float"},
        {"1,-1e999,0\n", {.allow_nonfinite = true}, MLP_EVALUE, ":1: '-1e999' in column 2 is too large for a float"},
        {"1,\"2\n3,4\n", {0}, MLP_EFORMAT, ":1: a quote that is never closed"},
        {"1,\"2\"3\n", {0}, MLP_EFORMAT, ":1: text after a closing quote"},
        {"1,2\n\x01,3\n", {0}, MLP_EFORMAT, ":2: byte 0x01 in text: this is no table"},
        {"\xFF\xFE"
         "1,2\n",
         {0},
         MLP_EFORMAT,
         ":1: UTF-16 text; save it as UTF-8"},
        {"3,2,a,b\n1,2,0\n3,4,1\n", {0}, MLP_EFORMAT, ":1: promises 3 rows, the file has 2"},
        {"2,2,a,b\n1,2,0\n3,4,2\n", {0}, MLP_EVALUE, ":1: names 2 classes, but the labels run to 2"},
        {"1,2,3\n1,2,1\n1,2,2\n",
         {.target = MLP_TARGET_CLASS, .classes = 3},
         MLP_EVALUE,
         ":1: label 3 is out of range: classes run from 0 to 2 (do the labels count from 1?)"},
        {"1,2,0\n1,2,1\n1,2,10\n",
         {.target = MLP_TARGET_CLASS, .classes = 10},
         MLP_EVALUE,
         ":3: label 10 is out of range: classes run from 0 to 9"},
        {"1,2,0\n1,2,-1\n",
         {.target = MLP_TARGET_CLASS},
         MLP_EVALUE,
         ":2: label -1 is out of range: classes count from 0"},
        {"1,2,0\n1,2,0.5\n", {.target = MLP_TARGET_CLASS}, MLP_EVALUE, ":2: label 0.5 is no class number"},
        {"1,2,0\n1,2,1\n1,2,x1\n1,2,1\n", {0}, MLP_EVALUE, ":3: label 'x1' is not a number, as most others are"},
        {"1,a\n2,c\n", {.class_names = two, .classes = 2}, MLP_EVALUE, ":2: label 'c' is none of the classes 'a', 'b'"},
        {"1,a\n2,b\n3,c\n",
         {.target = MLP_TARGET_CLASS, .classes = 2},
         MLP_EVALUE,
         ":3: label 'c': there are more than 2 different labels, the net has 2 classes"},
        {"1,3\n2,3\n",
         {.target = MLP_TARGET_CLASS, .min_classes = 2},
         MLP_EVALUE,
         ": one class only: every label is 3"},
        {"1,x\n2,x\n", {.min_classes = 2}, MLP_EVALUE, ": one class only: every label is 'x'"},
        {"1,x\n2,y\n", {.min_classes = 3}, MLP_EVALUE, ": 2 different labels, at least 3 are needed"},
        {"1,2,x\n", {.target = MLP_TARGET_VALUES}, MLP_EVALUE, ":1: 'x' in column 3 is not a number"},
        {"1,2,3,4\n",
         {.inputs = 2, .target = MLP_TARGET_CLASS},
         MLP_ESHAPE,
         ":1: 4 columns, but the net takes 2 inputs and 1 label"},
        {"1,2,3,4\n",
         {.inputs = 1, .target = MLP_TARGET_VALUES, .target_width = 2},
         MLP_ESHAPE,
         ":1: 4 columns, but the net takes 1 input and 2 targets"},
        {"1,2,3\n",
         {.inputs = 3, .target = MLP_TARGET_CLASS},
         MLP_ESHAPE,
         ":1: the net takes all 3 columns as inputs: none is left for the label"},
        {"1,2\n",
         {.inputs = 3, .target = MLP_TARGET_CLASS},
         MLP_ESHAPE,
         ":1: 2 columns, but the net takes 3 inputs and 1 label"},
        {"1,2\n",
         {.inputs = 3, .target = MLP_TARGET_NONE},
         MLP_ESHAPE,
         ":1: 2 columns, but the net takes 3 inputs and no target"},
        {",a,b,label\n0,1,2,0\n",
         {.inputs = 2, .target = MLP_TARGET_CLASS},
         MLP_ESHAPE,
         ":2: 4 columns, but the net takes 2 inputs and 1 label; column 1 has no name: is it a row number?"},
        {"a,b,c\n1,2,0\n", {.label = "d"}, MLP_ENOTFOUND, ":2: no column is named 'd'"},
        {"1,2,0\n", {.label = "d"}, MLP_ENOTFOUND, ":1: no column is named 'd': the file has no line of names"},
        {"1,2,0\n", {.label = "4"}, MLP_ENOTFOUND, ":1: no column 4: there are 3"},
        {"1,2,0\n", {.label = "0"}, MLP_ENOTFOUND, ":1: no column 0: there are 3"},
        {"1,2,0\n", {.label = "-4"}, MLP_ENOTFOUND, ":1: no column -4: there are 3"},
        {"1,2,0\n", {.label = "1,1"}, MLP_EARGUMENT, ":1: label column 1 is named twice"},
        {"1,2,0\n",
         {.label = "1,2,3", .target = MLP_TARGET_VALUES},
         MLP_ESHAPE,
         ":1: every column is a target: none is left for features"},
        {"1,2,0\n", {.delimiter = '1'}, MLP_EARGUMENT, ": '1' cannot be the delimiter"},
        {"1,2,0\n", {.format = "xls"}, MLP_EARGUMENT, ": unknown format 'xls': csv, idx, npy, npz or f32"},
        {"1,2,0\n1,2,1\n",
         {.memory = 100},
         MLP_ENOMEM,
         ": larger than memory: more than 0 rows of 3 values need 1024 bytes, there are 100 bytes"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlp_error err = {.text = ""};
        mlp_data *data = read_text(cases[i].text, &cases[i].spec, &err);
        assert_string_equal(show(data), "");
        assert_null(data);
        assert_string_equal(err.file, path);
        assert_memory_equal(err.text, path, strlen(path));
        assert_string_equal(err.text + strlen(path), cases[i].message);
        assert_int_equal(err.status, cases[i].status);
        assert_int_equal(err.line, cases[i].message[1] == ' ' ? 0 : atol(cases[i].message + 1));
    }
    mlp_error err;
    put(path, "1\0002\n", 4);
    assert_null(mlp_data_read(path, NULL, &(mlp_data_spec){.format = "csv"}, &err));
    assert_string_equal(mlp_error_detail(&err), "byte 0x00 in text: this is no table");
    assert_null(mlp_data_read("/nonexistent.csv", NULL, NULL, &err));
    assert_string_equal(err.text, "/nonexistent.csv: cannot open: No such file or directory");
    assert_null(mlp_data_read("/tmp", NULL, NULL, &err));
    assert_string_equal(err.text, "/tmp: cannot read: Is a directory");
}

static void labels_in_their_own_file(void **state)
{
    (void)state;
    static const struct {
        const char *x, *y;
        mlp_data_spec spec;
        const char *shown, *message;
    } cases[] = {
        {"1,2\n3,4\n", "1\n0\n", {0}, "1 2 # 1;3 4 # 0;", NULL},
        {"1,2\n3,4\n", "label\nb\na\n", {0}, "1 2 # 1;3 4 # 0; a b", NULL},
        {"1,2\n3,4\n", "animal\nb\na\n", {0}, "1 2 # 1;3 4 # 0; a b", NULL}, /* one row too many is a name */
        {"1,2\n3,4\n", "id,label\n7,1\n8,0\n", {.target = MLP_TARGET_CLASS}, "1 2 # 1;3 4 # 0;", NULL},
        {"1,2\n3,4\n", "1,2,3\n4,5,6\n", {0}, "1 2 | 1 2 3;3 4 | 4 5 6;", NULL},
        {"1,2\n3,4\n", "0.25\n7\n", {.target = MLP_TARGET_VALUES}, "1 2 | 0.25;3 4 | 7;", NULL},
        {"1,2\n3,4\n", "1\n0\n1\n", {0}, "", "has 3 labels for the 2 samples of "},
        {"1,2\n3,4\n", "a\nb\na\n", {0}, "", "has 3 labels for the 2 samples of "},
        {"1,2\n",
         "1,2\n",
         {.target = MLP_TARGET_CLASS, .classes = 3},
         "",
         "2 target columns, but 1 label a row is needed"},
        {"1,2\n", "1\n", {.inputs = 3}, "", "2 columns, but the net takes 3 inputs"},
        {"1,2\n", "1\n", {.target = MLP_TARGET_NONE, .inputs = 2}, "", "a file of labels where no target is wanted"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        mlp_error err = {.text = ""};
        put(path, cases[i].x, strlen(cases[i].x));
        put(path2, cases[i].y, strlen(cases[i].y));
        mlp_data *data = mlp_data_read(path, path2, &cases[i].spec, &err);
        assert_string_equal(show(data), cases[i].shown);
        if (cases[i].message) {
            assert_memory_equal(mlp_error_detail(&err), cases[i].message, strlen(cases[i].message));
        }
        mlp_data_free(data);
    }
}

/* A quoted field, a line end and a record that straddle every border of the buffers inside. */
static void long_tables_cross_buffers(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    char *text = malloc((size_t)ROWS * 40), *at = text;
    for (int i = 0; i < ROWS; i++) {
        at += sprintf(at, i % 3 ? "%d,\"%d.5\",\"c\"\"%d\r\n\"\r\n" : "%d,%d.5,d%d\r\n", i, i, i % 7);
    }
    put(path, text, (size_t)(at - text));
    free(text);
    mlp_data *data = mlp_data_read(path, NULL, NULL, NULL);
    assert_non_null(data);
    assert_int_equal(data->rows, ROWS);
    assert_int_equal(data->classes, 14);
    assert_string_equal(data->class_names[0], "c\"0\n");
    for (size_t i = 0; i < ROWS; i++) {
        float x[2];
        mlp_gather(&data->x, &i, 1, x);
        assert_true((double)x[0] == (double)i && (double)x[1] == (double)i + 0.5);
        assert_int_equal(data->labels[i], (i % 3 ? 0 : 7) + i % 7);
    }
    mlp_data_free(data);
}

/* Every single byte of a table replaced by every interesting one: no crash, and whatever fails says why. */
static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static const char text[] = "a,\"b\",species\n1,2.5e1,x\n\"3\",4,\"y\"\n";
    static const char bytes[] = "\0\1\t\n\r \"#,;.-0e9nx\x80\xFF";
    char copy[sizeof text];
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        for (size_t k = 0; k + 1 < sizeof bytes; k++) {
            memcpy(copy, text, sizeof text);
            copy[at] = bytes[k];
            mlp_error err = {.text = ""};
            put(path, copy, sizeof text - 1);
            mlp_data *data = mlp_data_read(path, NULL, &(mlp_data_spec){.format = "csv"}, &err);
            assert_true(data ? data->rows > 0 && err.text[0] == '\0' : err.status != MLP_OK && err.text[0] != '\0');
            assert_null(strchr(err.text, '\n'));
            mlp_data_free(data);
        }
    }
}

static const char *data_file(const char *name)
{
    static char file[512];
    const char *folder = getenv("MLPC_DATA");
    snprintf(file, sizeof file, "%s/%s", folder ? folder : "../shared/data", name);
    if (access(file, R_OK) != 0) {
        print_message("skipped: no %s\n", file);
        return NULL;
    }
    return file;
}

static void iris_and_digits(void **state)
{
    (void)state;
    const char *iris = data_file("iris/iris.csv");
    mlp_error err;
    if (iris) {
        mlp_data *data = mlp_data_read(iris, NULL, &(mlp_data_spec){.inputs = 4, .classes = 3}, &err);
        assert_non_null(data);
        assert_int_equal(data->rows, 150);
        assert_int_equal(data->classes, 3);
        assert_string_equal(data->class_names[2], "virginica");
        assert_string_equal(data->note, "target: column 5 of 5");
        for (size_t i = 0; i < 150; i++) {
            assert_int_equal(data->labels[i], i / 50);
        }
        mlp_data_free(data);
    }
    const char *digits = data_file("digits/digits.csv.gz");
    if (digits) {
        mlp_data *data =
            mlp_data_read(digits, NULL, &(mlp_data_spec){.target = MLP_TARGET_CLASS, .min_classes = 10}, &err);
        assert_non_null(data);
        assert_int_equal(data->rows, 1797);
        assert_int_equal(data->x.width, 64);
        assert_int_equal(data->classes, 10);
        float least = 99, most = -99, row[64];
        for (size_t r = 0; r < data->rows; r++) {
            mlp_gather(&data->x, &r, 1, row);
            for (int i = 0; i < 64; i++) {
                least = fminf(least, row[i]);
                most = fmaxf(most, row[i]);
            }
        }
        assert_true(least >= 0 && least <= 0 && most >= 16 && most <= 16);
        mlp_data_free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_tables),
        cmocka_unit_test(choice_of_columns),
        cmocka_unit_test(names_of_classes),
        cmocka_unit_test(numbers_round_correctly),
        cmocka_unit_test(non_finite_only_when_asked),
        cmocka_unit_test(bad_tables_have_exact_messages),
        cmocka_unit_test(labels_in_their_own_file),
        cmocka_unit_test(long_tables_cross_buffers),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(iris_and_digits),
    };
    return cmocka_run_group_tests_name("data", tests, make_files, remove_files);
}
