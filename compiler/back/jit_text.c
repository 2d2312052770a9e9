/* jit_text.c: Plan -> C text in which each step is a call of a kernel, or straight lines where a call costs
 * more than the work. Short, since libtcc's time goes by its length: no includes, and only the declarations
 * that are used. */
#include "back/jit_text.h"

#include <stdint.h>
#include <string.h>

/* ---- decisions that only matter here --------------------------------------------------------------------- */

enum {
    STRAIGHT_MACS = 8,  /* multiply-adds of a layer in straight lines: with more of them a call is faster */
    STRAIGHT_JOIN = 4,  /* features, likewise */
    STRIPS = 4,         /* calls that one sample's layer is worth, before a loop in the kernel is as good */
    CACHE = 256 * 1024, /* bytes of buffers that stay close to the processor */
    FAR = 256 * 1024,   /* floats: weights that do not */
    MANY = 16 * 1024,   /* floats of buffers a sample, of which 96 are too many for any cache */
};

/* Straight lines of scalar C instead of a call: where that is less work, and nothing is fused behind, whose
 * kernel would have to wait for the scalars to be stored. A layer in straight lines does not fuse
 * multiplication and addition, as the kernels of most machines do: the way of one sample and that of many
 * must both be straight, or neither. */
static bool is_straight(const JitPrinter *q, const Step *s)
{
    if (s->kind == STEP_JOIN)
        return q->one && s->width <= STRAIGHT_JOIN && !s->node->nepi;
    return !q->p->graph->training && !s->tail_dot && s->width * s->node->in[0]->width <= STRAIGHT_MACS &&
           !s->node->nepi;
}

/* The buffers are the caller's, so a net may take more samples at a time than generated code can on its
 * stack; and weights that come from afar are worth reading for many samples, even where these then do not
 * stay close. */
static size_t rows_of(const Plan *p)
{
    size_t sample = 0;
    for (int s = 0; s < p->nslot; s++)
        sample += (size_t)p->slot[s];
    if (p->numbers + p->constants > FAR && sample <= MANY)
        return 96;
    size_t fit = sample ? CACHE / sizeof(float) / sample : 96;
    return fit >= 96 ? 96 : fit >= 24 ? fit / 24 * 24 : 24;
}

/* Vectors that were stored in part cannot be read back at once: the processor waits until the store is done.
 * With one sample at a time that wait is most of the work of a small layer, so there values are stored whole
 * where they have room. */
static bool has_room(const JitPrinter *q, Place at)
{
    return q->one && at.room;
}

static int whole_vectors(const JitPrinter *q, int width)
{
    return (width + q->kernels->lanes - 1) / q->kernels->lanes * q->kernels->lanes;
}

/* ---- pieces of statements -------------------------------------------------------------------------------- */

/* The way of one sample does without variables: libtcc would store each to memory first. */
static void add_direct(JitPrinter *q, Place at)
{
    if (at.where == PLACE_SLOT)
        text_printf(&q->body, "s+%zu", q->slot_at[at.index] + (size_t)at.offset);
    else
        text_printf(&q->body, at.offset ? "%s[%d]+%d" : "%s[%d]", at.where == PLACE_INPUT ? "in" : "out", at.index, at.offset);
}

void jit_add_place(JitPrinter *q, Place at)
{
    if (q->one) {
        add_direct(q, at);
        return;
    }
    static const char kind[] = {'?', 'x', 'y', 'h', 't', 'w', 's'};
    text_char(&q->body, kind[at.where]);
    if (at.where != PLACE_FIXED)
        text_printf(&q->body, "%d", at.index);
    if (at.offset)
        text_printf(&q->body, "+%d", at.offset);
}

/* Where a table begins, `skip` floats on. An address is cheaper to pass than what is reckoned from one. */
void jit_add_table(JitPrinter *q, const Table *t, int skip)
{
    if (!t)
        text_char(&q->body, '0');
    else if (t->baked)
        text_printf(&q->body, "(float*)0x%jx", (uintmax_t)(uintptr_t)(q->constants + t->offset + (size_t)skip));
    else
        text_printf(&q->body, "p+%zu", t->offset + (size_t)skip);
}

void jit_add_number(JitPrinter *q, double v)
{
    text_float(&q->body, (float)v);
}

/* "mlp_tanh(" */
void jit_open_kernel(JitPrinter *q, int kernel)
{
    mlp_symbol symbol;
    mlp_kernels_symbol(q->kernels, kernel, &symbol);
    q->used[kernel] = true;
    text_printf(&q->body, "%s(", symbol.name);
}

