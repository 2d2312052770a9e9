/* data_archive_test.c: packed data: gzip and NPZ, whole and damaged; raw float32; features and targets in one array. */
#define _POSIX_C_SOURCE 200809L

#include "data_files.h"

static void gzip_cut_damaged_or_followed(void **state)
{
    (void)state;
    uint32_t sizes[] = {1000};
    unsigned char data[1000];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * i >> 3); /* not so regular that it packs into a few bytes */
    }
    bytes b = idx(8, 1, sizes, data, sizeof data), packed = {.size = 0};
    save_packed(&b, "a.idx");
    FILE *file = fopen(at("a.idx"), "rb");
    assert_non_null(file);
    packed.size = fread(packed.data, 1, sizeof packed.data, file);
    fclose(file);
    mlp_error err;
    for (size_t n = 2; n < packed.size; n++) { /* a gzip file cut anywhere */
        bytes part = packed;
        part.size = n;
        save(&part, "a.idx");
        assert_null(mlp_data_read(at("a.idx"), NULL, &(mlp_data_spec){.format = "idx"}, &err));
        assert_int_equal(err.status, MLP_EFORMAT);
        assert_non_null(strstr(err.text, "cut short"));
    }
    bytes wrong = packed;
    wrong.data[packed.size - 6] ^= 1; /* in the checksum */
    save(&wrong, "a.idx");
    assert_null(mlp_data_read(at("a.idx"), NULL, NULL, &err));
    assert_non_null(strstr(err.text, "damaged packed data: incorrect data check"));
    wrong = packed;
    add(&wrong, "junk", 4);
    save(&wrong, "a.idx");
    assert_null(mlp_data_read(at("a.idx"), NULL, NULL, &err));
    assert_non_null(strstr(err.text, "other bytes follow the gzip data"));
    wrong = packed;
    add(&wrong, "\0\0\0\0", 4); /* padding, as on tapes */
    save(&wrong, "a.idx");
    mlp_data *good = mlp_data_read(at("a.idx"), NULL, NULL, &err);
    assert_non_null(good);
    mlp_data_free(good);
}

/* A zip archive: members stored or deflated, the second one's checksum wrong on demand. */
static bytes zip(size_t count, const char *const *names, const bytes *members, bool deflated, bool damaged)
{
    bytes b = {.size = 0}, directory = {.size = 0};
    for (size_t i = 0; i < count; i++) {
        unsigned char packed[4096];
        z_stream z = {.next_in = (unsigned char *)(uintptr_t)members[i].data,
                      .avail_in = (unsigned)members[i].size,
                      .next_out = packed,
                      .avail_out = sizeof packed};
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        size_t size = deflated ? sizeof packed - z.avail_out : members[i].size, header = b.size;
        deflateEnd(&z);
        uint64_t crc = crc32(0, members[i].data, (unsigned)members[i].size) ^ (damaged && i == 1);
        for (int part = 0; part < 2; part++) { /* the local header, and its copy in the directory */
            bytes *to = part ? &directory : &b;
            add(to, part ? "PK\1\2\24\0" : "PK\3\4", part ? 6 : 4);
            add_number(to, 20, 2);
            add_number(to, 0, 2);
            add_number(to, deflated ? 8 : 0, 2);
            add_number(to, 0, 4);
            add_number(to, crc, 4);
            add_number(to, size, 4);
            add_number(to, members[i].size, 4);
            add_number(to, strlen(names[i]), 2);
            add_number(to, 0, 2);
            if (part) {
                add_number(to, 0, 2);
                add_number(to, 0, 8);
                add_number(to, header, 4);
            }
            add(to, names[i], strlen(names[i]));
        }
        add(&b, deflated ? packed : members[i].data, size);
    }
    size_t start = b.size;
    add(&b, directory.data, directory.size);
    add(&b, "PK\5\6\0\0\0\0", 8);
    add_number(&b, count, 2);
    add_number(&b, count, 2);
    add_number(&b, directory.size, 4);
    add_number(&b, start, 4);
    add_number(&b, 0, 2);
    return b;
}

