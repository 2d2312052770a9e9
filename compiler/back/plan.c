/* plan.c: Graph -> Plan, every decision: where values live, how weights lie, how sums are split, what it costs. */
#include "back/plan.h"

#include <stdint.h>
#include <string.h>

/* While planning: where node values go. */
typedef struct Planner {
    Plan *p;
    const Graph *g;
    Arena *scratch;
    const Node **home; /* by id: the concat whose buffer holds this value in place, or NULL */
    int *home_offset;
    Place *place;      /* by id */
    int *last;         /* by id: the last step (node id) that reads the buffer of this node */
    int *owner;        /* by slot: id of the node whose buffer it is, or -1 */
} Planner;

/* ---- tables ------------------------------------------------------------------------------------------------- */

static const char *const role_suffix[ROLE_COUNT] = {"w", "b", "mean", "var"};

static Table *add_table(Planner *q, const Node *n, const char *suffix, int rows, int cols)
{
    Plan *p = q->p;
    Table *t = ARENA_NEW(q->g->arena, Table);
    t->name = arena_printf(q->g->arena, "%s_%s", n->name, suffix);
    t->rows = rows;
    t->cols = cols;
    t->count = (size_t)rows * (size_t)cols;
    p->table[p->ntable++] = t;
    return t;
}

/* Scale and bias of each output of a dense layer whose weights are scaled: two by two for portable code, else 16 scales and 16
 * biases in turn, as vectors take them. */
static void add_scales(Planner *q, const Node *n)
{
    const int across = q->p->target == TARGET_PORTABLE ? 1 : PANEL, count = (n->width + across - 1) / across * across;
    const Param *b = n->param[ROLE_BIAS];
    double *value = ARENA_ARRAY(q->g->arena, 2 * (size_t)count, double);
    for (int j = 0; j < n->width; j++) {
        double *at = value + j / across * 2 * across + j % across;
        at[0] = (double)n->param[ROLE_WEIGHT]->scale[j];
        at[across] = b ? (double)b->value[j] : 0;
    }
    Table *t = add_table(q, n, "s", 2 * count, 1);
    t->constant = value;
    t->baked = true;
}

static void add_param_tables(Planner *q, const Node *n)
{
    const Param *w = n->param[ROLE_WEIGHT];
    for (int r = 0; r < ROLE_COUNT; r++)
        if (n->param[r] && !q->p->table_of[n->param[r]->id] && !(r == ROLE_BIAS && w && w->scale)) {
            Table *t = add_table(q, n, role_suffix[r], n->param[r]->rows, n->param[r]->cols);
            t->param = n->param[r];
            t->storage = n->param[r]->storage;
            q->p->table_of[n->param[r]->id] = t;
        }
    if (w && w->scale)
        add_scales(q, n);
    if (n->op == OP_AFFINE) {
        Table *scale = add_table(q, n, "scale", n->width, 1), *shift = add_table(q, n, "shift", n->width, 1);
        scale->constant = n->scale;
        shift->constant = n->shift;
        scale->baked = shift->baked = true;
    }
    for (int e = 0; e < n->nepi; e++)
        add_param_tables(q, n->epi[e]);
}

const Table *plan_param(const Plan *p, const Param *param)
{
    return param ? p->table_of[param->id] : NULL;
}

const Table *plan_table(const Plan *p, const Node *n, const char *suffix)
{
    size_t length = strlen(n->name);
    for (int i = 0; i < p->ntable; i++)
        if (strncmp(p->table[i]->name, n->name, length) == 0 && p->table[i]->name[length] == '_' &&
            strcmp(p->table[i]->name + length + 1, suffix) == 0)
            return p->table[i];
    return NULL;
}

size_t table_source(const Table *t, size_t k)
{
    if (t->layout != LAYOUT_PANELS)
        return k;
    size_t in = (size_t)t->cols, whole = (size_t)t->rows / PANEL * PANEL, tail = (size_t)t->rows - whole;
    if (k < whole * in) {
        size_t panel = k / (in * PANEL), i = k / PANEL % in, lane = k % PANEL;
        return (panel * PANEL + lane) * in + i;
    }
    k -= whole * in;
    return t->tail_dot ? whole * in + k : (whole + k % tail) * in + k / tail;
}

