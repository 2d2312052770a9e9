/* emit_step.c: one step of a plan as the C call that does it. Shared by inference (emit.c) and training (emit_train.c):
 * a step prints what it needs (kernel instances, the function of its shape) into the body, once, and returns its call. */
#include "back/emit_step.h"

#include <string.h>

bool emit_portable(const Emit *e)
{
    return e->p->target == TARGET_PORTABLE;
}

/* A float literal in the arena. */
const char *emit_literal(Emit *e, double v)
{
    Text t = {0};
    text_float(&t, (float)v);
    const char *s = arena_strdup(e->g->arena, t.data);
    text_free(&t);
    return s;
}

/* Where a table begins, as C: its own name, or an offset in the block p, which counts floats. */
const char *emit_table_at(Emit *e, const Table *t)
{
    if (t->baked)
        return arena_printf(e->g->arena, "mlp_%s", t->name);
    if (t->storage != STORAGE_F32)
        return arena_printf(e->g->arena, "(const %s *)(const void *)(p + %zu)", storage_info[t->storage].c_type, t->offset);
    return arena_printf(e->g->arena, "p + %zu", t->offset);
}

/* ---- epilogues ---------------------------------------------------------------------------------------------- */

/* One vector (or, shared, one number) of a table at output j. */
static const char *vector_of(Emit *e, const Table *t, bool shared, Epilogue *epi)
{
    if (!t)
        return NULL;
    epi->reads_block |= !t->baked;
    if (shared)
        return arena_printf(e->g->arena, "mlp_set(*(%s))", emit_table_at(e, t));
    return arena_printf(e->g->arena, "mlp_take(%s + (j), n)", emit_table_at(e, t));
}

/* Operations from which on a compiler does better with an activation in a function of its own than among a tile's sums. */
enum { COSTLY = 10 };

/* Wraps expression x in node n's operation. */
static const char *applied(Emit *e, const Node *n, const char *x, const char *b, Epilogue *epi)
{
    const OpInfo *info = &op_info[n->op];
    const char *value[128] = {0};
    bool own = false;
    value['x'] = x;
    value['b'] = b;
    value['0'] = emit_literal(e, n->attr[0]);
    epi->costly |= info->flops >= COSTLY;
    if (n->op == OP_AFFINE || n->op == OP_PRELU || n->op == OP_BATCHNORM) {
        value['s'] = vector_of(e, plan_table(e->p, n, "scale"), false, epi);
        value['t'] = vector_of(e, plan_table(e->p, n, "shift"), false, epi);
        value['p'] = vector_of(e, plan_param(e->p, n->param[ROLE_WEIGHT]), n->shared, epi);
        value['q'] = vector_of(e, plan_param(e->p, n->param[ROLE_BIAS]), false, epi);
        value['m'] = vector_of(e, plan_param(e->p, n->param[ROLE_RUNNING_MEAN]), false, epi);
        value['v'] = vector_of(e, plan_param(e->p, n->param[ROLE_RUNNING_VAR]), false, epi);
        own = true;
    }
    epi->needs = arena_printf(e->g->arena, "%s %s%s", epi->needs, info->snippets, own ? " kernel" : "");
    const char *name = own ? n->name : info->name;
    epi->name = *epi->name ? arena_printf(e->g->arena, "%s_%s", epi->name, name) : name;
    return code_expand(&e->c, info->c, value);
}

/* The epilogue of the nodes fused behind n; its name is unique for its expression. */
static Epilogue epilogue_of(Emit *e, const Node *n, const char *x, Epilogue epi)
{
    for (int i = 0; i < n->nepi; i++)
        x = applied(e, n->epi[i], x, NULL, &epi);
    if (!*epi.name)
        epi.name = "linear";
    epi.expr = x;
    /* The same expression has one name; the same name may stand for other numbers (leaky_relu of another slope). */
    for (Named *k = e->epilogues; k; k = k->next)
        if (strcmp(k->epi.expr, epi.expr) == 0)
            return k->epi;
    const char *base = epi.name;
    for (int k = 2; !code_once(&e->c, arena_printf(e->g->arena, "epilogue %s", epi.name)); k++)
        epi.name = arena_printf(e->g->arena, "%s_%d", base, k);
    Named *named = ARENA_NEW(e->g->arena, Named);
    *named = (Named){e->epilogues, epi};
    e->epilogues = named;
    return epi;
}

