/* peers.c: other people's libraries: OpenBLAS and FANN where they can be loaded, PyTorch and onnxruntime as processes
 * that answer "BATCH CALLS" on their input with the seconds it took them. */
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "kernels.h"

/* Says once that a peer is not here. */
static void missing(const char *name, const char *why)
{
    static const char *said[8];
    for (int i = 0; i < 8; i++) {
        if (said[i] && strcmp(said[i], name) == 0)
            return;
        if (!said[i]) {
            said[i] = name;
            fprintf(stderr, "bench: no %s: %s\n", name, why);
            return;
        }
    }
}

static void *open_library(const char *const *file, const char *name)
{
    for (; *file; file++) {
        void *library = dlopen(*file, RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
    }
    missing(name, dlerror());
    return NULL;
}

/* The address of a function, as a function pointer in *to. */
static bool find(void *library, const char *name, void *to)
{
    void *address = dlsym(library, name);
    memcpy(to, &address, sizeof address);
    return address != NULL;
}

/* ---- OpenBLAS: a matrix product a layer, the bias put there first, the activation in a loop behind --------------- */

enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };

typedef struct Blas {
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                  int ldb, float beta, float *c, int ldc);
    void (*sgemv)(int order, int ta, int m, int n, float alpha, const float *a, int lda, const float *x, int incx,
                  float beta, float *y, int incy);
    float *h[2];
} Blas;

static void activate(const char *act, float *y, size_t count)
{
    if (strcmp(act, "relu") == 0)
        for (size_t i = 0; i < count; i++)
            y[i] = y[i] > 0 ? y[i] : 0;
    else if (strcmp(act, "tanh") == 0)
        for (size_t i = 0; i < count; i++)
            y[i] = tanhf(y[i]);
    else if (strcmp(act, "sigmoid") == 0)
        for (size_t i = 0; i < count; i++)
            y[i] = 1 / (1 + expf(-y[i]));
}

static double time_blas(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const Blas *b = s->state;
    double start = now();
    for (size_t i = 0; i < calls; i++) {
        const float *x = n->x + (i & (blocks_of(batch) - 1)) * batch * (size_t)n->in;
        for (int l = 0; l < n->nlayer; l++) {
            const Layer *d = &n->layer[l];
            float *y = l == n->nlayer - 1 ? n->y : b->h[l % 2];
            for (size_t r = 0; r < batch; r++)
                memcpy(y + r * (size_t)d->out, d->b, (size_t)d->out * sizeof *y);
            if (batch == 1)
                b->sgemv(ROW_MAJOR, AS_IT_IS, d->out, d->in, 1, d->w, d->in, x, 1, 1, y, 1);
            else
                b->sgemm(ROW_MAJOR, AS_IT_IS, TRANSPOSED, (int)batch, d->out, d->in, 1, x, d->in, d->w, d->in, 1, y,
                         d->out);
            activate(d->act, y, batch * (size_t)d->out);
            x = y;
        }
    }
    return now() - start;
}

static void end_blas(Subject *s)
{
    const Blas *b = s->state;
    free(b->h[0]);
    free(b->h[1]);
}

static int blas_subject(Subject *s, const Net *n)
{
    static const char *const file[] = {"libopenblas.so.0", "libopenblas.so", NULL};
    void *library = open_library(file, "OpenBLAS");
    Blas *b = ARENA_NEW(n->compile.arena, Blas);
    void (*threads)(int);
    if (!library || !find(library, "cblas_sgemm", &b->sgemm) || !find(library, "cblas_sgemv", &b->sgemv))
        return 0;
    if (find(library, "openblas_set_num_threads", &threads))
        threads(1);
    int widest = 0;
    for (int l = 0; l < n->nlayer; l++) {
        if (!n->layer[l].b)
            return 0;
        widest = n->layer[l].out > widest ? n->layer[l].out : widest;
    }
    for (int i = 0; i < 2; i++)
        b->h[i] = take_floats((size_t)widest * BATCH_MAX);
    *s = (Subject){.name = "OpenBLAS", .set = mlp_kernels_best()->name, .time = time_blas, .state = b, .end = end_blas};
    return 1;
}

/* ---- FANN: one sample at a time; it has no ReLU, there it computes the linear layer ------------------------------ */

typedef struct Fann {
    void *net;
    float *(*run)(void *net, float *x);
    void (*destroy)(void *net);
} Fann;

static double time_fann(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const Fann *f = s->state;
    double start = now();
    (void)batch;
    for (size_t i = 0; i < calls; i++)
        n->y[0] = f->run(f->net, n->x + (i & (BLOCKS - 1)) * (size_t)n->in)[0];
    return now() - start;
}

