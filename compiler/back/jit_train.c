/* jit_train.c: the Plan of a graph that learns -> C text of calls: gradients, losses, sums over the batch. The steps it
 * shares with inference are printed by jit_text.c. Same plan, same buffers, same order of sums as the function that
 * emit_train.c prints. */
#include "back/jit_text.h"

#include <string.h>

/* ---- pieces -------------------------------------------------------------------------------------------------- */

static void comma(JitPrinter *q)
{
    text_char(&q->body, ',');
}

/* ",g+12": where the gradient (of a statistic: its new value) of n's parameter of that role goes. */
static void add_grad(JitPrinter *q, const Node *n, Role role)
{
    const Table *t = plan_param(q->p, n->grad[role]);
    if (t)
        text_printf(&q->body, ",g+%zu", t->offset);
    else
        text_add(&q->body, ",0");
}

static void add_param(JitPrinter *q, const Node *n, Role role)
{
    comma(q);
    jit_add_table(q, plan_param(q->p, n->param[role]), 0);
}

static void open_op(JitPrinter *q, const Node *n, int width)
{
    jit_open_call(q, jit_kernel(op_info[n->op].name), width);
}

static void close_call(JitPrinter *q)
{
    text_add(&q->body, "); ");
}

/* ---- steps --------------------------------------------------------------------------------------------------- */

/* The gradients of softmax, log_softmax and layernorm. */
static void row_back(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    open_op(q, n, s->width);
    if (n->op == OP_LAYERNORM_BACK) {
        jit_add_number(q, n->attr[0]);
        add_param(q, n, ROLE_WEIGHT);
        comma(q);
    }
    jit_add_rows(q, s->in[0]);
    comma(q);
    jit_add_io(q, s->in[1], s->out);
    close_call(q);
}

static void dense_grad(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    open_op(q, n, n->in[1]->width);
    text_printf(&q->body, "%d,%d,%s,", n->in[0]->width, plan_param(q->p, n->grad[ROLE_WEIGHT])->tail_dot,
                s->adds ? "1" : "done>0");
    jit_add_io(q, s->in[1], s->in[0]);
    add_grad(q, n, ROLE_WEIGHT);
    add_grad(q, n, ROLE_BIAS);
    if (s->packs)
        text_printf(&q->body, ",s+%zu,%d", q->p->work, PACK_ROOM);
    else
        text_add(&q->body, ",0,0");
    text_add(&q->body, s->learns ? ",done+m==n?rule:0" : ",0");
    close_call(q);
}

/* The weights of inputs `from` to `to` turned round, then dx of these: panels, and a tail. */
static void back_group(JitPrinter *q, const Step *s, const char *from, const char *to, int panels, int tail)
{
    const int out = s->node->in[0]->width;
    jit_open_kernel(q, MLP_KERNEL_turn);
    text_printf(&q->body, "%d,%d,%d,%s,%s,", s->width, out, s->weight->tail_dot, from, to);
    jit_add_table(q, s->weight, 0);
    text_printf(&q->body, ",s+%zu);", q->p->work);
    for (int part = 0; part < 2; part++) {
        const int width = part ? tail : panels;
        if (!width)
            continue;
        jit_open_call(q, part ? MLP_KERNEL_tail1 + jit_split(s->tail_split) : MLP_KERNEL_panels1 + jit_split(s->split), out);
        text_printf(&q->body, "%d,", width);
        jit_add_rows(q, s->in[0]);
        text_printf(&q->body, ",s+%zu,0,", q->p->work + (size_t)(part ? panels * PANEL * out : 0));
        jit_add_place(q, s->out);
        text_printf(&q->body, "+%s+%d,%d,0);", from, part ? panels * PANEL : 0, s->out.stride);
    }
}

static void dense_back(JitPrinter *q, const Step *s)
{
    const int whole = s->threes * 3 * PANEL;
    char from[16], to[16];
    if (s->threes) {
        text_printf(&q->body, "for(k=0;k<%d;k+=%d){", whole, 3 * PANEL);
        snprintf(to, sizeof to, "k+%d", 3 * PANEL);
        back_group(q, s, "k", to, 3, 0);
        text_char(&q->body, '}');
    }
    snprintf(from, sizeof from, "%d", whole);
    snprintf(to, sizeof to, "%d", s->width);
    back_group(q, s, from, to, s->panels - 3 * s->threes, s->tail);
    text_char(&q->body, ' ');
}

