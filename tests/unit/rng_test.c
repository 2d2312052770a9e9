/* rng_test.c: the generator is the published one, and what is made from it has the right distribution. All seeds are
 * fixed, so that a test passes always or never; bounds are five standard deviations of what a fair source shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "mlp.h"

enum { DRAWS = 200000 };

static void is_the_published_pcg32(void **state)
{
    (void)state;
    /* The first numbers of the reference program pcg32-demo: seed 42, stream 54, seeded as its paper does. */
    static const uint32_t expected[] = {0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E};
    mlp_rng rng = {.state = 0, .increment = 54 << 1 | 1};
    mlp_rng_u32(&rng);
    rng.state += 42;
    mlp_rng_u32(&rng);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(mlp_rng_u32(&rng), expected[i]);
    }
}

static void seeds_and_streams_differ_and_repeat(void **state)
{
    (void)state;
    mlp_rng a, b;
    for (uint64_t seed = 0; seed < 50; seed++) {
        mlp_rng_seed(&a, seed, 0);
        mlp_rng_seed(&b, seed, 0);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(a.increment & 1, 1);
        mlp_rng_seed(&b, seed + 1, 0);
        int bits = 0; /* neighbouring seeds: half of the 32 * 64 bits differ, give or take 5 * sqrt(2048) / 2 */
        for (int i = 0; i < 64; i++) {
            for (uint32_t x = mlp_rng_u32(&a) ^ mlp_rng_u32(&b); x; x &= x - 1) {
                bits++;
            }
        }
        assert_in_range(bits, 1024 - 114, 1024 + 114);
        mlp_rng_seed(&b, seed, 1);
        mlp_rng_seed(&a, seed, 0);
        assert_int_not_equal(mlp_rng_u64(&a), mlp_rng_u64(&b));
    }
}

static void saved_state_continues(void **state)
{
    (void)state;
    mlp_rng a;
    mlp_rng_seed(&a, 7, 0);
    mlp_rng_normal(&a);
    mlp_rng saved = a;
    float first[20], again[20];
    for (int i = 0; i < 20; i++) {
        first[i] = i % 2 ? mlp_rng_normal(&a) : mlp_rng_uniform(&a);
    }
    for (int i = 0; i < 20; i++) {
        again[i] = i % 2 ? mlp_rng_normal(&saved) : mlp_rng_uniform(&saved);
    }
    assert_memory_equal(first, again, sizeof first);
}

static void uniform_is_flat_and_below_one(void **state)
{
    (void)state;
    mlp_rng rng;
    mlp_rng_seed(&rng, 1, 0);
    int bins[16] = {0};
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        float u = mlp_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * 16)]++;
        sum += (double)u;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS));
    for (int i = 0; i < 16; i++) {
        assert_true(fabs(bins[i] - DRAWS / 16.0) < 5 * sqrt(DRAWS / 16.0));
    }
    rng = (mlp_rng){.state = 0, .increment = 1};
    uint32_t largest = 0; /* the conversion itself, at the top of the range */
    for (int i = 0; i < DRAWS; i++) {
        mlp_rng copy = rng;
        uint32_t bits = mlp_rng_u32(&copy);
        float u = mlp_rng_uniform(&rng);
        assert_true((double)u == floor(bits / 256.0) / 16777216.0);
        largest = bits > largest ? bits : largest;
    }
    assert_true(largest > 0xFFFF0000);
}

static void below_has_no_bias(void **state)
{
    (void)state;
    mlp_rng rng;
    mlp_rng_seed(&rng, 2, 0);
    assert_int_equal(mlp_rng_below(&rng, 0), 0);
    assert_int_equal(mlp_rng_below(&rng, 1), 0);
    int counts[7] = {0};
    for (int i = 0; i < DRAWS; i++) {
        counts[mlp_rng_below(&rng, 7)]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_true(fabs(counts[i] - DRAWS / 7.0) < 5 * sqrt(DRAWS / 7.0));
    }
    /* 3 * 2^30: a generator that only scales would give the values 2 mod 3 half as often as the others. */
    int thirds[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t value = mlp_rng_below(&rng, UINT64_C(3) << 30);
        assert_true(value < UINT64_C(3) << 30);
        thirds[value % 3]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(thirds[i] - DRAWS / 3.0) < 5 * sqrt(DRAWS / 3.0));
    }
    const uint64_t large[] = {UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(3) << 62, UINT64_MAX};
    for (int k = 0; k < 4; k++) {
        int upper = 0;
        for (int i = 0; i < 10000; i++) {
            uint64_t value = mlp_rng_below(&rng, large[k]);
            assert_true(value < large[k]);
            upper += value >= large[k] / 2;
        }
        assert_in_range(upper, 5000 - 250, 5000 + 250);
    }
}

static void normal_has_the_right_moments_and_tails(void **state)
{
    (void)state;
    mlp_rng rng;
    mlp_rng_seed(&rng, 3, 0);
    double sum = 0, square = 0, cube = 0, fourth = 0;
    int beyond_two = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = (double)mlp_rng_normal(&rng);
        assert_true(isfinite(x));
        sum += x;
        square += x * x;
        cube += x * x * x;
        fourth += x * x * x * x;
        beyond_two += fabs(x) > 2;
    }
    /* Standard deviations of the sample moments of a normal distribution: sqrt(1, 2, 15, 96 / n). */
    assert_true(fabs(sum / DRAWS) < 5 * sqrt(1.0 / DRAWS));
    assert_true(fabs(square / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
    assert_true(fabs(cube / DRAWS) < 5 * sqrt(15.0 / DRAWS));
    assert_true(fabs(fourth / DRAWS - 3) < 5 * sqrt(96.0 / DRAWS));
    const double p = erfc(2 / sqrt(2));
    assert_true(fabs(beyond_two - p * DRAWS) < 5 * sqrt(p * (1 - p) * DRAWS));
}

static void shuffle_reaches_every_order_alike(void **state)
{
    (void)state;
    mlp_rng rng;
    mlp_rng_seed(&rng, 4, 0);
    int counts[24] = {0};
    for (int i = 0; i < 48000; i++) {
        size_t items[4] = {0, 1, 2, 3};
        mlp_rng_shuffle(&rng, items, 4);
        int rank = 0, seen = 0;
        for (int k = 0; k < 4; k++) { /* rank of the permutation in the factorial number system */
            int smaller = 0;
            for (int m = k + 1; m < 4; m++) {
                smaller += items[m] < items[k];
            }
            rank = rank * (4 - k) + smaller;
            seen |= 1 << items[k];
        }
        assert_int_equal(seen, 15);
        counts[rank]++;
    }
    for (int i = 0; i < 24; i++) {
        assert_true(fabs(counts[i] - 2000.0) < 5 * sqrt(2000.0));
    }
    mlp_rng_shuffle(&rng, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_published_pcg32),
        cmocka_unit_test(seeds_and_streams_differ_and_repeat),
        cmocka_unit_test(saved_state_continues),
        cmocka_unit_test(uniform_is_flat_and_below_one),
        cmocka_unit_test(below_has_no_bias),
        cmocka_unit_test(normal_has_the_right_moments_and_tails),
        cmocka_unit_test(shuffle_reaches_every_order_alike),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
