/* data_array.c: arrays in binary files into data: IDX (as MNIST), NPY (as NumPy), raw float32. Sizes are proven first.
 */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "file.h"

size_t mlp_type_size(mlp_type type)
{
    switch (type) {
    case MLP_F32:
        return 4;
    case MLP_F16:
    case MLP_U16:
    case MLP_I16:
        return 2;
    case MLP_U8:
    case MLP_I8:
        return 1;
    }
    return 0;
}

static const char *bytes_text(uint64_t bytes, char *text, size_t size)
{
    if (bytes >= 1000000000) {
        snprintf(text, size, "%.1f GB", (double)bytes / 1e9);
    } else if (bytes >= 1000000) {
        snprintf(text, size, "%.1f MB", (double)bytes / 1e6);
    } else {
        snprintf(text, size, "%llu bytes", (unsigned long long)bytes);
    }
    return text;
}

mlp_status mlp_data_fits(uint64_t bytes, uint64_t held, const mlp_data_spec *spec, const char *file, const char *what,
                         mlp_error *err)
{
    char need[32], have[32];
    uint64_t free_bytes = spec->memory ? spec->memory : mlp_memory_available();
    if (!spec->memory && free_bytes <= UINT64_MAX - held) {
        free_bytes += held;
    }
    if (bytes <= free_bytes && bytes <= SIZE_MAX / 2) {
        return MLP_OK;
    }
    return mlp_fail(err, MLP_ENOMEM, file, 0, "larger than memory: %s need %s, there are %s", what,
                    bytes_text(bytes, need, sizeof need), bytes_text(free_bytes, have, sizeof have));
}

/* The type in which such values are kept, and whether they must be converted to become it. */
static mlp_type stored_type(const mlp_element *e, bool *convert)
{
    *convert = false;
    if (e->size == 1) {
        return e->kind == 'i' ? MLP_I8 : MLP_U8;
    }
    if (e->size == 2) {
        return e->kind == 'f' ? MLP_F16 : e->kind == 'i' ? MLP_I16 : MLP_U16;
    }
    *convert = e->kind != 'f' || e->size != 4;
    return MLP_F32;
}

/* One value in the machine's order, as a float. */
static float converted(const unsigned char *p, const mlp_element *e)
{
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    double number;
    switch (e->size) {
    case 1:
        return e->kind == 'i' ? (float)(int8_t)*p : (float)*p;
    case 2:
        memcpy(&u16, p, 2);
        return e->kind == 'f' ? mlp_float_of_half(u16) : e->kind == 'i' ? (float)(int16_t)u16 : (float)u16;
    case 4:
        memcpy(&u32, p, 4);
        return e->kind == 'f' ? mlp_float_of_bits(u32) : e->kind == 'i' ? (float)(int32_t)u32 : (float)u32;
    default:
        memcpy(&u64, p, 8);
        memcpy(&number, p, 8);
        return e->kind == 'f' ? mlp_float_of_double(number) : e->kind == 'i' ? (float)(int64_t)u64 : (float)u64;
    }
}

float mlp_element_value(const mlp_element *e, const unsigned char *bytes)
{
    unsigned char turned[8];
    memcpy(turned, bytes, e->size);
    if (e->little != mlp_host_is_little()) {
        mlp_swap_bytes(turned, 1, e->size);
    }
    return converted(turned, e);
}

static mlp_status take_converted(mlp_input *in, const mlp_element *e, float *to, size_t count)
{
    unsigned char chunk[16384];
    while (count > 0) {
        size_t n = count < sizeof chunk / e->size ? count : sizeof chunk / e->size;
        if (mlp_input_take(in, chunk, n * e->size, "the array") != MLP_OK) {
            return in->status;
        }
        if (e->little != mlp_host_is_little()) {
            mlp_swap_bytes(chunk, n, e->size);
        }
        for (size_t i = 0; i < n; i++) {
            *to++ = converted(chunk + i * e->size, e);
        }
        count -= n;
    }
    return MLP_OK;
}

