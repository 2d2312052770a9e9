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

/* "p, n, x, t, g, scratch, seed": what functions over a batch take; as arguments, or with types. */
static void batch_parameters(Emit *e, Text *t, const char *block, bool typed)
{
    const char *read = typed ? "const float *" : "", *write = typed ? "float *" : "";
    text_printf(t, "%sp, %sn", block, typed ? "size_t " : "");
    for (int i = 0; i < e->g->ninput; i++)
        text_printf(t, ", %s%s", read, emit_input_name(e, i));
    for (int i = 0; i < e->g->ntarget; i++)
        text_printf(t, ", %s%s", read, target_name(e, i));
    text_printf(t, ", %sg, %sscratch", write, write);
    if (has_dropout(e->g))
        text_printf(t, ", %s%s", typed ? "uint64_t " : "", emit_own_name(e, "seed"));
}

/* Dropout wants to know which step it is. */
static void dropout_step(const Emit *e, Text *t, const char *type)
{
    if (has_dropout(e->g))
        text_printf(t, ", %s%s", type, emit_own_name(e, "step"));
}

/* Batch statistics move running ones: then the block is written to. */
static const char *block_type(const Emit *e)
{
    return e->p->whole_batch ? "float *" : "const float *";
}

static void grad_prototype(Emit *e, Text *t)
{
    code_text(&e->c, t, "float mlp_grad(");
    batch_parameters(e, t, block_type(e), true);
    dropout_step(e, t, "uint64_t ");
    text_char(t, ')');
}

static void train_prototype(Emit *e, Text *t)
{
    code_text(&e->c, t, "float mlp_train(");
    batch_parameters(e, t, "float *", true);
    text_printf(t, ", float *%s, unsigned long %s, float %s)", emit_own_name(e, "state"), emit_own_name(e, "step"),
                emit_own_name(e, "lr"));
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

/* The optimiser as the script has it, "adam", and the snippet that is its step. */
static const char *method_of(const Emit *e)
{
    return e->g->train.optimizer ? e->g->train.optimizer : "sgd";
}

static const char *snippet_of(const Emit *e)
{
    const char *name = method_of(e);
    if (strncmp(name, "adam", 4) == 0)
        return "adam";
    return strcmp(name, "sgd") == 0 && states(&e->g->train) ? "momentum" : name;
}

static bool clips(const Emit *e)
{
    return or_else(e->g->train.clip, 0) > 0;
}

/* The rule's numbers, and which step it is about. */
static void emit_rule(Emit *e, Text *t)
{
    const TrainOpts *o = &e->g->train;
    const char *name = method_of(e), *snippet = snippet_of(e);
    const bool adam = strcmp(snippet, "adam") == 0, rmsprop = strcmp(snippet, "rmsprop") == 0, apart = strcmp(name, "adamw") == 0;
    const double momentum = or_else(o->momentum, 0.9), beta1 = or_else(o->beta1, 0.9), beta2 = or_else(o->beta2, adam ? 0.999 : 0.99);
    const char *decay = emit_literal(e, or_else(o->weight_decay, apart ? 0.01 : 0));
    code_need(&e->c, snippet);
    code_add(&e->c, &e->c.prelude, "#define MLP_UPDATE(r, i, g, n) mlp_%s(r, i, g, n)\n#define MLP_BY_METHOD(call) call\n\n",
             apart ? name : snippet);
    code_need(&e->c, adam ? "update adam_numbers" : "update");
    code_add(&e->c, t, "static mlp_rule mlp_rule_of(float *p, const float *g, float *state, unsigned long step, float lr, float scale)\n"
                       "{\n    mlp_rule r = {p, g, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};\n    r.scale = scale;\n    r.lr = lr;\n",
             states(o) ? "state" : "NULL", states(o) > 1 ? arena_printf(e->g->arena, "state + %zu", e->p->trained) : "NULL");
    if (!apart)
        text_printf(t, "    r.decay = %s;\n", decay);
    if (adam) {
        if (apart)
            text_printf(t, "    r.keep = 1.0f - lr * %s;\n", decay);
        code_add(&e->c, t, "    mlp_adam_numbers(&r, step, lr, %s, %s);\n", emit_literal(e, beta1), emit_literal(e, beta2));
    }
    if (adam || (!rmsprop && states(o)))
        text_printf(t, "    r.first = %s;\n", emit_literal(e, adam ? 1 - beta1 : momentum));
    if (adam || rmsprop)
        text_printf(t, "    r.second = %s;\n    r.rest = %s;\n    r.eps = %s;\n", emit_literal(e, beta2), emit_literal(e, 1 - beta2),
                    emit_literal(e, or_else(o->eps, 1e-8)));
    if (!states(o))
        text_add(t, "    (void)state;\n");
    if (!adam)
        text_add(t, "    (void)step;\n");
    text_add(t, "    return r;\n}\n\n");
}

static void emit_update(Emit *e, Text *t)
{
    code_text(&e->c, t, step_prototype);
    text_add(t, "\n{\n");
    if (clips(e)) {
        code_need(&e->c, "clip");
        code_add(&e->c, t, "    const float scale = mlp_clip(%zu, g, %s);\n", e->p->trained, emit_literal(e, e->g->train.clip));
    }
    code_add(&e->c, t, "    const mlp_rule rule = mlp_rule_of(p, g, state, step, lr, %s);\n    mlp_update(&rule, 0, %zu);\n}\n\n",
             clips(e) ? "scale" : "1.0f", e->p->trained);
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
    const char *tiles = emit_own_name(e, "tiles"), *most = emit_own_name(e, "most");
    if (rows >= TILES)
        text_printf(t, "    const size_t %s = n ? (n + %d) / %d : 1, %s = (n + %d * %s - 1) / (%d * %s) * %d;\n", tiles, rows - 1,
                    rows, most, TILES, tiles, TILES, tiles, TILES);
    else
        text_printf(t, "    const size_t %s = 1;\n", most);
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
    int last_loss = 0;
    for (int i = 0; i < e->p->nstep; i++)
        last_loss = op_info[e->p->step[i].node->op].kind == KIND_LOSS ? i : last_loss;
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
        if (e->learns && i == last_loss) /* all of them have been added */
            text_printf(t, "        if (%s && !((float)loss - (float)loss == 0.0f))\n            return (float)loss;\n",
                        emit_own_name(e, "last"));
    }
}

