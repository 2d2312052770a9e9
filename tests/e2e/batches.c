/* batches.c: a sample has the same bits whatever batch it comes in, for a generated net without baked weights:
 * batches.sh builds it with HEADER, NAME, UPPER, SAMPLES and, for a net that takes scratch, SCRATCH. Prints a line on
 * failure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include HEADER

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#ifdef SCRATCH
#define S , scratch
#else
#define S
#endif

int main(void)
{
    static const size_t batch[] = {1, 2, 3, 4, 7, 8, 11, 12, 16, 95, 96, 97, SAMPLES};
    float *p = malloc(sizeof *p * JOIN(UPPER, _PARAMS)), *scratch = NULL;
    float *x = malloc(sizeof *x * SAMPLES * JOIN(UPPER, _IN)), *y = malloc(sizeof *y * SAMPLES * JOIN(UPPER, _OUT)),
          *one = malloc(sizeof *one * SAMPLES * JOIN(UPPER, _OUT));
    unsigned random = 1;
#ifdef SCRATCH
    scratch = malloc(sizeof *scratch * JOIN(UPPER, _BATCH_SCRATCH));
#endif
    (void)scratch;
    JOIN(NAME, _init)(p, 7);
    for (size_t i = 0; i < (size_t)SAMPLES * JOIN(UPPER, _IN); i++)
        x[i] = (float)((random = random * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1.0f;
    for (size_t i = 0; i < SAMPLES; i++)
        NAME(p, x + i * JOIN(UPPER, _IN), one + i * JOIN(UPPER, _OUT) S);
    for (size_t b = 0; b < sizeof batch / sizeof *batch; b++) {
        memset(y, 0xff, sizeof *y * SAMPLES * JOIN(UPPER, _OUT));
        for (size_t i = 0, n; i < SAMPLES; i += n) {
            n = SAMPLES - i < batch[b] ? SAMPLES - i : batch[b];
            JOIN(NAME, _batch)(p, n, x + i * JOIN(UPPER, _IN), y + i * JOIN(UPPER, _OUT) S);
        }
        if (memcmp(y, one, sizeof *y * SAMPLES * JOIN(UPPER, _OUT)) != 0) {
            printf("batches of %zu differ from single samples\n", batch[b]);
            return 1;
        }
    }
    return 0;
}