/* "mlp_tanh(m,64," */
void jit_open_call(JitPrinter *q, int kernel, int width)
{
    jit_open_kernel(q, kernel);
    text_printf(&q->body, q->one ? "1,%d," : "m,%d,", width);
}

int jit_kernel(const char *name)
{
    static const char *const names[MLP_KERNEL_COUNT] = {
#define X(name, parameters) #name,
        MLP_KERNEL_LIST(X) MLP_LEARN_LIST(X)
#undef X
    };
    for (int i = 0; i < MLP_KERNEL_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    die("internal error: no kernel for %s", name);
}

/* The kernel that is called as the op is; for a slope, as the op whose slope it is. */
static int kernel_of(const Node *n)
{
    const Op op = n->op == OP_ACT_BACK ? n->of : n->op;
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", n->op == OP_ACT_BACK ? "d_" : "", op_info[op].name,
             op == OP_PRELU && n->shared ? "1" : "");
    return jit_kernel(name);
}

void jit_add_rows(JitPrinter *q, Place at)
{
    jit_add_place(q, at);
    text_printf(&q->body, ",%d", at.stride);
}

void jit_add_io(JitPrinter *q, Place x, Place y)
{
    jit_add_rows(q, x);
    text_char(&q->body, ',');
    jit_add_rows(q, y);
}

/* ",p+128" for each parameter of n in roles[0..count). */
static void add_params(JitPrinter *q, const Node *n, int count, const Role *roles)
{
    for (int i = 0; i < count; i++) {
        text_char(&q->body, ',');
        jit_add_table(q, plan_param(q->p, n->param[roles[i]]), 0);
    }
}

/* ---- element-wise steps ---------------------------------------------------------------------------------- */

/* What the kernels of an activation, and of its slope, take besides rows: the number of the op, or its weights. */
static void add_shape(JitPrinter *q, const Node *n, Op op)
{
    if (op == OP_LEAKY_RELU || op == OP_ELU) {
        text_char(&q->body, ',');
        jit_add_number(q, n->attr[0]);
    } else if (op == OP_PRELU) {
        add_params(q, n, 1, (const Role[]){ROLE_WEIGHT});
    }
}

/* One element-wise node over what is at x. Dropout is nothing at inference. */
static void map(JitPrinter *q, const Node *n, int width, Place x, Place y)
{
    const bool moves = x.where != y.where || x.index != y.index || x.offset != y.offset;
    const bool by_feature = n->op == OP_PRELU || n->op == OP_AFFINE || n->op == OP_BATCHNORM;
    if (n->op == OP_DROPOUT && !moves)
        return;
    if (!by_feature && has_room(q, x) && has_room(q, y))
        width = whole_vectors(q, width);
    jit_open_call(q, n->op == OP_DROPOUT ? MLP_KERNEL_copy : kernel_of(n), width);
    jit_add_io(q, x, y);
    add_shape(q, n, n->op);
    if (n->op == OP_AFFINE) {
        text_char(&q->body, ',');
        jit_add_table(q, plan_table(q->p, n, "scale"), 0);
        text_char(&q->body, ',');
        jit_add_table(q, plan_table(q->p, n, "shift"), 0);
    } else if (n->op == OP_BATCHNORM) {
        add_params(q, n, 2, (const Role[]){ROLE_RUNNING_MEAN, ROLE_RUNNING_VAR});
        text_char(&q->body, ',');
        jit_add_number(q, n->attr[0]);
        add_params(q, n, 2, (const Role[]){ROLE_WEIGHT, ROLE_BIAS});
    }
    text_add(&q->body, "); ");
}

/* Where a step's value is put before the nodes from number `first` on, which are fused behind it, take it to
 * s->out: for one sample whose output is no whole number of vectors a buffer with room, else s->out itself. */
static Place before_maps(JitPrinter *q, const Step *s, int first)
{
    const int whole = whole_vectors(q, s->width);
    if (!q->one || s->out.where == PLACE_SLOT || first >= s->node->nepi || whole == s->width)
        return s->out;
    if (q->spare < whole)
        q->spare = whole;
    return (Place){PLACE_SLOT, q->p->nslot, 0, s->width, true};
}