/* ---- titles ------------------------------------------------------------------------------------------------- */

const char *emit_title(Emit *e, const Node *n)
{
    const char *s = n->history ? arena_printf(e->g->arena, "%s (%s)", n->name, n->history) : n->name;
    for (int i = 0; i < n->nepi; i++)
        s = arena_printf(e->g->arena, "%s + %s", s, n->epi[i]->name);
    return s;
}

const char *emit_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- inference ---------------------------------------------------------------------------------------------- */

/* A dense function: panels and tail of `out` outputs from `in` inputs. */
typedef struct Shape {
    int in, out;
    const Epilogue *epi;
} Shape;

/* The dense function for one shape, printed once however many layers have it; returns its name. */
static const char *dense_shape(Emit *e, const Step *s, Shape shape)
{
    Text *t = &e->c.body;
    const Epilogue *epi = shape.epi;
    int in = shape.in, out = shape.out;
    const char *name = arena_printf(e->g->arena, "dense_%dx%d_%s", in, out, epi->name);
    if (s->in[0].stride != in || s->out.stride != out)
        name = arena_printf(e->g->arena, "%s_in%d_%s%d", name, s->in[0].stride, s->out.room ? "room" : "out", s->out.stride);
    const char *tail = s->tail_dot ? "dots" : "tail";
    const char *panels = epi->storage == STORAGE_I8 ? "fixed" : "panels";
    if (s->panels)
        code_instance(&e->c, panels, epi);
    if (s->tail)
        code_instance(&e->c, tail, epi);
    if (!code_once(&e->c, arena_printf(e->g->arena, "shape %s", name)))
        return name;
    const char *leading = code_leading(epi), *p = leading ? arena_printf(e->g->arena, "%s, ", leading) : "";
    code_add(&e->c, t, "/* dense %d -> %d:", in, out);
    if (s->panels)
        code_add(&e->c, t, " %d panel%s of 16 in %d partial sum%s", s->panels, s->panels > 1 ? "s" : "", s->split,
                 s->split > 1 ? "s" : "");
    if (s->tail && s->tail_dot)
        code_add(&e->c, t, "%s %d by dot products", s->panels ? "," : "", s->tail);
    else if (s->tail)
        code_add(&e->c, t, "%s a tail of %d in %d", s->panels ? "," : "", s->tail, s->tail_split);
    code_add(&e->c, t, " */\nstatic void mlp_%s(%s%ssize_t n, const float *x, const %s *w, const float *b, float *y)\n{\n",
             name, leading ? "const float *" : "", p, storage_info[epi->storage].c_type);
    if (s->panels)
        code_add(&e->c, t, "    mlp_%s_%s(%sn, %d, %d, %d, x, %d, w, b, y, %d);\n", panels, epi->name, p, in,
                 s->panels, s->split, s->in[0].stride, s->out.stride);
    if (s->tail) {
        size_t w = (size_t)s->panels * PANEL * (size_t)in, j = (size_t)s->panels * PANEL;
        code_add(&e->c, t, "    mlp_%s_%s(%sn, %d, %d, ", tail, epi->name, p, in, s->tail);
        code_add(&e->c, t, "%d, ", s->out.room);
        if (!s->tail_dot)
            code_add(&e->c, t, "%d, ", s->tail_split);
        if (j)
            code_add(&e->c, t, "x, %d, w + %zu, MLP_BIAS(b, %zu), y + %zu, %d, %zu);\n", s->in[0].stride, w, j, j,
                     s->out.stride, j);
        else
            code_add(&e->c, t, "x, %d, w, b, y, %d, 0);\n", s->in[0].stride, s->out.stride);
    }
    code_add(&e->c, t, "}\n\n");
    return name;
}

/* Whether the nodes fused behind n read numbers of their own. */
static bool reads_own(const Node *n)
{
    for (int i = 0; i < n->nepi; i++)
        if (n->epi[i]->op == OP_AFFINE || n->epi[i]->op == OP_PRELU || n->epi[i]->op == OP_BATCHNORM)
            return true;
    return false;
}

/* The epilogue of a dense layer, over weights as they are stored: where they are scaled, scale and bias come first. Instances
 * take the scales, or, if they take the block anyway, find them there. */
