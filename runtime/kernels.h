/* kernels.h: the kernels that code compiled at run time calls, one table for each instruction set. Not
 * installed.
 *
 * Every function works on n samples, row by row; ldx, ldb, ldy are the floats from one sample's row to the
 * next. Weights lie as runtime/kernel.h says, and sums run in the order told there. */
#ifndef MLP_RUNTIME_KERNELS_H
#define MLP_RUNTIME_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MLP_ROW_ARGS size_t n, size_t width, const float *x, size_t ldx, float *y, size_t ldy
#define MLP_DENSE_ARGS const float *x, size_t ldx, const float *w, const float *b, float *y, size_t ldy
#define MLP_ONE_ARGS const float *x, const float *w, const float *b, float *y, int relu

/* X(name, parameters): the kernels of inference. This list alone makes the struct, the prototypes that compiled code sees and the
 * table of their addresses: a new kernel is one row here and one function in kernels.c.
 *
 * panelsS   dense, `panels` whole panels of 16 outputs in S partial sums; relu: 1 cuts the outputs off at 0
 * tailS     dense, the last `width` < 16 outputs; dots: the same by dot products
 * stripSxC  the work of panelsS for one sample and C vectors of outputs, S * C at most 8 (or C 1)
 * lastS     the work of tailS for one sample; roomS: likewise, storing whole vectors, for which y has room (16 floats)
 * dot       the work of dots for one sample; room: likewise
 *           b may be NULL in all of these
 * relu ...  y = f(x) element by element, y may be x; a: the number of the op; prelu1: one slope for all
 * affine    x * scale + shift
 * mul ...   y = x op b, y may be x or b
 * softmax, log_softmax, layernorm: whole rows, y may be x
 * copy      rows */
