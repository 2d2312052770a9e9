/* agree_nets.c: writes one random net as C, with rows to feed it and what must come out: for agree.sh and agree_run.c.
 *
 *     agree DIR NAME SEED small|any|wide|long baked|argument|file simd|portable f32|bf16|f16|i8 [single]
 *
 * makes DIR/NAME.c and .h (or, single, the one header), NAME.inc, which tells agree_run.c about the net, and NAME.dat:
 * floats of the parameter block, then for each sample the inputs as floats and for each output number two doubles, its
 * value by the reference evaluator and the most by which single precision may miss it (support/bound.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/emit.h"
#include "pass/pass.h"
#include "support/bound.h"
#include "support/random_graph.h"

enum { SAMPLES = 40 };

typedef struct Job {
    Arena *a;
    const char *dir, *name;
    uint64_t seed;
    RandomKind kind;
    WeightsAs as;
    Target target;
    Storage storage; /* not f32: what must come out is what the narrow weights give */
    bool single;
    Graph *script, *compiled; /* the net as it was written, and after the passes */
    Plan *plan;
    double worst_fold; /* the largest difference that folding made, over its bound */
} Job;

static int choice(const char *text, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    die("agree: '%s' is none of %s, %s ...", text, names[0], names[1]);
}

static FILE *create(const Job *j, const char *extension)
{
    const char *path = arena_printf(j->a, "%s/%s%s", j->dir, j->name, extension);
    FILE *f = fopen(path, "wb");
    if (!f)
        die("agree: cannot write %s", path);
    return f;
}

static void finish(FILE *f)
{
    if (ferror(f) | fclose(f))
        die("agree: cannot write");
}

static void set_values(Graph *g, const float *const *value)
{
    for (int p = 0; p < g->nparam; p++)
        g->param[p]->value = value ? value[p] : NULL;
}

/* Runs the passes as the compiler does; an argument's values are not known to them, but are to the evaluator later. */
static void compile(Job *j)
{
    Diag d;
    diag_init(&d, j->a);
    j->script = random_graph(j->a, j->name, j->seed, j->kind);
    j->compiled = random_graph(j->a, j->name, j->seed, j->kind);
    graph_prune(j->script);
    Graph *g = j->compiled;
    graph_prune(g);
    const float **value = ARENA_ARRAY(j->a, (size_t)g->nparam + 1, const float *);
    for (int p = 0; p < g->nparam; p++)
        value[p] = g->param[p]->value;
    if (j->as == WEIGHTS_ARGUMENT)
        set_values(g, NULL);
    if (!pass_fold(g, &d))
        die("agree: seed %llu does not fold", (unsigned long long)j->seed);
    pass_fuse(g);
    if (!pass_narrow(g, &d, j->storage))
        die("agree: seed %llu does not fit", (unsigned long long)j->seed);
    j->plan = plan_make(g, j->as, j->target);
}

static void write_source(const Job *j)
{
    EmitOptions o = {.prefix = j->name,
                     .command = "mlpc random.lua -o random.c",
                     .script = "random.lua",
                     .weights_file = j->as == WEIGHTS_FILE ? "random.weights" : NULL,
                     .single_header = j->single};
    Text text = {0}, again = {0};
    emit_source(j->plan, &o, &text);
    emit_source(j->plan, &o, &again);
    if (text.size != again.size || memcmp(text.data, again.data, text.size) != 0)
        die("agree: the same plan printed twice differs");
    FILE *f = create(j, j->single ? ".h" : ".c");
    fwrite(text.data, 1, text.size, f);
    finish(f);
    text_free(&text);
    text_free(&again);
    if (j->single)
        return;
    emit_header(j->plan, &o, &text);
    f = create(j, ".h");
    fwrite(text.data, 1, text.size, f);
    finish(f);
    text_free(&text);
}

/* ---- what agree_run.c is told ------------------------------------------------------------------------------------ */

