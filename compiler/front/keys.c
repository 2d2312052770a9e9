/* keys.c: tables of options, {bias = false, name = "fc1"}: read by name, with every mistake named. */
#include <math.h>
#include <string.h>

#include "front/front.h"

enum { KEYS_MAX = 32 };

/* "64K", "1.5 MB" as bytes; negative when it is none of that. K, M and G are powers of 1024, as data sheets count
 * flash. */
static double bytes_of(lua_State *L, const char *s)
{
    size_t n = strspn(s, "0123456789.");
    char digits[32];
    if (n == 0 || n >= sizeof digits)
        return -1;
    memcpy(digits, s, n);
    digits[n] = '\0';
    if (!lua_stringtonumber(L, digits))
        return -1;
    double value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    s += n + strspn(s + n, " ");
    static const char unit[] = "KMG";
    const char *at = *s ? strchr(unit, *s) : NULL;
    for (ptrdiff_t k = at ? at - unit + 1 : 0; k > 0; k--)
        value *= 1024;
    s += at != NULL;
    s += at && *s == 'i';
    if (strcmp(s, "") != 0 && strcmp(s, "B") != 0)
        return -1;
    return value;
}

static bool wrong(lua_State *L, const char *what, const Key *key, const char *should)
{
    script_error(L, "%s: %s must be %s, got %s", what, key->name, should, script_describe(L, -1));
    return false;
}

/* "from 0 to 1", "of at least 1", for the numbers that a key takes. */
static const char *range(Arena *a, const Key *key)
{
    const char *kind = key->whole ? "a whole number" : "a number";
    if (isinf(key->low) && isinf(key->high))
        return kind;
    if (key->low > 0 && key->low < 1e-200)
        return arena_printf(a, "%s above 0, at most %.17g", kind, key->high);
    if (isinf(key->high))
        return arena_printf(a, "%s of at least %.17g", kind, key->low);
    return arena_printf(a, "%s from %.17g to %.17g", kind, key->low, key->high);
}

static const char *joined(Arena *a, const char *const *word, size_t n)
{
    const char *all = "";
    for (size_t i = 0; i < n; i++)
        all = arena_printf(a, "%s%s%s", all, i ? ", " : "", word[i]);
    return all;
}

static bool read_text(lua_State *L, const char *what, const Key *key)
{
    Script *s = script_of(L);
    if (lua_type(L, -1) != LUA_TSTRING)
        return wrong(L, what, key, "a string");
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (!key->words) {
        script_charge(L, size);
        *(const char **)key->to = strlen(text) == size ? arena_strdup(s->arena, text) : "\x01"; /* NUL: no name */
        return true;
    }
    size_t n = 0;
    for (; key->words[n]; n++) {
        if (strcmp(key->words[n], text) == 0) {
            *(const char **)key->to = key->words[n];
            return true;
        }
    }
    script_error(L, "%s: there is no %s '%s'%s (known: %s)", what, key->name, word_shown(s->arena, text, size, 40),
                 script_did_you_mean(L, text, key->words, n), joined(s->arena, key->words, n));
    return false;
}

/* Reads the value on top of the stack. */
static bool read_value(lua_State *L, const char *what, const Key *key)
{
    int type = lua_type(L, -1);
    double number = lua_tonumber(L, -1);
    switch (key->type) {
    case KEY_BOOL:
        if (type != LUA_TBOOLEAN)
            return wrong(L, what, key, "true or false");
        *(bool *)key->to = lua_toboolean(L, -1);
        return true;
    case KEY_TEXT:
        return read_text(L, what, key);
    case KEY_ANY:
        *(int *)key->to = 1;
        return true;
    case KEY_BYTES:
        if (type == LUA_TSTRING)
            number = bytes_of(L, lua_tostring(L, -1));
        if ((type != LUA_TNUMBER && type != LUA_TSTRING) || !(number > 0 && number < 1e18))
            return wrong(L, what, key, "a number of bytes, or a text like \"64K\"");
        *(double *)key->to = number;
        return true;
    case KEY_NUMBER:
        if (type != LUA_TNUMBER || !(number >= key->low && number <= key->high) ||
            (key->whole && number != floor(number)))
            return wrong(L, what, key, range(script_of(L)->arena, key));
        *(double *)key->to = number;
        return true;
    }
    return true;
}

/* The name of a key of the table that is not among the known ones: of several the first in order of the alphabet, so
 * that the message does not depend on how the table is laid out. NULL: there is none. 'quoted', or [1] if no name. */
static const char *unknown_key(lua_State *L, int i, const Key *keys, int n)
{
    Script *s = script_of(L);
    const char *first = NULL;
    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        bool known = false;
        for (int k = 0; name && k < n; k++)
            known = known || strcmp(keys[k].name, name) == 0;
        if (known)
            continue;
        size_t size = name ? strlen(name) : 0;
        const char *shown = name ? arena_printf(s->arena, "'%s'", word_shown(s->arena, name, size, 40))
                                 : arena_printf(s->arena, "[%s]", script_describe(L, -2));
        if (!first || strcmp(shown, first) < 0)
            first = shown;
    }
    return first;
}

bool keys_read(lua_State *L, int i, const char *what, const Key *keys, int n)
{
    Script *s = script_of(L);
    bool ok = true;
    const char *names[KEYS_MAX];
    for (int k = 0; k < n; k++) {
        names[k] = keys[k].name;
        lua_pushstring(L, names[k]);
        lua_rawget(L, i);
        if (!lua_isnil(L, -1))
            ok = read_value(L, what, &keys[k]) && ok;
        lua_pop(L, 1);
    }
    const char *unknown = unknown_key(L, i, keys, n);
    if (unknown) {
        const char *word = arena_printf(s->arena, "%.*s", (int)strlen(unknown) - 2, unknown + 1);
        script_error(L, "%s: there is no option %s%s (known: %s)", what, unknown,
                     *unknown == '[' ? "" : script_did_you_mean(L, word, names, (size_t)n),
                     joined(s->arena, names, (size_t)n));
        ok = false;
    }
    return ok;
}
