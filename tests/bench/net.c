/* net.c: a script and its weights -> a Net to measure. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"
#include "learner.h"
#include "mlp.h"

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

size_t blocks_of(size_t batch)
{
    size_t blocks = BLOCKS;
    while (blocks * batch > BATCH_MAX)
        blocks /= 2;
    return blocks;
}

/* Large blocks in huge pages: which pages of 4 KB fall on the same sets of the second cache is luck, other in each run.
 */
float *take_floats(size_t count)
{
    enum { HUGE_PAGE = 2 << 20 };
    void *memory;
    size_t size = (count + 128) * sizeof(float), unit = size > HUGE_PAGE / 8 ? HUGE_PAGE : 64;
    if (posix_memalign(&memory, unit, (size + unit - 1) / unit * unit))
        die("bench: out of memory");
    if (unit == HUGE_PAGE)
        madvise(memory, (size + unit - 1) / unit * unit, MADV_HUGEPAGE);
    return memory;
}

void fill(float *x, size_t count, unsigned seed)
{
    mlp_rng rng;
    mlp_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < count; i++)
        x[i] = 2.0f * mlp_rng_uniform(&rng) - 1.0f;
}

/* ---- nets ------------------------------------------------------------------------------------------------- */

void write_weights(const char *script, const char *path)
{
    Compile c;
    mlp_error err;
    compile_begin(&c);
    c.script = script;
    c.weights = "none";
    if (!compile_run(&c, STAGE_GRAPH))
        die("bench: %s does not compile", script);
    const Graph *g = c.graph;
    float *w = take_floats(graph_params(g));
    mlp_tensor *tensor = ARENA_ARRAY(c.arena, (size_t)g->nparam, mlp_tensor);
    learner_start(g, 1, w);
    for (int p = 0, i = 0; p < g->nparam; p++) {
        const Param *q = g->param[p];
        size_t *shape = ARENA_ARRAY(c.arena, 2, size_t);
        shape[0] = (size_t)q->rows, shape[1] = (size_t)q->cols;
        tensor[p] =
            (mlp_tensor){.name = q->name, .data = w + i, .count = param_count(q), .shape = shape, .rank = q->ndim};
        i += (int)param_count(q);
    }
    if (mlp_params_write(path, tensor, (size_t)g->nparam, NULL, 0, &err))
        die("bench: %s", err.text);
    free(w);
    compile_end(&c);
}

/* NULL: there is no such file. */
static float *read_floats(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st))
        die("bench: cannot read %s", path);
    float *p = take_floats((size_t)st.st_size / sizeof(float));
    if (fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        die("bench: cannot read %s", path);
    fclose(f);
    return p;
}

static void add_layer(Net *n, const Step *s)
{
    const Node *d = s->node;
    if (s->kind == STEP_ROW && n->nlayer) {
        n->layer[n->nlayer - 1].act = op_info[d->op].name;
        return;
    }
    if (s->kind != STEP_DENSE || n->nlayer == LAYERS_MAX || d->nepi > 1)
        die("bench: %s is not a chain of dense layers with an activation each", n->name);
    n->layer[n->nlayer++] = (Layer){.in = d->in[0]->width,
                                    .out = d->width,
                                    .act = d->nepi ? op_info[d->epi[0]->op].name : "linear",
                                    .w = d->param[ROLE_WEIGHT]->value,
                                    .b = d->param[ROLE_BIAS] ? d->param[ROLE_BIAS]->value : NULL};
    n->floats += param_count(d->param[ROLE_WEIGHT]) + (size_t)d->width;
}

/* The gradient of a layer's weights takes as many multiply-adds as its sums, and so does that of its inputs; nobody
 * needs that of the net's. */
static double macs_of_step(const Net *n)
{
    double macs = 0;
    for (int l = 0; l < n->nlayer; l++)
        macs += (l ? 3.0 : 2.0) * n->layer[l].in * n->layer[l].out;
    return macs;
}

void net_load(Net *n, const char *script, bool learns)
{
    *n = (Net){.learns = learns};
    compile_begin(&n->compile);
    n->compile.script = script;
    if (!compile_run(&n->compile, STAGE_PLAN) || n->compile.as != WEIGHTS_BAKED)
        die("bench: %s does not compile, or has no weights", script);
    const Plan *p = n->compile.plan;
    n->name = p->graph->name;
    for (int i = 0; i < p->nstep; i++)
        add_layer(n, &p->step[i]);
    n->block = read_floats(arena_printf(n->compile.arena, "%.*s.weights", (int)strlen(script) - 4, script));
    if (!n->block)
        fill(n->block = take_floats(n->floats + BLOCK_LEAST), n->floats + BLOCK_LEAST, 3);
    n->in = n->layer[0].in;
    n->out = n->layer[n->nlayer - 1].out;
    n->macs = learns ? macs_of_step(n) : p->macs;
    n->x = take_floats((size_t)n->in * BATCH_MAX);
    n->y = take_floats((size_t)n->out * BATCH_MAX);
    fill(n->x, (size_t)n->in * BATCH_MAX, 2);
    fill(n->y, (size_t)n->out * BATCH_MAX, 4);
}

void net_free(Net *n)
{
    free(n->block);
    free(n->x);
    free(n->y);
    compile_end(&n->compile);
}