int table_code(const Table *t, size_t k)
{
    return k < t->count ? t->param->code[table_source(t, k)] : 0;
}

size_t table_room(const Table *t)
{
    bool cut = t->storage != STORAGE_F32 && t->layout == LAYOUT_PANELS && t->rows % PANEL;
    return t->count + (cut ? PANEL : 0);
}

size_t table_bytes(const Table *t)
{
    return table_room(t) * storage_info[t->storage].bytes;
}

float table_value(const Table *t, size_t k)
{
    size_t from = table_source(t, k);
    return t->param ? t->param->value[from] : (float)t->constant[from];
}

/* ---- dense layers ------------------------------------------------------------------------------------------- */

/* Partial sums a unit with 4 cycles of FMA latency and two FMAs a cycle needs to stay busy on one sample: 8 chains. */
static int split_for(int panels, int in)
{
    int split = panels >= 8 ? 1 : panels >= 4 ? 2 : panels >= 2 ? 4 : 8;
    while (split > 1 && in / split < 4)
        split /= 2;
    return split;
}

/* Whether dot products are less work for the last `tail` outputs than a panel whose other lanes are idle, which takes a
 * multiplication, and a load beyond the cache line, for each input: tail * in / 16 of them, and three instructions to add up
 * each output. */
static bool better_as_dot(int tail, int in)
{
    return tail * (in + 48) <= 20 * in;
}

static void plan_dense(Planner *q, Step *s)
{
    const Node *n = s->node;
    int in = n->in[0]->width;
    Table *w = q->p->table_of[n->param[ROLE_WEIGHT]->id];
    s->weight = w;
    s->scale = n->param[ROLE_WEIGHT]->scale ? plan_table(q->p, n, "s") : NULL;
    s->bias = n->param[ROLE_BIAS] && !s->scale ? q->p->table_of[n->param[ROLE_BIAS]->id] : NULL;
    w->layout = q->p->target == TARGET_PORTABLE ? LAYOUT_ROWS : LAYOUT_PANELS;
    s->panels = n->width / PANEL;
    s->tail = n->width % PANEL;
    s->split = split_for(s->panels, in);
    s->tail_split = split_for(1, in);
    s->tail_dot = w->tail_dot = s->tail && better_as_dot(s->tail, in);
}

/* A step works in `floats` floats of the scratch. */
static void need_work(Planner *q, size_t floats)
{
    if (q->p->target == TARGET_SIMD && q->p->work_room < floats)
        q->p->work_room = floats;
}

/* The gradient of a dense layer's input: the same kernels over the weights turned round, a group of panels at a time. */
static void plan_back(Planner *q, Step *s)
{
    int out = s->node->in[0]->width;
    s->weight = q->p->table_of[s->node->param[ROLE_WEIGHT]->id];
    s->panels = s->width / PANEL;
    s->tail = s->width % PANEL;
    s->split = split_for(s->panels, out);
    s->tail_split = split_for(1, out);
    s->threes = s->panels > 4 ? (s->panels - 2) / 3 : 0;
    int rest = s->width - s->threes * 3 * PANEL;
    need_work(q, (size_t)(s->threes && rest < 3 * PANEL ? 3 * PANEL : rest) * (size_t)out);
}

/* The gradient of a dense layer: its first tile writes, others add. Samples of a kilobyte and more lie on pages and in sets of
 * the cache of their own: they are packed, where each is then taken for two groups of outputs. */
static void plan_grad(Planner *q, Step *s)
{
    s->packs = s->node->in[1]->width >= 256 && s->node->in[0]->width >= 4 * PANEL;
    need_work(q, s->packs ? PACK_ROOM : 0);
    for (int r = 0; r < ROLE_COUNT; r++)
        if (s->node->grad[r] && q->p->target == TARGET_SIMD) {
            Table *t = q->p->table_of[s->node->grad[r]->id];
            s->adds |= t->fresh;
            t->fresh = true;
        }
}

