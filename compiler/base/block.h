/* block.h: blocks of floats for code that runs at speed: weights, buffers. */
#ifndef MLPC_BLOCK_H
#define MLPC_BLOCK_H

#include <stddef.h>

/* As mlp_floats_new (runtime/floats.h), but never NULL: no memory ends the process. */
float *block_new(size_t count);

#endif
