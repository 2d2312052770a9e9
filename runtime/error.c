/* error.c: turns a failure into a status and one clear sentence; every other file of the runtime reports through it. */
#include "error.h"

#include <stdarg.h>
#include <string.h>

const char *mlp_status_text(mlp_status status)
{
    switch (status) {
    case MLP_OK:
        return "no error";
    case MLP_ENOMEM:
        return "out of memory";
    case MLP_EIO:
        return "input or output failed";
    case MLP_EFORMAT:
        return "damaged or unknown file format";
    case MLP_ESHAPE:
        return "sizes do not fit";
    case MLP_EVALUE:
        return "value out of range";
    case MLP_ENOTFOUND:
        return "not found";
    case MLP_EARGUMENT:
        return "bad argument";
    }
    return "unknown error";
}

const char *mlp_error_detail(const mlp_error *err) { return err->text + err->detail; }

/* Copies the name of the file; a name too long for the field keeps its tail, which tells more than its head. */
static void set_file(mlp_error *err, const char *file)
{
    size_t length = file ? strlen(file) : 0;
    if (length < sizeof err->file) {
        memcpy(err->file, file ? file : "", length + 1);
        return;
    }
    const char *tail = file + length - (sizeof err->file - 4);
    while (((unsigned char)*tail & 0xC0u) == 0x80u) { /* not into the middle of a UTF-8 character */
        tail++;
    }
    snprintf(err->file, sizeof err->file, "...%s", tail);
}

size_t mlp_utf8_valid(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        unsigned c = (unsigned char)text[at];
        size_t length = c < 0x80                ? 1
                        : c >= 0xC2 && c < 0xE0 ? 2
                        : c >= 0xE0 && c < 0xF0 ? 3
                        : c >= 0xF0 && c < 0xF5 ? 4
                                                : 0;
        if (length == 0 || length > size - at) {
            return at;
        }
        for (size_t i = 1; i < length; i++) {
            unsigned next = (unsigned char)text[at + i];
            /* The second byte's range shuts out overlong forms, surrogates and what lies beyond U+10FFFF. */
            unsigned low = i > 1 ? 0x80 : c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
            unsigned high = i > 1 ? 0xBF : c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
            if (next < low || next > high) {
                return at;
            }
        }
        at += length;
    }
    return size;
}

/* One line of UTF-8, whatever names and values from a file were put into it. */
static void clean(char *text)
{
    size_t size = strlen(text), valid = 0;
    while ((valid += mlp_utf8_valid(text + valid, size - valid)) < size) {
        text[valid] = '?';
    }
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F) {
            *text = '?';
        }
    }
}

/* Cuts a text that filled its buffer at the start of a UTF-8 character, so that the end is never half of one. */
static void cut(char *text, size_t size)
{
    size_t at = size - 1;
    while (at > 0 && ((unsigned char)text[at - 1] & 0xC0u) == 0x80u) {
        at--;
    }
    if (at > 0 && (unsigned char)text[at - 1] >= 0xC0u) {
        at--;
    }
    text[at] = '\0';
}

static void fill(mlp_error *err, mlp_status status, const char *file, long line, const char *format, va_list args)
{
    err->status = status;
    err->line = line;
    set_file(err, file);
    int n = 0;
    if (err->file[0] && line > 0) {
        n = snprintf(err->text, sizeof err->text, "%s:%ld: ", err->file, line);
    } else if (err->file[0]) {
        n = snprintf(err->text, sizeof err->text, "%s: ", err->file);
    }
    err->detail = n > 0 ? n : 0; /* file is far shorter than text: this always fits */
    size_t room = sizeof err->text - (size_t)err->detail;
    int m = vsnprintf(err->text + err->detail, room, format, args);
    if (m >= 0 && (size_t)m >= room) {
        cut(err->text, sizeof err->text);
    }
    clean(err->text);
}

mlp_status mlp_fail(mlp_error *err, mlp_status status, const char *file, long line, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, status, file, line, format, args);
        va_end(args);
    }
    return status;
}

mlp_status mlp_fail_system(mlp_error *err, const char *file, int errnum, const char *what)
{
    if (errnum == 0) {
        return mlp_fail(err, MLP_EIO, file, 0, "%s", what);
    }
    return mlp_fail(err, MLP_EIO, file, 0, "%s: %s", what, strerror(errnum));
}

mlp_status mlp_fail_memory(mlp_error *err, const char *file, unsigned long long bytes, const char *what)
{
    return mlp_fail(err, MLP_ENOMEM, file, 0, "no memory for %llu bytes (%s)", bytes, what);
}