/* The next trained tables from `*from` = the last `*to` on that are not `done`, as one range. */
static bool next_range(const Plan *p, bool (*done)(const Table *t), size_t *from, size_t *to)
{
    bool found = false;
    for (int i = 0; i < p->ntable; i++) {
        const Table *t = p->table[i];
        if (t->baked || !t->param || !t->param->trained || done(t) || t->offset < *to || (found && t->offset > *to))
            continue;
        *from = found ? *from : t->offset;
        *to = t->offset + t->count;
        found = true;
    }
    return found;
}

static bool is_fresh(const Table *t) { return t->fresh; }
static bool is_learnt(const Table *t) { return t->learnt; }

bool plan_zeros(const Plan *p, size_t *from, size_t *to)
{
    return next_range(p, is_fresh, from, to);
}

bool plan_unlearnt(const Plan *p, size_t *from, size_t *to)
{
    return next_range(p, is_learnt, from, to);
}

/* Whether a node reads one of these parameters, or sums their gradient. */
static bool touches(const Node *n, Param *const *param)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        for (int k = 0; k < ROLE_COUNT; k++)
            if (param[k] && (n->param[r] == param[k] || n->grad[r] == param[k]))
                return true;
    for (int i = 0; i < n->nepi; i++)
        if (touches(n->epi[i], param))
            return true;
    return false;
}

/* Which gradients of dense layers may become steps at once: those that nothing comes after, neither what reads the parameters
 * nor a loss, which tells whether there is a step at all. */
static void plan_learning(Plan *p)
{
    bool penalty = false; /* with one, gradients are whole behind the last tile only */
    for (int i = 0; i < p->nstep; i++)
        penalty |= p->step[i].node->op == OP_PENALTY;
    for (int i = 0; i < p->nstep && !penalty && p->target == TARGET_SIMD; i++) {
        Step *s = &p->step[i];
        s->learns = s->node->op == OP_DENSE_GRAD;
        for (int k = i + 1; k < p->nstep && s->learns; k++)
            s->learns = op_info[p->step[k].node->op].kind != KIND_LOSS && !touches(p->step[k].node, s->node->grad);
        for (int r = 0; r < ROLE_COUNT && s->learns; r++)
            if (s->node->grad[r])
                p->table_of[s->node->grad[r]->id]->learnt = p->learns = true;
    }
}

/* ---- places ------------------------------------------------------------------------------------------------- */

/* The node whose buffer holds n's value, following slices to their source and parts to their concat. */
static const Node *holder(const Planner *q, const Node *n)
{
    for (;;) {
        if (n->op == OP_SLICE)
            n = n->in[0];
        else if (q->home[n->id])
            n = q->home[n->id];
        else
            return n;
    }
}

/* Concats, last first: each part that nothing else has placed is computed right where the concat wants it. */
static void settle_concats(Planner *q)
{
    for (int i = q->g->nnode - 1; i >= 0; i--) {
        const Node *c = q->g->node[i];
        for (int k = 0, offset = 0; c->op == OP_CONCAT && k < c->nin; offset += c->in[k]->width, k++) {
            const Node *part = c->in[k];
            bool is_output = false;
            for (int o = 0; o < q->g->noutput; o++)
                is_output |= q->g->output[o].node == part;
            if (op_info[part->op].kind == KIND_SOURCE || part->op == OP_SLICE || is_output || q->home[part->id])
                continue;
            q->home[part->id] = c;
            q->home_offset[part->id] = offset;
        }
    }
}

static void note_reads(Planner *q)
{
    for (int i = 0; i < q->g->nnode; i++)
        for (int k = 0; k < q->g->node[i]->nin; k++) {
            const Node *h = holder(q, q->g->node[i]->in[k]);
            if (q->last[h->id] < i)
                q->last[h->id] = i;
        }
    /* A slice or a concat is read where its readers are: holder() has taken care. Outputs copied at the end live on. */
    for (int o = 0; o < q->g->noutput; o++)
        q->last[holder(q, q->g->output[o].node)->id] = q->g->nnode;
}

