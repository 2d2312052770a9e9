/* random_graph.c: graphs made from a seed with the builders that the front end uses, and rows to feed them. */
#include "random_graph.h"

#include <math.h>
#include <string.h>

uint64_t random_bits(Random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int random_below(Random *r, int n)
{
    return (int)((random_bits(r) >> 33) % (uint64_t)n);
}

bool random_chance(Random *r, int percent)
{
    return random_below(r, 100) < percent;
}

double random_between(Random *r, double low, double high)
{
    return low + (high - low) * ((double)(random_bits(r) >> 11) * 0x1p-53);
}

float random_normal(Random *r)
{
    double sum = 0; /* of 12 even ones: variance 1 */
    for (int i = 0; i < 12; i++)
        sum += random_between(r, -0.5, 0.5);
    return (float)sum;
}

#define PICK(r, list) ((list)[random_below((r), (int)(sizeof(list) / sizeof *(list)))])

typedef struct Builder {
    Graph *g;
    Diag d;
    Random r;
    RandomKind kind;
    double size[256]; /* by node: about how large its values are */
    int line;
    int dense_left;
} Builder;

static Pos next_pos(Builder *b)
{
    return (Pos){b->g->file, ++b->line};
}

/* Tells how large n's values are, and returns n. */
static Node *sized(Builder *b, Node *n, double size)
{
    b->size[n->id] = size;
    return n;
}

static int random_width(Builder *b)
{
    static const int small[] = {1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 23, 31, 32, 33, 40};
    static const int any[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 80, 97, 100, 128, 129};
    static const int wide[] = {1, 2, 3, 8, 11, 16, 31, 100, 129, 160, 200, 256, 300, 301, 513, 700, 1000};
    switch (b->kind) {
    case RANDOM_SMALL:
        return PICK(&b->r, small);
    case RANDOM_ANY:
        if (random_chance(&b->r, 30))
            return 1 + random_below(&b->r, 100);
        return random_chance(&b->r, 3) ? 300 : PICK(&b->r, any);
    case RANDOM_WIDE:
        return random_chance(&b->r, 50) ? PICK(&b->r, wide) : PICK(&b->r, any);
    case RANDOM_LONG:
        return b->g->ninput == 0 ? 17000 : 1 + random_below(&b->r, 8);
    }
    return 1;
}

/* A node made so far: mostly a late one, so that the net gets deep. */
static Node *any_node(Builder *b)
{
    int n = b->g->nnode;
    if (random_chance(&b->r, 55))
        return b->g->node[n - 1];
    if (random_chance(&b->r, 60))
        return b->g->node[n - 1 - random_below(&b->r, n < 4 ? n : 4)];
    return b->g->node[random_below(&b->r, n)];
}

/* Another node of that width (it may be `not_this` itself when there is none other), or NULL. */
static Node *node_of_width(Builder *b, int width, const Node *not_this)
{
    Node *found[256] = {0};
    int count = 0;
    for (int i = 0; i < b->g->nnode; i++)
        if (b->g->node[i]->width == width && (b->g->node[i] != not_this || random_chance(&b->r, 10)))
            found[count++] = b->g->node[i];
    return count ? found[random_below(&b->r, count)] : NULL;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static void bind(Builder *b, Param *p, double low, double high)
{
    float *v = ARENA_ARRAY(b->g->arena, param_count(p), float);
    for (size_t i = 0; i < param_count(p); i++)
        v[i] = (float)random_between(&b->r, low, high);
    p->value = v;
    if (random_chance(&b->r, 5)) /* numbers that printing and small sums could get wrong */
        v[random_below(&b->r, (int)param_count(p))] = random_chance(&b->r, 50) ? -0.0f : 1.4e-45f;
}

static void bind_norm(Builder *b, Node *n)
{
    bool mirrored = random_chance(&b->r, 20);
    bind(b, n->param[ROLE_WEIGHT], mirrored ? -1.5 : 0.5, mirrored ? -0.3 : 1.5);
    bind(b, n->param[ROLE_BIAS], -0.5, 0.5);
    if (!n->param[ROLE_RUNNING_VAR])
        return;
    bind(b, n->param[ROLE_RUNNING_MEAN], -0.5, 0.5);
    bind(b, n->param[ROLE_RUNNING_VAR], 0.3, 2);
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

static Node *add_dense(Builder *b, Node *x, int width)
{
    /* Names that generated code might want for itself. */
    static const char *const names[] = {"fc1", "batch", "exp", "pack", "vec", "load", "h0", "relu", "n", "copy", "set"};
    const char *name = random_chance(&b->r, 8) ? PICK(&b->r, names) : NULL;
    for (int i = 0; name && i < b->g->nnode; i++)
        if (strcmp(b->g->node[i]->name, name) == 0)
            name = NULL;
    Node *n = graph_dense(b->g, &b->d, next_pos(b), x, width, random_chance(&b->r, 80), INIT_HE, name);
    double scale = sqrt(3.0 / x->width) / (b->size[x->id] > 2 ? b->size[x->id] / 2 : 1);
    bind(b, n->param[ROLE_WEIGHT], -scale, scale);
    if (n->param[ROLE_BIAS])
        bind(b, n->param[ROLE_BIAS], -0.5, 0.5);
    b->dense_left--;
    return sized(b, n, 2);
}

static Node *add_affine(Builder *b, Node *x)
{
    double *scale = ARENA_ARRAY(b->g->arena, (size_t)x->width, double);
    double *shift = ARENA_ARRAY(b->g->arena, (size_t)x->width, double);
    bool one_scale = random_chance(&b->r, 50), one_shift = random_chance(&b->r, 50);
    bool identity = random_chance(&b->r, 10);
    for (int j = 0; j < x->width; j++) {
        scale[j] = identity ? 1 : random_between(&b->r, -1.5, 1.5);
        shift[j] = identity ? 0 : random_between(&b->r, -1, 1);
    }
    Node *n = graph_affine(b->g, &b->d, next_pos(b), x, scale, one_scale ? 1 : x->width, shift,
                           one_shift ? 1 : x->width);
    return sized(b, n, 1.5 * b->size[x->id] + 1);
}

static Node *add_activation(Builder *b, Node *x)
{
    static const Op ops[] = {OP_RELU,    OP_LEAKY_RELU, OP_PRELU, OP_ELU,          OP_SELU,      OP_GELU,
                             OP_SILU,    OP_SIGMOID,    OP_TANH,  OP_HARD_SIGMOID, OP_HARD_TANH, OP_SOFTPLUS,
                             OP_SOFTSIGN, OP_SIGN,      OP_EXP};
    static const double leaky[] = {0.01, 0.2, 0.5, -0.3, 0, 1, 1.5};
    static const double elu[] = {1, 0.5, 2, -0.7, 0, 0.1};
    Op op = PICK(&b->r, ops);
    double size = b->size[x->id], a = 0;
    if (op == OP_EXP && size > 4)
        op = OP_TANH;
    if (op == OP_PRELU) {
        Node *n = graph_prelu(b->g, &b->d, next_pos(b), x, random_chance(&b->r, 30), 0.25, NULL);
        bind(b, n->param[ROLE_WEIGHT], -0.5, 1.2);
        return sized(b, n, size);
    }
    if (op == OP_LEAKY_RELU)
        a = PICK(&b->r, leaky);
    if (op == OP_ELU)
        a = PICK(&b->r, elu);
    if (op == OP_SIGN)
        a = random_below(&b->r, 2);
    bool bounded = op_info[op].saturating || op == OP_SIGN;
    return sized(b, graph_unary(b->g, &b->d, next_pos(b), op, x, &a, NULL),
                 op == OP_EXP ? exp(size) : bounded ? 1 : 1.8 * size);
}

/* What inference does away with. */
static Node *add_linear(Builder *b, Node *x)
{
    static const double eps[] = {1e-5, 1e-3, 0.1};
    int which = random_below(&b->r, 3);
    if (which == 0) {
        double p = random_between(&b->r, 0, 0.9);
        return sized(b, graph_unary(b->g, &b->d, next_pos(b), OP_DROPOUT, x, &p, NULL), b->size[x->id]);
    }
    if (which == 1)
        return add_affine(b, x);
    double e = PICK(&b->r, eps);
    Node *n = graph_unary(b->g, &b->d, next_pos(b), OP_BATCHNORM, x, &e, NULL);
    bind_norm(b, n);
    return sized(b, n, 2.5 * b->size[x->id] + 1);
}

static Node *add_row(Builder *b, Node *x)
{
    static const Op ops[] = {OP_SOFTMAX, OP_LOG_SOFTMAX, OP_LAYERNORM, OP_LAYERNORM};
    static const double eps[] = {1e-5, 1e-3, 0.1};
    Op op = PICK(&b->r, ops);
    double e = PICK(&b->r, eps);
    Node *n = graph_unary(b->g, &b->d, next_pos(b), op, x, &e, NULL);
    if (op == OP_LAYERNORM)
        bind_norm(b, n);
    return sized(b, n, op == OP_SOFTMAX ? 1 : op == OP_LAYERNORM ? 3 : 2 * b->size[x->id] + 5);
}

enum { WIDEST_DENSE = 1024 }; /* to fit a partner: millions of weights make no better test */

static Node *add_join(Builder *b, Node *x)
{
    Op op = (Op)(OP_MUL + random_below(&b->r, 3));
    Node *y = node_of_width(b, x->width, x);
    if (!y && b->dense_left > 0 && x->width <= WIDEST_DENSE)
        y = add_dense(b, any_node(b), x->width);
    if (!y)
        y = x;
    if (random_chance(&b->r, 30)) {
        Node *t = x;
        x = y;
        y = t;
    }
    double p = b->size[x->id], q = b->size[y->id];
    if (op == OP_MUL && p * q > 200)
        op = OP_SUB;
    return sized(b, graph_join(b->g, &b->d, next_pos(b), op, x, y), op == OP_MUL ? p * q : p + q);
}

static Node *add_shape(Builder *b, Node *x)
{
    int most = b->kind == RANDOM_SMALL ? 80 : b->kind == RANDOM_ANY ? 400 : b->kind == RANDOM_WIDE ? 1500 : 40000;
    if (random_chance(&b->r, 50)) {
        Node *y = random_chance(&b->r, 15) ? x : any_node(b);
        double size = fmax(b->size[x->id], b->size[y->id]);
        if (x->width + y->width <= most)
            return sized(b, graph_concat(b->g, &b->d, next_pos(b), x, y), size);
    }
    int first = 1 + random_below(&b->r, x->width), last = first + random_below(&b->r, x->width - first + 1);
    bool from_end = random_chance(&b->r, 20);
    return sized(b, graph_slice(b->g, &b->d, next_pos(b), x, first, from_end ? last - x->width - 1 : last),
                 b->size[x->id]);
}

static void add_node(Builder *b)
{
    Node *x = any_node(b);
    int what = random_below(&b->r, 100);
    if (b->size[x->id] > 300 && b->dense_left <= 0)
        sized(b, graph_unary(b->g, &b->d, next_pos(b), OP_TANH, x, NULL, NULL), 1);
    else if (what < 34 && b->dense_left > 0)
        add_dense(b, x, random_width(b));
    else if (b->size[x->id] > 300)
        sized(b, graph_unary(b->g, &b->d, next_pos(b), OP_SOFTSIGN, x, NULL, NULL), 1);
    else if (what < 58)
        add_activation(b, x);
    else if (what < 72)
        add_linear(b, x);
    else if (what < 78)
        add_row(b, x);
    else if (what < 88)
        add_join(b, x);
    else
        add_shape(b, x);
}

static void add_outputs(Builder *b)
{
    static const char *const names[] = {"policy", "value", "zeta", "aux"};
    Output out[4];
    int n = random_chance(&b->r, 40) ? 1 : 1 + random_below(&b->r, 4);
    for (int i = 0; i < n; i++) {
        bool last = i == 0 && random_chance(&b->r, 85), again = i > 0 && random_chance(&b->r, 15);
        Node *anywhere = b->g->node[random_below(&b->r, b->g->nnode)];
        out[i].node = last ? b->g->node[b->g->nnode - 1] : again ? out[i - 1].node : anywhere;
        out[i].name = n == 1 && random_chance(&b->r, 70) ? "y" : names[i];
    }
    graph_outputs(b->g, out, n);
}

Graph *random_graph(Arena *arena, const char *name, uint64_t seed, RandomKind kind)
{
    Builder b = {.g = graph_new(arena, "random.lua"), .r = {seed * 0x2545f4914f6cdd1du + 1}, .kind = kind};
    static const char *const names[] = {"state", "goal", "past"};
    diag_init(&b.d, arena);
    b.g->name = arena_strdup(arena, name);
    b.dense_left = kind == RANDOM_SMALL ? 3 : 9;
    int inputs = random_chance(&b.r, 60) ? 1 : 1 + random_below(&b.r, 3);
    bool named = random_chance(&b.r, 50);
    for (int i = 0; i < inputs; i++)
        sized(&b, graph_input(b.g, &b.d, next_pos(&b), random_width(&b), named ? names[i] : NULL), 2);
    int nodes = random_chance(&b.r, 3) ? 0 : 1 + random_below(&b.r, kind == RANDOM_SMALL || kind == RANDOM_LONG ? 12 : 22);
    for (int i = 0; i < nodes; i++)
        add_node(&b);
    add_outputs(&b);
    if (b.d.errors) {
        diag_flush(&b.d, stderr);
        die("a random graph broke a builder's rule");
    }
    return b.g;
}

void random_sample(float *x, int width, uint64_t seed, int input, int index)
{
    static const float huge[] = {0, 0, 1e4f, 1e-40f, 30};
    Random r = {seed * 0x9e3779b97f4a7c15u + (uint64_t)(input * 4096 + index)};
    for (int j = 0; j < width; j++)
        x[j] = random_normal(&r);
    if (index < RANDOM_FINITE_SPECIALS)
        for (int j = 0; j < width; j++)
            x[j] = index == 1 ? -0.0f : x[j] * huge[index];
    else if (index == 5)
        x[random_below(&r, width)] = NAN;
    else if (index < 8)
        x[random_below(&r, width)] = index == 6 ? INFINITY : -INFINITY;
    else if (index == 8)
        for (int j = 0; j < width; j++)
            x[j] = INFINITY;
    else if (index == 9)
        for (int j = 0; j < width; j++)
            x[j] = random_chance(&r, 30) ? (random_chance(&r, 50) ? INFINITY : -INFINITY) : x[j];
}