static void sums(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    if (n->op == OP_PENALTY) /* once a batch */
        return;
    if (n->op == OP_DENSE_GRAD) {
        dense_grad(q, s);
        return;
    }
    open_op(q, n, n->in[0]->width);
    if (n->op == OP_PRELU_GRAD)
        text_printf(&q->body, "%d", param_count(n->grad[ROLE_WEIGHT]) == 1);
    else
        jit_add_number(q, n->attr[0]);
    comma(q);
    jit_add_io(q, s->in[0], s->in[1]);
    add_grad(q, n, ROLE_WEIGHT);
    if (n->op == OP_LAYERNORM_GRAD)
        add_grad(q, n, ROLE_BIAS);
    close_call(q);
}

static void penalty(JitPrinter *q, const Node *n)
{
    const Table *w = plan_param(q->p, n->param[ROLE_WEIGHT]);
    jit_open_kernel(q, MLP_KERNEL_penalty);
    text_printf(&q->body, "%zu,", w->count);
    jit_add_number(q, n->attr[0]);
    comma(q);
    jit_add_number(q, n->attr[1]);
    add_param(q, n, ROLE_WEIGHT);
    add_grad(q, n, ROLE_WEIGHT);
    text_add(&q->body, ",loss);\n");
}

static void batchnorm(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    open_op(q, n, n->in[0]->width);
    switch (n->op) {
    case OP_BATCHNORM_STATS:
        jit_add_number(q, n->attr[0]);
        comma(q);
        jit_add_rows(q, s->in[0]);
        comma(q);
        jit_add_place(q, s->out);
        add_grad(q, n, ROLE_RUNNING_MEAN);
        add_grad(q, n, ROLE_RUNNING_VAR);
        break;
    case OP_BATCHNORM_TRAIN:
        jit_add_rows(q, s->in[0]);
        comma(q);
        jit_add_place(q, s->in[1]);
        add_param(q, n, ROLE_WEIGHT);
        add_param(q, n, ROLE_BIAS);
        comma(q);
        jit_add_rows(q, s->out);
        break;
    case OP_BATCHNORM_GRAD:
        jit_add_io(q, s->in[0], s->in[1]);
        comma(q);
        jit_add_place(q, s->in[2]);
        comma(q);
        jit_add_place(q, s->out);
        add_grad(q, n, ROLE_WEIGHT);
        add_grad(q, n, ROLE_BIAS);
        break;
    default:
        jit_add_table(q, plan_param(q->p, n->param[ROLE_WEIGHT]), 0);
        comma(q);
        jit_add_io(q, s->in[0], s->in[1]);
        comma(q);
        jit_add_place(q, s->in[2]);
        comma(q);
        jit_add_place(q, s->in[3]);
        comma(q);
        jit_add_rows(q, s->out);
    }
    close_call(q);
}

static void loss(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    open_op(q, n, n->width);
    if (n->op == OP_CROSS_ENTROPY) {
        text_add(&q->body, n->attr[0] != 0 ? "1,share," : "0,share,");
    } else {
        text_printf(&q->body, "share/%d.0f,", n->width);
        jit_add_number(q, n->attr[0]);
        comma(q);
    }
    jit_add_io(q, s->in[0], s->in[1]);
    comma(q);
    if (n->nin > 2)
        jit_add_place(q, s->in[2]);
    else
        text_char(&q->body, '0');
    comma(q);
    jit_add_rows(q, s->out);
    text_add(&q->body, ",loss); ");
}

static void dropout(JitPrinter *q, const Step *s)
{
    const double p = s->node->attr[0];
    jit_open_call(q, MLP_KERNEL_dropout, s->width);
    text_printf(&q->body, "%uu,", (unsigned)(p * 16777216 + 0.5));
    jit_add_number(q, 1 / (1 - p));
    text_printf(&q->body, ",seed,step,%du,done,", s->node->stream);
    jit_add_io(q, s->in[0], s->out);
    close_call(q);
}

static void scatter(JitPrinter *q, const Step *s)
{
    const Node *n = s->node;
    const int last = n->nin - 1;
    jit_open_call(q, MLP_KERNEL_scatter, s->width);
    if (last)
        jit_add_rows(q, s->in[0]);
    else
        text_add(&q->body, "0,0");
    text_printf(&q->body, ",%d,%d,", (int)n->attr[0] - 1, n->in[last]->width);
    jit_add_io(q, s->in[last], s->out);
    close_call(q);
}

void jit_add_train_step(JitPrinter *q, const Step *s)
{
    switch (op_info[s->node->op].kind) {
    case KIND_DENSE:
        dense_back(q, s);
        break;
    case KIND_ROW:
        row_back(q, s);
        break;
    case KIND_LOSS:
        loss(q, s);
        break;
    case KIND_MASK:
        dropout(q, s);
        break;
    case KIND_SCATTER:
        scatter(q, s);
        break;
    case KIND_SUM:
        sums(q, s);
        break;
    default:
        batchnorm(q, s);
    }
}

