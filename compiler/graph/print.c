/* print.c: a Graph as text (what -d graph, -d fold and -d fuse show) and as Graphviz. */
#include "graph/graph.h"

/* The op's numbers as scripts would write them: "leaky_relu(0.01)". */
static void print_op(const Node *n, FILE *out)
{
    const OpInfo *info = &op_info[n->op];
    fputs(info->name, out);
    if (n->op == OP_DENSE)
        fprintf(out, "(%d%s)", n->width, n->param[ROLE_BIAS] ? "" : ", no bias");
    else if (n->op == OP_INPUT)
        fprintf(out, "(%d)", n->width);
    for (int i = 0; i < info->nattr; i++)
        fprintf(out, "%s%.9g%s", i ? ", " : "(", n->attr[i], i + 1 == info->nattr ? ")" : "");
}

void graph_print(const Graph *g, FILE *out)
{
    fprintf(out, "net %s\n", g->name);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        fprintf(out, "  %%%-3d %-14s %6d  = ", n->id, n->name, n->width);
        print_op(n, out);
        for (int k = 0; k < n->nin; k++)
            fprintf(out, " %%%d", n->in[k]->id);
        for (int e = 0; e < n->nepi; e++) {
            fputs(" | ", out);
            print_op(n->epi[e], out);
        }
        fprintf(out, "    # %s:%d", n->pos.file ? n->pos.file : "", n->pos.line);
        if (n->history)
            fprintf(out, ", %s", n->history);
        fputc('\n', out);
    }
    for (int o = 0; o < g->noutput; o++)
        fprintf(out, "  output %s = %%%d\n", g->output[o].name, g->output[o].node->id);
}

void graph_dot(const Graph *g, FILE *out)
{
    fprintf(out, "digraph %s {\n    rankdir=TB;\n    node [shape=box, fontname=\"Helvetica\"];\n", g->name);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        fprintf(out, "    n%d [label=\"%s\\n%d\"%s];\n", n->id, n->name, n->width,
                n->op == OP_INPUT ? ", shape=ellipse" : "");
        for (int k = 0; k < n->nin; k++)
            fprintf(out, "    n%d -> n%d;\n", n->in[k]->id, n->id);
    }
    for (int o = 0; o < g->noutput; o++)
        fprintf(out, "    out%d [label=\"%s\", shape=ellipse];\n    n%d -> out%d;\n", o, g->output[o].name,
                g->output[o].node->id, o);
    fputs("}\n", out);
}
