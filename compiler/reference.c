/* reference.c: the verb that runs the reference evaluator: raw float32 rows in, raw float64 rows out. The oracle that
 * generated code is compared with, in our tests and in a user's. */
#include <errno.h>
#include <string.h>

#include "cli.h"

/* One sample: the inputs one after the other in order of creation. Returns 1, 0 at the end of the data, -1 if cut. */
static int read_sample(const Graph *g, float *row, double **in)
{
    size_t width = 0, got;
    for (int i = 0; i < g->ninput; i++)
        width += (size_t)g->input[i]->width;
    got = fread(row, sizeof *row, width, stdin);
    if (got != width)
        return got == 0 && feof(stdin) ? 0 : -1;
    for (int i = 0; i < g->ninput; row += g->input[i]->width, i++)
        for (int j = 0; j < g->input[i]->width; j++)
            in[i][j] = (double)row[j];
    return 1;
}

int verb_reference(Cli *cli)
{
    Compile *c = &cli->compile;
    Pos from = {"standard input", 0};
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    const Graph *g = c->graph;
    size_t width = 0;
    double **in = ARENA_ARRAY(c->arena, (size_t)g->ninput, double *);
    double **out = ARENA_ARRAY(c->arena, (size_t)g->noutput, double *);
    for (int i = 0; i < g->ninput; width += (size_t)g->input[i]->width, i++)
        in[i] = ARENA_ARRAY(c->arena, (size_t)g->input[i]->width, double);
    for (int o = 0; o < g->noutput; o++)
        out[o] = ARENA_ARRAY(c->arena, (size_t)g->output[o].node->width, double);
    float *row = ARENA_ARRAY(c->arena, width, float);
    long samples = 0;
    for (int more; (more = read_sample(g, row, in)) != 0; samples++) {
        if (more < 0) {
            diag_error(&c->diag, from, "sample %ld is cut short: a row is %zu floats", samples + 1, width);
            return EXIT_WRONG;
        }
        if (!graph_eval(g, 1, (const double *const *)in, out)) {
            diag_error(&c->diag, g->pos, "the reference needs weights: say --weights FILE");
            return EXIT_WRONG;
        }
        for (int o = 0; o < g->noutput; o++)
            fwrite(out[o], sizeof(double), (size_t)g->output[o].node->width, stdout);
    }
    return cli_flush_stdout(cli);
}