/* NaN, infinity and doubles beyond float32 are refused; first: bytes before the first value. */
static mlp_status check_finite(mlp_input *in, const mlp_element *e, const mlp_array *a, uint64_t first)
{
    for (size_t row = 0; row < a->rows && e->kind == 'f'; row++) {
        for (size_t i = 0; i < a->width; i++) {
            size_t at = row * a->width + i;
            float value = a->type == MLP_F16 ? mlp_float_of_half(((const uint16_t *)a->values)[at])
                                             : ((const float *)a->values)[at];
            if (!mlp_is_finite(value)) {
                return in->status = mlp_fail(in->err, MLP_EVALUE, in->name, 0, "row %zu, column %zu is %s (byte %llu)",
                                             row + 1, i + 1,
                                             isnan(value)   ? "NaN"
                                             : e->size == 8 ? "infinite or too large for a float"
                                                            : "infinite",
                                             (unsigned long long)(first + (uint64_t)at * e->size));
            }
        }
    }
    return MLP_OK;
}

/* What a shape promises against what the file can still hold. */
static mlp_status check_shape(mlp_input *in, const mlp_element *e, uint64_t rows, uint64_t width)
{
    bool exact;
    uint64_t rest = mlp_input_rest(in, &exact), first = in->offset;
    if (width > 0 && rows > UINT64_MAX / 8 / width) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                                     "cut short or lying: its shape promises %llu rows of %llu values",
                                     (unsigned long long)rows, (unsigned long long)width);
    }
    uint64_t promised = rows * width * e->size;
    if (promised > rest || (exact && promised < rest)) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                                     "%s: its shape promises %llu bytes from byte %llu on, the file has %s%llu",
                                     promised > rest ? "cut short or lying" : "too long", (unsigned long long)promised,
                                     (unsigned long long)first, exact ? "" : "at most ", (unsigned long long)rest);
    }
    return MLP_OK;
}

/* Reads rows * width values from the input's next byte to its end, which must be there. */
static mlp_status load(mlp_array *array, mlp_input *in, const mlp_element *e, uint64_t rows, uint64_t width,
                       const mlp_data_spec *spec)
{
    bool convert;
    mlp_type type = stored_type(e, &convert);
    uint64_t first = in->offset;
    if (rows == 0 || width == 0) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "holds no samples");
    }
    if (check_shape(in, e, rows, width) != MLP_OK) {
        return in->status;
    }
    char what[96];
    uint64_t bytes = rows * width * mlp_type_size(type);
    snprintf(what, sizeof what, "%llu rows of %llu values (%s)", (unsigned long long)rows, (unsigned long long)width,
             e->name);
    if ((in->status = mlp_data_fits(bytes, 0, spec, in->name, what, in->err)) != MLP_OK) {
        return in->status;
    }
    *array = (mlp_array){type, (size_t)rows, (size_t)width, malloc((size_t)bytes)};
    if (!array->values) {
        return in->status = mlp_fail(in->err, MLP_ENOMEM, in->name, 0, "larger than memory: %s need %llu bytes", what,
                                     (unsigned long long)bytes);
    }
    size_t count = array->rows * array->width;
    if (convert) {
        take_converted(in, e, array->values, count);
    } else if (mlp_input_take(in, array->values, count * e->size, "the array") == MLP_OK &&
               e->little != mlp_host_is_little()) {
        mlp_swap_bytes(array->values, count, e->size);
    }
    unsigned char more;
    if (in->status == MLP_OK && mlp_input_read(in, &more, 1) == 1) {
        in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "too long: its shape ends the array before byte %llu",
                              (unsigned long long)(in->offset - 1));
    }
    if (in->status == MLP_OK && !spec->allow_nonfinite) {
        check_finite(in, e, array, first);
    }
    return in->status;
}

/* ---- IDX: http://yann.lecun.com/exdb/mnist/ : 0, 0, type, number of dimensions, the sizes, then the values, all of
 * them most significant byte first ---- */

