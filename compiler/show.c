/* show.c: the verb that tells what a net is made of and what it costs: a table, JSON, or Graphviz. Layers are listed as
 * the script has them, before any pass; costs are those of the plan that the C is printed from. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "front/words.h"
#include "show.h"

const char *const fate_name[] = {"dropped", "input", "moved", "code", "fused", "folded"};
const char *const as_name[] = {"table", "file", "argument"};
const char *const target_name[] = {"simd", "portable"};

/* ---- what the script has ------------------------------------------------------------------------------------- */

double show_bytes(const Node *n)
{
    return 4.0 * (double)node_params(n) + (n->op == OP_AFFINE ? 8.0 * n->width : 0);
}

static int by_node(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)(*(const Layer *const *)a)->now, y = (uintptr_t)(*(const Layer *const *)b)->now;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const Layer *const *)a)->was.name, (*(const Layer *const *)b)->was.name);
}

static void keep_layers(Show *s, const Graph *g)
{
    size_t n = (size_t)g->nnode;
    s->nlayer = g->nnode;
    s->layer = ARENA_ARRAY(s->a, n, Layer);
    s->by_node = ARENA_ARRAY(s->a, n, const Layer *);
    s->by_name = ARENA_ARRAY(s->a, n, const Layer *);
    for (int i = 0; i < g->nnode; i++) {
        const Node *node = g->node[i];
        s->layer[i] = (Layer){.was = *node, .now = node};
        s->by_node[i] = s->by_name[i] = &s->layer[i];
        s->params += node_params(node);
        s->macs += node_macs(node);
        s->flops += node_flops(node);
        s->bytes += show_bytes(node);
    }
    qsort(s->by_node, n, sizeof *s->by_node, by_node);
    qsort(s->by_name, n, sizeof *s->by_name, by_name);
}

/* ---- what the passes made of it ------------------------------------------------------------------------------ */

static Layer *layer_of(const Show *s, const Node *n)
{
    const Layer key = {.now = n}, *k = &key;
    const Layer *const *found = bsearch(&k, s->by_node, (size_t)s->nlayer, sizeof *s->by_node, by_node);
    return found ? &s->layer[*found - s->layer] : NULL;
}

static void settle(Show *s, Layer *l, Fate fate, const Node *into)
{
    const Layer *to = layer_of(s, into);
    if (!l || !to)
        return;
    l->fate = fate;
    l->into = (int)(to - s->layer);
}

/* The layers that a history tells of: "batchnorm1 folded in, dense1 (line 3) multiplied in". */
static void settle_history(Show *s, const Layer *l)
{
    for (const char *at = l->now->history; at && *at;) {
        const char *name = arena_printf(s->a, "%.*s", (int)strcspn(at, " "), at);
        const Layer key = {.was = {.name = name}}, *k = &key;
        const Layer *const *found = bsearch(&k, s->by_name, (size_t)s->nlayer, sizeof *s->by_name, by_name);
        if (found)
            settle(s, &s->layer[*found - s->layer], FATE_FOLDED, l->now);
        at = strstr(at, ", ");
        at = at ? at + 2 : NULL;
    }
}