/* What is fused behind a step, from its first-th node on, from `at` to s->out. */
static void maps(JitPrinter *q, const Step *s, int first, Place at)
{
    for (int i = first; i < s->node->nepi; i++) {
        const Place to = i == s->node->nepi - 1 ? s->out : at;
        map(q, s->node->epi[i], s->width, at, to);
        at = to;
    }
}

/* ---- dense ----------------------------------------------------------------------------------------------- */

int jit_split(int split)
{
    return split >= 8 ? 3 : split >= 4 ? 2 : split >= 2 ? 1 : 0;
}

/* ",w,b,y,relu); " from output `skip` of the layer on, whose weights begin at `weights`; strides: of x and
 * y, for many. */
static void add_rest(JitPrinter *q, const Step *s, int skip, int weights, Place y, bool one, bool relu)
{
    jit_add_place(q, s->in[0]);
    if (!one)
        text_printf(&q->body, ",%d", s->in[0].stride);
    text_char(&q->body, ',');
    jit_add_table(q, s->weight, weights);
    text_char(&q->body, ',');
    jit_add_table(q, s->bias, skip);
    text_char(&q->body, ',');
    y.offset += skip;
    jit_add_place(q, y);
    if (!one)
        text_printf(&q->body, ",%d", y.stride);
    text_printf(&q->body, ",%d); ", relu);
}

/* Whole panels of one sample: a call for each strip, as many vectors wide as the sums in registers allow,
 * and cut at panels where it is as long as one. false: too many. */
static bool strips(JitPrinter *q, const Step *s, Place y, bool relu)
{
    static const int kernel[] = {MLP_KERNEL_strip1x1, MLP_KERNEL_strip2x1, MLP_KERNEL_strip4x1, MLP_KERNEL_strip8x1};
    const int in = s->node->in[0]->width, lanes = q->kernels->lanes, unit = PANEL / lanes;
    const int most = 8 / s->split, step = most < unit ? most : unit, room = most / step;
    int left = s->panels * unit / step, count = (left + room - 1) / room;
    if (count > STRIPS)
        return false;
    for (int j = 0, now; count > 0; count--, left -= now, j += now * step * lanes) {
        now = (left + count - 1) / count;
        jit_open_kernel(q, kernel[jit_split(s->split)] + now * step - 1);
        text_printf(&q->body, "%d,", in);
        add_rest(q, s, j, j / PANEL * PANEL * in + j % PANEL, y, true, relu);
    }
    return true;
}

static void dense(JitPrinter *q, const Step *s)
{
    const int in = s->node->in[0]->width, whole = s->panels * PANEL;
    const bool relu = s->node->nepi && s->node->epi[0]->op == OP_RELU;
    const Place y = before_maps(q, s, relu);
    if (s->panels && !(q->one && strips(q, s, y, relu))) {
        jit_open_call(q, MLP_KERNEL_panels1 + jit_split(s->split), in);
        text_printf(&q->body, "%d,", s->panels);
        add_rest(q, s, 0, 0, y, false, relu);
    }
    if (s->tail && q->one && s->tail_dot) {
        jit_open_kernel(q, MLP_KERNEL_dot);
        text_printf(&q->body, "%d,%d,%d,", in, s->tail, has_room(q, y));
        add_rest(q, s, whole, whole * in, y, true, relu);
    } else if (s->tail && q->one) {
        jit_open_kernel(q, (has_room(q, y) ? MLP_KERNEL_room1 : MLP_KERNEL_last1) + 2 * jit_split(s->tail_split));
        text_printf(&q->body, "%d,%d,", in, s->tail);
        add_rest(q, s, whole, whole * in, y, true, relu);
    } else if (s->tail) {
        jit_open_call(q, s->tail_dot ? MLP_KERNEL_dots : MLP_KERNEL_tail1 + jit_split(s->tail_split), in);
        text_printf(&q->body, "%d,", s->tail);
        add_rest(q, s, whole, whole * in, y, false, relu);
    }
    maps(q, s, relu, y);
}

/* Output o of a layer of fewer than 16: the sum over k = from, from + step, ... of `count` partial sums,
 * added pairwise. */
static void straight_sum(JitPrinter *q, const Step *s, int o, int from, int step, int count)
{
    if (count > 1) { /* the partial sums from, from + step, ...: halves are neighbours */
        text_char(&q->body, '(');
        straight_sum(q, s, o, from, step, count / 2);
        text_char(&q->body, '+');
        straight_sum(q, s, o, from + count / 2, step, count / 2);
        text_char(&q->body, ')');
        return;
    }
    text_char(&q->body, '(');
    if (from == 0 && s->bias)
        text_printf(&q->body, "b[%d]+", o);
    for (int k = from; k < s->node->in[0]->width; k += step)
        text_printf(&q->body, "%sw[%d]*v%d", k == from ? "" : "+", k * s->width + o, k);
    text_char(&q->body, ')');
}

