/* build: -mavx2 -mfma -ffp-contract=fast */
/* vmath_avx2_test.c: vmath_test.c built for AVX2 with FMA, as the line above asks. */
#include "vmath_test.c"
