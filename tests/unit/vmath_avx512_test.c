/* build: -mavx512f -ffp-contract=fast */
/* vmath_avx512_test.c: vmath_test.c built for AVX-512, as the line above asks. */
#include "vmath_test.c"