static void straight_dense(JitPrinter *q, const Step *s)
{
    text_add(&q->body, "{const float*x=");
    jit_add_place(q, s->in[0]);
    text_add(&q->body, ",*w=");
    jit_add_table(q, s->weight, 0);
    text_add(&q->body, ",*b=");
    jit_add_table(q, s->bias, 0);
    text_add(&q->body, ";float*y=");
    jit_add_place(q, s->out);
    text_add(&q->body, q->one ? ";float " : ";size_t i=m;do{float ");
    for (int k = 0; k < s->node->in[0]->width; k++)
        text_printf(&q->body, "%sv%d=x[%d]", k ? "," : "", k, k);
    text_char(&q->body, ';');
    for (int o = 0; o < s->width; o++) {
        text_printf(&q->body, "y[%d]=", o);
        straight_sum(q, s, o, 0, s->tail_split, s->tail_split);
        text_char(&q->body, ';');
    }
    if (!q->one)
        text_printf(&q->body, "x+=%d;y+=%d;}while(--i);", s->in[0].stride, s->out.stride);
    text_add(&q->body, "} ");
}

static void straight_join(JitPrinter *q, const Step *s)
{
    text_add(&q->body, "{const float*x=");
    jit_add_place(q, s->in[0]);
    text_add(&q->body, ",*b=");
    jit_add_place(q, s->in[1]);
    text_add(&q->body, ";float*y=");
    jit_add_place(q, s->out);
    text_char(&q->body, ';');
    for (int j = 0; j < s->width; j++)
        text_printf(&q->body, "y[%d]=x[%d]%cb[%d];", j, j, "*+-"[s->node->op - OP_MUL], j);
    text_add(&q->body, "} ");
}

/* ---- other steps ----------------------------------------------------------------------------------------- */

static void join(JitPrinter *q, const Step *s)
{
    const Place y = before_maps(q, s, 0);
    int width = s->width;
    if (has_room(q, s->in[0]) && has_room(q, s->in[1]) && has_room(q, y))
        width = whole_vectors(q, width);
    jit_open_call(q, kernel_of(s->node), width);
    jit_add_rows(q, s->in[0]);
    text_char(&q->body, ',');
    jit_add_io(q, s->in[1], y);
    if (s->node->op == OP_ACT_BACK)
        add_shape(q, s->node, s->node->of);
    text_add(&q->body, "); ");
    maps(q, s, 0, y);
}

static void row(JitPrinter *q, const Step *s)
{
    jit_open_call(q, kernel_of(s->node), s->width);
    jit_add_io(q, s->in[0], s->out);
    if (s->weight) {
        text_char(&q->body, ',');
        jit_add_number(q, s->node->attr[0]);
        text_char(&q->body, ',');
        jit_add_table(q, s->weight, 0);
        text_char(&q->body, ',');
        jit_add_table(q, s->bias, 0);
    }
    text_add(&q->body, "); ");
}

/* A script's path as a string of C. */
static void add_string(Text *t, const char *s)
{
    text_char(t, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_char(t, '\\');
        if ((unsigned char)*s < 32 || *s == 127)
            text_printf(t, "\\%03o", (unsigned char)*s);
        else
            text_char(t, *s);
    }
    text_char(t, '"');
}

/* Makes libtcc believe that the next line is the script's at pos. */
static void go_to(JitPrinter *q, Pos pos)
{
    if (!pos.file || (q->at.file && pos.line == q->at.line && strcmp(pos.file, q->at.file) == 0))
        return;
    text_printf(&q->body, "#line %d ", pos.line);
    add_string(&q->body, pos.file);
    text_char(&q->body, '\n');
    q->at = pos;
}