#define MLP_KERNEL_LIST(X)                                                                                             \
    X(panels1, (size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu))                                         \
    X(panels2, (size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu))                                         \
    X(panels4, (size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu))                                         \
    X(panels8, (size_t n, size_t in, size_t panels, MLP_DENSE_ARGS, int relu))                                         \
    X(tail1, (size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu))                                               \
    X(tail2, (size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu))                                               \
    X(tail4, (size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu))                                               \
    X(tail8, (size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu))                                               \
    X(dots, (size_t n, size_t in, int width, MLP_DENSE_ARGS, int relu))                                                \
    X(strip1x1, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x2, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x3, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x4, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x5, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x6, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x7, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip1x8, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip2x1, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip2x2, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip2x3, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip2x4, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip4x1, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip4x2, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(strip8x1, (size_t in, MLP_ONE_ARGS))                                                                             \
    X(last1, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(room1, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(last2, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(room2, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(last4, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(room4, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(last8, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(room8, (size_t in, int width, MLP_ONE_ARGS))                                                                     \
    X(dot, (size_t in, int width, int room, MLP_ONE_ARGS))                                                             \
    X(relu, (MLP_ROW_ARGS))                                                                                            \
    X(selu, (MLP_ROW_ARGS))                                                                                            \
    X(gelu, (MLP_ROW_ARGS))                                                                                            \
    X(silu, (MLP_ROW_ARGS))                                                                                            \
    X(sigmoid, (MLP_ROW_ARGS))                                                                                         \
    X(tanh, (MLP_ROW_ARGS))                                                                                            \
    X(hard_sigmoid, (MLP_ROW_ARGS))                                                                                    \
    X(hard_tanh, (MLP_ROW_ARGS))                                                                                       \
    X(softplus, (MLP_ROW_ARGS))                                                                                        \
    X(softsign, (MLP_ROW_ARGS))                                                                                        \
    X(sign, (MLP_ROW_ARGS))                                                                                            \
    X(exp, (MLP_ROW_ARGS))                                                                                             \
    X(leaky_relu, (MLP_ROW_ARGS, float a))                                                                             \
    X(elu, (MLP_ROW_ARGS, float a))                                                                                    \
    X(prelu, (MLP_ROW_ARGS, const float *slope))                                                                       \
    X(prelu1, (MLP_ROW_ARGS, const float *slope))                                                                      \
    X(affine, (MLP_ROW_ARGS, const float *scale, const float *shift))                                                  \
    X(batchnorm, (MLP_ROW_ARGS, const float *mean, const float *var, float eps, const float *w, const float *b))       \
    X(mul, (size_t n, size_t width, const float *x, size_t ldx, const float *b, size_t ldb, float *y, size_t ldy))     \
    X(add, (size_t n, size_t width, const float *x, size_t ldx, const float *b, size_t ldb, float *y, size_t ldy))     \
    X(sub, (size_t n, size_t width, const float *x, size_t ldx, const float *b, size_t ldb, float *y, size_t ldy))     \
    X(softmax, (MLP_ROW_ARGS))                                                                                         \
    X(log_softmax, (MLP_ROW_ARGS))                                                                                     \
    X(layernorm, (MLP_ROW_ARGS, float eps, const float *w, const float *b))                                            \
    X(copy, (MLP_ROW_ARGS))

#define MLP_BACK_ARGS                                                                                                  \
    size_t n, size_t width, const float *dy, size_t ldy, const float *b, size_t ldb, float *dx, size_t ldx
#define MLP_LOSS_ARGS                                                                                                  \
    size_t n, size_t width, float share, float delta, const float *x, size_t ldx, const float *t, size_t ldt,          \
        const float *weight, float *dx, size_t lddx, double *loss

/* X(name, parameters): the kernels of training, made in kernels_learn.c of the functions of learn.h, which tell what each
 * computes and in which order. Gradients of parameters are added to what stands in g (dense_grad: if `add`), losses to *loss.
 *
 * zero      count zeros
 * turn      weights of some inputs for dx = W^T dy, by panelsS and tailS
 * d_relu .. dx = dy * slope, the slope told by b, which is x or y as op_slope_reads_y says; dx may be dy or b
 * softmax_back ...  whole rows, b being y; dx may be dy or b
 * mse ...   the losses but cross_entropy; share: of one feature; delta: of huber; weight may be NULL */
#define MLP_LEARN_LIST(X)                                                                                              \
    X(zero, (size_t count, float *g))                                                                                  \
    X(turn, (size_t in, size_t out, int dot, size_t from, size_t to, const float *w, float *t))                        \
    X(dense_grad, (size_t n, size_t in, size_t out, int dot, int add, const float *x, size_t ldx, const float *dy,     \
                   size_t ldy, float *g, float *gb, float *pack, size_t room, const void *rule))                       \
    X(update, (const void *rule, size_t from, size_t count))                                                           \
    X(d_relu, (MLP_BACK_ARGS))                                                                                         \
    X(d_selu, (MLP_BACK_ARGS))                                                                                         \
    X(d_gelu, (MLP_BACK_ARGS))                                                                                         \
    X(d_silu, (MLP_BACK_ARGS))                                                                                         \
    X(d_sigmoid, (MLP_BACK_ARGS))                                                                                      \
    X(d_tanh, (MLP_BACK_ARGS))                                                                                         \
    X(d_hard_sigmoid, (MLP_BACK_ARGS))                                                                                 \
    X(d_hard_tanh, (MLP_BACK_ARGS))                                                                                    \
    X(d_softplus, (MLP_BACK_ARGS))                                                                                     \
    X(d_softsign, (MLP_BACK_ARGS))                                                                                     \
    X(d_sign, (MLP_BACK_ARGS))                                                                                         \
    X(d_exp, (MLP_BACK_ARGS))                                                                                          \
    X(d_leaky_relu, (MLP_BACK_ARGS, float a))                                                                          \
    X(d_elu, (MLP_BACK_ARGS, float a))                                                                                 \
    X(d_prelu, (MLP_BACK_ARGS, const float *slope))                                                                    \
    X(d_prelu1, (MLP_BACK_ARGS, const float *slope))                                                                   \
    X(prelu_grad, (size_t n, size_t width, int shared, const float *dy, size_t ldy, const float *x, size_t ldx,        \
                   float *g))                                                                                          \
    X(softmax_back, (MLP_BACK_ARGS))                                                                                   \
    X(log_softmax_back, (MLP_BACK_ARGS))                                                                               \
    X(layernorm_back, (size_t n, size_t width, float eps, const float *w, const float *dy, size_t ldy, const float *x, \
                       size_t ldx, float *dx, size_t lddx))                                                            \
    X(layernorm_grad, (size_t n, size_t width, float eps, const float *dy, size_t ldy, const float *x, size_t ldx,     \
                       float *gw, float *gb))                                                                          \
    X(batchnorm_stats, (size_t n, size_t width, float eps, const float *x, size_t ldx, float *s, float *mean,          \
                        float *var))                                                                                   \
    X(batchnorm_train, (size_t n, size_t width, const float *x, size_t ldx, const float *s, const float *w,            \
                        const float *b, float *y, size_t ldy))                                                         \
    X(batchnorm_grad, (size_t n, size_t width, const float *dy, size_t ldy, const float *x, size_t ldx,                \
                       const float *s, float *d, float *gw, float *gb))                                                \
    X(batchnorm_back, (size_t n, size_t width, const float *w, const float *dy, size_t ldy, const float *x,            \
                       size_t ldx, const float *s, const float *d, float *dx, size_t lddx))                            \
    X(dropout, (size_t n, size_t width, uint32_t limit, float scale, uint64_t seed, uint64_t step, uint32_t stream,    \
                uint64_t first, const float *x, size_t ldx, float *y, size_t ldy))                                     \
    X(scatter, (size_t n, size_t width, const float *a, size_t lda, size_t from, size_t part, const float *dy,         \
                size_t ldy, float *dx, size_t ldx))                                                                    \
    X(cross_entropy, (size_t n, size_t width, int labels, float share, const float *x, size_t ldx, const float *t,     \
                      size_t ldt, const float *weight, float *dx, size_t lddx, double *loss))                          \
    X(binary_cross_entropy, (MLP_LOSS_ARGS))                                                                           \
    X(binary_cross_entropy_logits, (MLP_LOSS_ARGS))                                                                    \
    X(mse, (MLP_LOSS_ARGS))                                                                                            \
    X(mae, (MLP_LOSS_ARGS))                                                                                            \
    X(huber, (MLP_LOSS_ARGS))                                                                                          \
    X(penalty, (size_t count, float l2, float l1, const float *w, float *g, double *loss))

/* Their numbers: those of both lists, one after the other. */
enum {
#define X(name, parameters) MLP_KERNEL_##name,
    MLP_KERNEL_LIST(X) MLP_LEARN_LIST(X)
#undef X
        MLP_KERNEL_COUNT
};

typedef struct mlp_kernels_learn {
#define X(name, parameters) void(*name) parameters;
    MLP_LEARN_LIST(X)
#undef X
} mlp_kernels_learn;

/* All kernels for one instruction set. Constant: any number of threads may use one. */
typedef struct mlp_kernels {
    const char *name; /* "avx512", "avx2", "neon", "sse2" or "plain" */
    int lanes;        /* floats in a vector: 16, 8, 4 or 1 */
    const mlp_kernels_learn *learn;
#define X(name, parameters) void(*name) parameters;
    MLP_KERNEL_LIST(X)
#undef X
    /* Dense weights [out][in] into the layout of kernel.h, and back; dot: the last out % 16 are for dot
     * products. */
    void (*pack)(size_t in, size_t out, int dot, const float *w, float *panels);
    void (*unpack)(size_t in, size_t out, int dot, const float *panels, float *w);
    /* What the machine can do, for comparison: `rounds` rounds of independent multiply-adds, and the sum of count floats
     * (whole vectors of them), `times` times, so that memory is read as often. Both return a number that keeps the compiler
     * from leaving the work out; peak_flops: operations in one round. */
    float (*peak)(size_t rounds);
    float (*stream)(const float *x, size_t count, size_t times);
    double peak_flops;
} mlp_kernels;

/* A name and an address, and the declaration in C, by size_t, uint32_t and uint64_t besides C's own types. */
typedef struct mlp_symbol {
    const char *name, *prototype; /* "mlp_tanh", "void mlp_tanh(size_t n, ...);" */
    void (*address)(void);
} mlp_symbol;

/* The kernels for the best instruction set of this machine. Asks the processor anew each time; no state, any
 * thread. */
const mlp_kernels *mlp_kernels_best(void);

/* The kernels for the i-th instruction set that was built and that this machine has, best first; NULL after
 * the last. */
const mlp_kernels *mlp_kernels_at(int i);

/* Kernel number i, MLP_KERNEL_NAME (its symbol is mlp_NAME); false after the last. */
bool mlp_kernels_symbol(const mlp_kernels *k, int i, mlp_symbol *symbol);

#endif
