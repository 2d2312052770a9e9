/* floats.h: blocks of floats for code that runs at speed: weights, gradients, buffers. Not installed. */
#ifndef MLP_RUNTIME_FLOATS_H
#define MLP_RUNTIME_FLOATS_H

#include <stddef.h>

/* `count` floats (room for one when it is 0), not initialised, on a cache line; large ones in huge pages where the system has
 * them, which saves it from looking up hundreds of addresses. Free with free(). NULL: no memory. Any thread. */
float *mlp_floats_new(size_t count);

#endif