void jit_add_step(JitPrinter *q, const Step *s)
{
    go_to(q, s->node->pos);
    switch (s->kind) {
    case STEP_DENSE:
        is_straight(q, s) ? straight_dense(q, s) : dense(q, s);
        break;
    case STEP_MAP:
        map(q, s->node, s->width, s->in[0], before_maps(q, s, 0));
        maps(q, s, 0, before_maps(q, s, 0));
        break;
    case STEP_JOIN:
        is_straight(q, s) ? straight_join(q, s) : join(q, s);
        break;
    case STEP_ROW:
        s->node->nin > 1 ? jit_add_train_step(q, s) : row(q, s);
        break;
    case STEP_COPY:
        jit_open_call(q, MLP_KERNEL_copy, s->width);
        jit_add_io(q, s->in[0], s->out);
        text_add(&q->body, "); ");
        break;
    case STEP_BACK:
    case STEP_TRAIN:
        jit_add_train_step(q, s);
        break;
    }
    text_char(&q->body, '\n');
    q->at.line++;
}

/* ---- the whole text -------------------------------------------------------------------------------------- */

/* Where in the scratch each buffer begins, and one more: the spare one. */
static size_t *slots_of(const Plan *p, size_t rows, Arena *a)
{
    size_t *at = ARENA_ARRAY(a, (size_t)p->nslot + 1, size_t);
    for (int i = 0; i < p->nslot; i++)
        at[i + 1] = at[i] + (rows * (size_t)p->slot[i] + PANEL - 1) / PANEL * PANEL;
    return at;
}

static void add_locals(JitPrinter *q)
{
    Text *t = &q->body;
    text_add(t, "size_t m;\n");
    for (int i = 0; i < q->p->graph->ninput; i++)
        text_printf(t, "const float*x%d=in[%d];\n", i, i);
    for (int i = 0; i < q->p->graph->noutput; i++)
        text_printf(t, "float*y%d=out[%d];\n", i, i);
    for (int i = 0; i < q->p->nslot; i++)
        text_printf(t, "float*h%d=s+%zu;\n", i, q->slot_at[i]);
}

void jit_add_advance(JitPrinter *q)
{
    const Plan *p = q->p;
    const Graph *g = p->graph;
    for (int i = 0; i < g->ninput; i++)
        text_printf(&q->body, "x%d+=m*%d;", i, p->in_row ? p->in_row : g->input[i]->width);
    for (int i = 0; i < g->noutput; i++)
        text_printf(&q->body, "y%d+=m*%d;", i, p->out_row ? p->out_row : g->output[i].node->width);
    for (int i = 0; i < g->ntarget; i++)
        text_printf(&q->body, "t%d+=m*%d;", i, p->target_row ? p->target_row : g->target[i]->width);
}

void jit_finish(JitPrinter *q, JitText *made, const char *head, Arena *a)
{
    Text t = {0};
    made->symbol = ARENA_ARRAY(a, MLP_KERNEL_COUNT, mlp_symbol);
    text_add(&t, "typedef __SIZE_TYPE__ size_t;typedef unsigned uint32_t;typedef unsigned long long uint64_t;\n");
    for (int i = 0; i < MLP_KERNEL_COUNT; i++)
        if (q->used[i]) {
            mlp_symbol *s = &made->symbol[made->nsymbol++];
            mlp_kernels_symbol(q->kernels, i, s);
            text_printf(&t, "%s\n", s->prototype);
        }
    text_add(&t, head);
    text_add(&t, q->body.data);
    made->text = arena_strdup(a, t.data);
    text_free(&q->body);
    text_free(&t);
}

JitText jit_text(const Plan *p, const mlp_kernels *k, const float *constants, Arena *a)
{
    if (p->graph->training)
        return jit_train_text(p, k, constants, a);
    JitPrinter q = {.p = p, .kernels = k, .constants = constants};
    JitText made = {.rows = rows_of(p)};
    q.slot_at = slots_of(p, made.rows, a);
    text_add(&q.body, "if(n==1){\n");
    q.one = true;
    for (int i = 0; i < p->nstep; i++)
        jit_add_step(&q, &p->step[i]);
    text_add(&q.body, "return;}\n");
    q.one = false;
    q.at = (Pos){0};
    add_locals(&q);
    text_printf(&q.body, "for(;n;n-=m){m=n<%zu?n:%zu;\n", made.rows, made.rows);
    for (int i = 0; i < p->nstep; i++)
        jit_add_step(&q, &p->step[i]);
    jit_add_advance(&q);
    text_add(&q.body, "}\n}\n");
    made.scratch = q.slot_at[p->nslot] + (size_t)q.spare;
    jit_finish(&q, &made, "void mlp_net(const float*p,size_t n,const float*const*in,float*const*out,float*s)\n{\n", a);
    return made;
}
