/* code.c: C text under construction: renaming, snippets, template instances. */
#include "back/code.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

/* A set of keys already printed: open hashing in the arena. */
typedef struct Made {
    const char **key;
    size_t room, used;
} Made;

static size_t hash(const char *s)
{
    size_t h = 14695981039346656037u; /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

static bool insert(Made *m, const char *key)
{
    for (size_t i = hash(key);; i++) {
        const char **at = &m->key[i & (m->room - 1)];
        if (!*at) {
            *at = key;
            m->used++;
            return true;
        }
        if (strcmp(*at, key) == 0)
            return false;
    }
}

bool code_once(Code *c, const char *key)
{
    Made *m = c->made;
    if (2 * (m->used + 1) > m->room) {
        Made bigger = {.room = m->room * 2};
        bigger.key = ARENA_ARRAY(c->arena, bigger.room, const char *);
        for (size_t i = 0; i < m->room; i++)
            if (m->key[i])
                insert(&bigger, m->key[i]);
        *m = bigger;
    }
    return insert(m, arena_strdup(c->arena, key));
}

void code_init(Code *c, Arena *arena, const char *prefix)
{
    char *upper = arena_strdup(arena, prefix);
    for (char *u = upper; *u; u++)
        *u = (char)toupper((unsigned char)*u);
    *c = (Code){.arena = arena, .prefix = prefix, .upper = upper, .made = ARENA_NEW(arena, Made)};
    c->made->room = 64;
    c->made->key = ARENA_ARRAY(arena, c->made->room, const char *);
}

void code_free(Code *c)
{
    text_free(&c->prelude);
    text_free(&c->body);
}

static bool in_name(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_';
}

/* Adds text with our names made the net's: whole words mlp and MLP, and the beginnings mlp_ and MLP_. */
static void rename_into(const Code *c, Text *t, const char *s)
{
    for (const char *start = s; *s;) {
        bool begins = (s == start || !in_name(s[-1])) && (strncmp(s, "mlp", 3) == 0 || strncmp(s, "MLP", 3) == 0) &&
                      (s[3] == '_' || !in_name(s[3]));
        if (begins) {
            text_add(t, *s == 'm' ? c->prefix : c->upper);
            s += 3;
        } else {
            text_char(t, *s++);
        }
    }
}

void code_text(Code *c, Text *t, const char *text)
{
    rename_into(c, t, text);
}

void code_add(Code *c, Text *t, const char *format, ...)
{
    Text renamed = {0};
    rename_into(c, &renamed, format);
    va_list args;
    va_start(args, format);
    if (renamed.size) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text_vprintf(t, renamed.data, args);
#pragma GCC diagnostic pop
    }
    va_end(args);
    text_free(&renamed);
}

static const Snippet *find(const char *name, size_t length)
{
    for (const Snippet *s = snippets; s->name; s++)
        if (strlen(s->name) == length && memcmp(s->name, name, length) == 0)
            return s;
    die("internal error: no snippet '%.*s'", (int)length, name);
}

/* A template is instantiated for each epilogue, everything else is printed once. */
static bool is_template(const Snippet *s)
{
    return strstr(s->text, "MLP_FN(") != NULL;
}

/* And a function that differs by storage only is printed once for each. */
static bool is_by_storage(const Snippet *s)
{
    return strstr(s->text, "MLP_OF(") != NULL;
}

static void instantiate(Code *c, const char *text, const Epilogue *e, Text *t);

/* Calls use(s) for each snippet in a list of names. */
#define EACH_NAME(list, at, length)                                                                                    \
    for (const char *at = (list) + strspn((list), " "); *at && ((length) = strcspn(at, " "), true);                   \
         at += (length), at += strspn(at, " "))

static void need(Code *c, const char *names, Storage storage)
{
    size_t length = 0;
    EACH_NAME(names, at, length)
    {
        const Snippet *s = find(at, length);
        const char *of = is_by_storage(s) ? storage_info[storage].name : "any";
        if (is_template(s) || !code_once(c, arena_printf(c->arena, "snippet %s of %s", s->name, of)))
            continue;
        need(c, s->needs, storage);
        Text t = {0};
        instantiate(c, s->text, &(Epilogue){.storage = storage}, &t);
        rename_into(c, &c->prelude, t.data);
        text_char(&c->prelude, '\n');
        text_free(&t);
    }
}

void code_need(Code *c, const char *names)
{
    need(c, names, STORAGE_F32);
}

/* The end of the bracketed text that starts at s ("(...)"), one past the ')'. */
static const char *matching(const char *s)
{
    int depth = 0;
    for (; *s; s++) {
        depth += *s == '(';
        if (*s == ')' && --depth == 0)
            return s + 1;
    }
    die("internal error: unbalanced snippet");
}

