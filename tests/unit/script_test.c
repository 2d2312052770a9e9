/* script_test.c: scripts become the graphs they describe: every method, its width, its line; params; required files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/random_graph.h"
#include "support/run_script.h"

/* The graph of a script that must be without fault. */
static Run good(const char *text, const char *const *defines)
{
    Run r = run_text(text, defines);
    if (!r.graph)
        fail_msg("%s\n%s", text, r.said);
    assert_string_equal(r.said, "");
    return r;
}

static const Node *node_called(const Graph *g, const char *name)
{
    for (int i = 0; i < g->nnode; i++)
        if (strcmp(g->node[i]->name, name) == 0)
            return g->node[i];
    fail_msg("there is no node %s", name);
    return NULL;
}

/* ---- every method ----------------------------------------------------------------------------------------------- */

static void each_method_makes_its_node(void **state)
{
    (void)state;
    static const struct {
        const char *method, *function; /* x has 6 features */
        Op op;
        int width;
        double attr;
    } row[] = {
        {"x:dense(9)", "dense(x, 9)", OP_DENSE, 9, 0},
        {"x:batchnorm(0.01)", "batchnorm(x, 0.01)", OP_BATCHNORM, 6, 0.01},
        {"x:batchnorm()", "batchnorm(x, nil)", OP_BATCHNORM, 6, 1e-5},
        {"x:layernorm(0.01)", "layernorm(x, {eps = 0.01})", OP_LAYERNORM, 6, 0.01},
        {"x:dropout(0.3)", "dropout(x, {p = 0.3})", OP_DROPOUT, 6, 0.3},
        {"x:affine(2, 3)", "affine(x, 2, 3)", OP_AFFINE, 6, 0},
        {"x:affine({1, 2, 3, 4, 5, 6})", "affine(x, {1, 2, 3, 4, 5, 6}, 0)", OP_AFFINE, 6, 0},
        {"x:relu()", "relu(x)", OP_RELU, 6, 0},
        {"x:leaky_relu()", "leaky_relu(x, 0.01)", OP_LEAKY_RELU, 6, 0.01},
        {"x:prelu()", "prelu(x, {shared = false})", OP_PRELU, 6, 0.25},
        {"x:elu(0.5)", "elu(x, {a = 0.5})", OP_ELU, 6, 0.5},
        {"x:selu()", "selu(x)", OP_SELU, 6, 0},
        {"x:gelu()", "gelu(x)", OP_GELU, 6, 0},
        {"x:silu()", "silu(x)", OP_SILU, 6, 0},
        {"x:sigmoid()", "sigmoid(x)", OP_SIGMOID, 6, 0},
        {"x:tanh()", "tanh(x)", OP_TANH, 6, 0},
        {"x:hard_sigmoid()", "hard_sigmoid(x)", OP_HARD_SIGMOID, 6, 0},
        {"x:hard_tanh()", "hard_tanh(x)", OP_HARD_TANH, 6, 0},
        {"x:softplus()", "softplus(x)", OP_SOFTPLUS, 6, 0},
        {"x:softsign()", "softsign(x)", OP_SOFTSIGN, 6, 0},
        {"x:sign()", "sign(x, {})", OP_SIGN, 6, 0},
        {"x:sign{ste = true}", "sign(x, {ste = true})", OP_SIGN, 6, 1},
        {"x:exp()", "exp(x)", OP_EXP, 6, 0},
        {"x:softmax()", "softmax(x)", OP_SOFTMAX, 6, 0},
        {"x:log_softmax()", "log_softmax(x)", OP_LOG_SOFTMAX, 6, 0},
        {"x:slice(2, 4)", "slice(x, 2, 4)", OP_SLICE, 3, 2},
        {"x:slice(-2)", "slice(x, 5, -1)", OP_SLICE, 2, 5},
        {"x:slice(6)", "slice(x, 6, 6)", OP_SLICE, 1, 6},
        {"x * x", "x * x", OP_MUL, 6, 0},
        {"x + x", "x + x", OP_ADD, 6, 0},
        {"x - x", "x - x", OP_SUB, 6, 0},
        {"x .. x", "x .. x", OP_CONCAT, 12, 0},
        {"-x", "x * -1", OP_AFFINE, 6, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        for (int k = 0; k < 2; k++) {
            char text[200];
            snprintf(text, sizeof text, "local x = input(6)\n\nlocal y = %s\nreturn net('n', y)\n",
                     k ? row[i].function : row[i].method);
            Run r = good(text, NULL);
            assert_int_equal(r.graph->nnode, 2);
            const Node *n = r.graph->node[1];
            assert_int_equal(n->op, row[i].op);
            assert_int_equal(n->width, row[i].width);
            if (row[i].attr != 0)
                assert_true(n->attr[0] == row[i].attr);
            assert_int_equal(n->pos.line, 3);
            assert_string_equal(n->pos.file, "t.lua");
            assert_ptr_equal(r.graph->output[0].node, n);
            run_end(&r);
        }
    }
}

static void numbers_join_as_affine_maps(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        double scale, shift;
    } row[] = {{"x + 3", 1, 3}, {"3 + x", 1, 3},    {"x - 3", 1, -3}, {"3 - x", -1, 3}, {"x * 3", 3, 0},
               {"3 * x", 3, 0}, {"x / 4", 0.25, 0}, {"-x", -1, 0},    {"x + 0", 1, 0},  {"x * 0", 0, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[100];
        snprintf(text, sizeof text, "local x = input(2)\nreturn net('n', %s)", row[i].expression);
        Run r = good(text, NULL);
        const Node *n = r.graph->output[0].node;
        assert_int_equal(n->op, OP_AFFINE);
        for (int j = 0; j < 2; j++)
            assert_true(n->scale[j] == row[i].scale && n->shift[j] == row[i].shift);
        run_end(&r);
    }
}

static void options_reach_the_node(void **state)
{
    (void)state;
    Run r = good(
        "local x = input(6, 'obs')\n"
        "local h = x:dense(4, { bias = false, init = 'glorot', name = 'fc' }):prelu { shared = true, a = 0.5 }\n"
        "h = h:dense(3):prelu { name = 'slope' }:batchnorm(1e-3, { name = 'bn' })\n"
        "return net('n', { b = h, a = x, c = h:slice(1, 1) }, { loss = 'mse', optimizer = 'adam', lr = 0.5,\n"
        "    epochs = 3, labels = { 'one', 'two', 'three' }, budget = { flash = '2 KB', ram = 100, macs = 1e6 } })\n",
        NULL);
    const Graph *g = r.graph;
    const Node *fc = node_called(g, "fc"), *slope = node_called(g, "slope"), *shared = node_called(g, "prelu1");
    assert_int_equal(fc->init, INIT_GLOROT);
    assert_null(fc->param[ROLE_BIAS]);
    assert_string_equal(fc->param[ROLE_WEIGHT]->name, "fc.weight");
    assert_int_equal(fc->param[ROLE_WEIGHT]->rows, 4);
    assert_int_equal(fc->param[ROLE_WEIGHT]->cols, 6);
    assert_true(shared->shared && param_count(shared->param[ROLE_WEIGHT]) == 1 && shared->attr[0] == 0.5);
    assert_true(!slope->shared && param_count(slope->param[ROLE_WEIGHT]) == 3);
    assert_string_equal(node_called(g, "bn")->param[ROLE_RUNNING_VAR]->name, "bn.running_var");
    assert_string_equal(node_called(g, "dense2")->param[ROLE_BIAS]->name, "dense2.bias"); /* numbered by kind */
    assert_true(g->input[0]->named && strcmp(g->input[0]->name, "obs") == 0);
    assert_int_equal(g->noutput, 3);
    assert_string_equal(g->output[0].name, "a"); /* in order of name */
    assert_ptr_equal(g->output[0].node, g->input[0]);
    assert_string_equal(g->train.loss, "mse");
    assert_string_equal(g->train.optimizer, "adam");
    assert_null(g->train.schedule);
    assert_true(g->train.lr == 0.5 && g->train.epochs == 3 && isnan(g->train.momentum));
    assert_int_equal(g->nlabel, 3);
    assert_string_equal(g->label[2], "three");
    assert_true(g->budget.flash == 2048 && g->budget.ram == 100 && g->budget.macs == 1e6);
    assert_int_equal(g->pos.line, 4);
    run_end(&r);
}

static void sugar_is_what_it_stands_for(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"x:mlp({ 5, 4 }, 'tanh')", "x:dense(5):tanh():dense(4):tanh()"},
        {"x:mlp({ 5 })", "x:dense(5):relu()"},
        {"mlp(x, { 5, 4 }, false)", "x:dense(5):dense(4)"},
        {"x:mlp({ 5 }, function(h) return h:leaky_relu(0.3) end, { batchnorm = 0.01, dropout = 0.2 })",
         "x:dense(5):batchnorm(0.01):leaky_relu(0.3):dropout(0.2)"},
        {"x:mlp({ 5 }, relu, { batchnorm = true })", "x:dense(5):batchnorm():relu()"},
        {"x:hourglass { width = 7, depth = 2, waist = 3, act = 'elu' }",
         "x:dense(7):elu():dense(7):elu():dense(3):elu():dense(7):elu():dense(7):elu()"},
        {"hourglass(x, { width = 7, depth = 1, waist = 3 })", "x:dense(7):relu():dense(3):relu():dense(7):relu()"},
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        char *printed[2];
        for (int k = 0; k < 2; k++) {
            char text[300];
            snprintf(text, sizeof text, "local x = input(6)\nreturn net('n', %s)", pair[i][k]);
            Run r = good(text, NULL);
            size_t size;
            FILE *f = open_memstream(&printed[k], &size);
            graph_print(r.graph, f); /* with lines: those of the user's call */
            fclose(f);
            run_end(&r);
        }
        assert_string_equal(printed[0], printed[1]);
        free(printed[0]);
        free(printed[1]);
    }
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

