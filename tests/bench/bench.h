/* bench.h: what the bench is made of: nets, and subjects that run them. For tests/bench alone. */
#ifndef MLPC_BENCH_H
#define MLPC_BENCH_H

#include <stddef.h>

#include "compile.h"

enum { BATCH_MAX = 1024, LAYERS_MAX = 32, SUBJECTS_MAX = 48, BLOCKS = 8, BLOCK_LEAST = 2048 };

/* A dense layer as everybody knows it: weights [out][in], bias, activation. */
typedef struct Layer {
    int in, out;
    const char *act; /* "relu", "linear" ... */
    const float *w, *b;
} Layer;

/* A net to measure: a chain of layers, batch normalisation folded in. */
typedef struct Net {
    const char *name;
    bool learns; /* a call is a step of training (forward, backward, update), else an answer */
    Compile compile;
    Layer layer[LAYERS_MAX];
    int nlayer, in, out;
    double macs;   /* multiply-adds a sample; of a step: of the sums, and of the gradients of weights and of layers'
                      inputs */
    size_t floats; /* weights and biases */
    float *block;  /* so many, BLOCK_LEAST at least: the file of them that generated code is given, or any */
    float *x, *y;  /* BATCH_MAX rows of numbers, none of them zero; as many of outputs: room, or targets to learn */
} Net;

/* Something that runs a net. time: seconds that `calls` calls on `batch` rows take, every call on other rows where the
 * batch leaves room for some; negative: it cannot. */
typedef struct Subject Subject;
struct Subject {
    const char *name; /* "gcc -O3 native" */
    const char *set;  /* the instruction set whose limit it is held against: "avx512"; "": all of them; NULL: none */
    double (*time)(Subject *s, const Net *n, size_t batch, size_t calls);
    void *state;            /* its own */
    void (*end)(Subject *); /* frees the state; NULL: the net's arena has it */
    size_t only;            /* it is measured at this batch alone; 0: at any */
};

/* net.c: a net ready to be measured; and first weights for a script that has none, as a safetensors file. Both die of
 * what goes wrong. */
void net_load(Net *n, const char *script, bool learns);
void net_free(Net *n);
void write_weights(const char *script, const char *path);

double now(void);

/* core.c: the share of its core that this thread has at the moment, by the best moment so far: 1, or about a half while
 * the core's other hardware thread is busy. Takes some 10 us. */
double core_share(void);
#define CORE_OURS 0.9 /* so much: hardly anybody else is there */

/* Room for `count` floats and 128 more, on a cache line. Never NULL. */
float *take_floats(size_t count);

/* Numbers between -1 and 1, other ones for each seed. */
void fill(float *x, size_t count, unsigned seed);

/* The number of different blocks of `batch` rows that n->x holds, a power of two, at most BLOCKS. */
size_t blocks_of(size_t batch);

/* limits.c: what the machine can do, as subjects: for each instruction set the multiply-adds of the net at full rate
 * ("avx512"); of a net that answers, all its weights read once ("stream"); and of a small one, at batch 1, how long
 * each step of its longest chain must wait for the one before ("chain": samples that overlap can be faster). */
int limit_subjects(Subject *s, const Net *n);
void print_limits(void);

/* generated.c: generated code, each shared object DIR/NET.WAY.so. Returns how many were found. */
int generated_subjects(Subject *s, const Net *n, const char *dir);

/* memory.c: compiled in memory, now, as run, train and the prompt have it. */
int memory_subjects(Subject *s, const Net *n);

/* peers.c: other people's libraries. A peer that is not installed is told of on stderr, once. */
int library_subjects(Subject *s, const Net *n);
int process_subjects(Subject *s, const Net *n);

/* What came of a subject: seconds a sample. */
typedef struct Result {
    const char *net, *subject, *set; /* as in Net and Subject */
    bool learns;
    size_t batch;
    double median, spread, best; /* spread: half the distance between the quartiles, over the median */
    double limit, limit_best;    /* the limit's median and best; 0: none */
    double share;                /* of the core, in the middle round */
    double flops;                /* operations a sample */
} Result;

typedef struct Results {
    Arena *arena;
    Result *result;
    int count, room;
} Results;

/* floors.c: what was asked of generated code, and what was reached, one line for each. */
void print_floors(const Results *all);

#endif
