/* main.c: a program around a generated net: iris SEPAL_LENGTH SEPAL_WIDTH PETAL_LENGTH PETAL_WIDTH (centimetres).
 * Prints how probable each kind of iris is. `make` makes iris.c from iris.lua and its weights, then compiles both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "iris.h"

int main(int argc, char **argv)
{
    float flower[IRIS_IN], probability[IRIS_OUT];
    if (argc != 1 + IRIS_IN) {
        fputs("usage: iris SEPAL_LENGTH SEPAL_WIDTH PETAL_LENGTH PETAL_WIDTH, in centimetres\n", stderr);
        return 2;
    }
    for (int i = 0; i < IRIS_IN; i++) {
        char *end;
        flower[i] = strtof(argv[i + 1], &end);
        if (end == argv[i + 1] || *end || !isfinite(flower[i])) {
            fprintf(stderr, "iris: '%s' is not a length\n", argv[i + 1]);
            return 1;
        }
    }
    iris(flower, probability);
    for (int k = 0; k < IRIS_OUT; k++)
        printf("%-12s %5.1f %%\n", iris_label(k), 100.0 * (double)probability[k]);
    return 0;
}
