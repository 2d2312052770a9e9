/* block.c: aligned floats. */
#include "base/block.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/diag.h"

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

float *block_new(size_t count)
{
    void *memory = NULL;
    if (count > SIZE_MAX / sizeof(float) - HUGE_PAGE)
        die("out of memory (%zu floats wanted)", count);
    size_t size = (count + !count) * sizeof(float);
    bool large = size >= HUGE_PAGE / 4;
    if (posix_memalign(&memory, large ? HUGE_PAGE : LINE, size))
        die("out of memory (%zu floats wanted)", count);
#ifdef MADV_HUGEPAGE
    if (large)
        (void)madvise(memory, size, MADV_HUGEPAGE); /* refused or not, the memory is there */
#endif
    return memory;
}