mlp_status mlp_idx_read(mlp_array *array, mlp_input *in, const mlp_data_spec *spec)
{
    static const struct {
        unsigned char code;
        mlp_element e;
    } types[] = {{0x08, {'u', 1, false, "bytes"}},   {0x09, {'i', 1, false, "int8"}},
                 {0x0B, {'i', 2, false, "int16"}},   {0x0C, {'i', 4, false, "int32"}},
                 {0x0D, {'f', 4, false, "float32"}}, {0x0E, {'f', 8, false, "float64"}}};
    unsigned char head[4], size[4];
    if (mlp_input_take(in, head, sizeof head, "the IDX header") != MLP_OK) {
        return in->status;
    }
    size_t k = 0;
    while (k < sizeof types / sizeof types[0] && types[k].code != head[2]) {
        k++;
    }
    if (head[0] != 0 || head[1] != 0 || k == sizeof types / sizeof types[0] || head[3] == 0) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "bytes %02x %02x %02x %02x begin no IDX file",
                                     head[0], head[1], head[2], head[3]);
    }
    uint64_t rows = 0, width = 1;
    for (int i = 0; i < head[3]; i++) {
        if (mlp_input_take(in, size, sizeof size, "the IDX header") != MLP_OK) {
            return in->status;
        }
        uint64_t n = (uint64_t)size[0] << 24 | (uint64_t)size[1] << 16 | (uint64_t)size[2] << 8 | size[3];
        if (i == 0) {
            rows = n;
        } else if (n > 0 && width > UINT64_MAX / n) {
            return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "dimension %d is too large (byte %d)",
                                         i + 1, 4 + 4 * i);
        } else {
            width *= n;
        }
    }
    return load(array, in, &types[k].e, rows, width, spec);
}

/* ---- NPY: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html : magic, version, length, then the
 * text of a Python dict with descr, fortran_order and shape ---- */

/* The text of the header while it is read. */
typedef struct dict {
    const char *at;
    mlp_input *in;
} dict;

static bool bad_header(dict *d, const char *what)
{
    d->in->status = mlp_fail(d->in->err, MLP_EFORMAT, d->in->name, 0, "NPY header: %s, at '%.20s'", what, d->at);
    return false;
}

static bool skip_to(dict *d, char wanted)
{
    d->at += strspn(d->at, " \n\t");
    if (*d->at != wanted) {
        char what[32];
        snprintf(what, sizeof what, "no '%c'", wanted);
        return bad_header(d, what);
    }
    d->at++;
    return true;
}

/* A string in either kind of quotes. */
static bool quoted(dict *d, char *text, size_t size)
{
    d->at += strspn(d->at, " \n\t");
    char quote = *d->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(d->at + 1, quote) : NULL;
    if (!end || (size_t)(end - d->at) > size) {
        return bad_header(d, "no text");
    }
    memcpy(text, d->at + 1, (size_t)(end - d->at) - 1);
    text[end - d->at - 1] = '\0';
    d->at = end + 1;
    return true;
}

/* "<f4" and its like. */
static bool read_type(dict *d, mlp_element *e)
{
    static const struct {
        const char *code;
        mlp_element e;
    } types[] = {
        {"b1", {'b', 1, true, "bool"}},    {"u1", {'u', 1, true, "uint8"}},   {"i1", {'i', 1, true, "int8"}},
        {"u2", {'u', 2, true, "uint16"}},  {"i2", {'i', 2, true, "int16"}},   {"u4", {'u', 4, true, "uint32"}},
        {"i4", {'i', 4, true, "int32"}},   {"u8", {'u', 8, true, "uint64"}},  {"i8", {'i', 8, true, "int64"}},
        {"f2", {'f', 2, true, "float16"}}, {"f4", {'f', 4, true, "float32"}}, {"f8", {'f', 8, true, "float64"}}};
    char text[32];
    d->at += strspn(d->at, " ");
    if (*d->at == '[' || *d->at == '(') {
        return bad_header(d, "a structured type is not supported");
    }
    if (!quoted(d, text, sizeof text)) {
        return false;
    }
    const char *code = text + (text[0] != '\0' && strchr("<>|=", text[0]) ? 1 : 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(code, types[i].code) == 0 && (text[0] != '|' || types[i].e.size == 1)) {
            *e = types[i].e;
            e->little = text[0] == '<' || (text[0] != '>' && mlp_host_is_little());
            return true;
        }
    }
    d->in->status = mlp_fail(d->in->err, MLP_EFORMAT, d->in->name, 0,
                             "NPY type '%s' is not supported: save it as float32, float64, or an integer type", text);
    return false;
}

