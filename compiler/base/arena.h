/* arena.h: memory by lifetime. One arena a compile; freed in one call. Known by everything in compiler/. */
#ifndef MLPC_ARENA_H
#define MLPC_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

/* A new empty arena; never NULL: out of memory ends the process through die(). Not thread-safe, one owner. */
Arena *arena_new(void);

/* Frees the arena and everything ever taken from it. NULL is allowed. */
void arena_free(Arena *a);

/* `size` zeroed bytes, aligned for any type and to 64 bytes when size >= 64. Lives until arena_free. */
void *arena_alloc(Arena *a, size_t size);

/* `count` zeroed items of `size` bytes; an overflowing product ends the process. */
void *arena_array(Arena *a, size_t count, size_t size);

/* Copies of text, living in the arena. */
char *arena_strdup(Arena *a, const char *s);
char *arena_printf(Arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Runs release(what) when the arena is freed, last registered first: for things that are not memory. */
void arena_defer(Arena *a, void (*release)(void *), void *what);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, n, T) ((T *)arena_array((a), (n), sizeof(T)))

#endif
