/* data_use.c: from stored samples to batches of floats; splits and scaling. Used by the training loop. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "error.h"

/* One row as floats. The loops are plain, so that compilers make vector code of them. */
static void copy_row(mlp_type type, const void *values, size_t at, size_t width, float *out)
{
    switch (type) {
    case MLP_F32:
        memcpy(out, (const float *)values + at, width * sizeof *out);
        return;
    case MLP_F16: {
        const uint16_t *v = (const uint16_t *)values + at;
        for (size_t i = 0; i < width; i++) {
            out[i] = mlp_float_of_half(v[i]);
        }
        return;
    }
    case MLP_U8: {
        const uint8_t *v = (const uint8_t *)values + at;
        for (size_t i = 0; i < width; i++) {
            out[i] = (float)v[i];
        }
        return;
    }
    case MLP_I8: {
        const int8_t *v = (const int8_t *)values + at;
        for (size_t i = 0; i < width; i++) {
            out[i] = (float)v[i];
        }
        return;
    }
    case MLP_U16: {
        const uint16_t *v = (const uint16_t *)values + at;
        for (size_t i = 0; i < width; i++) {
            out[i] = (float)v[i];
        }
        return;
    }
    case MLP_I16: {
        const int16_t *v = (const int16_t *)values + at;
        for (size_t i = 0; i < width; i++) {
            out[i] = (float)v[i];
        }
        return;
    }
    }
}

/* Shuffled rows come from all over memory: so many rows before one is copied it is asked for. */
enum { AHEAD = 3, FETCHED = 4096 };

static inline void fetch(const char *row, size_t bytes)
{
#if defined(__GNUC__)
    for (size_t i = 0; i < bytes && i < FETCHED; i += 64) {
        __builtin_prefetch(row + i);
    }
#else
    (void)row, (void)bytes;
#endif
}

void mlp_gather(const mlp_array *array, const size_t *rows, size_t n, float *out)
{
    size_t width = array->width, bytes = width * mlp_type_size(array->type);
    for (size_t i = 0; i < n; i++) {
        if (rows && i + AHEAD < n) {
            fetch((const char *)array->values + rows[i + AHEAD] * bytes, bytes);
        }
        copy_row(array->type, array->values, (rows ? rows[i] : i) * width, width, out + i * width);
    }
}

void mlp_gather_targets(const mlp_data *data, const size_t *rows, size_t n, float *out)
{
    if (data->target == MLP_TARGET_VALUES) {
        mlp_gather(&data->t, rows, n, out);
    }
    for (size_t i = 0; i < n && data->target == MLP_TARGET_CLASS; i++) {
        out[i] = (float)data->labels[rows ? rows[i] : i];
    }
}

void mlp_gather_one_hot(const mlp_data *data, const size_t *rows, size_t n, size_t classes, float *out)
{
    for (size_t i = 0; i < n * classes; i++) {
        out[i] = 0;
    }
    for (size_t i = 0; i < n && data->target == MLP_TARGET_CLASS; i++) {
        uint32_t label = data->labels[rows ? rows[i] : i];
        if (label < classes) {
            out[i * classes + label] = 1;
        }
    }
}

/* ---- splits ---- */

static int by_number(const void *left, const void *right)
{
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return a < b ? -1 : a > b;
}

/* How many of the next class's `count` rows go to the first part: what brings the total nearest to the ratio, but never
 * a row away from the class's own share, and a row to each part if there are two. */
static size_t share(size_t count, size_t total, size_t taken, double ratio)
{
    double own = (double)count * ratio, due = floor((double)total * ratio + 0.5) - (double)taken;
    double part = due < floor(own) ? floor(own) : due > ceil(own) ? ceil(own) : due;
    if (count >= 2) {
        part = part < 1 ? 1 : part > (double)count - 1 ? (double)count - 1 : part;
    }
    return (size_t)part;
}

/* Adds the rows of one class, in random order, to both parts, which grow towards each other. */
static void divide(mlp_rng *rng, size_t *members, size_t count, size_t part, size_t *rows, size_t *first, size_t *last)
{
    mlp_rng_shuffle(rng, members, count);
    for (size_t i = 0; i < count; i++) {
        if (i < part) {
            rows[(*first)++] = members[i];
        } else {
            rows[--*last] = members[i];
        }
    }
}