static void lines_are_those_of_the_innermost_user_function(void **state)
{
    (void)state;
    Run r = good("local function layer(h, n)\n"
                 "    return h:dense(n)\n" /* 2 */
                 "end\n"
                 "local function twice(h) return layer(layer(h, 3), 4) end\n"
                 "local x = input(2)\n" /* 5 */
                 "local a = twice(x)\n"
                 "local b = a\n"
                 "    :relu()\n"                        /* 8 */
                 "    :dense(\n"                        /* 9 */
                 "        layer(a, 5) and 5)\n"         /* its own line: 2 */
                 "local ok, c = pcall(relu, b)\n"       /* 11 */
                 "local d = c:mlp({ 6 }, function(h)\n" /* 12: the dense */
                 "    return h:tanh()\n"                /* 13 */
                 "end)\n"
                 "local t = {}\n"
                 "for i = 1, 2 do t[i] = d:dense(i) end\n"                                          /* 16 */
                 "table.sort({ 2, 1 }, function(p, q) t.s = t.s or d:sigmoid() return p < q end)\n" /* 17 */
                 "string.gsub('x', 'x', function() t.g = d:gelu() end)\n"                           /* 18 */
                 "return net('n', t[1] .. t[2]\n"
                 "    .. t.s .. -t.g)\n", /* 20 */
                 NULL);
    static const struct {
        const char *name;
        int line;
    } row[] = {{"input1", 5},    {"dense1", 2}, {"dense2", 2},  {"relu1", 8},  {"dense3", 2},
               {"dense4", 9},    {"relu2", 11}, {"dense5", 12}, {"tanh1", 13}, {"dense6", 16},
               {"sigmoid1", 17}, {"gelu1", 18}, {"affine1", 20}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(node_called(r.graph, row[i].name)->pos.line, row[i].line);
    run_end(&r);
}

/* Writes a file into the folder and returns its path, in the arena. */
static const char *put(Arena *a, const char *folder, const char *name, const char *text)
{
    const char *path = arena_printf(a, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void required_files_are_read_once_beside_the_script(void **state)
{
    (void)state;
    Arena *a = arena_new();
    char folder[] = "/tmp/script_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *main = put(a, folder, "main.lua",
                           "local p = require 'parts'\nassert(require('parts') == p and p.n == 1)\n"
                           "assert(require 'empty' == true)\n"
                           "return net('n', p.block(input(3)):relu())\n");
    const char *parts = put(a, folder, "parts.lua",
                            "#!/usr/bin/env mlpc\ncount = (count or 0) + 1\nlocal M = { n = count }\n"
                            "function M.block(x)\n    return x\n        :dense(4)\nend\nreturn M\n");
    const char *empty = put(a, folder, "empty.lua", "\xEF\xBB\xBF-- nothing but a byte order mark\n");
    Run r = run_file(main, true);
    assert_string_equal(r.said, "");
    assert_int_equal(r.info.nfile, 3);
    assert_string_equal(r.info.file[0], main);
    assert_string_equal(r.info.file[1], parts);
    assert_string_equal(r.info.file[2], empty);
    const Node *n = node_called(r.graph, "dense1");
    assert_string_equal(n->pos.file, parts);
    assert_int_equal(n->pos.line, 6);
    run_end(&r);

    const char *broken = put(a, folder, "broken.lua",
                             "local ok, why = pcall(require, 'fails')\nassert(not ok)\n"
                             "ok = pcall(require, 'fails')\nassert(not ok)\n" /* not a cycle: it ended, badly */
                             "require 'fails'\n");
    const char *fails =
        put(a, folder, "fails.lua", "local x = input(2)\n\nx = x:dense(2) .. nil\nerror('on purpose')\n");
    r = run_file(broken, false);
    const char *twice = arena_printf(a, "%s:3: error: '..' joins tensors: the right side is nil\n", fails);
    assert_string_equal(r.said, arena_printf(a, "%s%s%s%s:4: error: on purpose\n", twice, twice, twice, fails));
    run_end(&r);

    assert_int_equal(mkdir(arena_printf(a, "%s/dir.lua", folder), 0700), 0);
    const char *odd = put(a, folder, "odd.lua", "require 'dir'\n");
    r = run_file(odd, false);
    assert_string_equal(r.said,
                        arena_printf(a, "%s:1: error: require \"dir\": %s/dir.lua is not a file\n", odd, folder));
    run_end(&r);
    const char *const gone[] = {main, parts, empty, broken, fails, odd};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_int_equal(unlink(gone[i]), 0);
    assert_int_equal(rmdir(arena_printf(a, "%s/dir.lua", folder)), 0);
    assert_int_equal(rmdir(folder), 0);
    arena_free(a);
}

static void long_paths_are_shown_whole(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Diag d;
    diag_init(&d, a);
    const char *text = "local x = input(2)\nerror('here')\n";
    const char *name = arena_printf(a, "%0200d/%0100d.lua", 1, 2); /* Lua itself cuts names at 60 */
    assert_null(script_load_text(a, &d, name, text, strlen(text), NULL, 0, NULL));
    char *said;
    size_t size;
    FILE *f = open_memstream(&said, &size);
    diag_flush(&d, f);
    fclose(f);
    assert_string_equal(said, arena_printf(a, "%s:2: error: here\n", name));
    free(said);
    arena_free(a);
}

/* ---- param ------------------------------------------------------------------------------------------------------ */

static void params_take_the_type_of_their_default(void **state)
{
    (void)state;
    const char *text =
        "local w, r, on, act = param('width', 4), param('rate', 0.5), param('on', false), param('act', 'relu')\n"
        "assert(param('width', 4) == w)\n"
        "assert(math.type(w) == (w % 1 == 0 and 'integer' or 'float'))\n"
        "local h = input(2):dense(w) * r\n"
        "if on then h = h:mlp({ 3 }, act) end\n"
        "return net('n', h)\n";
    Run r = good(text, NULL);
    assert_int_equal(r.info.nparam, 4);
    assert_string_equal(r.info.param[0].name, "width");
    assert_string_equal(r.info.param[0].standard, "4");
    assert_string_equal(r.info.param[0].value, "4");
    assert_string_equal(r.info.param[1].value, "0.5");
    assert_string_equal(r.info.param[2].value, "false");
    assert_string_equal(r.info.param[3].value, "relu");
    assert_false(r.info.param[0].given);
    assert_int_equal(r.info.param[0].pos.line, 1);
    assert_int_equal(r.graph->nnode, 3);
    run_end(&r);

    r = good(text, (const char *const[]){"width=16", "width=0x20", "rate=2", "on=true", "act=tanh", NULL});
    assert_int_equal(node_called(r.graph, "dense1")->width, 32); /* the last of two counts */
    assert_true(node_called(r.graph, "affine1")->scale[0] == 2);
    assert_int_equal(r.graph->output[0].node->op, OP_TANH);
    assert_string_equal(r.info.param[0].value, "32");
    assert_string_equal(r.info.param[0].standard, "4");
    assert_true(r.info.param[0].given && r.info.param[3].given);
    run_end(&r);

    static const struct {
        const char *define, *said;
    } wrong[] = {
        {"width=", "t.lua:1: error: -D width=: param 'width' is a number here (default 4)\n"},
        {"width=4x", "t.lua:1: error: -D width=4x: param 'width' is a number here (default 4)\n"},
        {"width=inf", "t.lua:1: error: -D width=inf: param 'width' is a number here (default 4)\n"},
        {"width=1e999", "t.lua:1: error: -D width=1e999: param 'width' is a number here (default 4)\n"},
        {"on=yes", "t.lua:1: error: -D on=yes: param 'on' is true or false here (default false)\n"},
        {"with=3",
         "t.lua: error: unknown -D with: the script has params width, rate, on, act; did you mean 'width'?\n"},
        {"width=2.5", "t.lua:4: error: dense needs a whole width from 1 to 1048576, not 2.5\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        r = run_text(text, (const char *const[]){wrong[i].define, NULL});
        assert_null(r.graph);
        assert_string_equal(r.said, wrong[i].said);
        run_end(&r);
    }
}

/* ---- models ----------------------------------------------------------------------------------------------------- */

/* Random values in the parameters: graphs with the same parameters in the same order get the same. */
static void bind(Graph *g, uint64_t seed)
{
    Random random = {seed};
    for (int i = 0; i < g->nparam; i++) {
        float *v = ARENA_ARRAY(g->arena, param_count(g->param[i]), float);
        for (size_t k = 0; k < param_count(g->param[i]); k++)
            v[k] = random_normal(&random);
        g->param[i]->value = v;
    }
}

static void twins_of_sigmoid_and_tanh_agree(void **state)
{
    (void)state;
    Run a = run_file("models/sigmoid_twin.lua", true), b = run_file("models/tanh_twin.lua", true);
    assert_string_equal(a.said, "");
    assert_string_equal(b.said, "");
    bind(a.graph, 7);
    bind(b.graph, 7);
    assert_int_equal(a.graph->nparam, b.graph->nparam);
    for (int i = 0; i < a.graph->nparam; i++)
        assert_string_equal(a.graph->param[i]->name, b.graph->param[i]->name);
    enum { SAMPLES = 200 };
    double in[SAMPLES * 4], ya[SAMPLES * 3], yb[SAMPLES * 3];
    Random random = {3};
    for (int i = 0; i < SAMPLES * 4; i++)
        in[i] = 5 * (double)random_normal(&random);
    const double *const inputs[] = {in};
    assert_true(graph_eval(a.graph, SAMPLES, inputs, (double *const[]){ya}));
    assert_true(graph_eval(b.graph, SAMPLES, inputs, (double *const[]){yb}));
    for (int i = 0; i < SAMPLES * 3; i++)
        assert_true(fabs(ya[i] - yb[i]) <= 1e-13); /* some hundred roundings of 1e-16 */
    run_end(&a);
    run_end(&b);
}

static void models_load_and_warn_only_where_it_is_the_point(void **state)
{
    (void)state;
    static const struct {
        const char *name, *warns;
    } model[] = {
        {"ad", NULL},
        {"deep", NULL},
        {"digits", NULL},
        {"fashion", NULL},
        {"hourglass", NULL},
        {"iris", NULL},
        {"linear", NULL},
        {"prelu", NULL},
        {"residual", NULL},
        {"sigmoid_twin", NULL},
        {"softmax", NULL},
        {"tanh_twin", NULL},
        {"two_heads", NULL},
        {"wide", NULL},
        {"xor", NULL},
        {"xor_product", NULL},
        {"linear_stack", "[-Wlinear-stack]"},
        {"vanishing", "[-Wsaturating-depth]"},
    };
    for (size_t i = 0; i < sizeof model / sizeof *model; i++) {
        char path[100];
        snprintf(path, sizeof path, "models/%s.lua", model[i].name);
        Run r = run_file(path, true);
        assert_non_null(r.graph);
        assert_int_equal(r.diag.errors, 0);
        if (model[i].warns)
            assert_non_null(strstr(r.said, model[i].warns));
        else
            assert_string_equal(r.said, "");
        run_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_makes_its_node),
        cmocka_unit_test(numbers_join_as_affine_maps),
        cmocka_unit_test(options_reach_the_node),
        cmocka_unit_test(sugar_is_what_it_stands_for),
        cmocka_unit_test(lines_are_those_of_the_innermost_user_function),
        cmocka_unit_test(required_files_are_read_once_beside_the_script),
        cmocka_unit_test(long_paths_are_shown_whole),
        cmocka_unit_test(params_take_the_type_of_their_default),
        cmocka_unit_test(twins_of_sigmoid_and_tanh_agree),
        cmocka_unit_test(models_load_and_warn_only_where_it_is_the_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
