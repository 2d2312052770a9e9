/* diag.c: the one error path: collect, then print in order. */
#include "base/diag.h"

#include <stdlib.h>
#include <string.h>

typedef struct DiagItem {
    struct DiagItem *next;
    const char *kind; /* "error", "warning" or "note" */
    const char *text;
    Pos pos;
    bool printed;
} DiagItem;

static const char *const warning_name[WARN_COUNT] = {
#define X(id, name, text) name,
    WARNINGS(X)
#undef X
};

void diag_init(Diag *d, Arena *arena)
{
    *d = (Diag){.arena = arena};
}

bool diag_option(Diag *d, const char *text)
{
    if (strcmp(text, "error") == 0 || strcmp(text, "no-error") == 0) {
        d->warnings_are_errors = text[0] == 'e';
        return true;
    }
    bool off = strncmp(text, "no-", 3) == 0;
    const char *name = off ? text + 3 : text;
    bool found = false;
    for (int i = 0; i < WARN_COUNT; i++) {
        if (strcmp(name, "all") == 0 || strcmp(name, warning_name[i]) == 0) {
            d->silenced[i] = off;
            found = true;
        }
    }
    return found;
}

static void add(Diag *d, const char *kind, Pos pos, const char *text)
{
    DiagItem *item = ARENA_NEW(d->arena, DiagItem);
    *item = (DiagItem){.kind = kind, .text = text, .pos = pos};
    if (d->last)
        d->last->next = item;
    else
        d->first = item;
    d->last = item;
}

bool diag_error(Diag *d, Pos pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, "error", pos, arena_vprintf(d->arena, format, args));
    va_end(args);
    d->errors++;
    return false;
}

void diag_warn(Diag *d, Warning w, Pos pos, const char *format, ...)
{
    if (d->silenced[w])
        return;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(d->arena, format, args);
    va_end(args);
    const char *group = d->warnings_are_errors ? "error=" : "";
    add(d, d->warnings_are_errors ? "error" : "warning", pos,
        arena_printf(d->arena, "%s [-W%s%s]", text, group, warning_name[w]));
    d->warnings++;
    d->errors += d->warnings_are_errors;
}

void diag_note(Diag *d, Pos pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(d, "note", pos, arena_vprintf(d->arena, format, args));
    va_end(args);
}

void diag_each(Diag *d, void (*take)(void *context, const char *kind, Pos pos, const char *text), void *context)
{
    for (DiagItem *i = d->first; i; i = i->next) {
        if (i->printed)
            continue;
        i->printed = true;
        take(context, i->kind, i->pos, i->text);
    }
}

/* A message is one line: whatever control characters came in with a file name or a -D value show as '?'. */
static void print_line(FILE *out, const char *s)
{
    for (; *s; s++)
        putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

void diag_flush(Diag *d, FILE *out)
{
    for (DiagItem *i = d->first; i; i = i->next) {
        if (i->printed)
            continue;
        i->printed = true;
        print_line(out, i->pos.file ? i->pos.file : "mlpc");
        if (i->pos.file && i->pos.line > 0)
            fprintf(out, ":%d", i->pos.line);
        fprintf(out, ": %s: ", i->kind);
        print_line(out, i->text);
        putc('\n', out);
    }
}

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("mlpc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}