static Epilogue dense_epilogue(Emit *e, const Step *s)
{
    const bool in_block = s->scale && !s->scale->baked && reads_own(s->node);
    Epilogue epi = {.name = "", .expr = "", .needs = "simd", .scaled = s->scale && !in_block, .reads_block = in_block};
    const Storage storage = s->weight->storage;
    const char *at = in_block ? arena_printf(e->g->arena, "(%s)", emit_table_at(e, s->scale)) : "scale";
    const char *v = !s->scale ? "v"
                    : emit_portable(e)
                        ? arena_printf(e->g->arena, "mlp_fma(v, %s[2 * (j)], %s[2 * (j) + 1])", at, at)
                        : arena_printf(e->g->arena,
                                       "mlp_fma(v, mlp_take(%s + MLP_PLACE(j, 32), n), mlp_take(%s + MLP_PLACE(j, 32) + 16, n))",
                                       at, at);
    epi = epilogue_of(e, s->node, v, epi);
    if (storage != STORAGE_F32) {
        epi.storage = storage;
        epi.name = arena_printf(e->g->arena, "%s_%s", epi.name, storage_info[storage].name);
        code_need(&e->c, storage_info[storage].name);
    }
    return epi;
}

static const char *call_dense(Emit *e, const Step *s, const Operands *o, bool *takes_block)
{
    Epilogue epi = dense_epilogue(e, s);
    const char *w = emit_table_at(e, s->weight), *b = s->bias ? emit_table_at(e, s->bias) : "NULL";
    const char *p = epi.reads_block ? "p, " : s->scale ? arena_printf(e->g->arena, "%s, ", emit_table_at(e, s->scale)) : "";
    *takes_block = e->block;
    if (emit_portable(e)) {
        code_instance(&e->c, "rows", &epi);
        return arena_printf(e->g->arena, "mlp_rows_%s(%s%s, %d, %d, %s, %d, %s, %s, %s, %d);", epi.name, p, o->n,
                            s->node->in[0]->width, s->width, o->in[0], s->in[0].stride, w, b, o->out, s->out.stride);
    }
    const char *shape = dense_shape(e, s, (Shape){s->node->in[0]->width, s->width, &epi});
    return arena_printf(e->g->arena, "mlp_%s(%s%s, %s, %s, %s, %s);", shape, p, o->n, o->in[0], w, b, o->out);
}

/* Element-wise nodes and joins: one loop over the features. act_back is the join of dy and of what the slope reads. */
static const char *call_elements(Emit *e, const Step *s, const Operands *o, bool *takes_block)
{
    bool join = s->kind == STEP_JOIN;
    Epilogue epi = {.name = "", .expr = "", .needs = "kernel"};
    const char *first, *b = "mlp_take(b + (j), n)";
    if (s->node->op == OP_ACT_BACK) {
        Node slope = *s->node;
        OpInfo info = op_info[slope.of];
        slope.op = slope.of;
        epi.needs = arena_printf(e->g->arena, "kernel %s", info.slope_snippets);
        first = applied(e, &slope, b, b, &epi);
        const char *value[128] = {0};
        value['b'] = b;
        value['0'] = emit_literal(e, slope.attr[0]);
        value['p'] = slope.op == OP_PRELU ? vector_of(e, plan_param(e->p, slope.param[ROLE_WEIGHT]), slope.shared, &epi) : NULL;
        first = arena_printf(e->g->arena, "v * %s", code_expand(&e->c, info.slope_c, value));
        epi.name = arena_printf(e->g->arena, "slope_%s", epi.name);
    } else {
        first = applied(e, s->node, "v", b, &epi);
    }
    epi = epilogue_of(e, s->node, first, epi);
    code_instance(&e->c, join ? "join" : "map", &epi);
    *takes_block = epi.reads_block;
    const char *operand = join ? arena_printf(e->g->arena, "%s, %d, ", o->in[1], s->in[1].stride) : "";
    return arena_printf(e->g->arena, "mlp_%s_%s(%s%s, %d, %s, %d, %s%s, %d);", join ? "join" : "map", epi.name,
                        epi.reads_block ? "p, " : "", o->n, s->width, o->in[0], s->in[0].stride, operand, o->out,
                        s->out.stride);
}

