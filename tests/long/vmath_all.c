/* build: -O2 -march=native -pthread */
/* vmath_all.c: holds every function of runtime/vmath.h to its bound over all 2^32 floats, and prints the
 * table of errors.
 *
 *     vmath_all [-s] [name ...]      all functions, or those named; -s: only the checksums, in a minute
 *
 * Built for one vector unit: that of this machine by the line above, or -mavx2 -mfma, -msse2, -DMLP_PLAIN
 * ... . The checksum covers the bits of all results (any NaN counts as the same NaN): units that fuse
 * agree on it, and so do those that do not; but AVX-512 has its own exp, tanh and gelu. Uses all processors.
 * Exits 1 when a bound is broken. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/vmath_check.h"

enum { MOST_THREADS = 64 };

/* Thread number `part` of `parts` takes every parts-th piece of 2^20 floats. */
typedef struct {
    const Check *check;
    int part, parts, sums_only;
    Worst worst;
    uint64_t sum;
} Job;

/* Adds up the results, each mixed with its input so that the order of pieces does not matter. */
static uint64_t mix(uint32_t in, float y)
{
    uint32_t bits = 0x7fc00000u;
    uint64_t h;
    if (!isnan(y))
        memcpy(&bits, &y, sizeof bits);
    h = ((uint64_t)in << 32 | bits) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static void *work(void *arg)
{
    Job *job = arg;
    float x[CHECK_BLOCK], y[CHECK_BLOCK];
    const uint64_t stride = (uint64_t)job->parts << 20;
    for (uint64_t piece = (uint64_t)job->part << 20; piece <= UINT32_MAX; piece += stride) {
        for (uint32_t at = 0; at < 1u << 20; at += CHECK_BLOCK) {
            const uint32_t first = (uint32_t)piece + at;
            for (uint32_t i = 0; i < CHECK_BLOCK; i++)
                x[i] = check_float(first + i);
            job->check->run(x, y);
            for (uint32_t i = 0; i < CHECK_BLOCK; i++)
                job->sum += mix(first + i, y[i]);
            if (!job->sums_only)
                for (uint32_t i = 0; i < CHECK_BLOCK; i++)
                    check_one(job->check, x[i], y[i], job->check->exact((double)x[i]), &job->worst);
        }
    }
    return NULL;
}

/* All floats through one function; 1 if the bound is broken. */
static int run_check(const Check *check, int threads, int sums_only)
{
    static Job jobs[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    Worst worst;
    uint64_t sum = 0;
    int broken = 0;
    memset(&worst, 0, sizeof worst);
    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < threads; i++) {
        jobs[i].check = check;
        jobs[i].part = i;
        jobs[i].parts = threads;
        jobs[i].sums_only = sums_only;
        if (pthread_create(&ids[i], NULL, work, &jobs[i]) != 0) {
            fprintf(stderr, "vmath_all: cannot start a thread\n");
            exit(2);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        check_merge(&worst, &jobs[i].worst);
        sum += jobs[i].sum;
    }
    printf("%016" PRIx64 "  ", sum);
    if (sums_only)
        printf("%s\n", check->name);
    else
        broken = check_print(check, &worst);
    fflush(stdout);
    return broken;
}

int main(int argc, char **argv)
{
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    int broken = 0, first = 1, sums_only = 0, ran = 0;
    if (argc > 1 && strcmp(argv[1], "-s") == 0) {
        sums_only = 1;
        first = 2;
    }
    threads = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
    printf("all 2^32 floats, %s\n", CHECK_UNIT);
    for (int k = 0; k < CHECKS; k++) {
        int wanted = first == argc;
        for (int i = first; i < argc; i++)
            wanted |= strcmp(argv[i], checks[k].name) == 0;
        if (wanted) {
            broken += run_check(&checks[k], (int)threads, sums_only);
            ran++;
        }
    }
    printf("%d passed, %d failed\n", ran - broken, broken);
    return broken != 0 || ran == 0;
}
