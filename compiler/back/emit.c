/* emit.c: Plan -> C text. Each printer's lines look like what they print; names and numbers come from the plan. */
#include "back/emit.h"

#include <stdint.h>
#include <string.h>

#include "back/emit_step.h"
#include "version.h"

/* ---- layers ------------------------------------------------------------------------------------------------- */

/* The name of the C function of a step. Copies have their own, since a concat may need several, and a value may be several
 * outputs. */
static const char *function_of(Emit *e, const Step *s)
{
    if (s->kind == STEP_COPY && s->from < 0)
        return arena_printf(e->g->arena, "%s_to_%s", s->node->name, e->g->output[s->out.index].name);
    if (s->kind == STEP_COPY)
        return arena_printf(e->g->arena, "%s_part%d", s->node->name, s->from + 1);
    return s->node->name;
}

/* The function of one layer, with its source line. Portable code works on one sample: no n. */
static void emit_step(Emit *e, const Step *s)
{
    Text *t = &e->c.body;
    const Node *n = s->node;
    bool join = s->kind == STEP_JOIN, *takes_block = &e->takes_block[s - e->p->step];
    Operands o = {emit_portable(e) ? "1" : "n", {"x", "b"}, "y"};
    const char *call = emit_call(e, s, &o, takes_block);
    code_add(&e->c, t, "/* %s:%d: %s */\n", emit_base_name(n->pos.file ? n->pos.file : e->o->script), n->pos.line,
             emit_title(e, n));
    code_add(&e->c, t, "static void mlp_layer_%s(%s%sconst float *x, %sfloat *y)\n{\n    ", function_of(e, s),
             *takes_block ? "const float *p, " : "", emit_portable(e) ? "" : "size_t n, ", join ? "const float *b, " : "");
    code_text(&e->c, t, call);
    text_add(t, "\n}\n\n");
}

/* ---- the public functions ------------------------------------------------------------------------------------ */

const char *emit_input_name(const Emit *e, int i)
{
    return graph_input_name(e->g, i);
}

const char *emit_own_name(const Emit *e, const char *name)
{
    for (int i = 0; i < e->g->ninput; i++)
        if (strcmp(emit_input_name(e, i), name) == 0)
            return emit_own_name(e, arena_printf(e->g->arena, "%s_", name));
    return name;
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
        text_printf(t, batch ? "%sconst float *%s" : "%sconst float %s[", comma, emit_input_name(e, i));
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

typedef enum Function { FUNCTION_ONE, FUNCTION_BATCH, FUNCTION_PART } Function;

static void prototype(Emit *e, Text *t, Function f)
{
    code_add(&e->c, t,
             f == FUNCTION_ONE     ? "void mlp("
             : f == FUNCTION_BATCH ? "void mlp_batch("
                                   : "static MLP_COLD void mlp_part(");
    parameters(e, t, f != FUNCTION_ONE);
    text_char(t, ')');
}

/* A place as an argument: "h0 + 16". rows: samples in each buffer, for a caller's scratch. */
static void print_place(Emit *e, Text *t, Place at)
{
    if (at.where == PLACE_INPUT)
        text_add(t, emit_input_name(e, at.index));
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
        code_add(&e->c, t, "mlp_layer_%s(%s", function_of(e, s), e->takes_block[i] ? "p, " : "");
        if (!emit_portable(e))
            text_printf(t, "%s, ", n);
        for (int k = 0; k < (s->kind == STEP_JOIN ? 2 : 1); k++) {
            print_place(e, t, s->in[k]);
            text_add(t, ", ");
        }
        print_place(e, t, s->out);
        text_add(t, ");\n");
    }
}

/* Whether some step reads input i. */
static bool reads_input(const Emit *e, int i)
{
    for (int s = 0; s < e->p->nstep; s++)
        for (int k = 0; k < NODE_IN_MAX; k++)
            if (e->p->step[s].in[k].where == PLACE_INPUT && e->p->step[s].in[k].index == i)
                return true;
    return false;
}

/* The buffers; and the arguments that the net has no use for, about which compilers would complain. */
static void buffers(Emit *e, Text *t, int rows)
{
    size_t at = 0;
    bool reads_block = false;
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
    for (int s = 0; s < e->p->nstep; s++)
        reads_block |= e->takes_block[s];
    if (e->block && !reads_block)
        text_add(t, "    (void)p;\n");
    for (int i = 0; i < e->g->ninput; i++)
        if (!reads_input(e, i))
            text_printf(t, "    (void)%s;\n", emit_input_name(e, i));
}

static void emit_one(Emit *e, Text *t)
{
    if (e->p->tiny) {
        code_need(&e->c, "whole");
        code_add(&e->c, t, "MLP_WHOLE\n");
    }
    prototype(e, t, FUNCTION_ONE);
    text_add(t, "\n{\n");
    buffers(e, t, 1);
    calls(e, t, "    ", "1");
    text_add(t, "}\n\n");
}