/* softmax, log_softmax, layernorm and their gradients: a function over whole rows. */
static const char *call_row(Emit *e, const Step *s, const Operands *o, bool *takes_block)
{
    const Node *n = s->node;
    const OpInfo *info = &op_info[n->op];
    const char *numbers = "";
    const Table *w = plan_param(e->p, n->param[ROLE_WEIGHT]), *b = plan_param(e->p, n->param[ROLE_BIAS]);
    code_need(&e->c, info->snippets);
    if (w)
        numbers = arena_printf(e->g->arena, "%s, %s, ", emit_literal(e, n->attr[0]), emit_table_at(e, w));
    if (w && b && n->op == OP_LAYERNORM)
        numbers = arena_printf(e->g->arena, "%s%s, ", numbers, emit_table_at(e, b));
    *takes_block = w && e->block;
    const char *call = arena_printf(e->g->arena, "mlp_%s(%s, %d, %s%s, %d, ", info->c, o->n, s->width, numbers, o->in[0],
                                    s->in[0].stride);
    for (int k = 1; k < n->nin; k++)
        call = arena_printf(e->g->arena, "%s%s, %d, ", call, o->in[k], s->in[k].stride);
    return arena_printf(e->g->arena, "%s%s, %d);", call, o->out, s->out.stride);
}

static const char *call_copy(Emit *e, const Step *s, const Operands *o)
{
    code_need(&e->c, "copy");
    return arena_printf(e->g->arena, "mlp_copy(%s, %d, %s, %d, %s, %d);", o->n, s->width, o->in[0], s->in[0].stride, o->out,
                        s->out.stride);
}

/* ---- training ----------------------------------------------------------------------------------------------- */

/* The gradient of a dense layer's input for one shape, printed once; returns its name. */
static const char *back_shape(Emit *e, const Step *s)
{
    Text *t = &e->c.body;
    const Epilogue linear = epilogue_of(e, s->node, "v", (Epilogue){.name = "", .expr = "", .needs = "simd"});
    const int in = s->width, out = s->node->in[0]->width, dot = s->weight->tail_dot, whole = s->threes * 3 * PANEL;
    const int rest = s->panels - 3 * s->threes, ldy = s->in[0].stride, ldx = s->out.stride;
    const char *name = arena_printf(e->g->arena, "back_%dx%d", in, out);
    if (ldx != in || ldy != out)
        name = arena_printf(e->g->arena, "%s_in%d_out%d", name, ldx, ldy);
    code_need(&e->c, "turn");
    if (s->panels)
        code_instance(&e->c, "panels", &linear);
    if (s->tail)
        code_instance(&e->c, "tail", &linear);
    if (!code_once(&e->c, arena_printf(e->g->arena, "shape %s", name)))
        return name;
    code_add(&e->c, t, "/* dx of dense %d -> %d: the weights turned round, some panels at a time, in t */\n"
                       "static void mlp_%s(size_t n, const float *dy, const float *w, float *t, float *dx)\n{\n",
             in, out, name);
    if (s->threes)
        code_add(&e->c, t, "    for (size_t k = 0; k < %d; k += %d) {\n        mlp_turn(%d, %d, %d, k, k + %d, w, t);\n"
                           "        mlp_panels_linear(n, %d, 3, %d, dy, %d, t, NULL, dx + k, %d);\n    }\n",
                 whole, 3 * PANEL, in, out, dot, 3 * PANEL, out, s->split, ldy, ldx);
    code_add(&e->c, t, "    mlp_turn(%d, %d, %d, %d, %d, w, t);\n", in, out, dot, whole, in);
    if (rest)
        code_add(&e->c, t, "    mlp_panels_linear(n, %d, %d, %d, dy, %d, t, NULL, dx + %d, %d);\n", out, rest, s->split, ldy,
                 whole, ldx);
    if (s->tail)
        code_add(&e->c, t, "    mlp_tail_linear(n, %d, %d, 0, %d, dy, %d, t + %d, NULL, dx + %d, %d, 0);\n", out, s->tail,
                 s->tail_split, ldy, rest * PANEL * out, in - s->tail, ldx);
    code_add(&e->c, t, "}\n\n");
    return name;
}

