/* emit.c: Plan -> C text. Each printer's lines look like what they print; names and numbers come from the plan. */
#include "back/emit.h"

#include <string.h>

#include "back/code.h"
#include "version.h"

typedef struct Named {
    struct Named *next;
    Epilogue epi;
} Named;

typedef struct Emit {
    const Plan *p;
    const EmitOptions *o;
    const Graph *g;
    Code c;
    bool block; /* the functions take the block of numbers as their first argument, p */
    bool *takes_block; /* by step: its function does */
    Named *epilogues;  /* made so far */
} Emit;

static bool portable(const Emit *e)
{
    return e->p->target == TARGET_PORTABLE;
}

/* A float literal in the arena. */
static const char *literal(Emit *e, double v)
{
    Text t = {0};
    text_float(&t, (float)v);
    const char *s = arena_strdup(e->g->arena, t.data);
    text_free(&t);
    return s;
}

/* Where a table begins, as C: its own name, or an offset in the block p. */
static const char *table_at(Emit *e, const Table *t)
{
    return t->baked ? arena_printf(e->g->arena, "mlp_%s", t->name) : arena_printf(e->g->arena, "p + %zu", t->offset);
}

/* ---- epilogues ---------------------------------------------------------------------------------------------- */

/* One vector (or, shared, one number) of table `suffix` of node n at output j. */
static const char *vector_of(Emit *e, const Node *n, const char *suffix, bool shared, Epilogue *epi)
{
    const Table *t = plan_table(e->p, n, suffix);
    if (!t)
        return NULL;
    epi->reads_block |= !t->baked;
    if (shared)
        return arena_printf(e->g->arena, "mlp_set(*(%s))", table_at(e, t));
    return arena_printf(e->g->arena, "mlp_take(%s + (j), n)", table_at(e, t));
}

