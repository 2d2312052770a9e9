/* emit_train.c: the part of a generated file that learns: init, gradient and optimiser step, over the training graph. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/emit_step.h"

static double or_else(double v, double standard)
{
    return isnan(v) ? standard : v;
}

/* ---- the prototypes ------------------------------------------------------------------------------------------ */

/* "t", or with several outputs "policy_t". */
static const char *target_name(const Emit *e, int i)
{
    return e->g->ntarget == 1 ? "t" : arena_printf(e->g->arena, "%s_t", e->g->output[i].name);
}

static bool has_dropout(const Graph *g)
{
    for (int i = 0; i < g->nnode; i++)
        if (g->node[i]->op == OP_DROPOUT_TRAIN)
            return true;
    return false;
}

/* Batch statistics move running ones: then the block is written to. */
static const char *block_type(const Emit *e)
{
    return e->p->whole_batch ? "float *p" : "const float *p";
}

static void grad_prototype(Emit *e, Text *t)
{
    code_add(&e->c, t, "float mlp_grad(%s, size_t n", block_type(e));
    for (int i = 0; i < e->g->ninput; i++)
        text_printf(t, ", const float *%s", emit_input_name(e, i));
    for (int i = 0; i < e->g->ntarget; i++)
        text_printf(t, ", const float *%s", target_name(e, i));
    text_add(t, ", float *g, float *scratch");
    if (has_dropout(e->g))
        text_add(t, ", uint64_t seed, uint64_t step");
    text_char(t, ')');
}

static const char *const init_prototype = "void mlp_init(float *p, uint64_t seed)";
static const char *const step_prototype =
    "void mlp_step(float *p, const float *g, float *state, unsigned long step, float lr)";

/* ---- the optimiser ------------------------------------------------------------------------------------------- */

/* Floats of state for each trained parameter. */
static int states(const TrainOpts *o)
{
    const char *name = o->optimizer ? o->optimizer : "sgd";
    if (strncmp(name, "adam", 4) == 0)
        return 2;
    return strcmp(name, "sgd") != 0 || or_else(o->momentum, 0) != 0;
}

static void emit_update(Emit *e, Text *t)
{
    const TrainOpts *o = &e->g->train;
    const char *name = o->optimizer ? o->optimizer : "sgd", *scale = "1.0f";
    double momentum = or_else(o->momentum, strcmp(name, "sgd") == 0 ? 0 : 0.9), decay = or_else(o->weight_decay, 0);
    bool adam = strncmp(name, "adam", 4) == 0, rmsprop = strcmp(name, "rmsprop") == 0;
    code_text(&e->c, t, step_prototype);
    text_add(t, "\n{\n");
    if (or_else(o->clip, 0) > 0) {
        code_need(&e->c, "clip");
        code_add(&e->c, t, "    const float scale = mlp_clip(%zu, g, %s);\n", e->p->trained, emit_literal(e, o->clip));
        scale = "scale";
    }
    if (!states(o))
        text_add(t, "    (void)state;\n");
    if (!adam)
        text_add(t, "    (void)step;\n");
    const char *rest = emit_literal(e, strcmp(name, "adamw") == 0 ? or_else(o->weight_decay, 0.01) : decay);
    if (adam) {
        code_need(&e->c, "adam");
        code_add(&e->c, t, "    mlp_adam(%zu, p, g, state, step, %s, lr, %s, %d, %s, %s, %s);\n", e->p->trained, scale, rest,
                 strcmp(name, "adamw") == 0, emit_literal(e, or_else(o->beta1, 0.9)), emit_literal(e, or_else(o->beta2, 0.999)),
                 emit_literal(e, or_else(o->eps, 1e-8)));
    } else if (rmsprop) {
        code_need(&e->c, "rmsprop");
        code_add(&e->c, t, "    mlp_rmsprop(%zu, p, g, state, %s, lr, %s, %s, %s);\n", e->p->trained, scale, rest,
                 emit_literal(e, or_else(o->beta2, 0.99)), emit_literal(e, or_else(o->eps, 1e-8)));
    } else if (momentum != 0) {
        code_need(&e->c, "momentum");
        code_add(&e->c, t, "    mlp_momentum(%zu, p, g, state, %s, lr, %s, %s, %d);\n", e->p->trained, scale, rest,
                 emit_literal(e, momentum), strcmp(name, "nesterov") == 0);
    } else {
        code_need(&e->c, "sgd");
        code_add(&e->c, t, "    mlp_sgd(%zu, p, g, %s, lr, %s);\n", e->p->trained, scale, rest);
    }
    text_add(t, "}\n\n");
}

/* ---- first weights ------------------------------------------------------------------------------------------- */

