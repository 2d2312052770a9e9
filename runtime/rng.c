/* rng.c: random numbers: PCG32 and what is made from it. Used for initialisation, shuffling, splits and dropout. */
#include <math.h>

#include "mlp.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void mlp_rng_seed(mlp_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t s = seed, t = stream;
    rng->state = splitmix64(&s) + splitmix64(&t);
    rng->increment = splitmix64(&t) << 1 | 1;
    mlp_rng_u32(rng);
}

uint32_t mlp_rng_u32(mlp_rng *rng)
{
    uint64_t old = rng->state;
    rng->state = old * UINT64_C(6364136223846793005) + rng->increment;
    uint32_t mixed = (uint32_t)((old >> 18 ^ old) >> 27), turn = (uint32_t)(old >> 59);
    return mixed >> turn | mixed << (-turn & 31);
}

uint64_t mlp_rng_u64(mlp_rng *rng)
{
    uint64_t high = mlp_rng_u32(rng);
    return high << 32 | mlp_rng_u32(rng);
}

/* D. Lemire, "Fast Random Integer Generation in an Interval", ACM TOMACS 29(1), 2019; masks and rejects above 2^32. */
uint64_t mlp_rng_below(mlp_rng *rng, uint64_t n)
{
    if (n <= UINT32_MAX) {
        uint32_t bound = (uint32_t)n;
        uint64_t product = (uint64_t)mlp_rng_u32(rng) * bound;
        if ((uint32_t)product < bound) {
            uint32_t least = (uint32_t)-bound % bound;
            while ((uint32_t)product < least) {
                product = (uint64_t)mlp_rng_u32(rng) * bound;
            }
        }
        return product >> 32;
    }
    uint64_t mask = n - 1, value;
    for (int shift = 1; shift < 64; shift *= 2) {
        mask |= mask >> shift;
    }
    do {
        value = mlp_rng_u64(rng) & mask;
    } while (value >= n);
    return value;
}

float mlp_rng_uniform(mlp_rng *rng) { return (float)(mlp_rng_u32(rng) >> 8) * 0x1p-24f; }

/* The polar method: G. Marsaglia and T. A. Bray, "A Convenient Method for Generating Normal Variables", SIAM Review
 * 6(3), 1964. Its second number is dropped, so that the two words of mlp_rng stay the whole state. */
float mlp_rng_normal(mlp_rng *rng)
{
    double u, v, s;
    do {
        u = (double)mlp_rng_u32(rng) * 0x1p-31 - 1;
        v = (double)mlp_rng_u32(rng) * 0x1p-31 - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return (float)(u * sqrt(-2 * log(s) / s));
}

void mlp_rng_shuffle(mlp_rng *rng, size_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)mlp_rng_below(rng, i);
        size_t item = items[i - 1];
        items[i - 1] = items[k];
        items[k] = item;
    }
}
