/* loop.c: calls one generated net again and again: a unit of its own beside it in its shared object, so that the calls
 * are what a program's are, and no compiler sees that the outputs are thrown away. The build says
 *   HEADER   the net's header; its prefix is net
 *   BLOCK    its functions take the block of numbers      SCRATCH  they take scratch
 *   LEARNS   a call is a step of training, y the targets */
#include HEADER

/* Floats that the caller keeps for it, and what stands in them at first. */
size_t bench_room(void);
void bench_begin(float *room);

/* Every call reads the next of `blocks` (a power of two) blocks of rows, `step` floats apart. p: the file of numbers.
 */
void bench_loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                float *room);

#ifdef LEARNS
#define LINES(floats) (((size_t)(floats) + 15) / 16 * 16) /* whole cache lines */
enum { TENSORS = LINES(NET_PARAMS) };

size_t bench_room(void) { return 2 * TENSORS + LINES(NET_STATE) + NET_TRAIN_SCRATCH; }

void bench_begin(float *room)
{
    net_init(room, 1);
    for (size_t i = 0; i < NET_STATE; i++)
        room[2 * TENSORS + i] = 0;
}

void bench_loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                float *room)
{
    static unsigned long steps;
    float *g = room + TENSORS, *state = g + TENSORS, *scratch = state + LINES(NET_STATE);
    (void)p;
    for (size_t i = 0; i < calls; i++) {
        net_train(room, batch, x + (i & (blocks - 1)) * step, y, g, scratch, state, ++steps, 1e-4f);
    }
}
#else
#ifdef BLOCK
#define P p,
#else
#define P
#endif
#ifdef SCRATCH
#define S , room
#else
#define S
enum { NET_SCRATCH, NET_BATCH_SCRATCH = 0 };
#endif

size_t bench_room(void) { return (size_t)NET_BATCH_SCRATCH > NET_SCRATCH ? NET_BATCH_SCRATCH : NET_SCRATCH; }

void bench_begin(float *room) { (void)room; }

void bench_loop(size_t calls, size_t batch, const float *p, const float *x, size_t step, size_t blocks, float *y,
                float *room)
{
    (void)p, (void)room;
    if (batch == 1)
        for (size_t i = 0; i < calls; i++)
            net(P x + (i & (blocks - 1)) * step, y S);
    else
        for (size_t i = 0; i < calls; i++)
            net_batch(P batch, x + (i & (blocks - 1)) * step, y S);
}
#endif