static void find_fates(Show *s)
{
    for (int i = 0; i < s->nlayer; i++)
        settle_history(s, &s->layer[i]);
    for (int i = 0; i < s->g->nnode; i++) {
        const Node *n = s->g->node[i];
        Layer *l = layer_of(s, n);
        s->flops_compiled += node_flops(n);
        for (int e = 0; e < n->nepi; e++)
            settle(s, layer_of(s, n->epi[e]), FATE_FUSED, n);
        if (l)
            l->fate = n->op == OP_INPUT ? FATE_INPUT : FATE_MOVED;
    }
    for (int i = 0; i < s->p->nstep; i++) {
        Layer *l = layer_of(s, s->p->step[i].node);
        if (l && l->fate == FATE_MOVED)
            l->fate = FATE_CODE;
    }
    for (int i = 0; i < s->nlayer; i++) {
        const Layer *l = &s->layer[i];
        for (int hops = 0; l->fate >= FATE_FUSED && hops < s->nlayer; hops++)
            l = &s->layer[l->into];
        s->layer[i].in = l->fate == FATE_CODE ? l->now->name : NULL;
    }
    for (int i = 0; i < s->p->ntable; i++)
        s->numbers += s->p->table[i]->count;
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

enum { COLUMNS = 8 };
typedef const char *Row[COLUMNS];

/* "fc1: dense", "leaky_relu1 a=0.01" */
static const char *title(Arena *a, const Node *n)
{
    const OpInfo *info = &op_info[n->op];
    const char *text = n->named ? arena_printf(a, "%s: %s", n->name, info->name) : n->name;
    for (int i = 0; i < info->nattr; i++)
        text = arena_printf(a, "%s %s=%.7g", text, info->attr[i].name, n->attr[i]);
    return n->shared ? arena_printf(a, "%s shared", text) : text;
}

static const char *shape(Arena *a, const Node *n)
{
    if (!n->nin)
        return arena_printf(a, "%d", n->width);
    if (n->op == OP_CONCAT)
        return arena_printf(a, "%d, %d -> %d", n->in[0]->width, n->in[1]->width, n->width);
    return arena_printf(a, "%d -> %d", n->in[0]->width, n->width);
}

static const char *position(Arena *a, Pos pos)
{
    const char *slash = pos.file ? strrchr(pos.file, '/') : NULL;
    return !pos.file ? "" : arena_printf(a, "%s:%d", slash ? slash + 1 : pos.file, pos.line);
}

static const char *fate_text(Arena *a, const Layer *l)
{
    if (l->fate == FATE_CODE)
        return l->in;
    if (l->in)
        return arena_printf(a, "%s (%s)", l->in, fate_name[l->fate]);
    return l->fate == FATE_DROPPED ? "(dropped)" : "";
}

static void add_figures(Arena *a, Row row, double params, double macs, double flops, double bytes)
{
    const double figure[] = {params, macs, flops, bytes};
    for (int i = 0; i < 4; i++)
        row[2 + i] = arena_printf(a, "%.0f", figure[i]);
}

static void print_rows(Text *t, Row *row, int n)
{
    size_t width[COLUMNS] = {0}, length;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < COLUMNS; c++)
            if ((length = strlen(row[i][c])) > width[c])
                width[c] = length;
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            bool figure = c >= 2 && c <= 5;
            text_printf(t, "%s%*s", c ? "  " : "", figure ? (int)width[c] : -(int)width[c], row[i][c]);
        }
        while (t->data[t->size - 1] == ' ')
            t->data[--t->size] = 0;
        text_char(t, '\n');
    }
}

static void print_layers(const Show *s, Text *t)
{
    Row *row = arena_array(s->a, (size_t)s->nlayer + 2, sizeof *row);
    static const Row head = {"layer", "shape", "parameters", "multiply-adds", "flops", "bytes", "line", "C function"};
    memcpy(row[0], head, sizeof head);
    for (int i = 0; i < s->nlayer; i++) {
        const Layer *l = &s->layer[i];
        const Node *n = &l->was;
        row[i + 1][0] = title(s->a, n);
        row[i + 1][1] = shape(s->a, n);
        add_figures(s->a, row[i + 1], (double)node_params(n), node_macs(n), node_flops(n), show_bytes(n));
        row[i + 1][6] = position(s->a, n->pos);
        row[i + 1][7] = fate_text(s->a, l);
    }
    const char **total = row[s->nlayer + 1];
    total[0] = "in all";
    total[1] = total[6] = total[7] = "";
    add_figures(s->a, total, (double)s->params, s->macs, s->flops, s->bytes);
    print_rows(t, row, s->nlayer + 2);
}

static const char *const as_text[] = {"tables in the C file", "in one raw file", "the caller's block of parameters"};

size_t show_outside(const Plan *p)
{
    return p->numbers * sizeof(float);
}