/* A free slot of the best size for `width` floats a sample, or a new one. */
static int take_slot(Planner *q, int width, int owner)
{
    Plan *p = q->p;
    int best = -1;
    for (int s = 0; s < p->nslot; s++) {
        if (q->owner[s] >= 0)
            continue;
        bool fits = p->slot[s] >= width, best_fits = best >= 0 && p->slot[best] >= width;
        if (best < 0 || (fits && !best_fits) || (fits && p->slot[s] < p->slot[best]) ||
            (!fits && !best_fits && p->slot[s] > p->slot[best]))
            best = s;
    }
    if (best < 0)
        best = p->nslot++;
    if (p->slot[best] < width)
        p->slot[best] = width;
    q->owner[best] = owner;
    return best;
}

/* Frees the slots whose last reader is node i or came before it. */
static void release(Planner *q, int i)
{
    for (int s = 0; s < q->p->nslot; s++)
        if (q->owner[s] >= 0 && q->last[q->owner[s]] <= i)
            q->owner[s] = -1;
}

/* Whether node n may overwrite its own first input: it reads element by element (or a row before writing it), the input
 * dies here and fills its buffer exactly as n's value would. */
static bool in_place(const Planner *q, const Node *n)
{
    OpKind kind = op_info[n->op].kind;
    if ((kind != KIND_ELEMENT && kind != KIND_JOIN && kind != KIND_ROW) || holder(q, n) != n)
        return false;
    for (int k = 0; k < n->nin; k++) {
        const Node *h = holder(q, n->in[k]);
        if (q->last[h->id] <= n->id && h != n->in[k])
            return false;
    }
    return true;
}

/* Floats from sample to sample in a buffer. Whole vectors, so that what one layer stores the next can read at once. The
 * gradients of weights go down the columns of tall buffers: rows whose length is a multiple of 512 bytes fall on few sets of
 * the first cache, so they get one cache line more. */
static int row_stride(const Plan *p, int width)
{
    if (p->target != TARGET_SIMD)
        return width;
    if (!p->graph->training)
        return (width + PANEL - 1) / PANEL * PANEL;
    return width % (8 * PANEL) == 0 ? width + PANEL : width;
}

/* Gives the buffer of `h` (a holder) a place, at the first step that writes into it. */
static void place_holder(Planner *q, const Node *h)
{
    if (q->place[h->id].where != PLACE_NONE)
        return;
    for (int o = 0; o < q->g->noutput; o++)
        if (q->g->output[o].node == h) {
            q->place[h->id] = (Place){PLACE_OUTPUT, o, 0, h->width, false};
            return;
        }
    const int stride = row_stride(q->p, h->width);
    q->place[h->id] = (Place){PLACE_SLOT, take_slot(q, stride, h->id), 0, stride, false};
}

