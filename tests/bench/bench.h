/* bench.h: what the bench is made of: nets, and subjects that run them. For tests/bench alone. */
#ifndef MLPC_BENCH_H
#define MLPC_BENCH_H

#include <stddef.h>

#include "compile.h"

enum { BATCH_MAX = 1024, LAYERS_MAX = 32, SUBJECTS_MAX = 40, BLOCKS = 8 };

/* A dense layer as everybody knows it: weights [out][in], bias, activation. */
typedef struct Layer {
    int in, out;
    const char *act; /* "relu", "linear" ... */
    const float *w, *b;
} Layer;

/* A net to measure: a chain of layers, batch normalisation folded in. */
typedef struct Net {
    const char *name;
    Compile compile;
    Layer layer[LAYERS_MAX];
    int nlayer, in, out;
    double macs;   /* multiply-adds a sample */
    size_t floats; /* weights and biases */
    float *x, *y;  /* BATCH_MAX rows of numbers, none of them zero; room for as many rows of outputs */
} Net;

/* Something that runs a net. time: seconds that `calls` calls on `batch` rows take, every call on other rows where the
 * batch leaves room for some; negative: it cannot. */
typedef struct Subject Subject;
struct Subject {
    const char *name; /* "gcc -O3 native" */
    const char *set;  /* the instruction set whose limit it is held against: "avx512", "avx2", "sse2" */
    double (*time)(Subject *s, const Net *n, size_t batch, size_t calls);
    void *state;  /* its own */
    int only_one; /* takes one sample at a time: measured at batch 1 alone */
};

/* net.c: a net ready to be measured; and first weights for a script that has none, as a safetensors file. Both die of
 * what goes wrong. */
void net_load(Net *n, const char *script);
void net_free(Net *n);
void write_weights(const char *script, const char *path);

double now(void);

/* Room for `count` floats and 128 more, on a cache line. Never NULL. */
float *take_floats(size_t count);

/* The number of different blocks of `batch` rows that n->x holds, a power of two, at most BLOCKS. */
size_t blocks_of(size_t batch);

/* What the machine can do, as subjects: for each instruction set the multiply-adds of the net at full rate ("peak
 * avx512"), and all its weights read once ("stream"). */
int limit_subjects(Subject *s);
void print_limits(void);

/* Generated code: each SHARED object DIR/NET.WAY.so. Returns how many were found. */
int generated_subjects(Subject *s, const Net *n, const char *dir);

/* Compiled in memory, now. */
int live_subjects(Subject *s, const Net *n);

/* Other people's libraries. A peer that is not installed is told of on stderr, once. */
int library_subjects(Subject *s, const Net *n);
int process_subjects(Subject *s, const Net *n, const char *dir);

#endif