/* Splits "(a, b, c)" at top-level commas into at most three arena strings. */
static void split_args(Code *c, const char *s, const char *end, const char *arg[3])
{
    int depth = 0, n = 0;
    const char *start = s + 1;
    for (const char *at = s + 1; at < end; at++) {
        if ((depth == 0 && *at == ',') || at == end - 1) {
            while (*start == ' ')
                start++;
            if (n < 3)
                arg[n++] = arena_printf(c->arena, "%.*s", (int)(at - start), start);
            start = at + 1;
        }
        depth += (*at == '(' || *at == '[') - (*at == ')' || *at == ']');
    }
    while (n < 3)
        arg[n++] = "";
}

const char *code_expand(Code *c, const char *text, const char *const *value)
{
    Text t = {0};
    for (const char *s = text; *s; s++) {
        if (*s == '%' && s[1]) {
            const char *v = value[(unsigned char)*++s];
            text_add(&t, v ? v : "?");
        } else {
            text_char(&t, *s);
        }
    }
    char *out = arena_strdup(c->arena, t.data ? t.data : "");
    text_free(&t);
    return out;
}

/* The epilogue's expression with v, j and n replaced by the arguments of MLP_ACT. */
static void expand_act(Text *t, const Epilogue *e, const char *const arg[3])
{
    for (const char *s = e->expr; *s; s++) {
        bool word = (s == e->expr || !in_name(s[-1])) && !in_name(s[1]);
        if (word && (*s == 'v' || *s == 'j' || *s == 'n'))
            text_add(t, arg[*s == 'v' ? 0 : *s == 'j' ? 1 : 2]);
        else
            text_char(t, *s);
    }
}

static bool at_word(const char *s, const char *start, const char *word)
{
    size_t n = strlen(word);
    return strncmp(s, word, n) == 0 && !in_name(s[n]) && (s == start || !in_name(s[-1]));
}

const char *code_leading(const Epilogue *e)
{
    return e->reads_block ? "p" : e->scaled ? "scale" : NULL;
}

/* What the template macros about stored weights mean: text for the one at s, and past it. NULL: it is none of them. */
static const char *instantiate_storage(const char *s, const char *text, Storage storage, Text *t)
{
    const bool wide = storage == STORAGE_F32;
    const char *of = storage_info[storage].name, *end;
    if (at_word(s, text, "MLP_W")) {
        text_add(t, storage_info[storage].c_type);
        return s + 5;
    }
    if (at_word(s, text, "MLP_TAKE")) {
        text_printf(t, "mlp_take%s%s", wide ? "" : "_", wide ? "" : of);
        return s + 8;
    }
    if (at_word(s, text, "MLP_AT")) {
        end = matching(s + 6);
        if (wide)
            text_printf(t, "%.*s", (int)(end - s - 8), s + 7);
        else
            text_printf(t, "mlp_at_%s(%.*s)", of, (int)(end - s - 8), s + 7);
        return end;
    }
    if (at_word(s, text, "MLP_OF")) {
        end = matching(s + 6);
        text_printf(t, "mlp_%.*s%s%s", (int)(end - s - 8), s + 7, wide ? "" : "_", wide ? "" : of);
        return end;
    }
    return NULL;
}

/* Replaces the template macros of kernel.h by what they mean for this epilogue. */
static void instantiate(Code *c, const char *text, const Epilogue *e, Text *t)
{
    const char *leading = code_leading(e), *past;
    for (const char *s = text; *s;) {
        if ((past = instantiate_storage(s, text, e->storage, t)) != NULL) {
            s = past;
        } else if (at_word(s, text, "MLP_FN")) {
            const char *end = matching(s + 6);
            text_printf(t, "mlp_%.*s_%s", (int)(end - s - 8), s + 7, e->name);
            s = end;
        } else if (at_word(s, text, "MLP_ACT")) {
            const char *end = matching(s + 7), *arg[3];
            split_args(c, s + 7, end, arg);
            expand_act(t, e, arg);
            s = end;
        } else if (at_word(s, text, "MLP_P")) {
            if (leading)
                text_printf(t, "const float *%s,", leading);
            s += 5 + (!leading && s[5] == ' '); /* drop the space that follows, too */
        } else if (at_word(s, text, "MLP_PASS")) {
            if (leading)
                text_printf(t, "%s,", leading);
            s += 8 + (!leading && s[8] == ' ');
        } else {
            text_char(t, *s++);
        }
    }
}

void code_instance(Code *c, const char *name, const Epilogue *e)
{
    const Snippet *s = find(name, strlen(name));
    size_t length = 0;
    if (!code_once(c, arena_printf(c->arena, "instance %s %s", name, e->name)))
        return;
    need(c, s->needs, e->storage);
    code_need(c, e->needs);
    EACH_NAME(s->needs, at, length)
    {
        const Snippet *needed = find(at, length);
        if (is_template(needed))
            code_instance(c, e->costly && strcmp(needed->name, "put") == 0 ? "put_late" : needed->name, e);
    }
    Text t = {0};
    instantiate(c, s->text, e, &t);
    rename_into(c, &c->body, t.data);
    text_char(&c->body, '\n');
    text_free(&t);
}