/* Wraps expression x in node n's operation. */
static const char *applied(Emit *e, const Node *n, const char *x, const char *b, Epilogue *epi)
{
    const OpInfo *info = &op_info[n->op];
    const char *value[128] = {0};
    bool own = false;
    value['x'] = x;
    value['b'] = b;
    value['0'] = literal(e, n->attr[0]);
    if (n->op == OP_AFFINE || n->op == OP_PRELU || n->op == OP_BATCHNORM) {
        value['s'] = vector_of(e, n, "scale", false, epi);
        value['t'] = vector_of(e, n, "shift", false, epi);
        value['p'] = vector_of(e, n, "w", n->shared, epi);
        value['q'] = vector_of(e, n, "b", false, epi);
        value['m'] = vector_of(e, n, "mean", false, epi);
        value['v'] = vector_of(e, n, "var", false, epi);
        own = true;
    }
    epi->needs = arena_printf(e->g->arena, "%s %s", epi->needs, info->snippets);
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

/* ---- layers ------------------------------------------------------------------------------------------------- */

/* "dense1 (batchnorm1 folded in) + relu1" */
static const char *layer_title(Emit *e, const Node *n)
{
    const char *s = n->history ? arena_printf(e->g->arena, "%s (%s)", n->name, n->history) : n->name;
    for (int i = 0; i < n->nepi; i++)
        s = arena_printf(e->g->arena, "%s + %s", s, n->epi[i]->name);
    return s;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void line_of(Emit *e, Text *t, const Node *n)
{
    code_add(&e->c, t, "/* %s:%d: %s */\n", base_name(n->pos.file ? n->pos.file : e->o->script), n->pos.line,
             layer_title(e, n));
}

/* The name of the C function of a step. A copy has its own number, since a concat may need several. */
static const char *function_of(Emit *e, const Step *s)
{
    if (s->kind != STEP_COPY)
        return s->node->name;
    return arena_printf(e->g->arena, "%s_copy%d", s->node->name, s->from + 2);
}

/* Portable code works on one sample: no n. */
static void open_layer(Emit *e, const Step *s, bool takes_block, const char *inputs)
{
    Text *t = &e->c.body;
    line_of(e, t, s->node);
    code_add(&e->c, t, "static void mlp_%s(%s%s%s, float *y)\n{\n", function_of(e, s), takes_block ? "const float *p, " : "",
             portable(e) ? "" : "size_t n, ", inputs);
    e->takes_block[s - e->p->step] = takes_block;
}

/* The dense function for one shape, printed once however many layers have it; returns its name. */
static const char *dense_shape(Emit *e, const Step *s, const Epilogue *epi)
{
    Text *t = &e->c.body;
    int in = s->node->in[0]->width, out = s->width;
    const char *name = arena_printf(e->g->arena, "dense_%dx%d_%s", in, out, epi->name);
    if (s->in[0].stride != in || s->out.stride != out)
        name = arena_printf(e->g->arena, "%s_in%d_out%d", name, s->in[0].stride, s->out.stride);
    const char *tail = s->tail_dot ? "dots" : "tail";
    if (s->panels)
        code_instance(&e->c, "panels", epi);
    if (s->tail)
        code_instance(&e->c, tail, epi);
    if (!code_once(&e->c, arena_printf(e->g->arena, "shape %s", name)))
        return name;
    const char *p = epi->reads_block ? "p, " : "";
    code_add(&e->c, t, "/* dense %d -> %d:", in, out);
    if (s->panels)
        code_add(&e->c, t, " %d panel%s of 16 in %d partial sum%s", s->panels, s->panels > 1 ? "s" : "", s->split,
                 s->split > 1 ? "s" : "");
    if (s->tail && s->tail_dot)
        code_add(&e->c, t, "%s %d by dot products", s->panels ? "," : "", s->tail);
    else if (s->tail)
        code_add(&e->c, t, "%s a tail of %d in %d", s->panels ? "," : "", s->tail, s->tail_split);
    code_add(&e->c, t, " */\nstatic void mlp_%s(%ssize_t n, const float *x, const float *w, const float *b, float *y)\n{\n",
             name, epi->reads_block ? "const float *p, " : "");
    if (s->panels)
        code_add(&e->c, t, "    mlp_panels_%s(%sn, %d, %d, %d, x, %d, w, b, y, %d);\n", epi->name, p, in, s->panels,
                 s->split, s->in[0].stride, s->out.stride);
    if (s->tail) {
        size_t w = (size_t)s->panels * PANEL * (size_t)in, j = (size_t)s->panels * PANEL;
        code_add(&e->c, t, "    mlp_%s_%s(%sn, %d, %d, ", tail, epi->name, p, in, s->tail);
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

static void emit_dense(Emit *e, const Step *s)
{
    Text *t = &e->c.body;
    Epilogue epi = epilogue_of(e, s->node, "v", (Epilogue){"", "", "simd", false});
    const char *w = table_at(e, s->weight), *b = s->bias ? table_at(e, s->bias) : "NULL";
    const char *p = epi.reads_block ? "p, " : "";
    if (portable(e)) {
        code_instance(&e->c, "rows", &epi);
        open_layer(e, s, e->block, "const float *x");
        code_add(&e->c, t, "    mlp_rows_%s(%s%d, %d, x, ", epi.name, p, s->node->in[0]->width, s->width);
    } else {
        const char *shape = dense_shape(e, s, &epi);
        open_layer(e, s, e->block, "const float *x");
        code_add(&e->c, t, "    mlp_%s(%sn, x, ", shape, p);
    }
    Text args = {0};
    text_printf(&args, "%s, %s, y);\n}\n\n", w, b);
    code_text(&e->c, t, args.data);
    text_free(&args);
}

/* Element-wise nodes and joins: one loop over the features. */
static void emit_elements(Emit *e, const Step *s)
{
    Text *t = &e->c.body;
    bool join = s->kind == STEP_JOIN;
    Epilogue epi = {"", "", "kernel", false};
    const char *first = applied(e, s->node, "v", "mlp_take(b + (j), n)", &epi);
    epi = epilogue_of(e, s->node, first, epi);
    code_instance(&e->c, join ? "join" : "map", &epi);
    open_layer(e, s, epi.reads_block, join ? "const float *x, const float *b" : "const float *x");
    code_add(&e->c, t, "    mlp_%s_%s(%s%s, %d, x, %d, ", join ? "join" : "map", epi.name, epi.reads_block ? "p, " : "",
             portable(e) ? "1" : "n", s->width, s->in[0].stride);
    if (join)
        code_add(&e->c, t, "b, %d, ", s->in[1].stride);
    code_add(&e->c, t, "y, %d);\n}\n\n", s->out.stride);
}

/* softmax, log_softmax, layernorm: a function over whole rows. */
static void emit_row(Emit *e, const Step *s)
{
    Text *t = &e->c.body, args = {0};
    const OpInfo *info = &op_info[s->node->op];
    code_need(&e->c, info->snippets);
    open_layer(e, s, s->weight && e->block, "const float *x");
    if (s->weight)
        text_printf(&args, "%s, %s, %s, ", literal(e, s->node->attr[0]), table_at(e, s->weight), table_at(e, s->bias));
    code_add(&e->c, t, "    mlp_%s(%s, %d, ", info->c, portable(e) ? "1" : "n", s->width);
    if (args.data)
        code_text(&e->c, t, args.data);
    code_add(&e->c, t, "x, %d, y, %d);\n}\n\n", s->in[0].stride, s->out.stride);
    text_free(&args);
}

static void emit_copy(Emit *e, const Step *s)
{
    Text *t = &e->c.body;
    code_need(&e->c, "copy");
    open_layer(e, s, false, "const float *x");
    code_add(&e->c, t, "    mlp_copy(%s, %d, x, %d, y, %d);\n}\n\n", portable(e) ? "1" : "n", s->width, s->in[0].stride,
             s->out.stride);
}

static void emit_step(Emit *e, const Step *s)
{
    switch (s->kind) {
    case STEP_DENSE:
        emit_dense(e, s);
        break;
    case STEP_MAP:
    case STEP_JOIN:
        emit_elements(e, s);
        break;
    case STEP_ROW:
        emit_row(e, s);
        break;
    case STEP_COPY:
        emit_copy(e, s);
        break;
    }
}

/* ---- the public functions ------------------------------------------------------------------------------------ */

static const char *input_name(const Emit *e, int i)
{
    return e->g->ninput == 1 && !e->g->input[0]->named ? "x" : e->g->input[i]->name;
}

/* "FASHION_IN", or with several inputs "AC_GOAL_IN". which is 'I' or 'O'. */
static const char *width_macro(Emit *e, char which, int i)
{
    bool in = which == 'I';
    const char *name = in ? e->g->input[i]->name : e->g->output[i].name;
    if ((in ? e->g->ninput : e->g->noutput) == 1)
        return arena_printf(e->g->arena, "MLP_%s", in ? "IN" : "OUT");
    char *upper = arena_printf(e->g->arena, "MLP_%s_%s", name, in ? "IN" : "OUT");
    for (char *u = upper; *u; u++)
        if (*u >= 'a' && *u <= 'z')
            *u = (char)(*u - 'a' + 'A');
    return upper;
}

/* The parameters, after an optional first one, of the function for one sample (sized arrays) or for a batch. */
static void parameters(Emit *e, Text *t, bool batch)
{
    const char *comma = "";
    if (e->block) {
        text_add(t, "const float *p");
        comma = ", ";
    }
    if (batch) {
        text_printf(t, "%ssize_t n", comma);
        comma = ", ";
    }
    for (int i = 0; i < e->g->ninput; i++, comma = ", ") {
        text_printf(t, batch ? "%sconst float *%s" : "%sconst float %s[", comma, input_name(e, i));
        if (!batch)
            code_text(&e->c, t, width_macro(e, 'I', i)), text_char(t, ']');
    }
    for (int i = 0; i < e->g->noutput; i++) {
        text_printf(t, batch ? ", float *%s" : ", float %s[", e->g->output[i].name);
        if (!batch)
            code_text(&e->c, t, width_macro(e, 'O', i)), text_char(t, ']');
    }
    if (e->p->scratch_argument)
        text_add(t, ", float *scratch");
}

static void prototype(Emit *e, Text *t, bool batch)
{
    code_add(&e->c, t, batch ? "void mlp_batch(" : "void mlp(");
    parameters(e, t, batch);
    text_char(t, ')');
}

/* A place as an argument: "h0 + 16". rows: samples in each buffer, for a caller's scratch. */
static void print_place(Emit *e, Text *t, Place at)
{
    if (at.where == PLACE_INPUT)
        text_add(t, input_name(e, at.index));
    else if (at.where == PLACE_OUTPUT)
        text_add(t, e->g->output[at.index].name);
    else
        text_printf(t, "h%d", at.index);
    if (at.offset)
        text_printf(t, " + %d", at.offset);
}

static void calls(Emit *e, Text *t, const char *indent, const char *n)
{
    for (int i = 0; i < e->p->nstep; i++) {
        const Step *s = &e->p->step[i];
        text_add(t, indent);
        code_add(&e->c, t, "mlp_%s(%s", function_of(e, s), e->takes_block[i] ? "p, " : "");
        if (!portable(e))
            text_printf(t, "%s, ", n);
        for (int k = 0; k < (s->kind == STEP_JOIN ? 2 : 1); k++) {
            print_place(e, t, s->in[k]);
            text_add(t, ", ");
        }
        print_place(e, t, s->out);
        text_add(t, ");\n");
    }
}

static void buffers(Emit *e, Text *t, int rows)
{
    size_t at = 0;
    for (int s = 0; s < e->p->nslot; s++) {
        size_t size = (size_t)rows * (size_t)e->p->slot[s];
        if (e->p->scratch_argument)
            text_printf(t, "    float *const h%d = scratch + %zu;\n", s, at);
        else if (rows == 1)
            code_add(&e->c, t, "    MLP_ALIGN float h%d[%d];\n", s, e->p->slot[s]);
        else
            code_add(&e->c, t, "    MLP_ALIGN float h%d[%d * %d];\n", s, rows, e->p->slot[s]);
        at += size;
    }
}

static void emit_one(Emit *e, Text *t)
{
    prototype(e, t, false);
    text_add(t, "\n{\n");
    buffers(e, t, 1);
    calls(e, t, "    ", "1");
    text_add(t, "}\n\n");
}

static void advance(Emit *e, Text *t, const char *indent, const char *n)
{
    for (int i = 0; i < e->g->ninput; i++)
        text_printf(t, "%s%s += %s * %d;\n", indent, input_name(e, i), n, e->g->input[i]->width);
    for (int i = 0; i < e->g->noutput; i++)
        text_printf(t, "%s%s += %s * %d;\n", indent, e->g->output[i].name, n, e->g->output[i].node->width);
}

static void emit_batch(Emit *e, Text *t)
{
    prototype(e, t, true);
    text_add(t, "\n{\n");
    if (portable(e)) {
        buffers(e, t, 1);
        text_add(t, "    for (; n > 0; n--) {\n");
        calls(e, t, "        ", "1");
        advance(e, t, "        ", "1");
        text_add(t, "    }\n}\n\n");
    } else if (!e->p->rows) {
        calls(e, t, "    ", "n");
        text_add(t, "}\n\n");
    } else {
        buffers(e, t, e->p->rows);
        text_add(t, "    while (n > 0) {\n");
        text_printf(t, "        const size_t m = n < %d ? n : %d;\n", e->p->rows, e->p->rows);
        calls(e, t, "        ", "m");
        advance(e, t, "        ", "m");
        text_add(t, "        n -= m;\n    }\n}\n\n");
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------- */

static const char *layout_text(Emit *e, const Table *t)
{
    int whole = t->rows / PANEL, tail = t->rows % PANEL;
    if (t->layout == LAYOUT_VECTOR)
        return "";
    if (t->layout == LAYOUT_ROWS)
        return arena_printf(e->g->arena, "  /* [%d][%d] */", t->rows, t->cols);
    const char *rest = t->tail_dot ? arena_printf(e->g->arena, "[%d][%d]", tail, t->cols)
                                   : arena_printf(e->g->arena, "[%d][%d]", t->cols, tail);
    if (!tail)
        return arena_printf(e->g->arena, "  /* [%d][%d][16] */", whole, t->cols);
    if (!whole)
        return arena_printf(e->g->arena, "  /* %s */", rest);
    return arena_printf(e->g->arena, "  /* [%d][%d][16], then %s */", whole, t->cols, rest);
}

static bool any_baked(const Plan *p)
{
    for (int i = 0; i < p->ntable; i++)
        if (p->table[i]->baked)
            return true;
    return false;
}

/* C++ has no tentative definitions: there the tables are declared in an unnamed namespace first. */
static void declare_tables(Emit *e, Text *t)
{
    if (!any_baked(e->p))
        return;
    code_add(&e->c, t, "/* The numbers of the net stand at the end of this file. */\n"
                       "#ifdef __cplusplus\n"
                       "#define MLP_DECLARE extern const float\n"
                       "#define MLP_DEFINE const float\n"
                       "namespace {\n"
                       "#else\n"
                       "#define MLP_DECLARE static const float\n"
                       "#define MLP_DEFINE static const float\n"
                       "#endif\n");
    for (int i = 0; i < e->p->ntable; i++)
        if (e->p->table[i]->baked)
            code_add(&e->c, t, "MLP_DECLARE mlp_%s[%zu];%s\n", e->p->table[i]->name, e->p->table[i]->count,
                     layout_text(e, e->p->table[i]));
    code_add(&e->c, t, "#ifdef __cplusplus\n} /* namespace */\n#endif\n\n");
}

static void define_tables(Emit *e, Text *out)
{
    if (!any_baked(e->p))
        return;
    code_add(&e->c, out, "#ifdef __cplusplus\nnamespace {\n#endif\n");
    for (int i = 0; i < e->p->ntable; i++) {
        const Table *t = e->p->table[i];
        if (!t->baked)
            continue;
        code_add(&e->c, out, "MLP_DEFINE mlp_%s[%zu] MLP_ALIGN = {", t->name, t->count);
        size_t line = 200;
        for (size_t k = 0; k < t->count; k++) {
            if (line > 100) {
                text_add(out, "\n    ");
                line = 4;
            } else {
                text_char(out, ' ');
            }
            size_t before = out->size;
            text_float(out, table_value(t, k));
            text_char(out, ',');
            line += out->size - before + 1;
        }
        text_add(out, "\n};\n");
    }
    code_add(&e->c, out, "#ifdef __cplusplus\n} /* namespace */\n#endif\n");
}

/* ---- head ---------------------------------------------------------------------------------------------------- */

static const char *bytes(Emit *e, size_t n)
{
    return n >= 10 * 1024 ? arena_printf(e->g->arena, "%.1f KB", (double)n / 1024) : arena_printf(e->g->arena, "%zu bytes", n);
}

static void layer_table(Emit *e, Text *t)
{
    text_add(t, " * layer                                   shape        parameters  multiply-adds  from\n");
    for (int i = 0; i < e->g->nnode; i++) {
        const Node *n = e->g->node[i];
        size_t start = t->size;
        text_printf(t, " * %s", layer_title(e, n));
        if (t->size - start > 42)
            text_add(t, "\n *");
        text_column(t, 43);
        const char *shape = n->nin ? arena_printf(e->g->arena, "%d -> %d", n->in[0]->width, n->width)
                                   : arena_printf(e->g->arena, "%d", n->width);
        text_printf(t, "%-12s %10zu  %13.0f  %s:%d\n", shape, node_params(n), node_macs(n),
                    base_name(n->pos.file ? n->pos.file : e->o->script), n->pos.line);
    }
    text_printf(t, " * in all");
    text_column(t, 43);
    text_printf(t, "%-12s %10zu  %13.0f\n", "", e->p->params, e->p->macs);
}

static void head(Emit *e, Text *t)
{
    const Plan *p = e->p;
    text_printf(t, "/* %s: a multilayer perceptron, made by mlpc %s from %s. Do not edit; remake it with\n *     %s\n *\n",
                e->o->prefix, MLPC_VERSION, e->o->script, e->o->command);
    layer_table(e, t);
    text_add(t, " *\n");
    for (int i = 0; i < e->g->nnote; i++)
        text_printf(t, " * %s\n", e->g->note[i]);
    if (e->g->nnote)
        text_add(t, " *\n");
    text_printf(t, " * Numbers in this file: %s.", bytes(e, p->flash));
    if (p->as == WEIGHTS_FILE)
        text_printf(t, " In %s: %s.", e->o->weights_file, bytes(e, p->numbers * sizeof(float)));
    if (p->as == WEIGHTS_ARGUMENT)
        text_printf(t, " Parameter block: %s.", bytes(e, p->numbers * sizeof(float)));
    text_printf(t, "\n * Buffers: %s for one sample, ", bytes(e, p->ram_one));
    text_printf(t, "%s in the batch function (%s).\n", bytes(e, p->ram_batch),
                p->scratch_argument ? "the caller's scratch" : "on the stack");
    if (portable(e))
        text_add(t, " * Order of sums: bias first, then the inputs in order.\n"
                    " * Built for size: plain loops. Compile with -O2 or -Os and the flags of your machine.\n");
    else
        code_add(&e->c, t, " * Order of sums: bias first, inputs in order, in as many partial sums (inputs k, k + s, ...) as the\n"
                           " * shapes below say, added pairwise. The same bits for a sample in every batch.\n"
                           " * Fastest with -O3 -march=native (AVX-512, AVX2 with FMA and NEON are used when the compiler is told of\n"
                           " * them, SSE2 on any x86-64, plain C elsewhere or with -DMLP_PLAIN). Needs no -ffast-math.\n");
    text_add(t, " * Reentrant; needs no library, no memory allocation and no setup. C99 and C++11. */\n");
}

/* The declarations, the same text in the header and in the source, guarded so that a program may read both. */
static void declarations(Emit *e, Text *t)
{
    const Plan *p = e->p;
    code_add(&e->c, t, "#ifndef MLP_H\n#define MLP_H\n\n#include <stddef.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    code_add(&e->c, t, "/* Widths of a sample");
    if (e->block)
        text_add(t, ", floats in the block of parameters");
    if (p->scratch_argument)
        text_add(t, ", floats in the scratch of one sample and of a batch");
    text_add(t, ". */\nenum {");
    const char *comma = " ";
    for (int i = 0; i < e->g->ninput; i++, comma = ", ") {
        text_add(t, comma);
        code_text(&e->c, t, width_macro(e, 'I', i));
        text_printf(t, " = %d", e->g->input[i]->width);
    }
    for (int i = 0; i < e->g->noutput; i++) {
        text_add(t, comma);
        code_text(&e->c, t, width_macro(e, 'O', i));
        text_printf(t, " = %d", e->g->output[i].node->width);
    }
    if (e->block)
        code_add(&e->c, t, ", MLP_PARAMS = %zu", p->numbers);
    if (p->scratch_argument)
        code_add(&e->c, t, ", MLP_SCRATCH = %zu, MLP_BATCH_SCRATCH = %zu", p->ram_one / sizeof(float),
                 p->ram_batch / sizeof(float));
    text_add(t, " };\n\n/* One sample.");
    if (p->as == WEIGHTS_FILE)
        text_printf(t, " p: the floats of %s, best aligned to 64 bytes.", e->o->weights_file);
    if (p->as == WEIGHTS_ARGUMENT)
        text_add(t, " p: the block of parameters, best aligned to 64 bytes.");
    if (p->scratch_argument)
        code_add(&e->c, t, " scratch: MLP_SCRATCH floats.");
    text_add(t, " Inputs and outputs must not overlap. */\n");
    prototype(e, t, false);
    text_add(t, ";\n\n/* n samples, row by row.");
    if (p->scratch_argument)
        code_add(&e->c, t, " scratch: MLP_BATCH_SCRATCH floats, for any n.");
    text_add(t, " */\n");
    prototype(e, t, true);
    text_add(t, ";\n\n");
    if (p->as == WEIGHTS_ARGUMENT)
        code_add(&e->c, t, "/* Between the block p (MLP_PARAMS floats, laid out for speed) and the tensors as PyTorch keeps them, one after\n"
                           " * the other in order of creation, dense weights as [out][in]. They must not overlap. */\n"
                           "void mlp_pack(const float *tensors, float *p);\n"
                           "void mlp_unpack(const float *p, float *tensors);\n\n");
    if (e->g->nlabel)
        code_add(&e->c, t, "/* The name of class 0 to %d, or \"?\". */\nconst char *mlp_label(int index);\n\n", e->g->nlabel - 1);
    code_add(&e->c, t, "#ifdef __cplusplus\n}\n#endif\n\n#endif /* MLP_H */\n");
}

static void c_string(Text *t, const char *s)
{
    text_char(t, '"');
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\' || ch == '?')
            text_printf(t, "\\%c", ch);
        else if (ch < 32 || ch > 126)
            text_printf(t, "\\%03o", ch);
        else
            text_char(t, *s);
    }
    text_char(t, '"');
}

static void emit_labels(Emit *e, Text *t)
{
    if (!e->g->nlabel)
        return;
    code_add(&e->c, t, "const char *mlp_label(int index)\n{\n    static const char *const label[] = {\n");
    for (int i = 0; i < e->g->nlabel; i++) {
        text_add(t, "        ");
        c_string(t, e->g->label[i]);
        text_add(t, ",\n");
    }
    code_add(&e->c, t, "    };\n    return index >= 0 && index < %d ? label[index] : \"?\";\n}\n\n", e->g->nlabel);
}

/* pack and unpack, table by table. */
static void emit_packing(Emit *e, Text *t)
{
    if (e->p->as != WEIGHTS_ARGUMENT)
        return;
    for (int out = 0; out < 2; out++) {
        code_add(&e->c, t, out ? "void mlp_unpack(const float *p, float *tensors)\n{\n"
                               : "void mlp_pack(const float *tensors, float *p)\n{\n");
        for (int i = 0; i < e->p->ntable; i++) {
            const Table *b = e->p->table[i];
            if (b->baked)
                continue;
            const char *from = out ? "p" : "tensors", *to = out ? "tensors" : "p";
            if (b->layout != LAYOUT_PANELS) {
                code_need(&e->c, "copy");
                code_add(&e->c, t, "    mlp_copy(1, %zu, %s + %zu, %zu, %s + %zu, %zu);\n", b->count, from, b->offset,
                         b->count, to, b->offset, b->count);
            } else {
                code_need(&e->c, out ? "unpack" : "pack");
                code_add(&e->c, t, out ? "    mlp_unpack_dense(" : "    mlp_pack_dense(");
                text_printf(t, "%d, %d, %d, %s + %zu, %s + %zu);\n", b->cols, b->rows, b->tail_dot, from, b->offset, to,
                            b->offset);
            }
        }
        if (!e->p->ntable)
            text_add(t, "    (void)p, (void)tensors;\n");
        text_add(t, "}\n\n");
    }
}

static Emit begin(const Plan *p, const EmitOptions *o)
{
    Emit e = {.p = p, .o = o, .g = p->graph, .block = p->as != WEIGHTS_BAKED};
    e.takes_block = ARENA_ARRAY(p->graph->arena, (size_t)p->nstep + 1, bool);
    code_init(&e.c, p->graph->arena, o->prefix);
    return e;
}

void emit_header(const Plan *p, const EmitOptions *o, Text *out)
{
    Emit e = begin(p, o);
    text_printf(out, "/* %s: declarations, made by mlpc %s from %s together with the C file. Do not edit. */\n", o->prefix,
                MLPC_VERSION, o->script);
    declarations(&e, out);
    code_free(&e.c);
}

void emit_source(const Plan *p, const EmitOptions *o, Text *out)
{
    Emit e = begin(p, o);
    Text public = {0};
    code_need(&e.c, "simd");
    for (int i = 0; i < p->nstep; i++)
        emit_step(&e, &p->step[i]);
    emit_one(&e, &public);
    emit_batch(&e, &public);
    emit_packing(&e, &public);
    emit_labels(&e, &public);

    head(&e, out);
    declarations(&e, out);
    if (o->single_header)
        code_add(&e.c, out, "\n#ifdef MLP_IMPLEMENTATION\n");
    if (portable(&e))
        code_add(&e.c, out, "\n#ifndef MLP_PLAIN\n#define MLP_PLAIN\n#endif\n");
    text_char(out, '\n');
    text_add(out, e.c.prelude.data);
    declare_tables(&e, out);
    if (e.c.body.data)
        text_add(out, e.c.body.data);
    text_add(out, public.data);
    define_tables(&e, out);
    if (o->single_header)
        code_add(&e.c, out, "#endif /* MLP_IMPLEMENTATION */\n");
    text_free(&public);
    code_free(&e.c);
}
