/* show_json.c: `mlpc show --json`: keys that stay, figures as numbers, texts that are always valid JSON. */
#include <string.h>

#include "base/json.h"
#include "show.h"

/* Whether text is a number as JSON writes it. */
static bool is_number(const char *s)
{
    s += *s == '-';
    size_t digits = strspn(s, "0123456789");
    if (!digits || (*s == '0' && digits > 1))
        return false;
    s += digits;
    if (*s == '.') {
        digits = strspn(++s, "0123456789");
        if (!digits)
            return false;
        s += digits;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        digits = strspn(s, "0123456789");
        s += digits;
    }
    return digits && !*s;
}

/* The value of a script's param: numbers and booleans as such, anything else as a text. */
static void json_value(Text *t, const char *s)
{
    if (is_number(s) || strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
        text_add(t, s);
    else
        json_text(t, s);
}

static void json_pos(Text *t, Pos pos)
{
    json_string(t, false, "file", pos.file);
    json_number(t, false, "line", pos.line);
}

static void json_params(const Show *s, Text *t)
{
    const ScriptInfo *info = &s->compile->info;
    text_add(t, "  \"params\": [");
    for (int i = 0; i < info->nparam; i++) {
        const ScriptParam *q = &info->param[i];
        text_add(t, i ? ",\n    {" : "\n    {");
        json_string(t, true, "name", q->name);
        json_key(t, false, "default");
        json_value(t, q->standard);
        json_key(t, false, "value");
        json_value(t, q->value);
        json_key(t, false, "given");
        text_add(t, q->given ? "true" : "false");
        json_pos(t, q->pos);
        text_char(t, '}');
    }
    text_add(t, info->nparam ? "\n  ],\n" : "],\n");
}

static void json_layer(const Layer *l, Text *t)
{
    const Node *n = &l->was;
    const OpInfo *info = &op_info[n->op];
    json_string(t, true, "name", n->name);
    json_string(t, false, "op", info->name);
    json_key(t, false, "in");
    for (int k = 0; k < n->nin; k++) {
        text_add(t, k ? ", " : "[");
        json_text(t, n->in[k]->name);
    }
    text_add(t, n->nin ? "]" : "[]");
    json_number(t, false, "width", n->width);
    json_key(t, false, "attributes");
    text_char(t, '{');
    for (int i = 0; i < info->nattr; i++)
        json_number(t, !i, info->attr[i].name, n->attr[i]);
    text_char(t, '}');
    json_number(t, false, "parameters", (double)node_params(n));
    json_number(t, false, "macs", node_macs(n));
    json_number(t, false, "flops", node_flops(n));
    json_number(t, false, "bytes", show_bytes(n));
    json_pos(t, n->pos);
    json_string(t, false, "becomes", fate_name[l->fate]);
    json_string(t, false, "function", l->in);
}

static void json_compiled(const Show *s, Text *t)
{
    const Plan *p = s->p;
    text_add(t, "  \"compiled\": {");
    json_string(t, true, "target", target_name[p->target]);
    json_string(t, false, "weights", s->compile->weights_used);
    json_string(t, false, "weights_as", as_name[p->as]);
    json_string(t, false, "weights_type", storage_info[p->as == WEIGHTS_BAKED ? s->compile->storage : STORAGE_F32].name);
    json_number(t, false, "steps", p->nstep);
    json_number(t, false, "numbers", (double)s->numbers);
    json_number(t, false, "macs", p->macs);
    json_number(t, false, "flops", s->flops_compiled);
    json_number(t, false, "flash", (double)p->flash);
    json_number(t, false, "outside", (double)show_outside(p));
    json_number(t, false, "ram_one", (double)p->ram_one);
    json_number(t, false, "ram_batch", (double)p->ram_batch);
    json_number(t, false, "batch", p->rows);
    json_string(t, false, "scratch", p->scratch_argument ? "caller" : "stack");
    text_add(t, "},\n");
}

static void json_ends(const Show *s, Text *t)
{
    text_add(t, "  \"inputs\": [");
    for (int i = 0; i < s->g->ninput; i++) {
        text_add(t, i ? ", {" : "{");
        json_string(t, true, "name", s->g->input[i]->name);
        json_number(t, false, "width", s->g->input[i]->width);
        text_char(t, '}');
    }
    text_add(t, "],\n  \"outputs\": [");
    for (int o = 0; o < s->g->noutput; o++) {
        text_add(t, o ? ", {" : "{");
        json_string(t, true, "name", s->g->output[o].name);
        json_number(t, false, "width", s->g->output[o].node->width);
        text_char(t, '}');
    }
    text_add(t, "],\n  \"labels\": [");
    for (int i = 0; i < s->g->nlabel; i++) {
        text_add(t, i ? ", " : "");
        json_text(t, s->g->label[i]);
    }
    text_add(t, "],\n");
}

void show_json(const Show *s, Text *t)
{
    text_add(t, "{\n  ");
    json_string(t, true, "net", s->g->name);
    text_add(t, ",\n  ");
    json_string(t, true, "script", s->g->file);
    text_add(t, ",\n");
    json_params(s, t);
    json_ends(s, t);
    text_add(t, "  \"layers\": [");
    for (int i = 0; i < s->nlayer; i++) {
        text_add(t, i ? ",\n    {" : "\n    {");
        json_layer(&s->layer[i], t);
        text_char(t, '}');
    }
    text_add(t, "\n  ],\n  \"totals\": {");
    json_number(t, true, "layers", s->nlayer);
    json_number(t, false, "parameters", (double)s->params);
    json_number(t, false, "macs", s->macs);
    json_number(t, false, "flops", s->flops);
    json_number(t, false, "bytes", s->bytes);
    text_add(t, "},\n");
    json_compiled(s, t);
    text_add(t, "  \"notes\": [");
    for (int i = 0; i < s->g->nnote; i++) {
        text_add(t, i ? ",\n    " : "\n    ");
        json_text(t, s->g->note[i]);
    }
    text_add(t, s->g->nnote ? "\n  ]\n}\n" : "]\n}\n");
}
