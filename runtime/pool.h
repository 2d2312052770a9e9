/* pool.h: a few threads that do the parts of one job at the same time. Not installed. */
#ifndef MLP_RUNTIME_POOL_H
#define MLP_RUNTIME_POOL_H

#include "mlp.h"

typedef struct mlp_pool mlp_pool;

/* Multiply-adds that are worth a thread: some 10 us, several times what it takes two threads to meet. */
enum { MLP_MOST_THREADS = 256, MLP_POOL_WORTH = 600000 };

/* A pool of that many threads, the caller's among them. NULL: memory, or the system has no more threads to give. */
mlp_pool *mlp_pool_new(int threads, mlp_error *err);

int mlp_pool_threads(const mlp_pool *pool);

/* How many of them a job of so many multiply-adds is worth, one at least; all, if that is not known (0). */
int mlp_pool_worth(const mlp_pool *pool, double macs);

/* Calls work(context, 0) to work(context, threads - 1), each in its own thread, 0 in the caller's; returns when all are
 * done, and what they wrote is seen. One job at a time. */
void mlp_pool_run(mlp_pool *pool, void (*work)(void *context, int thread), void *context);

/* Ends the threads. NULL is allowed. */
void mlp_pool_free(mlp_pool *pool);

#endif