static void print_line(Text *t, const char *left, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void print_line(Text *t, const char *left, const char *format, ...)
{
    va_list args;
    text_add(t, left);
    text_column(t, 20);
    va_start(args, format);
    text_vprintf(t, format, args);
    va_end(args);
    text_char(t, '\n');
}

static void print_budget(Text *t, const char *what, double most, double used, const char *unit)
{
    if (most > 0)
        print_line(t, what, "%.0f of %.0f %s (%.0f %%)", used, most, unit, 100 * used / most);
}

static void print_costs(const Show *s, Text *t)
{
    const Plan *p = s->p;
    const Compile *c = s->compile;
    const Budget *b = &s->g->budget;
    const char *where = p->scratch_argument ? "the caller's scratch" : "on the stack";
    print_line(t, "target", "%s", target_name[p->target]);
    if (s->params)
        print_line(t, "weights", "%s: %s", c->weights_used ? c->weights_used : "none bound", as_text[p->as]);
    print_line(t, "numbers", "%zu floats, of %zu parameters", s->numbers, s->params);
    print_line(t, "multiply-adds", "%.0f a sample", p->macs);
    print_line(t, "flops", "%.0f a sample", s->flops_compiled);
    print_line(t, "flash", "%zu bytes of tables; code comes on top", p->flash);
    if (p->as != WEIGHTS_BAKED)
        print_line(t, p->as == WEIGHTS_FILE ? "raw file" : "parameter block", "%zu bytes", show_outside(p));
    print_line(t, "RAM, one sample", "%zu bytes, %s", p->ram_one, where);
    if (p->rows)
        print_line(t, "RAM, a batch", "%zu bytes, %s: %d sample%s at a time", p->ram_batch, where, p->rows,
                   p->rows > 1 ? "s" : "");
    else
        print_line(t, "RAM, a batch", "%zu bytes", p->ram_batch);
    print_budget(t, "budget, flash", b->flash, (double)(p->flash + show_outside(p)), "bytes");
    print_budget(t, "budget, RAM", b->ram, (double)p->ram_one, "bytes");
    print_budget(t, "budget, work", b->macs, p->macs, "multiply-adds");
}

static void print_table(const Show *s, Text *t)
{
    const ScriptInfo *info = &s->compile->info;
    text_printf(t, "net %s, %s\n", s->g->name, s->g->file);
    for (int i = 0; i < info->nparam; i++) {
        const ScriptParam *q = &info->param[i];
        text_printf(t, "param %s = %s (default %s%s, %s)\n", q->name, word_shown(s->a, q->value, strlen(q->value), 60),
                    word_shown(s->a, q->standard, strlen(q->standard), 60), q->given ? ", set by -D" : "",
                    position(s->a, q->pos));
    }
    text_char(t, '\n');
    print_layers(s, t);
    bool any = s->g->nnote > 0;
    for (int i = 0; i < s->g->nnode; i++)
        any |= s->g->node[i]->history != NULL;
    text_add(t, any ? "\nwhat the passes did:\n" : "");
    for (int i = 0; i < s->g->nnode; i++)
        if (s->g->node[i]->history)
            text_printf(t, "  %s: %s\n", s->g->node[i]->name, s->g->node[i]->history);
    for (int i = 0; i < s->g->nnote; i++)
        text_printf(t, "  %s\n", s->g->note[i]);
    text_add(t, "\nas compiled:\n");
    print_costs(s, t);
}

/* All that a printer needs to know. false: errors, in c->diag. */
static bool gather(Show *s, Compile *c)
{
    *s = (Show){.a = c->arena, .compile = c, .g = c->graph};
    keep_layers(s, c->graph);
    if (!compile_run(c, STAGE_PLAN))
        return false;
    s->p = c->plan;
    find_fates(s);
    return true;
}

bool show_table(Compile *c, Text *t)
{
    Show s;
    if (!gather(&s, c))
        return false;
    print_table(&s, t);
    return true;
}

/* ---- the verb ------------------------------------------------------------------------------------------------ */

int verb_show(Cli *cli)
{
    Compile *c = &cli->compile;
    if (cli->dot && cli->json)
        return cli_usage(cli, "--dot and --json: one form at a time");
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    if (cli->dot) {
        graph_dot(c->graph, stdout);
        return cli_flush_stdout(cli);
    }
    Show s;
    Text t = {0};
    if (!gather(&s, c))
        return EXIT_WRONG;
    if (cli->json)
        show_json(&s, &t);
    else
        print_table(&s, &t);
    return cli_print(cli, &t);
}
