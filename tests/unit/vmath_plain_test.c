/* build: -DMLP_PLAIN */
/* vmath_plain_test.c: vmath_test.c built for plain C, one float at a time, as the line above asks. */
#include "vmath_test.c"
