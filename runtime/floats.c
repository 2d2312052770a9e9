/* floats.c: aligned floats. */
#include "floats.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

float *mlp_floats_new(size_t count)
{
    void *memory = NULL;
    if (count > SIZE_MAX / sizeof(float) - HUGE_PAGE)
        return NULL;
    size_t size = (count + !count) * sizeof(float);
    int large = size >= HUGE_PAGE / 4;
    if (posix_memalign(&memory, large ? HUGE_PAGE : LINE, size))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (large)
        (void)madvise(memory, size, MADV_HUGEPAGE); /* refused or not, the memory is there */
#endif
    return memory;
}
