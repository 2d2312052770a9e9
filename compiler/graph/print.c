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
    if (n->op == OP_ACT_BACK) {
        fprintf(out, "(%s", op_info[n->of].name);
        for (int i = 0; i < op_info[n->of].nattr; i++)
            fprintf(out, ", %.9g", n->attr[i]);
        fputc(')', out);
    }
    for (int i = 0; i < info->nattr; i++)
        fprintf(out, "%s%.9g%s", i ? ", " : "(", n->attr[i], i + 1 == info->nattr ? ")" : "");
}

/* The parameters whose gradients a node sums. */
static void print_grads(const Node *n, FILE *out)
{
    const char *before = " -> ";
    for (int r = 0; r < ROLE_COUNT; r++)
        if (n->grad[r]) {
            fprintf(out, "%s%s", before, n->grad[r]->name);
            before = ", ";
        }
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
        print_grads(n, out);
        fprintf(out, "    # %s:%d", n->pos.file ? n->pos.file : "", n->pos.line);
        if (n->history)
            fprintf(out, ", %s", n->history);
        fputc('\n', out);
    }
    for (int o = 0; o < g->noutput; o++)
        fprintf(out, "  output %s = %%%d\n", g->output[o].name, g->output[o].node->id);
    for (int i = 0; i < g->ntarget; i++)
        fprintf(out, "%s%%%d%s", i ? " + " : "  loss = ", g->loss[i]->id, i + 1 == g->ntarget ? "\n" : "");
}

/* Every name is quoted: a net may be called "node" or "graph", which mean something in the language of Graphviz. */
void graph_dot(const Graph *g, FILE *out)
{
    fprintf(out, "digraph \"%s\" {\n    rankdir=TB;\n    node [shape=box, fontname=\"Helvetica\"];\n", g->name);
    for (int i = 0; i < g->nnode; i++) {
        const Node *n = g->node[i];
        fprintf(out, "    n%d [label=\"%s\\n", n->id, n->name);
        if (n->op == OP_INPUT)
            fprintf(out, "%d\", shape=ellipse", n->width);
        else if (n->named)
            fprintf(out, "%s %d\"", op_info[n->op].name, n->width);
        else
            fprintf(out, "%d\"", n->width);
        if (node_params(n))
            fprintf(out, ", tooltip=\"%zu parameters\"", node_params(n));
        fputs("];\n", out);
        for (int k = 0; k < n->nin; k++)
            fprintf(out, "    n%d -> n%d;\n", n->in[k]->id, n->id);
    }
    for (int o = 0; o < g->noutput; o++)
        fprintf(out, "    out%d [label=\"%s\\n%d\", shape=ellipse];\n    n%d -> out%d;\n", o, g->output[o].name,
                g->output[o].node->width, g->output[o].node->id, o);
    fputs("}\n", out);
}