/* (), (5,), (5, 3, ...): rows and, of all further sizes, the product. No size at all is one number. */
static bool read_shape(dict *d, uint64_t *rows, uint64_t *width, int *rank)
{
    *rank = 0;
    *width = 1;
    if (!skip_to(d, '(')) {
        return false;
    }
    for (;; ++*rank) {
        d->at += strspn(d->at, " \n\t");
        if (*d->at == ')') {
            d->at++;
            return true;
        }
        uint64_t n = 0;
        const char *start = d->at;
        while (*d->at >= '0' && *d->at <= '9') {
            unsigned digit = (unsigned)(*d->at++ - '0');
            if (n > (UINT64_MAX - digit) / 10) {
                return bad_header(d, "a size too large");
            }
            n = n * 10 + digit;
        }
        if (d->at == start) {
            return bad_header(d, "no size");
        }
        d->at += *d->at == 'L'; /* as Python 2 wrote */
        if (*rank == 0) {
            *rows = n;
        } else if (n > 0 && *width > UINT64_MAX / n) {
            return bad_header(d, "a size too large");
        } else {
            *width *= n;
        }
        d->at += strspn(d->at, " \n\t");
        if (*d->at != ')' && !skip_to(d, ',')) {
            return false;
        }
    }
}

/* True and False are told by their first letter. */
static bool read_header(dict *d, mlp_element *e, bool *fortran, uint64_t *rows, uint64_t *width, int *rank)
{
    unsigned seen = 0;
    if (!skip_to(d, '{')) {
        return false;
    }
    for (;;) {
        char key[32];
        d->at += strspn(d->at, " \n\t");
        if (*d->at == '}') {
            return seen == 7 || bad_header(d, "not all of descr, fortran_order and shape");
        }
        if (!quoted(d, key, sizeof key) || !skip_to(d, ':')) {
            return false;
        }
        bool good;
        d->at += strspn(d->at, " \n\t");
        if (strcmp(key, "descr") == 0) {
            seen |= 1;
            good = read_type(d, e);
        } else if (strcmp(key, "fortran_order") == 0) {
            seen |= 2;
            *fortran = strncmp(d->at, "True", 4) == 0;
            good = *fortran || strncmp(d->at, "False", 5) == 0 || bad_header(d, "neither True nor False");
            d->at += good ? (*fortran ? 4 : 5) : 0;
        } else if (strcmp(key, "shape") == 0) {
            seen |= 4;
            good = read_shape(d, rows, width, rank);
        } else {
            good = bad_header(d, "an unknown key before this");
        }
        if (!good) {
            return false;
        }
        d->at += strspn(d->at, " \n\t");
        if (*d->at != '}' && !skip_to(d, ',')) {
            return false;
        }
    }
}