static void archives(void **state)
{
    (void)state;
    const float x[4] = {1, 2, 3, 4};
    static const char *const xy[] = {"x.npy", "y.npy"}, *const train[] = {"x_train.npy", "readme.txt"},
                             *const ab[] = {"a.npy", "b.npy"};
    bytes members[] = {npy_of("<f4", "(2, 2)", x, sizeof x), npy_of("|u1", "(2,)", "\1\0", 2)};
    mlp_error err;
    for (int deflated = 0; deflated < 2; deflated++) {
        bytes b = zip(2, xy, members, deflated, false);
        save(&b, "a.npz");
        mlp_data *data = mlp_data_read(at("a.npz"), NULL, NULL, &err);
        assert_non_null(data);
        assert_int_equal(data->rows, 2);
        assert_int_equal(data->target, MLP_TARGET_CLASS);
        assert_int_equal(data->labels[0], 1);
        assert_string_equal(data->note, "target: member y");
        mlp_data_free(data);
        char labels[160], features[160];
        snprintf(features, sizeof features, "%s:x", at("a.npz"));
        snprintf(labels, sizeof labels, "%s:y", at("a.npz"));
        data = mlp_data_read(features, labels, &(mlp_data_spec){.target = MLP_TARGET_VALUES}, &err);
        assert_non_null(data);
        assert_int_equal(data->t.type, MLP_U8);
        mlp_data_free(data);
        b = zip(2, xy, members, deflated, true);
        save(&b, "a.npz");
        assert_null(mlp_data_read(at("a.npz"), NULL, NULL, &err));
        assert_non_null(strstr(err.text, "a.npz:y: damaged archive member: wrong checksum"));
        for (size_t n = 4; n < b.size; n += 7) { /* cut anywhere */
            bytes part = b;
            part.size = n;
            save(&part, "a.npz");
            assert_null(mlp_data_read(at("a.npz"), NULL, NULL, &err));
            assert_non_null(strstr(err.text, "damaged or cut short zip archive: no end record"));
        }
    }
    bytes b = zip(2, train, members, false, false);
    save(&b, "a.npz");
    assert_holds("a.npz", MLP_F32, 2, 2, x);
    b = zip(2, ab, members, false, false);
    save(&b, "a.npz");
    assert_refused("a.npz", NULL, MLP_ENOTFOUND, "which member? name one as FILE.npz:NAME; there are: a, b");
    char path[160];
    snprintf(path, sizeof path, "%s:c", at("a.npz"));
    assert_null(mlp_data_read(path, NULL, NULL, &err));
    assert_string_equal(mlp_error_detail(&err), "no member 'c'; there are: a, b");
    members[1] = npy_of("|u1", "(3,)", "\1\0\1", 3);
    b = zip(2, xy, members, false, false);
    save(&b, "a.npz");
    assert_refused("a.npz", NULL, MLP_ESHAPE, "member 'y' has 3 rows, member 'x' 2");
    b = zip(1, train + 1, members, false, false);
    save(&b, "a.npz");
    assert_refused("a.npz", NULL, MLP_EFORMAT, "holds no arrays: a zip archive without .npy members");
}

static void raw_floats(void **state)
{
    (void)state;
    const float values[6] = {1, -2, 3, 4, 5, 6};
    bytes b = {.size = 0};
    add(&b, values, sizeof values); /* little-endian hosts only, as all of ours are */
    save(&b, "a.f32");
    assert_holds("a.f32", MLP_F32, 2, 3, values);
    assert_holds("a.f32", MLP_F32, 6, 1, values);
    save_packed(&b, "b.f32");
    assert_holds("b.f32", MLP_F32, 3, 2, values);
    assert_refused("a.f32", NULL, MLP_EARGUMENT, "raw float32 needs the number of values a row");
    static const char detail[] = "24 bytes are no whole number of rows of 4 float32 values (16 bytes each)";
    assert_refused("a.f32", &(mlp_data_spec){.inputs = 4}, MLP_EFORMAT, detail);
    assert_refused("b.f32", &(mlp_data_spec){.inputs = 4}, MLP_EFORMAT, detail);
    assert_refused("a.f32", &(mlp_data_spec){.inputs = 2, .memory = 23}, MLP_ENOMEM,
                   "larger than memory: 3 rows of 2 values (float32) need 24 bytes, there are 23 bytes");
    save(&b, "a.bin");
    assert_refused("a.bin", NULL, MLP_EFORMAT, "unknown format: neither text nor IDX nor NPY (raw float32 is .f32)");
    b.size = 0;
    save(&b, "a.f32");
    assert_refused("a.f32", &(mlp_data_spec){.inputs = 2}, MLP_EFORMAT, "holds no samples");
}