static const char *call_back(Emit *e, const Step *s, const Operands *o)
{
    if (!emit_portable(e))
        return arena_printf(e->g->arena, "mlp_%s(%s, %s, %s, scratch + %zu, %s);", back_shape(e, s), o->n, o->in[0],
                            emit_table_at(e, s->weight), e->p->work, o->out);
    code_need(&e->c, "rows_back");
    return arena_printf(e->g->arena, "mlp_rows_back(%s, %d, %d, %s, %d, %s, %s, %d);", o->n, s->width,
                        s->node->in[0]->width, o->in[0], s->in[0].stride, emit_table_at(e, s->weight), o->out, s->out.stride);
}

/* "g + 12", where the gradient (of a statistic: its new value) of n's parameter of that role goes. */
static const char *grad_at(Emit *e, const Node *n, Role role)
{
    const Table *t = plan_param(e->p, n->grad[role]);
    if (!t)
        return "NULL";
    return arena_printf(e->g->arena, "%s + %zu", n->grad[role]->trained ? "g" : "p", t->offset);
}

static const char *call_sums(Emit *e, const Step *s, const Operands *o)
{
    const Node *n = s->node;
    Arena *a = e->g->arena;
    if (n->op == OP_DENSE_GRAD) {
        const bool rows = emit_portable(e);
        const char *numbers = "", *pack = "", *rule = "";
        if (!rows) {
            numbers = arena_printf(a, ", %d, %s", plan_param(e->p, n->grad[ROLE_WEIGHT])->tail_dot, s->adds ? "1" : "done > 0");
            pack = s->packs ? arena_printf(a, ", scratch + %zu, %d", e->p->work, PACK_ROOM) : ", NULL, 0";
            rule = e->learns && s->learns ? arena_printf(a, ", %s", emit_own_name(e, "last")) : ", NULL";
        }
        code_need(&e->c, rows ? "rows_grad" : "dense_grad");
        return arena_printf(a, "mlp_%s(%s, %d, %d%s, %s, %d, %s, %d, %s, %s%s%s);", rows ? "rows_grad" : "dense_grad", o->n,
                            n->in[1]->width, n->in[0]->width, numbers, o->in[1], s->in[1].stride, o->in[0], s->in[0].stride,
                            grad_at(e, n, ROLE_WEIGHT), grad_at(e, n, ROLE_BIAS), pack, rule);
    }
    if (n->op == OP_PRELU_GRAD) {
        code_need(&e->c, "prelu_grad");
        return arena_printf(a, "mlp_prelu_grad(%s, %d, %d, %s, %d, %s, %d, %s);", o->n, n->in[0]->width,
                            param_count(n->grad[ROLE_WEIGHT]) == 1, o->in[0], s->in[0].stride, o->in[1], s->in[1].stride,
                            grad_at(e, n, ROLE_WEIGHT));
    }
    if (n->op == OP_LAYERNORM_GRAD) {
        code_need(&e->c, "layernorm_grad");
        return arena_printf(a, "mlp_layernorm_grad(%s, %d, %s, %s, %d, %s, %d, %s, %s);", o->n, n->in[0]->width,
                            emit_literal(e, n->attr[0]), o->in[0], s->in[0].stride, o->in[1], s->in[1].stride,
                            grad_at(e, n, ROLE_WEIGHT), grad_at(e, n, ROLE_BIAS));
    }
    return NULL; /* a penalty: once a batch, see emit_train.c */
}

static const char *call_batchnorm(Emit *e, const Step *s, const Operands *o)
{
    const Node *n = s->node;
    Arena *a = e->g->arena;
    const char *w = n->param[ROLE_WEIGHT] ? emit_table_at(e, plan_param(e->p, n->param[ROLE_WEIGHT])) : "";
    const char *eps = emit_literal(e, n->attr[0]);
    code_need(&e->c, op_info[n->op].name);
    switch (n->op) {
    case OP_BATCHNORM_STATS:
        return arena_printf(a, "mlp_batchnorm_stats(%s, %d, %s, %s, %d, %s, %s, %s);", o->n, n->in[0]->width, eps, o->in[0],
                            s->in[0].stride, o->out, grad_at(e, n, ROLE_RUNNING_MEAN), grad_at(e, n, ROLE_RUNNING_VAR));
    case OP_BATCHNORM_TRAIN:
        return arena_printf(a, "mlp_batchnorm_train(%s, %d, %s, %d, %s, %s, %s, %s, %d);", o->n, s->width, o->in[0],
                            s->in[0].stride, o->in[1], w, emit_table_at(e, plan_param(e->p, n->param[ROLE_BIAS])), o->out,
                            s->out.stride);
    case OP_BATCHNORM_GRAD:
        return arena_printf(a, "mlp_batchnorm_grad(%s, %d, %s, %d, %s, %d, %s, %s, %s, %s);", o->n, n->in[0]->width,
                            o->in[0], s->in[0].stride, o->in[1], s->in[1].stride, o->in[2], o->out,
                            grad_at(e, n, ROLE_WEIGHT), grad_at(e, n, ROLE_BIAS));
    default:
        return arena_printf(a, "mlp_batchnorm_back(%s, %d, %s, %s, %d, %s, %d, %s, %s, %s, %d);", o->n, s->width, w, o->in[0],
                            s->in[0].stride, o->in[1], s->in[1].stride, o->in[2], o->in[3], o->out, s->out.stride);
    }
}