/* The header alone. */
static mlp_status take_header(mlp_input *in, mlp_element *e, uint64_t *rows, uint64_t *width)
{
    enum { MOST_HEADER = 1 << 20 };
    unsigned char head[8], size[4] = {0};
    if (mlp_input_take(in, head, sizeof head, "the NPY header") != MLP_OK) {
        return in->status;
    }
    if (memcmp(head, "\x93NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                                     "is no NPY file of version 1 to 3 (by its first 8 bytes)");
    }
    if (mlp_input_take(in, size, head[6] == 1 ? 2 : 4, "the NPY header") != MLP_OK) {
        return in->status;
    }
    uint32_t length = (uint32_t)size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    char *text = length <= MOST_HEADER ? malloc((size_t)length + 1) : NULL;
    if (!text) {
        return in->status = mlp_fail(in->err, length <= MOST_HEADER ? MLP_ENOMEM : MLP_EFORMAT, in->name, 0,
                                     "NPY header of %lu bytes, the limit is %d", (unsigned long)length, MOST_HEADER);
    }
    bool fortran = false;
    int rank = 0;
    if (mlp_input_take(in, text, length, "the NPY header") == MLP_OK) {
        text[length] = '\0';
        dict d = {text, in};
        (void)read_header(&d, e, &fortran, rows, width, &rank);
    }
    free(text);
    if (in->status != MLP_OK) {
        return in->status;
    }
    if (rank == 0) {
        return in->status = mlp_fail(in->err, MLP_ESHAPE, in->name, 0, "holds a single number, not rows of them");
    }
    if (fortran && rank > 1) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                                     "is in Fortran order (columns first): save numpy.ascontiguousarray(x)");
    }
    return MLP_OK;
}

mlp_status mlp_npy_begin(mlp_input *in, mlp_element *e, uint64_t *rows, uint64_t *width)
{
    return take_header(in, e, rows, width) == MLP_OK ? check_shape(in, e, *rows, *width) : in->status;
}

mlp_status mlp_npy_read(mlp_array *array, mlp_input *in, const mlp_data_spec *spec)
{
    mlp_element e = {0};
    uint64_t rows = 0, width = 0;
    return take_header(in, &e, &rows, &width) == MLP_OK ? load(array, in, &e, rows, width, spec) : in->status;
}

/* ---- raw float32 ---- */

mlp_status mlp_f32_read(mlp_array *array, mlp_input *in, size_t width, const mlp_data_spec *spec)
{
    static const mlp_element e = {'f', 4, true, "float32"};
    bool exact;
    uint64_t rest = mlp_input_rest(in, &exact);
    if (width == 0 || width > SIZE_MAX / 8) {
        return in->status =
                   mlp_fail(in->err, MLP_EARGUMENT, in->name, 0, "raw float32 needs the number of values a row");
    }
    uint64_t row = (uint64_t)width * e.size;
    if (exact && rest % row != 0) {
        return in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                                     "%llu bytes are no whole number of rows of %zu float32 values (%llu bytes each)",
                                     (unsigned long long)rest, width, (unsigned long long)row);
    }
    if (exact) {
        return load(array, in, &e, rest / row, width, spec);
    }
    /* Packed or piped: nobody knows the size, so the block grows. */
    size_t room = 0, have = 0;
    unsigned char *bytes = NULL;
    for (;;) {
        if (have == room) {
            room = room ? room * 2 : (size_t)1 << 16;
            char what[48];
            snprintf(what, sizeof what, "more than %zu bytes", have);
            in->status = mlp_data_fits(room, have, spec, in->name, what, in->err);
            unsigned char *grown = in->status == MLP_OK ? realloc(bytes, room) : NULL;
            if (!grown) {
                free(bytes);
                return in->status != MLP_OK ? in->status
                                            : (in->status = mlp_fail_memory(in->err, in->name, room, "the array"));
            }
            bytes = grown;
        }
        size_t n = mlp_input_read(in, bytes + have, room - have);
        have += n;
        if (have < room) {
            break;
        }
    }
    if (in->status == MLP_OK && have == 0) {
        in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "holds no samples");
    } else if (in->status == MLP_OK && have % row != 0) {
        in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0,
                              "%zu bytes are no whole number of rows of %zu float32 values (%llu bytes each)", have,
                              width, (unsigned long long)row);
    }
    if (in->status != MLP_OK) {
        free(bytes);
        return in->status;
    }
    *array = (mlp_array){MLP_F32, (size_t)(have / row), width, bytes};
    if (!mlp_host_is_little()) {
        mlp_swap_bytes(bytes, have / e.size, e.size);
    }
    return spec->allow_nonfinite ? MLP_OK : check_finite(in, &e, array, 0);
}
