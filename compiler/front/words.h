/* words.h: which names may stand in the generated C, and which known word a mistyped one was meant to be. */
#ifndef MLPC_WORDS_H
#define MLPC_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { WORD_MAX = 63 }; /* the characters of an identifier that every C99 compiler tells apart */

/* Where a name ends up in the generated C. */
typedef enum WordUse {
    WORD_NET,   /* a function, and the beginning of others */
    WORD_VALUE, /* an argument of those functions: a named input or output */
    WORD_LAYER, /* part of a longer identifier, and of parameter names */
    WORD_PARAM  /* a script's param: never in C, but on the command line */
} WordUse;

/* Why `s` (n bytes, may hold NUL) cannot be a name of that use: the end of a sentence that began with the quoted name,
 * "is a keyword of C++". NULL: it can. Arena text. */
const char *word_problem(Arena *a, const char *s, size_t n, WordUse use);

/* "; 'my_net' would do" for a name that word_problem refused, or "" when nothing near it would. Arena text. */
const char *word_instead(Arena *a, const char *s, size_t n, WordUse use);

/* True for and, or, xor, ...: names in C, operators in C++. */
bool word_cpp_operator(const char *s);

/* The entry of `list` (n of them, NULL entries skipped) that is the least edits away from `word`, or NULL when none is
 * near enough to be what was meant. An entry equal to word but for case is near. Ties: the first. */
const char *word_near(const char *word, const char *const *list, size_t n);

/* `n` bytes as text for a message: control characters as '?', cut with "..." after about `most` bytes. Arena text. */
const char *word_shown(Arena *a, const char *s, size_t n, size_t most);

#endif