static void end_fann(Subject *s)
{
    const Fann *f = s->state;
    f->destroy(f->net);
}

static int fann_subject(Subject *s, const Net *n)
{
    enum { LINEAR = 0, SIGMOID = 3, SIGMOID_SYMMETRIC = 5 }; /* enum fann_activationfunc_enum */
    static const char *const file[] = {"libfann.so.2", "libfann.so", NULL};
    void *library = open_library(file, "FANN");
    Fann *f = ARENA_NEW(n->compile.arena, Fann);
    void *(*create)(unsigned layers, const unsigned *widths);
    void (*set)(void *net, int function, int layer);
    if (!library || !find(library, "fann_create_standard_array", &create) || !find(library, "fann_run", &f->run) ||
        !find(library, "fann_destroy", &f->destroy) || !find(library, "fann_set_activation_function_layer", &set))
        return 0;
    unsigned width[LAYERS_MAX + 1] = {(unsigned)n->in};
    for (int l = 0; l < n->nlayer; l++)
        width[l + 1] = (unsigned)n->layer[l].out;
    f->net = create((unsigned)n->nlayer + 1, width);
    if (!f->net)
        return 0;
    for (int l = 0; l < n->nlayer; l++) {
        const char *act = n->layer[l].act;
        set(f->net,
            strcmp(act, "tanh") == 0      ? SIGMOID_SYMMETRIC
            : strcmp(act, "sigmoid") == 0 ? SIGMOID
                                          : LINEAR,
            l + 1);
    }
    *s = (Subject){
        .name = "FANN", .set = mlp_kernels_best()->name, .time = time_fann, .state = f, .end = end_fann, .only = 1};
    return 1;
}

int library_subjects(Subject *s, const Net *n)
{
    if (n->learns) /* OpenBLAS does not, FANN does sample by sample */
        return 0;
    int count = blas_subject(s, n);
    return count + fann_subject(s + count, n);
}

/* ---- processes: one for each program, from its first turn to the end ----------------------------------------- */

typedef struct Process {
    const char *name, *program, *script;
    FILE *to, *from; /* NULL: not started */
    bool gone;       /* it does not start here */
} Process;

/* A way to run a net in one of them. */
typedef struct Peer {
    const char *name, *way; /* way: as the script calls it */
    int process;
    bool learns;
    const char *net; /* "784,256:relu,10:linear" */
} Peer;

static Process process[] = {{.name = "PyTorch", .program = "/usr/bin/python3", .script = "tests/bench/torch_peer.py"},
                            {.name = "onnxruntime", .program = "node", .script = "tests/bench/onnx_peer.js"}};
static const Peer peers[] = {{"PyTorch eager", "eager", 0, false, NULL},
                             {"PyTorch frozen", "frozen", 0, false, NULL},
                             {"onnxruntime", "onnx", 1, false, NULL},
                             {"SGD PyTorch", "sgd", 0, true, NULL},
                             {"Adam PyTorch", "adam", 0, true, NULL}};

/* Starts it unless it runs; it says "ready" when it is. false: it does not start here. */
static bool started(Process *p, Arena *a)
{
    int to[2], from[2];
    char line[64] = "";
    char *argv[] = {arena_strdup(a, p->program), arena_strdup(a, p->script), NULL};
    if (p->to || p->gone)
        return p->to != NULL;
    if (pipe(to) || pipe(from))
        die("bench: no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
    if (fgets(line, sizeof line, p->from) && strcmp(line, "ready\n") == 0)
        return true;
    fclose(p->to);
    fclose(p->from);
    p->to = NULL;
    p->gone = true;
    return false;
}

static double time_process(Subject *s, const Net *n, size_t batch, size_t calls)
{
    const Peer *peer = s->state;
    Process *p = &process[peer->process];
    double seconds = -1;
    if (!started(p, n->compile.arena)) {
        missing(p->name, "it does not start here");
        return -1;
    }
    fprintf(p->to, "%s %s %zu %zu\n", peer->way, peer->net, batch, calls);
    fflush(p->to);
    return fscanf(p->from, "%lf", &seconds) == 1 ? seconds : -1;
}

int process_subjects(Subject *s, const Net *n)
{
    Arena *a = n->compile.arena;
    int count = 0;
    const char *net = arena_printf(a, "%d", n->in);
    for (int l = 0; l < n->nlayer; l++)
        net = arena_printf(a, "%s,%d:%s", net, n->layer[l].out, n->layer[l].act);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        if (peers[i].learns != n->learns)
            continue;
        Peer *peer = ARENA_NEW(a, Peer);
        *peer = peers[i];
        peer->net = net;
        s[count++] =
            (Subject){.name = peer->name, .set = mlp_kernels_best()->name, .time = time_process, .state = peer};
    }
    return count;
}