/* What a parameter starts as: uniform in center +- bound, or the center itself. */
static void first_value(const Node *n, const Param *w, Role role, double *center, double *bound)
{
    *center = *bound = 0;
    if (n->op == OP_PRELU) {
        *center = n->attr[0];
    } else if (n->op != OP_DENSE) {
        *center = role == ROLE_WEIGHT || role == ROLE_RUNNING_VAR;
    } else {
        double in = w->cols, out = w->rows;
        switch (n->init) {
        case INIT_HE: /* He et al. 2015: variance 2 / in */
            *bound = role == ROLE_WEIGHT ? sqrt(6 / in) : 0;
            break;
        case INIT_GLOROT: /* Glorot and Bengio 2010 */
            *bound = role == ROLE_WEIGHT ? sqrt(6 / (in + out)) : 0;
            break;
        case INIT_LECUN: /* LeCun et al. 1998: variance 1 / in */
            *bound = role == ROLE_WEIGHT ? sqrt(3 / in) : 0;
            break;
        case INIT_TORCH: /* torch.nn.Linear, biases too */
            *bound = 1 / sqrt(in);
            break;
        case INIT_ZERO:
            break;
        }
    }
}

static void init_node(Emit *e, Text *t, const Node *n)
{
    for (int r = 0; r < ROLE_COUNT; r++) {
        const Table *table = plan_param(e->p, n->param[r]);
        double center, bound;
        if (!table)
            continue;
        first_value(n, n->param[ROLE_WEIGHT], (Role)r, &center, &bound);
        code_add(&e->c, t, "    mlp_fill(%zu, %s, %s, &state, p + %zu);\n", table->count, emit_literal(e, center),
                 emit_literal(e, bound), table->offset);
    }
    for (int i = 0; i < n->nepi; i++)
        init_node(e, t, n->epi[i]);
}

static bool is_forward(const Node *n)
{
    return n->op < OP_COUNT || n->op == OP_BATCHNORM_TRAIN;
}

static void emit_init(Emit *e, Text *t)
{
    code_need(&e->c, "fill");
    code_text(&e->c, t, init_prototype);
    text_add(t, "\n{\n    uint64_t state = seed * 2 + 1; /* neighbouring seeds part within two steps */\n");
    code_add(&e->c, t, "    mlp_random(&state);\n    mlp_random(&state);\n");
    for (int i = 0; i < e->g->nnode; i++)
        if (is_forward(e->g->node[i]))
            init_node(e, t, e->g->node[i]);
    /* Running statistics have no node of their own in the training graph. */
    for (int i = 0; i < e->p->ntable; i++) {
        const Table *s = e->p->table[i];
        if (s->param && !s->param->trained)
            code_add(&e->c, t, "    mlp_fill(%zu, %s, 0.0f, &state, p + %zu);\n", s->count,
                     s->param->role == ROLE_RUNNING_VAR ? "1.0f" : "0.0f", s->offset);
    }
    text_add(t, "}\n\n");
}

/* ---- the gradient -------------------------------------------------------------------------------------------- */

static const char *place_text(Emit *e, Place at)
{
    Arena *a = e->g->arena;
    const char *base = "";
    switch (at.where) {
    case PLACE_INPUT:
        base = emit_input_name(e, at.index);
        break;
    case PLACE_TARGET:
        base = target_name(e, at.index);
        break;
    case PLACE_SAMPLE_WEIGHT:
        base = "weight";
        break;
    case PLACE_FIXED:
        return arena_printf(a, "scratch + %d", at.offset);
    default:
        base = arena_printf(a, "h%d", at.index);
    }
    return at.offset ? arena_printf(a, "%s + %d", base, at.offset) : base;
}

static void emit_buffers(Emit *e, Text *t)
{
    size_t at = 0;
    for (int s = 0; s < e->p->nslot; s++) {
        if (e->p->whole_batch)
            text_printf(t, "    float *const h%d = scratch + %zu + n * %zu;\n", s, e->p->fixed, at);
        else
            text_printf(t, "    float *const h%d = scratch + %zu;\n", s, e->p->fixed + at * (size_t)e->p->rows);
        at += (size_t)e->p->slot[s];
    }
}

/* How many samples are taken at a time. */
static void emit_most(Emit *e, Text *t)
{
    const int rows = e->p->rows;
    if (rows >= TILES)
        text_printf(t, "    const size_t tiles = n ? (n + %d) / %d : 1, most = (n + %d * tiles - 1) / (%d * tiles) * %d;\n", rows - 1,
                    rows, TILES, TILES, TILES);
    else
        text_add(t, "    const size_t most = 1;\n");
}

/* What no first tile writes; and all of it if there is no sample. */
static void emit_zeros(Emit *e, Text *t)
{
    for (size_t from = 0, to = 0; plan_zeros(e->p, &from, &to);)
        text_printf(t, "    for (size_t i = %zu; i < %zu; i++)\n        g[i] = 0.0f;\n", from, to);
    text_printf(t, "    for (size_t i = 0; n == 0 && i < %zu; i++)\n        g[i] = 0.0f;\n", e->p->trained);
}

