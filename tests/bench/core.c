/* core.c: how much of a processor's core is ours. Where two hardware threads share one, as on most rented machines, the
 * other one's owner slows us down and nobody tells: loads above all, while a bare loop of multiply-adds hardly minds.
 */
#include <math.h>

#include "bench.h"

enum { ROUNDS = 256 };

#if defined(__GNUC__)
#define EMPTY4(x) x x x x
#define EMPTY __asm__ volatile(EMPTY4(EMPTY4(EMPTY4("nop\n\t"))));
#else
#define EMPTY
#endif

/* Instructions that do nothing, a second: the core takes them in as fast as it can, in turn with those of the other
 * thread. The best of a few, since an interrupt may come in between. About 3 us. */
static double empty_rate(void)
{
    double best = 0;
    for (int k = 0; k < 3; k++) {
        double start = now();
        for (int i = 0; i < ROUNDS; i++) {
            EMPTY
        }
        best = fmax(best, 1 / (now() - start));
    }
    return best;
}

double core_share(void)
{
    static double most;
    if (most == 0) /* look for a good moment, a tenth of a second */
        for (double start = now(); now() - start < 0.1;)
            most = fmax(most, empty_rate());
    double rate = empty_rate();
    most = fmax(most, rate);
    return rate / most;
}
