/* plan_test.c: buffers, tables and sizes of the plan. On random graphs every step is played and every read checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/emit.h"
#include "pass/pass.h"
#include "support/random_graph.h"

enum { GRAPHS = 1500, ROWS = 3 };

static RandomKind kind_of(uint64_t seed)
{
    return seed % 500 == 0 ? RANDOM_LONG : seed % 50 == 0 ? RANDOM_WIDE : seed % 3 ? RANDOM_SMALL : RANDOM_ANY;
}

static Graph *ready_kind(Arena *a, uint64_t seed, RandomKind kind, WeightsAs as)
{
    Diag d;
    diag_init(&d, a);
    Graph *g = random_graph(a, "net", seed, kind);
    for (int p = 0; as == WEIGHTS_ARGUMENT && p < g->nparam; p++)
        g->param[p]->value = NULL;
    graph_prune(g);
    assert_true(pass_fold(g, &d));
    pass_fuse(g);
    return g;
}

static Graph *ready(Arena *a, uint64_t seed, WeightsAs as) { return ready_kind(a, seed, kind_of(seed), as); }

/* ---- playing the steps ------------------------------------------------------------------------------------------- */

/* Which number lies in a cell of memory: feature j of node id of a row; {-1} for none yet. */
typedef struct Cell {
    int id, row, j;
} Cell;

typedef struct Memory {
    Cell *cell;
    size_t size; /* all rows */
} Memory;

typedef struct Machine {
    const Plan *p;
    uint64_t seed;
    Memory input[8], output[8], *slot;
} Machine;

static Memory memory(Arena *a, int floats)
{
    Memory m = {ARENA_ARRAY(a, (size_t)floats * ROWS, Cell), (size_t)floats * ROWS};
    for (size_t i = 0; i < m.size; i++)
        m.cell[i].id = -1;
    return m;
}

/* Where feature j of n really comes from: concats and slices only pass it on. */
static Cell origin(const Node *n, int row, int j)
{
    for (;;) {
        if (n->op == OP_SLICE) {
            j += (int)n->attr[0] - 1;
            n = n->in[0];
        } else if (n->op == OP_CONCAT && j < n->in[0]->width) {
            n = n->in[0];
        } else if (n->op == OP_CONCAT) {
            j -= n->in[0]->width;
            n = n->in[1];
        } else {
            return (Cell){n->id, row, j};
        }
    }
}

/* The cell at feature j of a place, in row `row` of a batch. */
static Cell *at(Machine *m, Place place, int row, int j)
{
    Memory *in = place.where == PLACE_INPUT    ? &m->input[place.index]
                 : place.where == PLACE_OUTPUT ? &m->output[place.index]
                                               : &m->slot[place.index];
    assert_int_not_equal(place.where, PLACE_NONE);
    assert_true(place.offset >= 0 && place.offset + j < place.stride);
    size_t i = (size_t)(row * place.stride + place.offset + j);
    assert_true(i < in->size);
    return &in->cell[i];
}

/* The place holds the value of n, whole, in every row. */
static void expect(Machine *m, Place place, const Node *n)
{
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < n->width; j++) {
            Cell want = origin(n, r, j), *got = at(m, place, r, j);
            if (memcmp(&want, got, sizeof want))
                fail_msg("seed %llu: reading %s feature %d of row %d finds node %d feature %d of row %d",
                         (unsigned long long)m->seed, n->name, j, r, got->id, got->j, got->row);
        }
}

static bool same_place(Place a, Place b)
{
    return a.where == b.where && a.index == b.index && a.offset == b.offset && a.stride == b.stride;
}

/* Whether na features at a and nb at b have a cell in common; those of a row lie side by side. */
static bool overlap(Machine *m, Place a, int na, Place b, int nb)
{
    if (a.where != b.where || a.index != b.index)
        return false;
    for (int r = 0; r < ROWS; r++)
        for (int s = 0; s < ROWS; s++) {
            const Cell *first = at(m, a, r, 0), *second = at(m, b, s, 0);
            if (first < second + nb && second < first + na)
                return true;
        }
    return false;
}

