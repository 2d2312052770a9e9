/* json.c: JSON as text. */
#include "base/json.h"

#include <string.h>

#include "error.h"

void json_text(Text *t, const char *s)
{
    if (!s) {
        text_add(t, "null");
        return;
    }
    text_char(t, '"');
    for (size_t n = strlen(s), good; n; s += good, n -= good) {
        good = mlp_utf8_valid(s, n);
        for (size_t i = 0; i < good; i++) {
            unsigned char ch = (unsigned char)s[i];
            if (ch == '"' || ch == '\\')
                text_printf(t, "\\%c", ch);
            else if (ch < 0x20 || ch == 0x7f)
                text_printf(t, "\\u%04x", ch);
            else
                text_char(t, s[i]);
        }
        if (good < n) {
            text_add(t, "\\ufffd");
            good++;
        }
    }
    text_char(t, '"');
}

void json_key(Text *t, bool first, const char *key)
{
    text_printf(t, "%s\"%s\": ", first ? "" : ", ", key);
}

void json_number(Text *t, bool first, const char *key, double value)
{
    json_key(t, first, key);
    text_printf(t, "%.17g", value);
}

void json_string(Text *t, bool first, const char *key, const char *value)
{
    json_key(t, first, key);
    json_text(t, value);
}
