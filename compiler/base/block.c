/* block.c: the runtime's blocks, for who cannot go on without memory. */
#include "base/block.h"

#include "base/diag.h"
#include "floats.h"

float *block_new(size_t count)
{
    float *block = mlp_floats_new(count);
    if (!block)
        die("out of memory (%zu floats wanted)", count);
    return block;
}