/* One step: what it reads must be there, and what it writes must not be what it still reads: an element-wise step or a
 * row may write over its operands exactly, a dense layer or a copy not at all. */
static void play(Machine *m, const Step *s)
{
    const Node *n = s->node;
    if (s->kind == STEP_COPY) {
        const Node *from = s->from >= 0 ? n->in[s->from] : n;
        assert_int_equal(s->width, from->width);
        expect(m, s->in[0], from);
        assert_false(overlap(m, s->in[0], s->width, s->out, s->width));
        for (int r = 0; r < ROWS; r++)
            for (int j = 0; j < s->width; j++)
                *at(m, s->out, r, j) = origin(from, r, j);
        return;
    }
    assert_int_equal(s->width, n->width);
    for (int k = n->nin; k < NODE_IN_MAX; k++)
        assert_int_equal(s->in[k].where, PLACE_NONE); /* emit asks all of them which inputs are read */
    for (int k = 0; k < n->nin; k++) {
        expect(m, s->in[k], n->in[k]);
        bool over = overlap(m, s->in[k], n->in[k]->width, s->out, s->width);
        assert_true(!over || (s->kind != STEP_DENSE && same_place(s->in[k], s->out)));
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < s->width; j++)
            *at(m, s->out, r, j) = (Cell){n->id, r, j};
}

static void every_read_finds_its_value(void **state)
{
    (void)state;
    int in_place = 0, copies = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Graph *g = ready(a, seed, seed % 4 ? WEIGHTS_BAKED : WEIGHTS_ARGUMENT);
        Machine m = {plan_make(g, seed % 4 ? WEIGHTS_BAKED : WEIGHTS_ARGUMENT, TARGET_SIMD), seed, .slot = NULL};
        m.slot = ARENA_ARRAY(a, (size_t)m.p->nslot + 1, Memory);
        for (int s = 0; s < m.p->nslot; s++)
            m.slot[s] = memory(a, m.p->slot[s]);
        for (int o = 0; o < g->noutput; o++)
            m.output[o] = memory(a, g->output[o].node->width);
        for (int i = 0; i < g->ninput; i++) {
            m.input[i] = memory(a, g->input[i]->width);
            for (int r = 0; r < ROWS; r++)
                for (int j = 0; j < g->input[i]->width; j++)
                    m.input[i].cell[r * g->input[i]->width + j] = (Cell){g->input[i]->id, r, j};
        }
        for (int s = 0; s < m.p->nstep; s++) {
            const Step *step = &m.p->step[s];
            assert_true(step->out.where == PLACE_SLOT || step->out.where == PLACE_OUTPUT);
            copies += step->kind == STEP_COPY;
            in_place += same_place(step->in[0], step->out);
            play(&m, step);
        }
        for (int o = 0; o < g->noutput; o++)
            expect(&m, (Place){PLACE_OUTPUT, o, 0, g->output[o].node->width, false}, g->output[o].node);
        arena_free(a);
    }
    assert_true(in_place > 50 && copies > 200); /* both do happen */
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static Graph *chain(Arena *a, uint64_t seed)
{
    static const Op ops[] = {OP_RELU, OP_TANH, OP_SOFTMAX, OP_LAYERNORM, OP_BATCHNORM, OP_LOG_SOFTMAX};
    Random r = {seed};
    Diag d;
    Graph *g = graph_new(a, "t.lua");
    Pos pos = {"t.lua", 1};
    diag_init(&d, a);
    Node *x = graph_input(g, &d, pos, 1 + random_below(&r, 60), NULL);
    for (int i = 1 + random_below(&r, 12); i > 0; i--)
        x = random_chance(&r, 60) ? graph_dense(g, &d, pos, x, 1 + random_below(&r, 60), true, INIT_HE, NULL)
                                  : graph_unary(g, &d, pos, ops[random_below(&r, 6)], x, NULL, NULL);
    graph_outputs(g, &(Output){"y", x}, 1);
    assert_int_equal(d.errors, 0);
    return g;
}

