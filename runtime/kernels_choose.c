/* kernels_choose.c: which of the tables that kernels.c was built into this machine can use. */
#include "kernels.h"

extern const mlp_kernels mlp_kernels_base;

#if defined(__x86_64__) && defined(__GNUC__)
extern const mlp_kernels mlp_kernels_avx2, mlp_kernels_avx512;

/* The whole of what kernels.c is built with, see the Makefile. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}

const mlp_kernels *mlp_kernels_at(int i)
{
    const mlp_kernels *usable[3] = {0};
    int n = 0;
    if (has_avx512())
        usable[n++] = &mlp_kernels_avx512;
    if (has_avx2())
        usable[n++] = &mlp_kernels_avx2;
    usable[n++] = &mlp_kernels_base;
    return i >= 0 && i < n ? usable[i] : NULL;
}
#else
const mlp_kernels *mlp_kernels_at(int i)
{
    return i == 0 ? &mlp_kernels_base : NULL;
}
#endif

const mlp_kernels *mlp_kernels_best(void)
{
    return mlp_kernels_at(0);
}

bool mlp_kernels_symbol(const mlp_kernels *k, int i, mlp_symbol *symbol)
{
    switch (i) {
#define TEXT(...) #__VA_ARGS__
#define CASE(from, name, parameters)                                                                                   \
    case MLP_KERNEL_##name:                                                                                            \
        *symbol = (mlp_symbol){"mlp_" #name, "void mlp_" #name TEXT(parameters) ";", (void (*)(void))(from)->name};    \
        return true;
#define X(name, parameters) CASE(k, name, parameters)
        MLP_KERNEL_LIST(X)
#undef X
#define X(name, parameters) CASE(k->learn, name, parameters)
        MLP_LEARN_LIST(X)
#undef X
    default:
        return false;
    }
}