/* The head of the function that passes over a batch, and its ends: where there is a rule, for both grad and train. */
static void emit_head(Emit *e, Text *t)
{
    if (!e->learns) {
        grad_prototype(e, t);
        text_add(t, "\n{\n");
        return;
    }
    code_text(&e->c, t, "/* The gradient of a batch, or, where there is a rule, a step by it. */\nstatic float mlp_pass(");
    batch_parameters(e, t, block_type(e), true);
    dropout_step(e, t, "uint64_t ");
    code_add(&e->c, t, ", const mlp_rule *%s)\n{\n", emit_own_name(e, "rule"));
}

static void emit_rest(Emit *e, Text *t)
{
    const char *rule = emit_own_name(e, "rule");
    for (size_t from = 0, to = 0; plan_unlearnt(e->p, &from, &to);)
        code_add(&e->c, t, "    if (%s)\n        mlp_update(%s, %zu, %zu);\n", rule, rule, from, to - from);
}

static void emit_pass(Emit *e, Text *t)
{
    const Plan *p = e->p;
    Text steps = {0};
    emit_steps(e, &steps);
    emit_head(e, t);
    emit_buffers(e, t);
    text_add(t, "    const float share = n ? 1.0f / (float)n : 0.0f;\n    double loss = 0.0;\n    size_t done = 0;\n");
    if (!p->whole_batch)
        emit_most(e, t);
    emit_zeros(e, t);
    text_add(t, "    while (done < n) {\n");
    if (p->whole_batch)
        text_add(t, "        const size_t m = n; /* batch statistics need the whole batch */\n");
    else
        text_printf(t, "        const size_t m = n - done < %s ? n - done : %s;\n", emit_own_name(e, "most"), emit_own_name(e, "most"));
    if (e->learns)
        code_add(&e->c, t, "        const mlp_rule *const %s = done + m == n ? %s : NULL;\n", emit_own_name(e, "last"),
                 emit_own_name(e, "rule"));
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
    if (e->learns)
        emit_rest(e, t);
    text_add(t, "    return (float)loss;\n}\n\n");
    text_free(&steps);
}

/* grad and train, over pass; or train over grad and step. */
static void emit_grad_and_train(Emit *e, Text *t)
{
    const char *rule = emit_own_name(e, "rule");
    const char *step = arena_printf(e->g->arena, "%s, %s, %s", emit_own_name(e, "state"), emit_own_name(e, "step"), emit_own_name(e, "lr"));
    if (e->learns) {
        grad_prototype(e, t);
        code_text(&e->c, t, "\n{\n    return mlp_pass(");
        batch_parameters(e, t, "", false);
        dropout_step(e, t, "");
        text_add(t, ", NULL);\n}\n\n");
    }
    train_prototype(e, t);
    if (e->learns)
        code_add(&e->c, t, "\n{\n    const mlp_rule %s = mlp_rule_of(p, g, %s, 1.0f);\n    return mlp_pass(", rule, step);
    else
        code_text(&e->c, t, "\n{\n    const float loss = mlp_grad(");
    batch_parameters(e, t, "", false);
    dropout_step(e, t, "");
    if (e->learns)
        text_printf(t, ", n ? &%s : NULL);\n}\n\n", rule);
    else
        code_add(&e->c, t, ");\n    if (n && loss - loss == 0.0f)\n        mlp_step(p, g, %s);\n    return loss;\n}\n\n", step);
}

void emit_training(Emit *e, Text *out)
{
    e->learns = e->p->learns && !clips(e);
    emit_init(e, out);
    emit_rule(e, out);
    emit_pass(e, out);
    emit_update(e, out);
    emit_grad_and_train(e, out);
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
    code_text(&e->c, t, ";\n\n/* The same, and one step against the gradient at once, unless the loss is not finite: faster than mlp_grad and then\n"
                        " * mlp_step. Returns the loss before the step. g: MLP_TRAINED floats to work in, which receive no gradient. */\n");
    train_prototype(e, t);
    code_add(&e->c, t, ";\n\n/* One step of %s. state: zeros at first, then this function's. step counts from 1. */\n",
             e->g->train.optimizer ? e->g->train.optimizer : "sgd");
    code_text(&e->c, t, step_prototype);
    text_add(t, ";\n\n");
}
