/* show.c: the verb that tells what a net is made of and what it costs: a table, JSON, or Graphviz. */
#include <string.h>

#include "cli.h"

int verb_show(Cli *cli)
{
    Compile *c = &cli->compile;
    if (!compile_run(c, cli->dot ? STAGE_GRAPH : STAGE_PLAN))
        return EXIT_WRONG;
    if (cli->dot)
        graph_dot(c->graph, stdout);
    else
        graph_print(c->graph, stdout);
    return cli_flush_stdout(cli);
}
