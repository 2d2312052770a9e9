/* text_test.c: the one printer of floats: the shortest decimal that reads back, in each of its two forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mlp.h"

static const char *number(Text *t, float v)
{
    t->size = 0;
    text_number(t, v);
    return t->data;
}

/* The digits of a decimal, without zeros around them, and the power of ten of the first one. */
static int digits_of(const char *text, char *digits)
{
    int n = 0, power = 0, point = -1, exponent = 0;
    for (; *text && *text != 'f'; text++) {
        if (*text == 'e') {
            exponent = atoi(text + 1);
            break;
        }
        if (*text == '.')
            point = 0;
        else if (*text != '-' && (*text != '0' || n))
            digits[n++] = *text;
        if (*text >= '0' && *text <= '9') {
            if (n && point < 0)
                power++;
            else if (!n && point >= 0)
                power--;
        }
    }
    while (n && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    return power - 1 + exponent;
}

/* Against the C library: the nearest decimal of as few digits as read back. */
static void check(Text *t, float v)
{
    char want[40], ours[40], theirs[40];
    const char *text = number(t, v);
    if (strtof(text, NULL) != v)
        fail_msg("%a is printed as %s", (double)v, text);
    for (int n = 0; n < 9; n++) {
        snprintf(want, sizeof want, "%.*e", n, (double)v);
        if (strtof(want, NULL) == v)
            break;
    }
    int a = digits_of(text, ours), b = digits_of(want, theirs);
    if (v != 0 && (a != b || strcmp(ours, theirs) != 0))
        fail_msg("%a is printed as %s, not %s", (double)v, text, want);
}

static void floats_are_printed_as_short_as_they_can_be(void **state)
{
    (void)state;
    Text t = {0};
    mlp_rng rng;
    mlp_rng_seed(&rng, 1, 1);
    for (int i = 0; i < 60000; i++) {
        uint32_t bits = mlp_rng_u32(&rng);
        float v;
        memcpy(&v, &bits, sizeof v);
        check(&t, isfinite(v) ? v : 1.0f); /* of any size */
        check(&t, mlp_rng_normal(&rng));   /* of everyday size */
        check(&t, (float)((int)mlp_rng_below(&rng, 2000) - 1000) / 100);
    }
    for (int e = -149; e < 128; e++) { /* powers of two, and their neighbours */
        float v = ldexpf(1, e);
        check(&t, v);
        check(&t, nextafterf(v, 0));
        check(&t, nextafterf(v, FLT_MAX));
    }
    for (int e = -44; e < 39; e++) { /* and of ten */
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        float v = strtof(text, NULL);
        check(&t, v);
        check(&t, nextafterf(v, 0));
        check(&t, nextafterf(v, FLT_MAX));
    }
    check(&t, FLT_MAX);
    text_free(&t);
}

static void the_two_forms(void **state)
{
    (void)state;
    static const struct {
        float v;
        const char *number, *literal;
    } cases[] = {{0, "0.0", "0.0f"},         {-0.0f, "-0.0", "-0.0f"},         {3, "3.0", "3.0f"},
                 {0.1f, "0.1", "0.1f"},      {-12.5f, "-12.5", "-12.5f"},      {1.25e-7f, "1.25e-7", "125e-9f"},
                 {3e20f, "3e20", "3e20f"},   {0.00012f, "0.00012", "0.00012f"}, {123456789.0f, "123456790.0", "123456790.0f"}};
    Text t = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(number(&t, cases[i].v), cases[i].number);
        t.size = 0;
        text_float(&t, cases[i].v);
        assert_string_equal(t.data, cases[i].literal);
    }
    assert_string_equal(number(&t, NAN), "nan");
    assert_string_equal(number(&t, INFINITY), "inf");
    assert_string_equal(number(&t, -INFINITY), "-inf");
    text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_are_printed_as_short_as_they_can_be),
        cmocka_unit_test(the_two_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
