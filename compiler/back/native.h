/* native.h: C text -> machine code by the C compiler of this machine, in a shared object that is loaded at once: the way
 * around jit.h for those who can wait a second. Knows compilers and temporary files, nothing of nets. */
#ifndef MLPC_NATIVE_H
#define MLPC_NATIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A compiler at work, so that another thread can end it. Begins as zero. */
typedef struct NativeJob {
    atomic_int child; /* its process group; 0: none runs */
    atomic_bool stop;
} NativeJob;

enum { NATIVE_WHY = 240 };

/* A loaded shared object. */
typedef struct Native Native;

/* Compiles C text with the words of $CC (cc when it is not set) and -O3 -march=native, in a directory of its own under
 * $TMPDIR (/tmp) that is gone when this returns, and loads it. No shell is asked. NULL: why[NATIVE_WHY] says in one line
 * why not (no compiler, what it complains of first, a place that code may not be loaded from). Any thread; takes as long
 * as the compiler does. */
Native *native_load(const char *text, NativeJob *job, char *why);

/* Asks native_load, in another thread, to end its compiler and return. */
void native_stop(NativeJob *job);

/* The address of a function of the text, or NULL. */
void *native_symbol(const Native *n, const char *name);

/* Unloads; nobody may be running its code. NULL is allowed. */
void native_free(Native *n);

#endif
