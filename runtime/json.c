/* json.c: strict JSON (RFC 8259), read in place; params.c reads the headers of safetensors files with it. */
#include "json.h"

#include <stdarg.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

bool mlp_json_fail(mlp_json *json, size_t at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mlp_fail(json->err, MLP_EFORMAT, json->file, 0, "header: %s (byte %llu)", text,
             (unsigned long long)(json->base + at));
    return false;
}

char mlp_json_peek(mlp_json *json)
{
    while (json->at < json->size && memchr(" \t\n\r", json->text[json->at], 4)) {
        json->at++;
    }
    return json->at < json->size ? json->text[json->at] : '\0';
}

bool mlp_json_take(mlp_json *json, char wanted)
{
    char found = mlp_json_peek(json);
    if (json->at == json->size) {
        return mlp_json_fail(json, json->at, "ends where '%c' is needed", wanted);
    }
    if (found != wanted) {
        bool shown = found > 0x20 && found < 0x7F;
        return mlp_json_fail(json, json->at, "'%c' where '%c' is needed", shown ? found : '?', wanted);
    }
    json->at++;
    return true;
}

bool mlp_json_next(mlp_json *json, char close, size_t *index, bool *more)
{
    if (mlp_json_peek(json) == close) {
        json->at++;
        *more = false;
        return true;
    }
    if (*index > 0 && !mlp_json_take(json, ',')) {
        return false;
    }
    ++*index;
    *more = true;
    return true;
}

/* The four hexadecimal digits at text[at..at+4); -1 if they are not. */
static long hex4(const mlp_json *json, size_t at)
{
    long value = 0;
    for (size_t i = 0; i < 4; i++) {
        int c = at + i < json->size ? (unsigned char)json->text[at + i] : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, unsigned long code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Decodes the escape after a backslash at json->at; what it stands for is never longer than it is. */
static bool escape(mlp_json *json, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t start = json->at++;
    char c = json->at < json->size ? json->text[json->at] : '\0';
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        *(*out)++ = to[simple - from];
        json->at++;
        return true;
    }
    long code = c == 'u' ? hex4(json, json->at + 1) : -1;
    if (code < 0) {
        return mlp_json_fail(json, start, "unknown escape in a string");
    }
    json->at += 5;
    if (code >= 0xD800 && code < 0xDC00) {
        bool pair = json->size - json->at >= 6 && memcmp(json->text + json->at, "\\u", 2) == 0;
        long low = pair ? hex4(json, json->at + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            return mlp_json_fail(json, start, "half of a surrogate pair in a string");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        json->at += 6;
    } else if (code >= 0xDC00 && code < 0xE000) {
        return mlp_json_fail(json, start, "half of a surrogate pair in a string");
    }
    if (code == 0) {
        return mlp_json_fail(json, start, "the character U+0000 in a string");
    }
    *out = put_utf8(*out, (unsigned long)code);
    return true;
}

bool mlp_json_string(mlp_json *json, char **string)
{
    if (!mlp_json_take(json, '"')) {
        return false;
    }
    size_t start = json->at - 1;
    char *out = json->text + json->at;
    *string = out;
    for (;;) {
        size_t run = json->at; /* a run of plain bytes up to a quote, an escape or a control character */
        while (run < json->size && (unsigned char)json->text[run] >= 0x20 && json->text[run] != '"' &&
               json->text[run] != '\\') {
            run++;
        }
        size_t length = run - json->at, valid = mlp_utf8_valid(json->text + json->at, length);
        if (valid < length) {
            return mlp_json_fail(json, json->at + valid, "a string that is not UTF-8");
        }
        memmove(out, json->text + json->at, length);
        out += length;
        json->at = run;
        if (run == json->size) {
            return mlp_json_fail(json, start, "a string without end");
        }
        if (json->text[run] == '"') {
            json->at++;
            *out = '\0'; /* at the latest where the closing quote stood */
            return true;
        }
        if (json->text[run] != '\\') {
            return mlp_json_fail(json, run, "a control character in a string");
        }
        if (!escape(json, &out)) {
            return false;
        }
    }
}

static bool is_digit(const mlp_json *json, size_t at)
{
    return at < json->size && json->text[at] >= '0' && json->text[at] <= '9';
}

bool mlp_json_unsigned(mlp_json *json, uint64_t *value)
{
    mlp_json_peek(json);
    size_t start = json->at;
    uint64_t sum = 0;
    while (is_digit(json, json->at)) {
        unsigned digit = (unsigned)(json->text[json->at] - '0');
        if (sum > (UINT64_MAX - digit) / 10) {
            return mlp_json_fail(json, start, "a number too large");
        }
        sum = sum * 10 + digit;
        json->at++;
    }
    size_t digits = json->at - start;
    char next = json->at < json->size ? json->text[json->at] : '\0';
    bool whole = digits > 0 && (digits == 1 || json->text[start] != '0');
    if (!whole || next == '.' || next == 'e' || next == 'E') {
        return mlp_json_fail(json, start, "something else where a whole number of 0 or more is needed");
    }
    *value = sum;
    return true;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool skip_number(mlp_json *json)
{
    size_t start = json->at;
    json->at += json->text[json->at] == '-';
    bool good = is_digit(json, json->at);
    bool zero = good && json->text[json->at] == '0';
    json->at += zero;
    while (!zero && is_digit(json, json->at)) {
        json->at++;
    }
    if (good && json->at < json->size && json->text[json->at] == '.') {
        json->at++;
        good = is_digit(json, json->at);
        while (is_digit(json, json->at)) {
            json->at++;
        }
    }
    if (good && json->at < json->size && (json->text[json->at] == 'e' || json->text[json->at] == 'E')) {
        json->at++;
        json->at += json->at < json->size && (json->text[json->at] == '+' || json->text[json->at] == '-');
        good = is_digit(json, json->at);
        while (is_digit(json, json->at)) {
            json->at++;
        }
    }
    return good || mlp_json_fail(json, start, "not a JSON value");
}

static bool skip_value(mlp_json *json, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    char c = mlp_json_peek(json);
    char *string;
    if (c == '"') {
        return mlp_json_string(json, &string);
    }
    if (c != '{' && c != '[') {
        for (size_t i = 0; i < 3; i++) {
            size_t length = strlen(words[i]);
            if (json->size - json->at >= length && memcmp(json->text + json->at, words[i], length) == 0) {
                json->at += length;
                return true;
            }
        }
        return json->at < json->size ? skip_number(json)
                                     : mlp_json_fail(json, json->at, "ends where a value is needed");
    }
    if (depth == MAX_DEPTH) {
        return mlp_json_fail(json, json->at, "nested more than %d deep", MAX_DEPTH);
    }
    json->at++;
    size_t index = 0;
    for (bool more;;) {
        if (!mlp_json_next(json, c == '{' ? '}' : ']', &index, &more)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (c == '{' && (!mlp_json_string(json, &string) || !mlp_json_take(json, ':'))) {
            return false;
        }
        if (!skip_value(json, depth + 1)) {
            return false;
        }
    }
}

bool mlp_json_skip(mlp_json *json) { return skip_value(json, 0); }

bool mlp_json_end(mlp_json *json)
{
    mlp_json_peek(json);
    return json->at == json->size || mlp_json_fail(json, json->at, "more text after its end");
}