/* ", x + done * 784", or ", x" if done is NULL. */
static void part_argument(Text *t, const char *name, const char *done, int width)
{
    text_printf(t, ", %s", name);
    if (done)
        text_printf(t, " + %s * %d", done, width);
}

/* One for each input and each output, `done` being C for the samples that are done, NULL before the first. */
static void part_arguments(Emit *e, Text *t, const char *done)
{
    for (int i = 0; i < e->g->ninput; i++)
        part_argument(t, emit_input_name(e, i), done, e->g->input[i]->width);
    for (int i = 0; i < e->g->noutput; i++)
        part_argument(t, e->g->output[i].name, done, e->g->output[i].node->width);
}

/* One part of a batch: samples enough for the buffers, apart from any other part. */
static void emit_part(Emit *e, Text *t)
{
    code_need(&e->c, "cold"); /* in a parallel region gcc would find it too few registers */
    text_printf(t, "/* At most %d samples. */\n", e->p->rows);
    prototype(e, t, FUNCTION_PART);
    text_add(t, "\n{\n    if (n == 0) /* never; but then compilers know that the buffers are written */\n        return;\n");
    buffers(e, t, e->p->rows);
    calls(e, t, "    ", "n");
    text_add(t, "}\n\n");
}

/* A batch that is one part, without asking for threads: that alone takes as long as many samples of a small net. */
static void emit_one_part(Emit *e, Text *t)
{
    text_printf(t, "    if (n <= %d) {\n", e->p->rows);
    code_add(&e->c, t, "        mlp_part(%sn", e->block ? "p, " : "");
    part_arguments(e, t, NULL);
    text_add(t, ");\n        return;\n    }\n");
}

/* A batch in parts, which may run in as many threads: samples do not know of each other. The caller's scratch holds so many
 * parts at once, a turn; the stack of a thread one. Threads want turns of parts alike, of as many samples as tiles divide. */
static void emit_parts(Emit *e, Text *t)
{
    const Plan *p = e->p;
    const int rows = p->rows, turn = p->parts * rows;
    const bool turns = p->scratch_argument, threads = p->together < SIZE_MAX && (p->parts > 1 || !turns);
    const char *indent = turns ? "        " : "    ", *n = turns ? "m" : "n";
    const char *part = turns && threads ? "part" : arena_printf(e->g->arena, "%d", rows);
    if (turns && threads)
        text_printf(t,
                    "    size_t part = %d;\n#if defined(_OPENMP)\n    if (n >= %zu) /* turns of %d parts alike, of eights */\n"
                    "        part = (n - 1) / ((n + %d) / %d * %d) * 8 + 8;\n#endif\n",
                    rows, p->together, p->parts, turn - 1, turn, 8 * p->parts);
    const char *all = arena_printf(e->g->arena, p->parts > 1 ? "%d * part" : "%d", p->parts > 1 ? p->parts : rows);
    if (turns)
        text_printf(t, "    for (size_t t = 0; t < n; t += %s) {\n        const size_t m = n - t < %s ? n - t : %s;\n", all, all, all);
    if (threads) {
        text_add(t, "#if defined(_OPENMP)\n");
        if (!turns)
            emit_one_part(e, t);
        text_printf(t, "#pragma omp parallel for if (%s >= %zu)\n#endif\n", n, p->together);
    }
    text_printf(t, "%sfor (long i = 0; i < (long)((%s + %s - 1) / %s); i++) {\n%s    const size_t done = (size_t)i * %s;\n", indent,
                n, part, part, indent, part);
    code_add(&e->c, t, "%s    mlp_part(%s%s - done < %s ? %s - done : %s", indent, e->block ? "p, " : "", n, part, n, part);
    part_arguments(e, t, turns ? "(t + done)" : "done");
    if (turns)
        text_printf(t, ", scratch + (size_t)i * %zu", (size_t)rows * p->ram_one / sizeof(float));
    text_printf(t, ");\n%s}\n%s", indent, turns ? "    }\n" : "");
}

/* The batch of a net for small machines, sample by sample. */
static void emit_one_by_one(Emit *e, Text *t)
{
    buffers(e, t, 1);
    text_add(t, "    for (; n > 0; n--) {\n");
    calls(e, t, "        ", "1");
    for (int i = 0; i < e->g->ninput; i++)
        if (reads_input(e, i))
            text_printf(t, "        %s += 1 * %d;\n", emit_input_name(e, i), e->g->input[i]->width);
    for (int i = 0; i < e->g->noutput; i++)
        text_printf(t, "        %s += 1 * %d;\n", e->g->output[i].name, e->g->output[i].node->width);
    text_add(t, "    }\n");
}