static void emit_steps(Emit *e, Text *t)
{
    const Node *last = NULL;
    for (int i = 0; i < e->p->nstep; i++) {
        const Step *s = &e->p->step[i];
        bool takes_block;
        if (s->node->op == OP_PENALTY)
            continue;
        Operands o = {.n = "m", .out = place_text(e, s->out)};
        for (int k = 0; k < NODE_IN_MAX; k++)
            o.in[k] = place_text(e, s->in[k]);
        if (!last || last->pos.line != s->node->pos.line)
            text_printf(t, "        /* %s:%d */\n", emit_base_name(s->node->pos.file ? s->node->pos.file : e->o->script),
                        s->node->pos.line);
        last = s->node;
        const char *call = emit_call(e, s, &o, &takes_block);
        text_add(t, "        ");
        code_text(&e->c, t, call);
        text_char(t, '\n');
    }
}

static void emit_grad(Emit *e, Text *t)
{
    const Plan *p = e->p;
    Text steps = {0};
    emit_steps(e, &steps);
    grad_prototype(e, t);
    text_add(t, "\n{\n");
    emit_buffers(e, t);
    text_add(t, "    const float share = n ? 1.0f / (float)n : 0.0f;\n    double loss = 0.0;\n    size_t done = 0;\n");
    if (!p->whole_batch)
        emit_most(e, t);
    emit_zeros(e, t);
    text_add(t, "    while (done < n) {\n");
    if (p->whole_batch)
        text_add(t, "        const size_t m = n; /* batch statistics need the whole batch */\n");
    else
        text_add(t, "        const size_t m = n - done < most ? n - done : most;\n");
    text_add(t, steps.data ? steps.data : "");
    for (int i = 0; i < e->g->ninput; i++)
        text_printf(t, "        %s += m * %d;\n", emit_input_name(e, i), e->g->input[i]->width);
    for (int i = 0; i < e->g->ntarget; i++)
        text_printf(t, "        %s += m * %d;\n", target_name(e, i), e->g->target[i]->width);
    text_add(t, "        done += m;\n    }\n");
    for (int i = 0; i < p->nstep; i++) {
        const Node *n = p->step[i].node;
        if (n->op != OP_PENALTY)
            continue;
        const Table *w = plan_param(p, n->param[ROLE_WEIGHT]);
        code_need(&e->c, "penalty");
        code_add(&e->c, t, "    loss += mlp_penalty(%zu, %s, %s, p + %zu, g + %zu);\n", w->count, emit_literal(e, n->attr[0]),
                 emit_literal(e, n->attr[1]), w->offset, w->offset);
    }
    text_add(t, "    return (float)loss;\n}\n\n");
    text_free(&steps);
}

void emit_training(Emit *e, Text *out)
{
    emit_init(e, out);
    emit_grad(e, out);
    emit_update(e, out);
}

void emit_training_declarations(Emit *e, Text *t)
{
    const Plan *p = e->p;
    size_t sample = 0;
    for (int s = 0; s < p->nslot; s++)
        sample += (size_t)p->slot[s];
    code_add(&e->c, t, "/* Training. MLP_TRAINED: floats at the beginning of p that are learnt, and floats of g (running statistics follow\n"
                       " * them in p). MLP_STATE: floats of the optimiser's state. MLP_TRAIN_SCRATCH: floats of mlp_grad's scratch. */\n"
                       "enum { MLP_TRAINED = %zu, MLP_STATE = %zu", p->trained, p->trained * (size_t)states(&e->g->train));
    for (int i = 0; i < e->g->ntarget; i++) {
        if (e->g->ntarget == 1) {
            code_add(&e->c, t, ", MLP_TARGET = %d", e->g->target[i]->width);
            continue;
        }
        char *upper = arena_strdup(e->g->arena, e->g->output[i].name);
        for (char *u = upper; *u; u++)
            if (*u >= 'a' && *u <= 'z')
                *u = (char)(*u - 'a' + 'A');
        code_add(&e->c, t, ", MLP_%s_TARGET = %d", upper, e->g->target[i]->width);
    }
    if (p->whole_batch)
        code_add(&e->c, t, " };\n#define MLP_TRAIN_SCRATCH(n) (%zu + (size_t)(n) * %zu)\n\n", p->fixed, sample);
    else
        code_add(&e->c, t, ", MLP_TRAIN_SCRATCH = %zu };\n\n", p->fixed + sample * (size_t)(p->rows ? p->rows : 1));
    text_add(t, "/* First weights, uniform, from any seed: the same on every machine. */\n");
    code_text(&e->c, t, init_prototype);
    text_add(t, ";\n\n/* The mean loss of n samples; g receives its gradient by the first floats of p. Targets: a row for each sample (of\n"
                " * probabilities, one-hot for a class, with cross_entropy).");
    if (p->whole_batch)
        text_add(t, " Moves the running statistics in p.");
    if (has_dropout(e->g))
        text_add(t, " seed and step choose what drops out.");
    text_add(t, " */\n");
    grad_prototype(e, t);
    code_add(&e->c, t, ";\n\n/* One step of %s. state: zeros at first, then this function's. step counts from 1. */\n",
             e->g->train.optimizer ? e->g->train.optimizer : "sgd");
    code_text(&e->c, t, step_prototype);
    text_add(t, ";\n\n");
}
