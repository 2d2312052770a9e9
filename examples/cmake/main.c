/* main.c: draws what the generated net makes of x from -pi to pi, and its distance from the sine. */
#include <stdio.h>

#include "wave.h"

enum { POINTS = 13 };

/* sin(k pi / 6) for k = -6 .. 6 */
static const float sine[POINTS] = {0.0f,       -0.5f, -0.8660254f, -1.0f, -0.8660254f, -0.5f, 0.0f,
                                   0.5f, 0.8660254f, 1.0f,  0.8660254f,  0.5f,  0.0f};

int main(void)
{
    float worst = 0;
    for (int k = 0; k < POINTS; k++) {
        const float x[WAVE_IN] = {(float)(k - 6) * 0.52359878f};
        float y[WAVE_OUT], off;
        wave(x, y);
        off = y[0] > sine[k] ? y[0] - sine[k] : sine[k] - y[0];
        worst = off > worst ? off : worst;
        printf("%6.2f %6.2f %*s\n", (double)x[0], (double)y[0], (int)(20.5f + 18 * y[0]), "*");
    }
    printf("furthest from the sine: %.4f\n", (double)worst);
    return worst < 0.001f ? 0 : 1;
}