static const char *upper(const Job *j, const char *s)
{
    char *u = arena_strdup(j->a, s);
    for (char *c = u; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return u;
}

/* A call with everything the function may take, and a check of the widths that the header states. */
static void write_call(const Job *j, FILE *f, const char *suffix)
{
    const Graph *g = j->compiled;
    bool batch = *suffix;
    fprintf(f, "static void call_%s%s(const float *p, size_t n, const float *const *x, float *const *y, float *s)\n{\n"
               "    (void)p, (void)n, (void)s;\n    %s%s(",
            j->name, suffix, j->name, suffix);
    if (j->as != WEIGHTS_BAKED)
        fputs("p, ", f);
    if (batch)
        fputs("n, ", f);
    for (int i = 0; i < g->ninput; i++)
        fprintf(f, "x[%d], ", i);
    for (int o = 0; o < g->noutput; o++)
        fprintf(f, "%sy[%d]", o ? ", " : "", o);
    fputs(j->plan->scratch_argument ? ", s);\n}\n" : ");\n}\n", f);
}

static void write_inc(const Job *j)
{
    const Graph *g = j->compiled;
    const Plan *p = j->plan;
    const char *up = upper(j, j->name);
    FILE *f = create(j, ".inc");
    fprintf(f, "#include \"%s.h\"\n", j->name);
    write_call(j, f, "");
    write_call(j, f, "_batch");
    fprintf(f, "static const int in_%s[] = {", j->name);
    for (int i = 0; i < g->ninput; i++)
        g->ninput == 1 ? fprintf(f, "%s_IN", up) : fprintf(f, "%s_%s_IN, ", up, upper(j, g->input[i]->name));
    fprintf(f, "};\nstatic const int out_%s[] = {", j->name);
    for (int o = 0; o < g->noutput; o++)
        g->noutput == 1 ? fprintf(f, "%s_OUT", up) : fprintf(f, "%s_%s_OUT, ", up, upper(j, g->output[o].name));
    fprintf(f, "};\n#define NET_%s {\"%s\", %d, in_%s, %d, out_%s, ", j->name, j->name, g->ninput, j->name, g->noutput,
            j->name);
    j->as == WEIGHTS_BAKED ? fprintf(f, "0, ") : fprintf(f, "%s_PARAMS, ", up);
    p->scratch_argument ? fprintf(f, "%s_SCRATCH, %s_BATCH_SCRATCH, ", up, up) : fprintf(f, "0, 0, ");
    fprintf(f, "call_%s, call_%s_batch, ", j->name, j->name);
    j->as == WEIGHTS_ARGUMENT ? fprintf(f, "%s_pack, %s_unpack},\n", j->name, j->name) : fprintf(f, "0, 0},\n");
    finish(f);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static void write_floats(FILE *f, const float *v, size_t n)
{
    fwrite(v, sizeof *v, n, f);
}

/* The caller's tensors, in order of creation; or the raw file. */
static void write_block(const Job *j, FILE *f)
{
    const Plan *p = j->plan;
    if (j->as == WEIGHTS_ARGUMENT)
        for (int k = 0; k < j->script->nparam; k++)
            write_floats(f, j->script->param[k]->value, param_count(j->script->param[k]));
    if (j->as != WEIGHTS_FILE)
        return;
    float *raw = ARENA_ARRAY(j->a, p->numbers + 1, float);
    for (int i = 0; i < p->ntable; i++)
        for (size_t k = 0; k < p->table[i]->count; k++)
            raw[p->table[i]->offset + k] = table_value(p->table[i], k);
    write_floats(f, raw, p->numbers);
}

static double **rows(const Job *j)
{
    double **row = ARENA_ARRAY(j->a, (size_t)j->compiled->noutput + 1, double *);
    for (int o = 0; o < j->compiled->noutput; o++)
        row[o] = ARENA_ARRAY(j->a, (size_t)j->compiled->output[o].node->width, double);
    return row;
}

/* What must come out. Of finite inputs: what the script says, within what folding moved it (which must lie within the
 * bound of the script's net) and the bound of the folded net. Of others, what the folded net says: infinity minus
 * infinity need not be met again after two matrices became one. */
static void write_sample(Job *j, FILE *f, int index)
{
    const Graph *g = j->compiled;
    const double **in = ARENA_ARRAY(j->a, (size_t)g->ninput + 1, const double *);
    for (int i = 0; i < g->ninput; i++) {
        int width = g->input[i]->width;
        float *x = ARENA_ARRAY(j->a, (size_t)width, float);
        double *wide = ARENA_ARRAY(j->a, (size_t)width, double);
        random_sample(x, width, j->seed, i, index);
        for (int k = 0; k < width; k++)
            wide[k] = (double)x[k];
        write_floats(f, x, (size_t)width);
        in[i] = wide;
    }
    double **script = rows(j), **loose = rows(j), **folded = rows(j), **bound = rows(j);
    bound_eval(j->script, in, script, loose);
    bound_eval(g, in, folded, bound);
    bool finite = (index < RANDOM_FINITE_SPECIALS || index >= RANDOM_SPECIALS) && j->storage == STORAGE_F32;
    for (int o = 0; o < g->noutput; o++)
        for (int k = 0; k < g->output[o].node->width; k++) {
            double moved = finite && isfinite(script[o][k]) ? fabs(folded[o][k] - script[o][k]) : 0;
            if (moved > loose[o][k])
                die("agree: seed %llu: folding moved %.17g by %g, the bound is %g", (unsigned long long)j->seed,
                    script[o][k], moved, loose[o][k]);
            if (moved > 0 && moved / loose[o][k] > j->worst_fold)
                j->worst_fold = moved / loose[o][k];
            double row[2] = {finite ? script[o][k] : folded[o][k], moved + bound[o][k]};
            fwrite(row, sizeof *row, 2, f);
        }
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"small", "any", "wide", "long", NULL}, *const forms[] = {"baked", "file", "argument", NULL},
                      *const targets[] = {"simd", "portable", NULL},
                      *const types[] = {"f32", "bf16", "f16", "i8", NULL};
    if (argc < 8)
        die("usage: agree DIR NAME SEED small|any|wide|long baked|argument|file simd|portable f32|bf16|f16|i8 [single]");
    Job j = {.a = arena_new(), .dir = argv[1], .name = argv[2], .seed = strtoull(argv[3], NULL, 10)};
    j.kind = (RandomKind)choice(argv[4], kinds);
    j.as = (WeightsAs)choice(argv[5], forms);
    j.target = (Target)choice(argv[6], targets);
    j.storage = (Storage)choice(argv[7], types);
    j.single = argc > 8;
    compile(&j);
    write_source(&j);
    write_inc(&j);
    FILE *f = create(&j, ".dat");
    if (j.as == WEIGHTS_ARGUMENT) /* the compiled net shares no parameters with the script's, but their order */
        for (int p = 0; p < j.compiled->nparam; p++)
            j.compiled->param[p]->value = j.script->param[p]->value;
    write_block(&j, f);
    for (int s = 0; s < SAMPLES; s++)
        write_sample(&j, f, s);
    finish(f);
    arena_free(j.a);
    return 0;
}
