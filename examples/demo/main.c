/* main.c: the demo's program around the generated ad.c: one sound file's anomaly score, beside the published one.
 * main windows.f32 reference.f64: the 196 windows, and what the net makes of them in double precision. */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "ad.h"

enum { WINDOWS = 196 };

static float window[WINDOWS][AD_IN], out[WINDOWS][AD_OUT], alone[AD_OUT];
static double reference[WINDOWS][AD_OUT];

static int read_file(const char *path, void *to, size_t size, size_t count)
{
    FILE *f = fopen(path, "rb");
    size_t got = f ? fread(to, size, count, f) : 0;
    if (f)
        fclose(f);
    if (got != count)
        fprintf(stderr, "%s: error: not the %d windows that the demo wants\n", path, WINDOWS);
    return got == count;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

int main(int argc, char **argv)
{
    const double published = 9.491290;
    double score = 0, worst = 0, mean = 0, largest = 0, best_one = 1e9, best_batch = 1e9;
    int same = 1;
    if (argc != 3 || !read_file(argv[1], window, sizeof(float), (size_t)WINDOWS * AD_IN) ||
        !read_file(argv[2], reference, sizeof(double), (size_t)WINDOWS * AD_OUT))
        return 1;
    ad_batch(WINDOWS, window[0], out[0]);
    for (int w = 0; w < WINDOWS; w++) {
        double sum = 0;
        ad(window[w], alone);
        for (int j = 0; j < AD_OUT; j++) {
            double d = (double)window[w][j] - (double)out[w][j], error = fabs((double)out[w][j] - reference[w][j]);
            sum += d * d;
            worst = error > worst ? error : worst;
            mean += error;
            largest = fabs(reference[w][j]) > largest ? fabs(reference[w][j]) : largest;
            same &= alone[j] == out[w][j];
        }
        score += sum / AD_OUT / WINDOWS;
    }
    for (int round = 0; round < 50; round++) {
        double start = now();
        for (int w = 0; w < WINDOWS; w++)
            ad(window[w], alone);
        double one = now() - start;
        start = now();
        ad_batch(WINDOWS, window[0], out[0]);
        double batch = now() - start;
        best_one = one < best_one ? one : best_one;
        best_batch = batch < best_batch ? batch : best_batch;
    }
    printf("  anomaly score           %.6f\n", score);
    printf("  published               %.6f\n", published);
    printf("  they differ by          %.6f  (%s)\n", fabs(score - published),
           fabs(score - published) < 1e-4 ? "the same to 1e-4" : "TOO FAR APART");
    printf("  worst difference to the double-precision reference, over %d outputs: %.1e (mean %.1e; outputs reach %.0f)\n",
           WINDOWS * AD_OUT, worst, mean / WINDOWS / AD_OUT, largest);
    printf("  one at a time and as a batch: %s\n", same ? "the same bits" : "DIFFERENT BITS");
    printf("  microseconds a window   %.2f one at a time, %.2f as a batch\n", best_one / WINDOWS, best_batch / WINDOWS);
    /* A few windows pass the waist of 8 close to ReLU's kink: plain single precision, summed in order, is off by 0.01. */
    return fabs(score - published) < 1e-4 && worst < 0.01 && same ? 0 : 1;
}
