/* loop.c: calls one generated net again and again: a unit of its own beside it in its shared object, so that the calls
 * are what a program's are, and no compiler sees that the outputs are thrown away. The build says
 *   HEADER, NAME  the net's header, its prefix      BLOCK  its functions take the block of numbers
 *   SCRATCH       they take scratch: NAME_SCRATCH and NAME_BATCH_SCRATCH floats */
#include HEADER

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#ifdef BLOCK
#define P p,
#else
#define P
#endif
#ifdef SCRATCH
#define S , scratch
#else
#define S
#endif

/* Every call reads the next of `blocks` (a power of two) blocks of rows, `step` floats apart. */
void bench_loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                float *scratch);
void bench_loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                float *scratch)
{
    (void)p, (void)scratch;
    if (batch == 1)
        for (size_t i = 0; i < calls; i++)
            NAME(P x + (i & (blocks - 1)) * step, y S);
    else
        for (size_t i = 0; i < calls; i++)
            JOIN(NAME, _batch)(P batch, x + (i & (blocks - 1)) * step, y S);
}
