/* main.c: two nets learn inside a plain C program: no runtime, no allocation, no libm. All memory is static, as it would be
 * on a small machine. main digits.u8: 1,797 rows of 64 pixels and a label, one byte each (UCI digits, CC BY 4.0). */
#include <stdio.h>

#include "digits.h"
#include "xor.h"

enum { ROWS = 1797, TRAIN = 1500, BATCH = 32 };

static unsigned char file[ROWS][DIGITS_IN + 1];

static void learn_xor(void)
{
    static const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, t[4] = {0, 1, 1, 0};
    static float p[XOR_NET_PARAMS], g[XOR_NET_TRAINED], state[XOR_NET_STATE], scratch[XOR_NET_TRAIN_SCRATCH], y;
    int right = 0;
    xor_net_init(p, 1);
    for (unsigned long step = 1; step <= 500; step++)
        xor_net_train(p, 4, x[0], t, g, scratch, state, step, 0.05f);
    for (int i = 0; i < 4; i++) {
        xor_net(p, x[i], &y);
        right += (y > 0.5f) == (t[i] > 0.5f);
        printf("%g xor %g = %.2f\n", (double)x[i][0], (double)x[i][1], (double)y);
    }
    printf("xor: %d of 4 right\n", right);
}

static int class_of(const float *y)
{
    int best = 0;
    for (int k = 1; k < DIGITS_OUT; k++)
        if (y[k] > y[best])
            best = k;
    return best;
}

static int learn_digits(const char *path)
{
    static float p[DIGITS_PARAMS], g[DIGITS_TRAINED], state[DIGITS_STATE], scratch[DIGITS_TRAIN_SCRATCH];
    static float x[BATCH][DIGITS_IN], t[BATCH][DIGITS_OUT], y[DIGITS_OUT];
    FILE *f = fopen(path, "rb");
    size_t got = f ? fread(file, sizeof file[0], ROWS, f) : 0;
    unsigned long step = 0;
    float loss = 0;
    int right = 0;
    if (f)
        fclose(f);
    if (got != ROWS) {
        fprintf(stderr, "%s: error: not the %d digits\n", path, ROWS);
        return 1;
    }
    digits_init(p, 1);
    for (int epoch = 0; epoch < 30; epoch++)
        for (int first = 0; first + BATCH <= TRAIN; first += BATCH) {
            for (int i = 0; i < BATCH; i++) {
                const unsigned char *row = file[(first + i) * 7 % TRAIN]; /* 7 and 1500 share no factor: all rows come by */
                for (int j = 0; j < DIGITS_IN; j++)
                    x[i][j] = row[j];
                for (int k = 0; k < DIGITS_OUT; k++)
                    t[i][k] = k == row[DIGITS_IN];
            }
            loss = digits_train(p, BATCH, x[0], t[0], g, scratch, state, ++step, 0.02f);
        }
    for (int i = TRAIN; i < ROWS; i++) {
        for (int j = 0; j < DIGITS_IN; j++)
            x[0][j] = file[i][j];
        digits(p, x[0], y);
        right += class_of(y) == file[i][DIGITS_IN];
    }
    printf("digits: last loss %.3f, %d of %d test digits right\n", (double)loss, right, ROWS - TRAIN);
    return right * 100 < 90 * (ROWS - TRAIN);
}

int main(int argc, char **argv)
{
    learn_xor();
    return learn_digits(argc > 1 ? argv[1] : "digits.u8");
}
