/* plan_print.c: a Plan as text: what -d plan shows. */
#include "back/plan.h"

static void print_place(Place at, FILE *out)
{
    static const char kind[] = {'-', 'x', 'y', 'h', 't', 'w', 's'};
    fprintf(out, "%c%d", kind[at.where], at.index);
    if (at.offset)
        fprintf(out, "+%d", at.offset);
    fprintf(out, "/%d", at.stride);
}

void plan_print(const Plan *p, FILE *out)
{
    static const char *const kind[] = {"dense", "map", "join", "row", "copy", "back", "train"};
    static const char *const as[] = {"baked", "file", "argument"};
    fprintf(out, "plan %s: numbers %s, batch of %d, stack %zu bytes one, %zu batch%s\n", p->graph->name, as[p->as],
            p->rows, p->ram_one, p->ram_batch, p->scratch_argument ? " (caller's)" : "");
    for (int i = 0; i < p->nslot; i++)
        fprintf(out, "  h%d: %d floats a sample\n", i, p->slot[i]);
    for (int i = 0; i < p->nstep; i++) {
        const Step *s = &p->step[i];
        fprintf(out, "  %-5s %-14s %6d  ", kind[s->kind], s->node->name, s->width);
        for (int k = 0; k < (s->kind == STEP_COPY ? 1 : s->node->nin); k++) {
            fputs(k ? " " : "", out);
            print_place(s->in[k], out);
        }
        fputs(" -> ", out);
        print_place(s->out, out);
        if (s->kind == STEP_DENSE && p->target == TARGET_SIMD) {
            fprintf(out, "  panels %d split %d", s->panels, s->split);
            if (s->tail)
                fprintf(out, ", tail %d %s", s->tail, s->tail_dot ? "dot" : "panel");
            if (s->tail && !s->tail_dot)
                fprintf(out, " split %d", s->tail_split);
        }
        fputc('\n', out);
    }
    for (int i = 0; i < p->ntable; i++) {
        const Table *t = p->table[i];
        fprintf(out, "  table %-20s %zu", t->name, t->count);
        if (t->storage != STORAGE_F32)
            fprintf(out, " %s", storage_info[t->storage].name);
        if (!t->baked)
            fprintf(out, " at %zu", t->offset);
        fputc('\n', out);
    }
}