static void a_chain_needs_two_buffers(void **state)
{
    (void)state;
    int most = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        Arena *a = arena_new();
        Diag d;
        diag_init(&d, a);
        Graph *g = chain(a, seed);
        assert_true(pass_fold(g, &d));
        pass_fuse(g);
        const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
        assert_true(p->nslot <= 2);
        most = p->nslot > most ? p->nslot : most;
        int widest[2] = {0, 0}; /* the two buffers are no larger than the two widest values, in whole vectors */
        for (int i = 0; i < g->nnode; i++) {
            int w = (g->node[i]->width + PANEL - 1) / PANEL * PANEL;
            if (g->node[i]->op == OP_INPUT || i == g->nnode - 1)
                continue;
            if (w > widest[0]) {
                widest[1] = widest[0];
                widest[0] = w;
            } else if (w > widest[1]) {
                widest[1] = w;
            }
        }
        assert_true(p->ram_one <= sizeof(float) * (size_t)(widest[0] + widest[1]));
        arena_free(a);
    }
    assert_int_equal(most, 2);
}

/* The floats of the arrays "float hN[A]" or "float hN[A * B]" in the function that begins at `text`. */
static size_t declared(const char *text)
{
    const char *end = strstr(text, "\n}\n");
    size_t sum = 0;
    for (const char *s = text; (s = strstr(s, " float h")) && s < end; s++) {
        size_t first = strtoul(strchr(s, '[') + 1, NULL, 10), second = 1;
        const char *times = strchr(s, '*'), *close = strchr(s, ']');
        if (times && times < close)
            second = strtoul(times + 1, NULL, 10);
        sum += first * second;
    }
    return sum;
}

static void ram_is_what_the_code_declares(void **state)
{
    (void)state;
    int scratch = 0, tiny = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        Arena *a = arena_new();
        Target target = seed % 2 ? TARGET_SIMD : TARGET_PORTABLE;
        Graph *g = ready_kind(a, seed, seed % 10 == 0 ? RANDOM_LONG : kind_of(seed), WEIGHTS_ARGUMENT);
        const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, target);
        EmitOptions o = {.prefix = "net", .command = "mlpc net.lua -o net.c", .script = "net.lua"};
        Text text = {0};
        emit_source(p, &o, &text);
        const char *one = strstr(text.data, "\nvoid net(const float"),
                   *batch = strstr(text.data, "\nstatic NET_COLD void net_part(");
        if (!batch) /* a batch in one go */
            batch = strstr(text.data, "\nvoid net_batch(");
        assert_int_equal(strstr(text.data, "\nNET_WHOLE\nvoid net(const float") != NULL, p->tiny);
        tiny += p->tiny;
        while (one && strchr(one, ';') < strchr(one, '{')) /* past the declarations */
            one = strstr(one + 1, "\nvoid net(const float");
        while (batch && strchr(batch, ';') < strchr(batch, '{'))
            batch = strstr(batch + 1, "\nvoid net_batch(");
        assert_non_null(one);
        assert_non_null(batch);
        if (p->scratch_argument) {
            scratch++;
            assert_true(p->ram_one > STACK_LIMIT || (target == TARGET_SIMD && p->numbers > 256 * 1024));
            assert_int_equal(declared(one) + declared(batch), 0);
            assert_non_null(strstr(text.data, arena_printf(a, "NET_SCRATCH = %zu, NET_BATCH_SCRATCH = %zu ",
                                                           p->ram_one / sizeof(float), p->ram_batch / sizeof(float))));
        } else {
            assert_int_equal(declared(one) * sizeof(float), p->ram_one);
            assert_int_equal(declared(batch) * sizeof(float), p->ram_batch);
            assert_true(p->ram_batch <= STACK_LIMIT);
        }
        text_free(&text);
        arena_free(a);
    }
    assert_true(scratch > 5);
    assert_true(tiny > 5);
}