/* Where the value of n is, relative to its holder. */
static Place place_of(const Planner *q, const Node *n)
{
    const int width = n->width;
    int offset = 0;
    for (;;) {
        if (n->op == OP_SLICE) {
            offset += (int)n->attr[0] - 1;
            n = n->in[0];
        } else if (q->home[n->id]) {
            offset += q->home_offset[n->id];
            n = q->home[n->id];
        } else {
            Place at = q->place[n->id];
            at.offset += offset;
            at.room = at.where == PLACE_SLOT && at.offset + width == n->width &&
                      at.offset + (width + PANEL - 1) / PANEL * PANEL <= at.stride;
            return at;
        }
    }
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

static Step *add_step(Planner *q, StepKind kind, const Node *n)
{
    Step *s = &q->p->step[q->p->nstep++];
    *s = (Step){.kind = kind, .node = n, .width = n->width};
    return s;
}

static StepKind kind_of(const Node *n)
{
    switch (op_info[n->op].kind) {
    case KIND_DENSE:
        return n->op == OP_DENSE ? STEP_DENSE : STEP_BACK;
    case KIND_ELEMENT:
        return STEP_MAP;
    case KIND_JOIN:
        return STEP_JOIN;
    case KIND_ROW:
        return STEP_ROW;
    case KIND_SHAPE:
        return STEP_COPY;
    default:
        return STEP_TRAIN;
    }
}

/* The parts of a concat that could not be computed in place. */
static void copy_parts(Planner *q, const Node *c)
{
    for (int k = 0, offset = 0; k < c->nin; offset += c->in[k]->width, k++) {
        if (q->home[c->in[k]->id] == c && q->home_offset[c->in[k]->id] == offset)
            continue;
        Step *s = add_step(q, STEP_COPY, c);
        s->from = k;
        s->width = c->in[k]->width;
        s->in[0] = place_of(q, c->in[k]);
        s->out = place_of(q, c);
        s->out.offset += offset;
    }
}

static Place source_place(const Graph *g, const Node *n)
{
    for (int i = 0; i < g->ninput; i++)
        if (g->input[i] == n)
            return (Place){PLACE_INPUT, i, 0, n->width, false};
    for (int i = 0; i < g->ntarget; i++)
        if (g->target[i] == n)
            return (Place){PLACE_TARGET, i, 0, n->width, false};
    return (Place){PLACE_SAMPLE_WEIGHT, 0, 0, 1, false};
}

/* One row for the whole batch, or no value at all, needs no buffer. */
static void place_node(Planner *q, const Node *n)
{
    if (op_info[n->op].kind == KIND_STATS) {
        q->place[n->id] = (Place){PLACE_FIXED, 0, (int)q->p->fixed, n->width, false};
        q->p->fixed += ((size_t)n->width + PANEL - 1) / PANEL * PANEL;
        q->p->whole_batch = true;
    } else if (op_info[n->op].kind != KIND_SUM) {
        place_holder(q, holder(q, n));
    }
}

static void plan_node(Planner *q, const Node *n)
{
    if (op_info[n->op].kind == KIND_SOURCE) {
        q->place[n->id] = source_place(q->g, n);
        return;
    }
    if (n->op == OP_SLICE)
        return;
    bool over = in_place(q, n);
    Place in[NODE_IN_MAX] = {{PLACE_NONE, 0, 0, 0, false}};
    for (int k = 0; k < n->nin; k++)
        in[k] = place_of(q, n->in[k]);
    if (over)
        release(q, n->id);
    place_node(q, n);
    if (n->op == OP_CONCAT) {
        copy_parts(q, n);
    } else {
        Step *s = add_step(q, kind_of(n), n);
        memcpy(s->in, in, sizeof in);
        s->out = place_of(q, n);
        if (s->kind == STEP_DENSE)
            plan_dense(q, s);
        if (s->kind == STEP_BACK)
            plan_back(q, s);
        if (n->op == OP_DENSE_GRAD)
            plan_grad(q, s);
        if (n->op == OP_LAYERNORM) {
            s->weight = q->p->table_of[n->param[ROLE_WEIGHT]->id];
            s->bias = q->p->table_of[n->param[ROLE_BIAS]->id];
        }
    }
    release(q, n->id);
}

/* Outputs whose value lives elsewhere: inputs, slices, parts of a concat, one node under two names. */
static void copy_outputs(Planner *q)
{
    for (int o = 0; o < q->g->noutput; o++) {
        const Node *n = q->g->output[o].node;
        Place at = place_of(q, n);
        if (at.where == PLACE_OUTPUT && at.index == o && at.offset == 0)
            continue;
        Step *s = add_step(q, STEP_COPY, n);
        s->from = -1;
        s->in[0] = at;
        s->out = (Place){PLACE_OUTPUT, o, 0, n->width, false};
    }
}

/* ---- costs and sizes ---------------------------------------------------------------------------------------- */

static void lay_out_numbers(Plan *p)
{
    for (int i = 0; i < p->ntable; i++) {
        Table *t = p->table[i];
        if (p->as == WEIGHTS_BAKED || (t->baked && p->as == WEIGHTS_ARGUMENT)) {
            t->baked = true;
            t->offset = p->constants;
            p->constants += (t->count + PANEL - 1) / PANEL * PANEL;
            p->flash += table_bytes(t);
            p->narrow += table_bytes(t);
            p->wide += t->count * sizeof(float);
            continue;
        }
        t->baked = false;
        if (t->param && !t->param->trained && p->as == WEIGHTS_ARGUMENT)
            continue;
        t->offset = p->numbers;
        p->numbers += (table_bytes(t) + sizeof(float) - 1) / sizeof(float);
        if (p->as == WEIGHTS_FILE) /* every table on a cache line */
            p->numbers = (p->numbers + PANEL - 1) / PANEL * PANEL;
        p->narrow += table_bytes(t);
        p->wide += t->count * sizeof(float);
    }
    p->trained = p->numbers;
    for (int i = 0; i < p->ntable && p->as == WEIGHTS_ARGUMENT; i++)
        if (p->table[i]->param && !p->table[i]->param->trained) {
            p->table[i]->offset = p->numbers;
            p->numbers += p->table[i]->count;
        }
}

/* Samples at a time in training. Each tile passes once over weights and gradients, wherever they live: 120 samples make
 * that cheap, but then their buffers should stay in L2 (128 K floats), or be no larger than the net itself, which is passed
 * over anyway. So: as many as one of the two allows, in multiples of TILES, which leave every buffer on a cache line. A batch
 * is cut into as few tiles as that takes, all about the same: each tile turns weights round. */
static int training_rows(size_t sample, size_t trained)
{
    const size_t most = 480, l2 = (size_t)128 * 1024, room = trained > l2 ? trained : l2;
    const size_t fit = room / sample;
    return fit >= most ? (int)most : fit >= TILES ? (int)fit / TILES * TILES : TILES;
}

/* Samples at a time: what the stack allows, in multiples that every tile height divides, at most 96. Weights beyond L2 are
 * worth reading only for many samples at once: where they are and the stack has no room for 96, the buffers are the
 * caller's, as they are where one sample alone is too much. Threads pay from 32 million multiply-adds on, 0.4 ms of one: waking
 * another may take a good part of that. */
static void choose_rows(Plan *p)
{
    enum { L2 = 512 * 1024, PARTS = 4 }; /* floats; threads that the caller's scratch is for */
    const double thread_macs = 32e6;
    size_t sample = 0;
    for (int s = 0; s < p->nslot; s++)
        sample += (size_t)p->slot[s];
    p->ram_one = p->ram_batch = sample * sizeof(float);
    p->scratch_argument = p->ram_one > STACK_LIMIT;
    p->parts = 1;
    p->together = p->macs > 0 ? (size_t)(thread_macs / p->macs) + 1 : SIZE_MAX;
    if (!sample)
        return;
    if (p->graph->training) {
        p->rows = p->target == TARGET_PORTABLE ? 1 : training_rows(sample, p->trained);
        p->ram_batch *= (size_t)p->rows;
        return;
    }
    int fit = (int)(STACK_LIMIT / sizeof(float) / sample);
    if (p->target == TARGET_PORTABLE)
        fit = 1;
    p->rows = fit >= 96 ? 96 : fit >= 24 ? fit / 24 * 24 : fit >= 8 ? fit / 8 * 8 : fit >= 1 ? fit : 24;
    if (p->scratch_argument && p->target == TARGET_PORTABLE)
        p->rows = 1;
    if (p->target == TARGET_SIMD && (p->scratch_argument || (fit < 96 && p->numbers + p->constants > L2))) {
        p->scratch_argument = true;
        p->rows = fit ? 96 : 24;
        p->parts = fit ? PARTS : 1;
    }
    p->ram_batch *= (size_t)p->rows * (size_t)p->parts;
    if (p->together < 2 * (size_t)p->rows) /* no less than two parts */
        p->together = 2 * (size_t)p->rows;
}

static int count_tables(const Node *n)
{
    int count = n->op == OP_AFFINE ? 2 : ROLE_COUNT + 1;
    for (int e = 0; e < n->nepi; e++)
        count += count_tables(n->epi[e]);
    return count;
}

/* Parameters in order of creation, as the caller's tensors are, then constants in the order of their nodes. Insertion
 * sort: few are out of order. */
static bool stands_before(const Table *a, const Table *b)
{
    if (!a->param || !b->param)
        return a->param && !b->param;
    return a->param->id < b->param->id;
}

static void order_tables(Plan *p)
{
    for (int i = 1; i < p->ntable; i++)
        for (int k = i; k > 0 && stands_before(p->table[k], p->table[k - 1]); k--) {
            Table *t = p->table[k];
            p->table[k] = p->table[k - 1];
            p->table[k - 1] = t;
        }
}

/* Multiply-adds below which a sample's layers are inlined: 2-8-1 (24) gains 4 % by it, 16-64-32-32-5 (4,256) loses 1 to 2. */
enum { TINY = 1024 };

Plan *plan_make(const Graph *g, WeightsAs as, Target target)
{
    Arena *a = g->arena, *scratch = arena_new();
    size_t nodes = (size_t)g->nnode + 1;
    Plan *p = ARENA_NEW(a, Plan);
    p->graph = g;
    p->as = as;
    p->target = target;
    Planner q = {.p = p, .g = g, .scratch = scratch};
    q.home = ARENA_ARRAY(scratch, nodes, const Node *);
    q.home_offset = ARENA_ARRAY(scratch, nodes, int);
    q.place = ARENA_ARRAY(scratch, nodes, Place);
    q.last = ARENA_ARRAY(scratch, nodes, int);
    q.owner = ARENA_ARRAY(scratch, nodes, int);
    p->table_of = ARENA_ARRAY(a, (size_t)g->params_made + 1, Table *);
    p->slot = ARENA_ARRAY(a, nodes, int);
    int tables = 0, copies = 0;
    for (int i = 0; i < g->nnode; i++) {
        tables += count_tables(g->node[i]);
        copies += g->node[i]->op == OP_CONCAT ? g->node[i]->nin : 0;
        p->macs += node_macs(g->node[i]);
    }
    p->tiny = !g->training && target == TARGET_SIMD && p->macs < TINY;
    p->table = ARENA_ARRAY(a, (size_t)tables + 1, Table *);
    p->step = ARENA_ARRAY(a, nodes + (size_t)copies + (size_t)g->noutput, Step);
    for (int i = 0; i < g->nnode; i++)
        add_param_tables(&q, g->node[i]);
    settle_concats(&q);
    note_reads(&q);
    for (int i = 0; i < g->nnode; i++)
        plan_node(&q, g->node[i]);
    copy_outputs(&q);
    plan_learning(p);
    order_tables(p);
    lay_out_numbers(p);
    choose_rows(p);
    p->params = graph_params(g);
    p->work = p->fixed;
    p->fixed += (p->work_room + PANEL - 1) / PANEL * PANEL;
    arena_free(scratch);
    return p;
}

void plan_join_rows(Plan *p)
{
    const Graph *g = p->graph;
    for (int i = 0; i < g->ninput; i++)
        p->in_row += g->input[i]->width;
    for (int o = 0; o < g->noutput; o++)
        p->out_row += g->output[o].node->width;
    for (int i = 0; i < g->ntarget; i++)
        p->target_row += g->target[i]->width;
    for (int i = 0; i < p->nstep; i++)
        for (int k = 0; k <= NODE_IN_MAX; k++) {
            Place *at = k < NODE_IN_MAX ? &p->step[i].in[k] : &p->step[i].out;
            at->stride = at->where == PLACE_INPUT    ? p->in_row
                         : at->where == PLACE_OUTPUT ? p->out_row
                         : at->where == PLACE_TARGET ? p->target_row
                                                     : at->stride;
        }
}
