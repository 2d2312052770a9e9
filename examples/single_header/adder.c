/* adder.c: two generated nets in one program, each a single header: a full adder out of a parity net and a majority net.
 * adder A B prints A + B, added bit by bit. In one file of a program a header is included with its code, by the macro
 * in front of it; any other file includes it bare, for the declarations. Compiles as C and as C++. */
#include <stdio.h>
#include <stdlib.h>

#define PARITY_IMPLEMENTATION
#include "parity.h"
#define MAJORITY_IMPLEMENTATION
#include "majority.h"

enum { BITS = 16 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: adder A B, whole numbers below 65536\n", stderr);
        return 2;
    }
    unsigned long a = strtoul(argv[1], NULL, 10), b = strtoul(argv[2], NULL, 10), sum = 0;
    float carry = 0;
    for (int i = 0; i <= BITS; i++) {
        const float in[PARITY_IN] = {(float)(a >> i & 1), (float)(b >> i & 1), carry};
        float odd[PARITY_OUT], two[MAJORITY_OUT];
        parity(in, odd);
        majority(in, two);
        sum |= (unsigned long)(odd[0] > 0.5f) << i;
        carry = two[0] > 0.5f ? 1.0f : 0.0f;
    }
    printf("%lu + %lu = %lu\n", a, b, sum);
    return 0;
}