static void one_array_with_targets(void **state)
{
    (void)state;
    const float values[6] = {1, 2, 0, 3, 4, 2};
    mlp_error err;
    bytes b = npy_of("<f4", "(2, 3)", values, sizeof values);
    save(&b, "a.npy");
    mlp_data *data = mlp_data_read(at("a.npy"), NULL, &(mlp_data_spec){.inputs = 2}, &err);
    assert_non_null(data);
    assert_int_equal(data->x.width, 2);
    assert_int_equal(data->target, MLP_TARGET_CLASS);
    assert_int_equal(data->classes, 3);
    assert_int_equal(data->labels[1], 2);
    assert_memory_equal(data->x.values, ((const float[]){1, 2, 3, 4}), 16);
    mlp_data_free(data);
    data = mlp_data_read(at("a.npy"), NULL, &(mlp_data_spec){.inputs = 1, .target = MLP_TARGET_VALUES, .label = "1,3"},
                         &err);
    assert_non_null(data);
    assert_memory_equal(data->x.values, ((const float[]){2, 4}), 8);
    assert_memory_equal(data->t.values, ((const float[]){1, 0, 3, 2}), 16);
    mlp_data_free(data);
    assert_refused("a.npy", &(mlp_data_spec){.inputs = 2, .target = MLP_TARGET_CLASS, .classes = 2}, MLP_EVALUE,
                   "row 2: label 2 is out of range: classes run from 0 to 1");
    b = npy_of("<i8", "(2,)", (const int64_t[]){1, -1}, 16);
    save(&b, "b.npy");
    assert_null(mlp_data_read(at("a.npy"), at("b.npy"), &(mlp_data_spec){.target = MLP_TARGET_CLASS}, &err));
    assert_string_equal(mlp_error_detail(&err), "row 2: label -1 is out of range: classes count from 0");
    b = npy_of("<i8", "(3,)", (const int64_t[]){1, 1, 0}, 24);
    save(&b, "b.npy");
    assert_null(mlp_data_read(at("a.npy"), at("b.npy"), NULL, &err));
    assert_memory_equal(mlp_error_detail(&err), "has 3 labels for the 2 samples of ", 34);
}

static void fashion_mnist(void **state)
{
    (void)state;
    const char *data_folder = getenv("MLPC_DATA");
    char images[512], labels[512];
    snprintf(images, sizeof images, "%s/fashion_mnist/t10k-images-idx3-ubyte.gz",
             data_folder ? data_folder : "../shared/data");
    snprintf(labels, sizeof labels, "%s/fashion_mnist/t10k-labels-idx1-ubyte.gz",
             data_folder ? data_folder : "../shared/data");
    if (access(images, R_OK) != 0) {
        print_message("skipped: no %s\n", images);
        return;
    }
    mlp_error err;
    const mlp_data_spec spec = {.inputs = 784, .target = MLP_TARGET_CLASS, .classes = 10, .min_classes = 10};
    mlp_data *data = mlp_data_read(images, labels, &spec, &err);
    assert_non_null(data);
    assert_int_equal(data->rows, 10000);
    assert_int_equal(data->x.type, MLP_U8);
    size_t counts[10] = {0};
    for (size_t i = 0; i < data->rows; i++) {
        counts[data->labels[i]]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(counts[i], 1000);
    }
    mlp_data_free(data);
    assert_null(mlp_data_read(labels, images, &spec, &err));
    assert_string_equal(mlp_error_detail(&err), "1 column, but the net takes 784 inputs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_cut_damaged_or_followed), cmocka_unit_test(archives),      cmocka_unit_test(raw_floats),
        cmocka_unit_test(one_array_with_targets),       cmocka_unit_test(fashion_mnist),
    };
    return cmocka_run_group_tests_name("data_archive", tests, make_folder, remove_folder);
}