/* Layers whose weights leave L2 are passed over for 96 samples at once, in a scratch that four threads can share. */
static void wide_nets_take_many_samples(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    for (int width = 256; width <= 1024; width *= 4) {
        Graph *g = graph_new(a, "net.lua");
        Node *x = graph_input(g, &d, (Pos){0}, width, NULL);
        for (int i = 0; i < 3; i++)
            x = graph_dense(g, &d, (Pos){0}, x, width, true, INIT_HE, NULL);
        graph_outputs(g, &(Output){"y", x}, 1);
        const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
        assert_int_equal(p->scratch_argument, width == 1024);
        assert_int_equal(p->rows, width == 1024 ? 96 : 24);
        assert_int_equal(p->parts, width == 1024 ? 4 : 1);
        assert_int_equal(p->ram_batch, (size_t)(p->parts * p->rows) * p->ram_one);
        assert_true((double)p->together * p->macs >= 8e6 && p->together >= 2 * (size_t)p->rows);
    }
    arena_free(a);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void tables_are_permutations(void **state)
{
    (void)state;
    int dots = 0;
    for (uint64_t seed = 1; seed <= GRAPHS / 3; seed++) {
        Arena *a = arena_new();
        Target target = seed % 2 ? TARGET_SIMD : TARGET_PORTABLE;
        Graph *g = ready(a, seed, WEIGHTS_BAKED);
        const Plan *p = plan_make(g, WEIGHTS_BAKED, target);
        size_t floats = 0;
        for (int i = 0; i < p->ntable; i++) {
            const Table *t = p->table[i];
            bool *seen = ARENA_ARRAY(a, t->count + 1, bool);
            assert_int_equal(t->count, t->param ? param_count(t->param) : (size_t)t->rows);
            for (size_t k = 0; k < t->count; k++) {
                size_t from = table_source(t, k);
                assert_true(from < t->count && !seen[from]);
                seen[from] = true;
                float was = t->param ? t->param->value[from] : (float)t->constant[from], is = table_value(t, k);
                assert_memory_equal(&was, &is, sizeof is);
            }
            floats += t->count;
            dots += t->tail_dot;
            assert_true(t->layout != LAYOUT_PANELS || target == TARGET_SIMD);
        }
        size_t needed = graph_params(g); /* after folding: nothing is padded */
        for (int i = 0; i < g->nnode; i++) {
            needed += g->node[i]->op == OP_AFFINE ? 2 * (size_t)g->node[i]->width : 0;
            for (int k = 0; k < g->node[i]->nepi; k++)
                needed += g->node[i]->epi[k]->op == OP_AFFINE ? 2 * (size_t)g->node[i]->width : 0;
        }
        assert_int_equal(floats, needed);
        assert_int_equal(p->flash, needed * sizeof(float));
        arena_free(a);
    }
    assert_true(dots > 10);
}

/* In the caller's block what is learnt stands in order of creation, then the running statistics; the tables, which pack
 * walks through, stand as the caller's tensors do. */
static void argument_block_is_in_order_of_creation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        Arena *a = arena_new();
        Graph *g = ready(a, seed, WEIGHTS_ARGUMENT);
        const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
        size_t learnt = 0, statistics = p->trained;
        int next = 0;
        assert_int_equal(p->numbers, graph_params(g));
        for (int i = 0; i < p->ntable; i++) {
            const Table *t = p->table[i];
            if (t->baked)
                continue;
            assert_ptr_equal(t->param, g->param[next++]);
            assert_int_equal(t->offset, t->param->trained ? learnt : statistics);
            *(t->param->trained ? &learnt : &statistics) += t->count;
        }
        assert_int_equal(learnt, p->trained);
        assert_int_equal(statistics, p->numbers);
        assert_int_equal(next, g->nparam);
        arena_free(a);
    }
}

