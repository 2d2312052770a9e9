/* code.h: C text under construction: renaming, snippets of the runtime's headers, instances of its kernel templates.
 * Between plan and the printer in emit.c; knows nothing of steps or files. */
#ifndef MLPC_CODE_H
#define MLPC_CODE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/text.h"
#include "graph/storage.h"

/* A piece of runtime/simd.h, vmath.h, kernel.h or narrow.h, cut out by snippets.awk at build time. */
typedef struct Snippet {
    const char *name;
    const char *needs; /* names separated by spaces, printed before this one */
    const char *text;
} Snippet;

extern const Snippet snippets[]; /* ends with name NULL */

typedef struct Code {
    Arena *arena;
    const char *prefix; /* "fashion": mlp_x becomes fashion_x, MLP_X FASHION_X, mlp fashion, MLP FASHION */
    const char *upper;
    Text prelude; /* snippets, each once, in the order of their needs */
    Text body;    /* instances and layers */
    struct Made *made;
} Code;

/* An epilogue: what happens to the outputs between the sums and the store. */
typedef struct Epilogue {
    const char *name;  /* part of the names of its instances: "relu" */
    const char *expr;  /* C expression over v, j and n, as MLP_ACT in runtime/kernel.h */
    const char *needs; /* snippets */
    bool reads_block;  /* reads the parameter block: instances take it as p */
    bool costly;       /* many operations: tiles put their sums aside first (put_late in kernel.h) */
    bool scaled;       /* reads the scales of the layer's outputs: instances take them as scale; not both */
    Storage storage;   /* of the weights, in instances that read some */
} Epilogue;

/* What instances of an epilogue take first: "p", "scale", or nothing (NULL). */
const char *code_leading(const Epilogue *e);

void code_init(Code *c, Arena *arena, const char *prefix);
void code_free(Code *c);

/* printf into t; mlp_ and MLP_ names in the format (not in the arguments) become the net's. */
void code_add(Code *c, Text *t, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds text as it is, but with our names made the net's. */
void code_text(Code *c, Text *t, const char *text);

/* Makes sure the snippets are in the prelude, what they need first. names may be empty. */
void code_need(Code *c, const char *names);

/* Makes sure template snippet `name` (and the templates it needs) stands in the body for this epilogue. */
void code_instance(Code *c, const char *name, const Epilogue *e);

/* True the first time it is asked about `key`: for what is printed once. */
bool code_once(Code *c, const char *key);

/* expr with each call NAME(a, b, ...) of one of our macros replaced; used for MLP_ACT and the ops' %x texts. */
const char *code_expand(Code *c, const char *text, const char *const *value);

#endif
