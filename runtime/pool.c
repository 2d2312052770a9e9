/* pool.c: a few threads that do the parts of one job at the same time; used by the training loop. */
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Steps of training follow each other within microseconds: a thread looks for its next job for a while before it sleeps,
 * since waking it takes longer than many steps do. */
enum { LOOKS = 2000 };

typedef struct worker {
    mlp_pool *pool;
    int number;
    pthread_t thread;
} worker;

struct mlp_pool {
    int threads;
    worker *workers; /* [threads - 1] */
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    atomic_uint job;     /* its number; a new one is a new job */
    atomic_int left;     /* workers that are not done with it */
    bool over;
    void (*work)(void *context, int thread);
    void *context;
};

static inline void look_again(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_ia32_pause();
#endif
}

static void *work_on(void *argument)
{
    worker *w = argument;
    mlp_pool *p = w->pool;
    unsigned done = 0;
    for (;;) {
        for (int i = 0; i < LOOKS && atomic_load_explicit(&p->job, memory_order_acquire) == done; i++)
            look_again();
        pthread_mutex_lock(&p->lock);
        while (atomic_load_explicit(&p->job, memory_order_relaxed) == done)
            pthread_cond_wait(&p->begin, &p->lock);
        done = atomic_load_explicit(&p->job, memory_order_relaxed);
        bool over = p->over;
        pthread_mutex_unlock(&p->lock);
        if (over)
            return NULL;
        p->work(p->context, w->number);
        if (atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->end);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void announce(mlp_pool *p, bool over)
{
    pthread_mutex_lock(&p->lock);
    p->over = over;
    atomic_store_explicit(&p->left, p->threads - 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->job, 1, memory_order_release);
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
}

void mlp_pool_run(mlp_pool *p, void (*work)(void *context, int thread), void *context)
{
    if (p->threads == 1) {
        work(context, 0);
        return;
    }
    p->work = work;
    p->context = context;
    announce(p, false);
    work(context, 0);
    for (int i = 0; i < LOOKS && atomic_load_explicit(&p->left, memory_order_acquire) > 0; i++)
        look_again();
    pthread_mutex_lock(&p->lock);
    while (atomic_load_explicit(&p->left, memory_order_acquire) > 0)
        pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

mlp_pool *mlp_pool_new(int threads, mlp_error *err)
{
    mlp_pool *p = calloc(1, sizeof *p);
    worker *workers = calloc((size_t)threads, sizeof *workers);
    if (!p || !workers) {
        free(p);
        free(workers);
        mlp_fail_memory(err, NULL, (size_t)threads * sizeof *workers, "threads");
        return NULL;
    }
    p->workers = workers;
    p->threads = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    /* Signals are for the program's own threads: a handler must not run in the middle of a worker. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < threads; i++) {
        workers[i - 1] = (worker){.pool = p, .number = i};
        int failed = pthread_create(&workers[i - 1].thread, NULL, work_on, &workers[i - 1]);
        if (failed) {
            pthread_sigmask(SIG_SETMASK, &before, NULL);
            mlp_pool_free(p);
            mlp_fail(err, MLP_ENOMEM, NULL, 0, "cannot start thread %d of %d: %s", i + 1, threads, strerror(failed));
            return NULL;
        }
        p->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

int mlp_pool_threads(const mlp_pool *pool)
{
    return pool->threads;
}

int mlp_pool_worth(const mlp_pool *pool, double macs)
{
    double most = macs / MLP_POOL_WORTH;
    return macs > 0 && most < pool->threads ? most < 1 ? 1 : (int)most : pool->threads;
}

void mlp_pool_free(mlp_pool *p)
{
    if (!p)
        return;
    if (p->threads > 1)
        announce(p, true);
    for (int i = 1; i < p->threads; i++)
        pthread_join(p->workers[i - 1].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->begin);
    pthread_cond_destroy(&p->end);
    free(p->workers);
    free(p);
}
