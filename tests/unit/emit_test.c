/* emit_test.c: the text of generated files, where a compiler would not notice (tests/e2e/agree.sh asks compilers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/emit.h"
#include "pass/pass.h"
#include "support/random_graph.h"

/* ---- nets ------------------------------------------------------------------------------------------------------- */

typedef struct Net {
    Arena *a;
    Graph *g;
    Diag d;
    Text text;
} Net;

static Net *net_new(void)
{
    Arena *a = arena_new();
    Net *n = ARENA_NEW(a, Net);
    n->a = a;
    n->g = graph_new(a, "t.lua");
    diag_init(&n->d, a);
    return n;
}

static const Pos pos = {"t.lua", 1};

static Node *dense(Net *n, Node *x, int width, const char *name)
{
    return graph_dense(n->g, &n->d, pos, x, width, true, INIT_HE, name);
}

static Node *unary(Net *n, Op op, Node *x)
{
    return graph_unary(n->g, &n->d, pos, op, x, NULL, NULL);
}

static EmitOptions options(void)
{
    return (EmitOptions){
        .prefix = "net", .command = "mlpc t.lua -o net.c", .script = "t.lua", .weights_file = "net.weights"};
}

/* The C of the net so far, its parameters an argument. */
static const char *emitted(Net *n, const Output *out, int nout, Target target, EmitOptions o)
{
    assert_int_equal(n->d.errors, 0);
    graph_outputs(n->g, out, nout);
    graph_prune(n->g);
    assert_true(pass_fold(n->g, &n->d));
    pass_fuse(n->g);
    emit_source(plan_make(n->g, WEIGHTS_ARGUMENT, target), &o, &n->text);
    return n->text.data;
}

static void net_end(Net *n)
{
    text_free(&n->text);
    arena_free(n->a);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *s = text; (s = strstr(s, what)); s += strlen(what))
        n++;
    return n;
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* One value under three names is computed once and copied twice, by two functions. */
static void one_node_is_three_outputs(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *y = dense(n, graph_input(n->g, &n->d, pos, 4, NULL), 3, NULL);
    const char *c = emitted(n, (Output[]){{"u", y}, {"v", y}, {"w2", y}}, 3, TARGET_SIMD, options());
    assert_int_equal(count(c, "static void net_layer_dense1("), 1);
    assert_int_equal(count(c, "static void net_layer_dense1_to_v("), 1);
    assert_int_equal(count(c, "static void net_layer_dense1_to_w2("), 1);
    net_end(n);
}

/* Parts of a batch may have fewer samples than their buffers have room for: each begins where the one before it ends. */
static void parts_have_scratch_of_their_own(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *x = graph_input(n->g, &n->d, pos, 512, NULL);
    Node *y = dense(n, dense(n, dense(n, x, 512, NULL), 512, NULL), 4, NULL);
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, options());
    assert_int_equal(count(c, "float *const h1 = scratch + 49152;"), 1); /* 96 samples */
    assert_int_equal(count(c, "scratch + (size_t)i * 98304);"), 1);
    net_end(n);
}

/* Both parts have to be copied, and the whole again, since it is two outputs. */
static void copies_of_a_concat_have_names_of_their_own(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *x = graph_input(n->g, &n->d, pos, 4, NULL), *y = graph_concat(n->g, &n->d, pos, x, x);
    const char *c = emitted(n, (Output[]){{"u", y}, {"v", y}}, 2, TARGET_SIMD, options());
    assert_int_equal(count(c, "static void net_layer_concat1_part1("), 1);
    assert_int_equal(count(c, "static void net_layer_concat1_part2("), 1);
    assert_int_equal(count(c, "static void net_layer_concat1_to_v("), 1);
    net_end(n);
}

/* A layer may be called as the file calls something itself. */
static void layers_have_a_name_space_of_their_own(void **state)
{
    (void)state;
    static const char *const names[] = {"batch", "pack", "exp", "vec", "set", "load", "tile", "panels_relu"};
    Net *n = net_new();
    Node *y = graph_input(n->g, &n->d, pos, 4, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        y = unary(n, OP_EXP, dense(n, y, 20, names[i]));
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, options());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(count(c, arena_printf(n->a, "static void net_layer_%s(", names[i])), 1);
        assert_int_equal(count(c, arena_printf(n->a, "static void net_%s(", names[i])), 0);
    }
    net_end(n);
}

/* Functions for layers of one shape are shared, but not between slopes of another number. */
static void shapes_are_shared(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *y = graph_input(n->g, &n->d, pos, 32, NULL);
    for (int i = 0; i < 5; i++)
        y = graph_unary(n->g, &n->d, pos, OP_LEAKY_RELU, dense(n, y, 32, NULL), &(double){i < 3 ? 0.5 : 0.25}, NULL);
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, options());
    assert_int_equal(count(c, "static void net_dense_32x32_leaky_relu("), 1);
    assert_int_equal(count(c, "static void net_dense_32x32_leaky_relu_2("), 1);
    assert_int_equal(count(c, "static void net_dense_32x32_"), 2);
    net_end(n);
}

/* ---- arguments -------------------------------------------------------------------------------------------------- */

