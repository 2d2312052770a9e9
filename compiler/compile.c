/* compile.c: the pipeline, every stage in order, on one page. */
#include "compile.h"

#include <string.h>
#include <sys/stat.h>

#include "calibrate.h"
#include "front/weights.h"
#include "pass/pass.h"

void compile_begin(Compile *c)
{
    *c = (Compile){.arena = arena_new()};
    diag_init(&c->diag, c->arena);
}

void compile_end(Compile *c)
{
    arena_free(c->arena);
    c->arena = NULL;
}

/* "net.safetensors" beside "net.lua", if such a file is there. */
static const char *weights_beside(Compile *c)
{
    const char *dot = strrchr(c->script, '.'), *slash = strrchr(c->script, '/');
    if (strcmp(c->script, "-") == 0)
        return NULL;
    int stem = (int)(dot && (!slash || dot > slash) ? dot - c->script : (long)strlen(c->script));
    const char *path = arena_printf(c->arena, "%.*s.safetensors", stem, c->script);
    struct stat st;
    return stat(path, &st) == 0 ? path : NULL;
}

/* Binds the weights that were asked for, or lie beside the script, or none. */
static bool bind_weights(Compile *c)
{
    const char *path = c->weights;
    if (path && strcmp(path, "none") == 0)
        return true;
    if (!path) {
        path = weights_beside(c);
        if (!path || !c->graph->nparam)
            return true;
        diag_note(&c->diag, (Pos){path, 0}, "weights from here (--weights none for none)");
    }
    c->weights_used = path;
    return weights_bind(c->graph, &c->diag, path, c->by_order);
}

/* Forgets values, for code that learns its own. */
static void unbind(Graph *g)
{
    for (int i = 0; i < g->nparam; i++)
        g->param[i]->value = NULL;
}

static WeightsAs numbers_as(const Compile *c)
{
    bool known = c->graph->nparam == 0 || c->weights_used;
    return !known || c->train ? WEIGHTS_ARGUMENT : c->weights_as_file ? WEIGHTS_FILE : WEIGHTS_BAKED;
}

static bool read_net(Compile *c)
{
    Diag *d = &c->diag;
    c->graph = script_load(c->arena, d, c->script, c->defs, c->ndefs, &c->info);
    if (c->graph)
        c->graph->storage = c->storage;
    if (!c->graph || !graph_check(c->graph, d) || !bind_weights(c) || d->errors)
        return false;
    c->as = numbers_as(c);
    if (c->as == WEIGHTS_ARGUMENT)
        unbind(c->graph);
    graph_prune(c->graph);
    return true;
}

/* The plan of the net that learns, from a copy of the graph as read. A net that cannot learn is an error only where
 * training was asked for. */
static bool plan_training(Compile *c)
{
    Diag quiet, *d = c->train ? &c->diag : &quiet;
    diag_init(&quiet, c->arena);
    Graph *g = graph_copy(c->graph);
    if (!pass_grad(g, d, NULL))
        return !c->train;
    g->noutput = 0; /* learning needs the losses only */
    graph_prune(g);
    pass_fuse(g);
    c->learning = plan_make(g, WEIGHTS_ARGUMENT, c->target);
    return true;
}

/* Weights in fewer bytes, and what that costs in precision. Not of an argument: those numbers are the caller's. */
static bool narrow_weights(Compile *c)
{
    if (c->storage == STORAGE_F32 || c->as == WEIGHTS_ARGUMENT)
        return true;
    const Graph *wide = graph_copy(c->graph);
    return pass_narrow(c->graph, &c->diag, c->storage) &&
           (!c->calibrate || calibrate(&c->diag, wide, c->graph, c->calibrate));
}

static bool run_stage(Compile *c, Stage stage, Stage last)
{
    switch (stage) {
    case STAGE_GRAPH:
        return read_net(c);
    case STAGE_GRAD:
        return last != STAGE_GRAD || pass_grad(c->graph, &c->diag, NULL);
    case STAGE_FOLD:
        if (c->as == WEIGHTS_ARGUMENT && last == STAGE_PLAN && c->graph->nparam && !plan_training(c))
            return false;
        return pass_fold(c->graph, &c->diag);
    case STAGE_FUSE:
        pass_fuse(c->graph);
        return true;
    case STAGE_PLAN:
        if (!narrow_weights(c))
            return false;
        c->plan = plan_make(c->graph, c->as, c->target);
        c->plan->train = c->learning;
        if (c->storage != STORAGE_F32 && c->as != WEIGHTS_ARGUMENT)
            graph_note(c->graph, "weights of dense layers as %s: tables of %zu bytes, of %zu as f32",
                       storage_info[c->storage].name, c->plan->narrow, c->plan->wide);
        return true;
    case STAGE_COUNT:
        break;
    }
    return false;
}

bool compile_run(Compile *c, Stage last)
{
    for (; c->next <= last; c->next++)
        if (!run_stage(c, c->next, last))
            return false;
    return true;
}

void compile_print(const Compile *c, Stage stage, FILE *out)
{
    if (stage == STAGE_PLAN)
        plan_print(c->plan, out);
    else
        graph_print(c->graph, out);
}