static void emit_batch(Emit *e, Text *t)
{
    bool in_parts = !emit_portable(e) && e->p->rows;
    if (in_parts)
        emit_part(e, t);
    prototype(e, t, FUNCTION_BATCH);
    text_add(t, "\n{\n");
    if (in_parts) {
        emit_parts(e, t);
    } else if (emit_portable(e)) {
        emit_one_by_one(e, t);
    } else {
        buffers(e, t, 0);
        calls(e, t, "    ", "n");
    }
    text_add(t, "}\n\n");
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

/* The baked tables of the net and of the net that learns, each once; NULL ends the list. */
static const Table **baked_tables(Emit *e)
{
    const Plan *plan[] = {e->p, e->p->train};
    int room = 1, count = 0;
    for (int i = 0; i < 2; i++)
        room += plan[i] ? plan[i]->ntable : 0;
    const Table **list = ARENA_ARRAY(e->g->arena, (size_t)room, const Table *);
    for (int i = 0; i < 2; i++)
        for (int k = 0; plan[i] && k < plan[i]->ntable; k++) {
            const Table *t = plan[i]->table[k];
            bool known = !t->baked;
            for (int q = 0; i > 0 && q < count && !known; q++)
                known = strcmp(list[q]->name, t->name) == 0;
            if (!known)
                list[count++] = t;
        }
    return list;
}

/* C++ has no tentative definitions: there the tables are declared in an unnamed namespace first. */
static void declare_tables(Emit *e, Text *t)
{
    const Table **list = baked_tables(e);
    if (!*list)
        return;
    code_add(&e->c, t, "/* The numbers of the net stand at the end of this file. */\n"
                       "#ifdef __cplusplus\n"
                       "#define MLP_DECLARE extern const\n"
                       "#define MLP_DEFINE const\n"
                       "namespace {\n"
                       "#else\n"
                       "#define MLP_DECLARE static const\n"
                       "#define MLP_DEFINE static const\n"
                       "#endif\n");
    for (; *list; list++)
        code_add(&e->c, t, "MLP_DECLARE %s mlp_%s[%zu];%s\n", storage_info[(*list)->storage].c_type, (*list)->name,
                 table_room(*list), layout_text(e, *list));
    code_add(&e->c, t, "#ifdef __cplusplus\n} /* namespace */\n#endif\n\n");
}

static void define_tables(Emit *e, Text *out)
{
    const Table **list = baked_tables(e);
    if (!*list)
        return;
    code_add(&e->c, out, "#ifdef __cplusplus\nnamespace {\n#endif\n");
    for (; *list; list++) {
        const Table *t = *list;
        code_add(&e->c, out, "MLP_DEFINE %s mlp_%s[%zu] MLP_ALIGN = {", storage_info[t->storage].c_type, t->name,
                 table_room(t));
        size_t line = 200;
        for (size_t k = 0; k < table_room(t); k++) {
            if (line > 100) {
                text_add(out, "\n    ");
                line = 4;
            } else if (t->storage == STORAGE_F32) {
                text_char(out, ' ');
            }
            size_t before = out->size;
            if (t->storage == STORAGE_F32)
                text_float(out, table_value(t, k));
            else
                text_printf(out, "%d", table_code(t, k));
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
        text_printf(t, " * %s", emit_title(e, n));
        if (t->size - start > 42)
            text_add(t, "\n *");
        text_column(t, 43);
        const char *shape = n->nin ? arena_printf(e->g->arena, "%d -> %d", n->in[0]->width, n->width)
                                   : arena_printf(e->g->arena, "%d", n->width);
        text_printf(t, "%-12s %10zu  %13.0f  %s:%d\n", shape, node_params(n), node_macs(n),
                    emit_base_name(n->pos.file ? n->pos.file : e->o->script), n->pos.line);
    }
    text_printf(t, " * in all");
    text_column(t, 43);
    text_printf(t, "%-12s %10zu  %13.0f\n", "", e->p->params, e->p->macs);
}

/* A command that neither ends the comment it stands in nor begins one: the shell reads '*''/' as it reads '*' and '/', and
 * who wrote a command with a star in it put it in quotes. */
static void command_in_comment(Text *t, const char *s)
{
    for (; *s; s++) {
        text_char(t, *s);
        if ((s[0] == '*' && s[1] == '/') || (s[0] == '/' && s[1] == '*'))
            text_add(t, "''");
    }
}

static void head(Emit *e, Text *t)
{
    const Plan *p = e->p;
    text_printf(t, "/* %s: a multilayer perceptron, made by mlpc %s from %s. Do not edit; remake it with\n *     ",
                e->o->prefix, MLPC_VERSION, e->o->script);
    command_in_comment(t, e->o->command);
    text_add(t, "\n *\n");
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
    if (emit_portable(e))
        text_add(t, " * Order of sums: bias first, then the inputs in order.\n"
                    " * Built for size: plain loops. Compile with -O2 or -Os and the flags of your machine.\n");
    else
        code_add(&e->c, t, " * Order of sums: bias first, inputs in order, in as many partial sums (inputs k, k + s, ...) as the\n"
                           " * shapes below say, added pairwise. The same bits for a sample in every batch.\n"
                           " * Fastest with -O3 -march=native (AVX-512, AVX2 with FMA and NEON are used when the compiler is told of\n"
                           " * them, SSE2 on any x86-64, plain C elsewhere or with -D%s_PLAIN). Needs no -ffast-math.\n",
                 e->c.upper);
    for (int i = 0; i < p->nstep; i++)
        if (p->step[i].scale) {
            text_add(t, " * Dense layers sum codes of weights without the bias; their scale and the bias come last.\n");
            if (!emit_portable(e))
                text_add(t, " * Where the machine multiplies bytes (AVX-512 VNNI) panels take their inputs in fixed point, of 23 bits below\n"
                            " * the largest of up to 1024 of them, sum exactly, and need 13 KB more on the stack.\n");
            break;
        }
    text_add(t, " * Reentrant; needs no library, no memory allocation and no setup. C99 and C++11. */\n");
}

/* Prints with the plan of the net that learns. */
static void training(Emit *e, Text *t, void (*print)(Emit *, Text *))
{
    Emit learn = *e;
    learn.p = e->p->train;
    learn.g = learn.p->graph;
    learn.takes_block = NULL;
    print(&learn, t);
    e->c = learn.c;
    e->epilogues = learn.epilogues;
}

/* The declarations, the same text in the header and in the source, guarded so that a program may read both. */
static void declarations(Emit *e, Text *t)
{
    const Plan *p = e->p;
    code_add(&e->c, t, "#ifndef MLP_H\n#define MLP_H\n\n#include <stddef.h>\n%s\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
             p->train ? "#include <stdint.h>\n" : "");
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
        text_printf(t, " p: the numbers of %s, best aligned to 64 bytes.", e->o->weights_file);
    if (p->as == WEIGHTS_ARGUMENT)
        text_add(t, " p: the block of parameters, best aligned to 64 bytes.");
    if (p->scratch_argument)
        code_add(&e->c, t, " scratch: MLP_SCRATCH floats.");
    text_add(t, " Inputs and outputs must not overlap. */\n");
    prototype(e, t, FUNCTION_ONE);
    text_add(t, ";\n\n/* n samples, row by row.");
    if (p->scratch_argument)
        code_add(&e->c, t, " scratch: MLP_BATCH_SCRATCH floats, for any n.");
    text_add(t, " */\n");
    prototype(e, t, FUNCTION_BATCH);
    text_add(t, ";\n\n");
    if (p->as == WEIGHTS_ARGUMENT)
        code_add(&e->c, t, "/* Between the block p (MLP_PARAMS floats, laid out for speed) and the tensors as PyTorch keeps them, one after\n"
                           " * the other in order of creation, dense weights as [out][in]. They must not overlap. */\n"
                           "void mlp_pack(const float *tensors, float *p);\n"
                           "void mlp_unpack(const float *p, float *tensors);\n\n");
    if (p->train)
        training(e, t, emit_training_declarations);
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
        size_t next = 0; /* in the tensors; the block keeps running statistics apart */
        for (int i = 0; i < e->p->ntable; i++) {
            const Table *b = e->p->table[i];
            if (b->baked)
                continue;
            const char *from = out ? "p" : "tensors", *to = out ? "tensors" : "p";
            size_t from_at = out ? b->offset : next, to_at = out ? next : b->offset;
            next += b->count;
            if (b->layout != LAYOUT_PANELS) {
                code_need(&e->c, "copy");
                code_add(&e->c, t, "    mlp_copy(1, %zu, %s + %zu, %zu, %s + %zu, %zu);\n", b->count, from, from_at,
                         b->count, to, to_at, b->count);
            } else {
                code_need(&e->c, out ? "unpack" : "pack");
                code_add(&e->c, t, out ? "    mlp_unpack_dense(" : "    mlp_pack_dense(");
                text_printf(t, "%d, %d, %d, %s + %zu, %s + %zu);\n", b->cols, b->rows, b->tail_dot, from, from_at, to, to_at);
            }
        }
        if (!e->p->numbers)
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
    if (p->train)
        training(&e, &public, emit_training);

    head(&e, out);
    declarations(&e, out);
    if (o->single_header)
        code_add(&e.c, out, "\n#ifdef MLP_IMPLEMENTATION\n");
    if (emit_portable(&e))
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