/* ---- the whole text -------------------------------------------------------------------------------------------- */

/* Inputs, targets and weights by name, and the buffers: of `rows` samples, or of the whole batch, each on cache lines. */
static void add_locals(const Plan *p, size_t rows, Text *t, JitText *made)
{
    const Graph *g = p->graph;
    int count = 0;
    text_add(t, "void mlp_grad(const float*p,size_t n,const float*const*in,float*g,float*s,double*loss,float share,"
                "uint64_t seed,uint64_t step,const void*rule)\n{\nsize_t m,k,most,done=0;\n");
    for (int i = 0; i < g->ninput; i++)
        text_printf(t, "const float*x%d=in[%d];\n", i, count++);
    for (int i = 0; i < g->ntarget; i++)
        text_printf(t, "const float*t%d=in[%d];\n", i, count++);
    if (g->sample_weight)
        text_printf(t, "const float*w0=in[%d];\n", count);
    made->scratch = (p->fixed + PANEL - 1) / PANEL * PANEL;
    for (int i = 0; i < p->nslot; i++) {
        const size_t width = (size_t)p->slot[i];
        if (p->whole_batch) {
            text_printf(t, "float*h%d=s+%zu+n*%zu;\n", i, made->scratch, made->sample);
            made->sample += (width + PANEL - 1) / PANEL * PANEL;
        } else {
            text_printf(t, "float*h%d=s+%zu;\n", i, made->scratch);
            made->scratch += (rows * width + PANEL - 1) / PANEL * PANEL;
        }
    }
}

/* What no first tile writes; and all of it if there is no sample. */
static void add_zeros(JitPrinter *q)
{
    for (size_t from = 0, to = 0; plan_zeros(q->p, &from, &to);) {
        jit_open_kernel(q, MLP_KERNEL_zero);
        text_printf(&q->body, "%zu,g+%zu);\n", to - from, from);
    }
    text_add(&q->body, "if(!n)");
    jit_open_kernel(q, MLP_KERNEL_zero);
    text_printf(&q->body, "%zu,g);\n", q->p->trained);
}

/* The loop over as few tiles of about the same size as there can be. */
static void add_most(JitPrinter *q, size_t rows)
{
    if (rows >= TILES)
        text_printf(&q->body, "k=n?(n+%zu)/%zu:1;most=(n+%d*k-1)/(%d*k)*%d;\n", rows - 1, rows, TILES, TILES, TILES);
    else
        text_printf(&q->body, "most=%zu;\n", rows);
    text_add(&q->body, "for(;done<n;done+=m){m=n-done<most?n-done:most;\n");
}

/* What a rule has not changed yet. */
static void add_rest(JitPrinter *q)
{
    text_add(&q->body, "if(rule){\n");
    for (size_t from = 0, to = 0; plan_unlearnt(q->p, &from, &to);) {
        jit_open_kernel(q, MLP_KERNEL_update);
        text_printf(&q->body, "rule,%zu,%zu);\n", from, to - from);
    }
    text_add(&q->body, "}\n");
}

JitText jit_train_text(const Plan *p, const mlp_kernels *k, const float *constants, Arena *a)
{
    JitPrinter q = {.p = p, .kernels = k, .constants = constants};
    JitText made = {.rows = p->rows ? (size_t)p->rows : 1};
    Text head = {0};
    int last_loss = 0;
    add_zeros(&q);
    if (p->whole_batch)
        text_add(&q.body, "for(;done<n;done+=m){m=n;\n");
    else
        add_most(&q, made.rows);
    for (int i = 0; i < p->nstep; i++)
        last_loss = op_info[p->step[i].node->op].kind == KIND_LOSS ? i : last_loss;
    for (int i = 0; i < p->nstep; i++) {
        jit_add_step(&q, &p->step[i]);
        if (i == last_loss && p->learns) /* none where the loss is not finite */
            text_add(&q.body, "if(rule&&done+m==n&&(float)*loss-(float)*loss!=0)return;\n");
    }
    jit_add_advance(&q);
    if (p->graph->sample_weight)
        text_add(&q.body, "if(w0)w0+=m;");
    text_add(&q.body, "}\n");
    for (int i = 0; i < p->nstep; i++)
        if (p->step[i].node->op == OP_PENALTY)
            penalty(&q, p->step[i].node);
    if (p->learns)
        add_rest(&q);
    text_add(&q.body, "}\n");
    add_locals(p, made.rows, &head, &made);
    jit_finish(&q, &made, head.data, a);
    text_free(&head);
    return made;
}
