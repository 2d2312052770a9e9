/* json.h: JSON as text, for every verb that prints some. */
#ifndef MLPC_JSON_H
#define MLPC_JSON_H

#include <stdbool.h>

#include "base/text.h"

/* A string, or null. Bytes that are no UTF-8 come out as U+FFFD, the sign for what cannot be shown. */
void json_text(Text *t, const char *s);

/* "key": before a value; `first` begins the object, else a comma separates. */
void json_key(Text *t, bool first, const char *key);

/* The same with a value behind it. Numbers are finite. */
void json_number(Text *t, bool first, const char *key, double value);
void json_string(Text *t, bool first, const char *key, const char *value);

#endif
