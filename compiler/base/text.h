/* text.h: text that grows; the one printer of numbers that must read back as the same bits. */
#ifndef MLPC_TEXT_H
#define MLPC_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* A growing text, always ending in NUL once something was added. Free with text_free. */
typedef struct Text {
    char *data;
    size_t size, room;
} Text;

void text_add(Text *t, const char *s);
void text_add_n(Text *t, const char *s, size_t n);
void text_char(Text *t, char c);
void text_printf(Text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(Text *t, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* The shortest decimal that reads back as exactly v: "0.1", "3.0", "1.5e-30"; "nan", "inf", "-inf". */
void text_number(Text *t, float v);

/* The same as a C float literal: "0.1f", "15e-31f". v is finite. */
void text_float(Text *t, float v);

/* Adds spaces up to column `column` of the current line (none when it is already there). */
void text_column(Text *t, size_t column);

void text_free(Text *t);

#endif
