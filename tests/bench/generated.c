/* generated.c: generated code in shared objects, as bench.mk builds them. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kernels.h"

/* How a net's C is compiled: NET.WAY.so; set NULL: the machine's best. */
static const struct {
    const char *name, *file, *set;
} way[] = {{"gcc -O2", "gcc-sse2", "sse2"},        {"clang -O2", "clang-sse2", "sse2"},
           {"gcc -O3 avx2", "gcc-avx2", "avx2"},   {"clang -O3 avx2", "clang-avx2", "avx2"},
           {"gcc -O3 native", "gcc-native", NULL}, {"clang -O3 native", "clang-native", NULL},
           {"gcc -O3 OpenMP", "gcc-openmp", NULL}};

/* What is generated of a net: NET.KIND.WAY.so. only: at this batch alone; narrow: its bytes are not those of the limit.
 */
static const struct {
    const char *name, *file;
    size_t only;
    bool narrow, learns;
} kind[] = {{"", "", 0, false, false},
            {"relu ", ".relu", 96, false, false},
            {"sigmoid ", ".sigmoid", 96, false, false},
            {"gelu ", ".gelu", 96, false, false},
            {"softmax ", ".softmax", 96, false, false},
            {"bf16 ", ".bf16", 1, true, false},
            {"f16 ", ".f16", 1, true, false},
            {"i8 ", ".i8", 1, true, false},
            {"SGD ", ".sgd", 0, false, true},
            {"Adam ", ".adam", 0, false, true}};

/* See loop.c. */
typedef struct Object {
    void *library;
    size_t (*room_of)(void);
    void (*begin)(float *room);
    void (*loop)(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                 float *room);
    float *room;
} Object;

static double time_object(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const Object *o = s->state;
    double start = now();
    o->loop(calls, batch, n->block, n->x, batch * (size_t)n->in, blocks_of(batch), n->y, o->room);
    return now() - start;
}

static void end_object(Subject *s)
{
    Object *o = s->state;
    free(o->room);
    dlclose(o->library);
}

static bool find(void *library, const char *name, void *to)
{
    void *address = dlsym(library, name);
    memcpy(to, &address, sizeof address);
    return address != NULL;
}

/* NULL: not built. What is opened stays: libgomp's threads run on behind a last dlclose. */
static Object *open_object(Arena *a, const char *base, const char *suffix)
{
    Object *o = ARENA_NEW(a, Object);
    o->library = dlopen(arena_printf(a, "%s.%s.so", base, suffix), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!o->library || !find(o->library, "bench_room", &o->room_of) || !find(o->library, "bench_begin", &o->begin) ||
        !find(o->library, "bench_loop", &o->loop))
        return NULL;
    o->room = take_floats(o->room_of());
    o->begin(o->room);
    return o;
}

int generated_subjects(Subject *s, const Net *n, const char *dir)
{
    Arena *a = n->compile.arena;
    int count = 0;
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++)
        for (size_t i = 0; i < sizeof way / sizeof *way && kind[k].learns == n->learns; i++) {
            Object *o = open_object(a, arena_printf(a, "%s/%s%s", dir, n->name, kind[k].file), way[i].file);
            const char *set = way[i].set ? way[i].set : mlp_kernels_best()->name;
            if (o)
                s[count++] = (Subject){.name = arena_printf(a, "%s%s", kind[k].name, way[i].name),
                                       .set = kind[k].narrow ? NULL : set,
                                       .time = time_object,
                                       .state = o,
                                       .end = end_object,
                                       .only = kind[k].only};
        }
    return count;
}
