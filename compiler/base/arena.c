/* arena.c: memory by lifetime, in chunks that grow. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

enum { CHUNK = 16 * 1024, ALIGN = 64 };

typedef struct Chunk {
    struct Chunk *next;
    size_t size, used;
    unsigned char *data;
} Chunk;

typedef struct Deferred {
    struct Deferred *next;
    void (*release)(void *);
    void *what;
} Deferred;

struct Arena {
    Chunk *chunks;
    Deferred *deferred;
};

Arena *arena_new(void)
{
    Arena *a = calloc(1, sizeof *a);
    if (!a)
        die("out of memory");
    return a;
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    for (Deferred *d = a->deferred; d; d = d->next)
        d->release(d->what);
    for (Chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

/* A chunk with room for `size` bytes. Large requests get a chunk of their own behind the current one. */
static Chunk *chunk_for(Arena *a, size_t size)
{
    size_t room = size > CHUNK / 4 ? size : CHUNK;
    if (room > SIZE_MAX - sizeof(Chunk) - ALIGN)
        die("out of memory");
    Chunk *c = calloc(1, sizeof(Chunk) + ALIGN + room);
    if (!c)
        die("out of memory (%zu bytes wanted)", size);
    c->size = room;
    c->data = (unsigned char *)(c + 1);
    c->data += (ALIGN - (uintptr_t)c->data % ALIGN) % ALIGN;
    if (room != CHUNK && a->chunks) {
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        c->next = a->chunks;
        a->chunks = c;
    }
    return c;
}

void *arena_alloc(Arena *a, size_t size)
{
    size_t align = size >= ALIGN ? ALIGN : 16;
    Chunk *c = a->chunks;
    size_t start = c ? (c->used + align - 1) / align * align : 0;
    if (!c || start > c->size || size > c->size - start) {
        c = chunk_for(a, size);
        start = 0;
    }
    c->used = start + size;
    return c->data + start;
}

void *arena_array(Arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        die("out of memory (%zu items of %zu bytes wanted)", count, size);
    return arena_alloc(a, count * size);
}

char *arena_strdup(Arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_vprintf(Arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0)
        die("cannot format a message");
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}

char *arena_printf(Arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *s = arena_vprintf(a, format, args);
    va_end(args);
    return s;
}

void arena_defer(Arena *a, void (*release)(void *), void *what)
{
    Deferred *d = ARENA_NEW(a, Deferred);
    *d = (Deferred){a->deferred, release, what};
    a->deferred = d;
}