mlp_status mlp_split(const mlp_data *data, double ratio, bool stratified, uint64_t seed, size_t *rows, size_t *first,
                     mlp_error *err)
{
    size_t n = data->rows, classes = stratified && data->target == MLP_TARGET_CLASS ? data->classes : 1;
    if (!(ratio > 0 && ratio < 1)) {
        return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "a split of %g: it must lie between 0 and 1", ratio);
    }
    if (n < 2) {
        return mlp_fail(err, MLP_EVALUE, NULL, 0, "%zu sample%s cannot be split in two parts", n, n == 1 ? "" : "s");
    }
    size_t *members = malloc(n * sizeof *members), *begins = calloc(classes + 2, sizeof *begins);
    if (!members || !begins) {
        free(members);
        free(begins);
        return mlp_fail_memory(err, NULL, n * sizeof *members, "a split");
    }
    /* Counting sort by class: begins[c + 1] becomes the place after the last row of class c. */
    for (size_t i = 0; i < n; i++) {
        begins[(classes > 1 ? data->labels[i] : 0) + 2]++;
    }
    for (size_t c = 2; c < classes + 2; c++) {
        begins[c] += begins[c - 1];
    }
    for (size_t i = 0; i < n; i++) {
        members[begins[(classes > 1 ? data->labels[i] : 0) + 1]++] = i;
    }
    mlp_rng rng;
    mlp_rng_seed(&rng, seed, 0x53504C4954u); /* "SPLIT": a stream of its own */
    size_t front = 0, back = n;
    for (size_t c = 0; c < classes; c++) {
        size_t count = begins[c + 1] - begins[c];
        divide(&rng, members + begins[c], count, share(count, begins[c + 1], front, ratio), rows, &front, &back);
    }
    free(members);
    free(begins);
    if (front == 0 || front == n) {
        return mlp_fail(err, MLP_EVALUE, NULL, 0, "a split of %g leaves one part of the %zu samples empty", ratio, n);
    }
    qsort(rows, front, sizeof *rows, by_number);
    qsort(rows + front, n - front, sizeof *rows, by_number);
    *first = front;
    return MLP_OK;
}

/* ---- scaling ---- */

static const char *const scaling_names[] = {"none", "standard", "minmax", "1/255"};

mlp_status mlp_scaling_parse(const char *text, mlp_scaling *scaling, mlp_error *err)
{
    for (size_t i = 0; i < sizeof scaling_names / sizeof scaling_names[0]; i++) {
        if (strcmp(text, scaling_names[i]) == 0) {
            *scaling = (mlp_scaling)i;
            return MLP_OK;
        }
    }
    return mlp_fail(err, MLP_EARGUMENT, NULL, 0, "unknown scaling '%s': none, standard, minmax or 1/255", text);
}

/* What the rows say of each feature. */
typedef struct statistics {
    double *sum, *square; /* of the values; of the squared distances from the mean */
    float *least, *most, *row;
} statistics;

static mlp_status collect(const mlp_array *x, const size_t *rows, size_t n, statistics *s, mlp_error *err)
{
    size_t width = x->width;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t r = 0; r < n; r++) {
            size_t row = rows ? rows[r] : r;
            mlp_gather(x, &row, 1, s->row);
            for (size_t i = 0; i < width; i++) {
                double value = (double)s->row[i];
                if (pass == 1) {
                    double away = value - s->sum[i] / (double)n;
                    s->square[i] += away * away;
                    continue;
                }
                if (!mlp_is_finite(s->row[i])) {
                    return mlp_fail(err, MLP_EVALUE, NULL, 0, "row %zu, column %zu is not finite: nothing to scale by",
                                    row + 1, i + 1);
                }
                s->sum[i] += value;
                s->least[i] = r == 0 || s->row[i] < s->least[i] ? s->row[i] : s->least[i];
                s->most[i] = r == 0 || s->row[i] > s->most[i] ? s->row[i] : s->most[i];
            }
        }
    }
    return MLP_OK;
}

/* Scale and shift of feature i. A spread that float32 cannot tell from rounding is not blown up to 1. */
static void choose(const statistics *s, size_t i, size_t n, mlp_scaling scaling, float *scale, float *shift)
{
    double center = scaling == MLP_SCALE_STANDARD ? s->sum[i] / (double)n : (double)s->least[i];
    double spread =
        scaling == MLP_SCALE_STANDARD ? sqrt(s->square[i] / (double)n) : (double)s->most[i] - (double)s->least[i];
    double factor = 1;
    if (s->most[i] > s->least[i] && spread <= 2 * (double)FLT_EPSILON * fabs(center)) {
        factor = fmin(1 / fabs(center), 1);
    } else if (s->most[i] > s->least[i] && spread >= (double)FLT_MIN) {
        factor = 1 / spread;
    }
    *scale = (float)factor;
    *shift = (float)(-center * factor);
}

mlp_status mlp_scaling_learn(const mlp_array *x, const size_t *rows, size_t n, mlp_scaling scaling, float *scale,
                             float *shift, mlp_error *err)
{
    size_t width = x->width;
    bool fixed = scaling == MLP_SCALE_NONE || scaling == MLP_SCALE_BYTE;
    for (size_t i = 0; i < width && fixed; i++) {
        scale[i] = scaling == MLP_SCALE_BYTE ? 1.0f / 255.0f : 1.0f;
        shift[i] = 0;
    }
    if (fixed) {
        return MLP_OK;
    }
    if (n == 0) {
        return mlp_fail(err, MLP_EVALUE, NULL, 0, "no samples to learn the scaling from");
    }
    double *doubles = calloc(2 * width + 1, sizeof *doubles);
    float *floats = calloc(3 * width + 1, sizeof *floats);
    mlp_status status;
    if (!doubles || !floats) {
        status = mlp_fail_memory(err, NULL, width * (2 * sizeof *doubles + 3 * sizeof *floats), "the scaling");
    } else {
        statistics s = {doubles, doubles + width, floats, floats + width, floats + 2 * width};
        status = collect(x, rows, n, &s, err);
        for (size_t i = 0; i < width && status == MLP_OK; i++) {
            choose(&s, i, n, scaling, &scale[i], &shift[i]);
        }
    }
    free(doubles);
    free(floats);
    return status;
}