static const char *call_loss(Emit *e, const Step *s, const Operands *o)
{
    const Node *n = s->node;
    const char *weight = n->nin > 2 ? o->in[2] : "NULL", *name = op_info[n->op].name, *number;
    if (n->op == OP_CROSS_ENTROPY) {
        code_need(&e->c, name);
        number = n->attr[0] != 0 ? "1, share" : "0, share";
    } else {
        Epilogue epi = {.name = name,
                        .expr = arena_printf(e->g->arena, "mlp_%s_at(v, target, delta, &slope)", name),
                        .needs = arena_printf(e->g->arena, "kernel %s_at", name)};
        code_instance(&e->c, "features", &epi);
        name = arena_printf(e->g->arena, "features_%s", name);
        number = arena_printf(e->g->arena, "share / %d.0f, %s", n->width, emit_literal(e, n->attr[0]));
    }
    return arena_printf(e->g->arena, "loss += mlp_%s(%s, %d, %s, %s, %d, %s, %d, %s, %s, %d);", name, o->n, n->width, number,
                        o->in[0], s->in[0].stride, o->in[1], s->in[1].stride, weight, o->out, s->out.stride);
}

static const char *call_dropout(Emit *e, const Step *s, const Operands *o)
{
    double p = s->node->attr[0];
    code_need(&e->c, "dropout");
    return arena_printf(e->g->arena, "mlp_dropout(%s, %d, %uu, %s, %s, %s, %du, done, %s, %d, %s, %d);", o->n, s->width,
                        (unsigned)(p * 16777216 + 0.5), emit_literal(e, 1 / (1 - p)), emit_own_name(e, "seed"),
                        emit_own_name(e, "step"), s->node->stream, o->in[0],
                        s->in[0].stride, o->out, s->out.stride);
}

static const char *call_scatter(Emit *e, const Step *s, const Operands *o)
{
    const Node *n = s->node;
    int last = n->nin - 1;
    code_need(&e->c, "scatter");
    return arena_printf(e->g->arena, "mlp_scatter(%s, %d, %s, %d, %d, %d, %s, %d, %s, %d);", o->n, s->width,
                        last ? o->in[0] : "NULL", last ? s->in[0].stride : 0, (int)n->attr[0] - 1, n->in[last]->width,
                        o->in[last], s->in[last].stride, o->out, s->out.stride);
}

static const char *call_train(Emit *e, const Step *s, const Operands *o)
{
    switch (op_info[s->node->op].kind) {
    case KIND_LOSS:
        return call_loss(e, s, o);
    case KIND_MASK:
        return call_dropout(e, s, o);
    case KIND_SCATTER:
        return call_scatter(e, s, o);
    case KIND_SUM:
        return call_sums(e, s, o);
    default:
        return call_batchnorm(e, s, o);
    }
}

const char *emit_call(Emit *e, const Step *s, const Operands *o, bool *takes_block)
{
    *takes_block = false;
    switch (s->kind) {
    case STEP_DENSE:
        return call_dense(e, s, o, takes_block);
    case STEP_MAP:
    case STEP_JOIN:
        return call_elements(e, s, o, takes_block);
    case STEP_ROW:
        return call_row(e, s, o, takes_block);
    case STEP_COPY:
        return call_copy(e, s, o);
    case STEP_BACK:
        return call_back(e, s, o);
    case STEP_TRAIN:
        return call_train(e, s, o);
    }
    return "";
}