static void unused_arguments_are_said_to_be(void **state)
{
    (void)state;
    for (int target = TARGET_SIMD; target <= TARGET_PORTABLE; target++) {
        Net *n = net_new();
        Node *x = graph_input(n->g, &n->d, pos, 4, "used");
        graph_input(n->g, &n->d, pos, 7, "unused");
        const char *c = emitted(n, &(Output){"y", unary(n, OP_TANH, x)}, 1, (Target)target, options());
        assert_int_equal(count(c, "    (void)p;\n"), 2);
        assert_int_equal(count(c, "    (void)unused;\n"), 2);
        assert_int_equal(count(c, "(void)used;"), 0);
        assert_int_equal(count(c, "    (void)p, (void)tensors;\n"), 2);
        assert_int_equal(count(c, "unused +="), 0);
        net_end(n);
    }
}

/* ---- comments and labels ---------------------------------------------------------------------------------------- */

static void the_command_stays_in_its_comment(void **state)
{
    (void)state;
    Net *n = net_new();
    Node *y = unary(n, OP_TANH, graph_input(n->g, &n->d, pos, 4, NULL));
    EmitOptions o = options();
    o.command = "mlpc t.lua -D 'a=*/ int x; /*' -D 'b=*/*/' -o net.c";
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, o);
    assert_non_null(strstr(c, "\n *     mlpc t.lua -D 'a=*''/ int x; /''*' -D 'b=*''/''*''/' -o net.c\n"));
    bool inside = false;
    for (const char *s = c; *s; s++) {
        if (strncmp(s, "/*", 2) == 0) {
            assert_false(inside);
            inside = true;
            s++;
        } else if (strncmp(s, "*/", 2) == 0) {
            assert_true(inside);
            inside = false;
            s++;
        }
    }
    assert_false(inside);
    net_end(n);
}

static void labels_are_c_strings(void **state)
{
    (void)state;
    static const char *const labels[] = {"a \"quoted\" one", "back\\slash", "what?\?/", "\303\251t\303\2511",
                                         "line\nbreak"};
    Net *n = net_new();
    Node *y = unary(n, OP_SOFTMAX, graph_input(n->g, &n->d, pos, 5, NULL));
    n->g->nlabel = 5;
    n->g->label = ARENA_ARRAY(n->a, 5, const char *);
    memcpy(n->g->label, labels, sizeof labels);
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, options());
    assert_non_null(strstr(c, "        \"a \\\"quoted\\\" one\",\n        \"back\\\\slash\",\n        \"what\\?\\?/\",\n"
                              "        \"\\303\\251t\\303\\2511\",\n        \"line\\012break\",\n"));
    net_end(n);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static Plan *plan_of(Arena *a, uint64_t seed, WeightsAs as)
{
    Diag d;
    diag_init(&d, a);
    Graph *g = random_graph(a, "net", seed, RANDOM_SMALL);
    for (int p = 0; as == WEIGHTS_ARGUMENT && p < g->nparam; p++)
        g->param[p]->value = NULL;
    graph_prune(g);
    assert_true(pass_fold(g, &d));
    pass_fuse(g);
    return plan_make(g, as, seed % 2 ? TARGET_SIMD : TARGET_PORTABLE);
}

/* The same bytes from the same script; plain text; no number that is not one; the header says what the source says. */
static void files_are_plain_text_and_repeat(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        WeightsAs as = (WeightsAs)(seed % 3);
        EmitOptions o = options();
        Text once = {0}, twice = {0}, header = {0};
        Arena *a = arena_new(), *b = arena_new();
        emit_source(plan_of(a, seed, as), &o, &once);
        const Plan *p = plan_of(b, seed, as);
        emit_source(p, &o, &twice);
        emit_header(p, &o, &header);
        assert_int_equal(once.size, twice.size);
        assert_memory_equal(once.data, twice.data, once.size);
        for (size_t i = 0; i < once.size; i++)
            assert_true(once.data[i] == '\n' || isprint((unsigned char)once.data[i]));
        assert_true(once.data[once.size - 1] == '\n');
        assert_null(strstr(once.data, " \n"));
        const char *tables = strstr(once.data, "NET_DEFINE float net_");
        for (const char *s = tables ? tables : ""; *s; s++)
            assert_false(strncmp(s, "nan", 3) == 0 || strncmp(s, "inf", 3) == 0);
        const char *guard = strstr(header.data, "#ifndef NET_H");
        assert_non_null(guard);
        assert_non_null(strstr(once.data, guard)); /* the source holds the declarations word by word */
        text_free(&once);
        text_free(&twice);
        text_free(&header);
        arena_free(a);
        arena_free(b);
    }
}

static void a_single_header_hides_its_code(void **state)
{
    (void)state;
    Net *n = net_new();
    EmitOptions o = options();
    o.single_header = true;
    Node *y = unary(n, OP_TANH, graph_input(n->g, &n->d, pos, 4, NULL));
    const char *c = emitted(n, &(Output){"y", y}, 1, TARGET_SIMD, o);
    const char *open = strstr(c, "\n#ifdef NET_IMPLEMENTATION\n"), *code = strstr(c, "\nstatic ");
    assert_true(open && code && open < code);
    assert_non_null(strstr(c, "\n#endif /* NET_IMPLEMENTATION */\n"));
    net_end(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_is_three_outputs),
        cmocka_unit_test(parts_have_scratch_of_their_own),
        cmocka_unit_test(copies_of_a_concat_have_names_of_their_own),
        cmocka_unit_test(layers_have_a_name_space_of_their_own),
        cmocka_unit_test(shapes_are_shared),
        cmocka_unit_test(unused_arguments_are_said_to_be),
        cmocka_unit_test(the_command_stays_in_its_comment),
        cmocka_unit_test(labels_are_c_strings),
        cmocka_unit_test(files_are_plain_text_and_repeat),
        cmocka_unit_test(a_single_header_hides_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