/* Fused behind the first layer, a later prelu comes before the second; and constants stand between them. */
static void constants_do_not_disturb_the_order(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = graph_new(a, "t.lua");
    Pos pos = {"t.lua", 1};
    Node *x = graph_input(g, &d, pos, 4, NULL), *one = graph_dense(g, &d, pos, x, 3, true, INIT_HE, NULL);
    Node *two = graph_dense(g, &d, pos, x, 5, true, INIT_HE, NULL);
    Node *y = graph_prelu(g, &d, pos, one, false, 0.25, NULL);
    y = graph_affine(g, &d, pos, y, &(double){2}, 1, &(double){1}, 1);
    Node *z = graph_prelu(g, &d, pos, y, false, 0.25, NULL);
    graph_outputs(g, (Output[]){{"u", z}, {"v", two}}, 2);
    assert_true(pass_fold(g, &d));
    pass_fuse(g);
    const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
    static const char *const expected[] = {"dense1_w", "dense1_b", "dense2_w",      "dense2_b",
                                           "prelu1_w", "prelu2_w", "affine1_scale", "affine1_shift"};
    assert_int_equal(p->ntable, 8);
    for (int i = 0; i < 8; i++)
        assert_string_equal(p->table[i]->name, expected[i]);
    arena_free(a);
}

/* In the raw file every table begins on a cache line and none runs into the next. */
static void file_block_is_aligned(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS / 3; seed++) {
        Arena *a = arena_new();
        Graph *g = ready(a, seed, WEIGHTS_BAKED);
        const Plan *p = plan_make(g, WEIGHTS_FILE, TARGET_SIMD);
        size_t end = 0;
        for (int i = 0; i < p->ntable; i++) {
            assert_false(p->table[i]->baked);
            assert_true(p->table[i]->offset % 16 == 0 && p->table[i]->offset >= end && p->table[i]->offset < end + 16);
            end = p->table[i]->offset + p->table[i]->count;
        }
        assert_true(p->numbers >= end && p->numbers < end + 16);
        assert_int_equal(p->flash, 0);
        arena_free(a);
    }
}

static void plan_is_found_by_name(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = graph_new(a, "t.lua");
    Pos pos = {"t.lua", 1};
    Node *x = graph_input(g, &d, pos, 4, NULL);
    Node *h = graph_dense(g, &d, pos, x, 3, true, INIT_HE, "a"); /* "a_w", "a_b" and "a_b_w", "a_b_b" */
    Node *y = graph_dense(g, &d, pos, h, 2, true, INIT_HE, "a_b");
    graph_outputs(g, &(Output){"y", y}, 1);
    const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
    assert_ptr_equal(plan_table(p, h, "w")->param, h->param[ROLE_WEIGHT]);
    assert_ptr_equal(plan_table(p, h, "b")->param, h->param[ROLE_BIAS]);
    assert_ptr_equal(plan_table(p, y, "w")->param, y->param[ROLE_WEIGHT]);
    assert_ptr_equal(plan_table(p, y, "b")->param, y->param[ROLE_BIAS]);
    assert_null(plan_table(p, x, "w"));
    arena_free(a);
}

static void a_thousand_layers(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    Graph *g = graph_new(a, "t.lua");
    Node *x = graph_input(g, &d, (Pos){"t.lua", 1}, 8, NULL);
    for (int i = 0; i < 1000; i++)
        x = graph_unary(g, &d, (Pos){"t.lua", 2}, OP_RELU,
                        graph_dense(g, &d, (Pos){"t.lua", 2}, x, 8, true, INIT_HE, NULL), NULL, NULL);
    graph_outputs(g, &(Output){"y", x}, 1);
    assert_true(pass_fold(g, &d));
    pass_fuse(g);
    const Plan *p = plan_make(g, WEIGHTS_ARGUMENT, TARGET_SIMD);
    assert_int_equal(p->nstep, 1000);
    assert_int_equal(p->nslot, 2);
    assert_int_equal(p->ram_one, 2 * PANEL * sizeof(float));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_read_finds_its_value),
        cmocka_unit_test(a_chain_needs_two_buffers),
        cmocka_unit_test(ram_is_what_the_code_declares),
        cmocka_unit_test(wide_nets_take_many_samples),
        cmocka_unit_test(tables_are_permutations),
        cmocka_unit_test(argument_block_is_in_order_of_creation),
        cmocka_unit_test(constants_do_not_disturb_the_order),
        cmocka_unit_test(file_block_is_aligned),
        cmocka_unit_test(plan_is_found_by_name),
        cmocka_unit_test(a_thousand_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
