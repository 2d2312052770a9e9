/* json.h: a strict reader of JSON text in place, for file headers. Not installed. */
#ifndef MLP_RUNTIME_JSON_H
#define MLP_RUNTIME_JSON_H

#include "error.h"

/* A place in a text. The text is written to: strings are decoded where they stand and stay valid as long as it does.
 * Every function below returns false after the first failure, which is then in *err. */
typedef struct mlp_json {
    char *text; /* size bytes, no NUL needed */
    size_t size, at;
    const char *file; /* for messages, with `base`: where in the file the text begins */
    uint64_t base;
    mlp_error *err;
} mlp_json;

/* Fails at byte `at` of the text: "FILE: header: TEXT (byte N)". Returns false. */
bool mlp_json_fail(mlp_json *json, size_t at, const char *format, ...) MLP_PRINTF(3, 4);

/* The next byte that is no white space, not taken; 0 at the end. */
char mlp_json_peek(mlp_json *json);

/* Takes the next byte that is no white space, which must be `wanted`. */
bool mlp_json_take(mlp_json *json, char wanted);

/* Steps through the members of an object or array after its opening byte: *more says whether another follows (its
 * comma taken) or `close` was taken. *index starts at 0 and counts. */
bool mlp_json_next(mlp_json *json, char close, size_t *index, bool *more);

/* A string, decoded in place and ended by a NUL; U+0000 inside is refused, so that it is a C string. */
bool mlp_json_string(mlp_json *json, char **string);

/* An integer of 0 to 2^64 - 1, written with digits only. */
bool mlp_json_unsigned(mlp_json *json, uint64_t *value);

/* Any value, checked and dropped, at most 64 levels deep. */
bool mlp_json_skip(mlp_json *json);

/* Nothing but white space is left. */
bool mlp_json_end(mlp_json *json);

#endif
