/* block.h: blocks of floats for code that runs at speed: weights, buffers. */
#ifndef MLPC_BLOCK_H
#define MLPC_BLOCK_H

#include <stddef.h>

/* `count` floats (room for one when it is 0), not initialised, on a cache line; large ones in huge pages where the system
 * has them, which saves it from looking up hundreds of addresses. Free with free(). Never NULL: no memory ends the process. */
float *block_new(size_t count);

#endif
