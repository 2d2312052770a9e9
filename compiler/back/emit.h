/* emit.h: Plan -> C text. Prints what plan decided; no arithmetic of its own. */
#ifndef MLPC_EMIT_H
#define MLPC_EMIT_H

#include "back/plan.h"
#include "base/text.h"

typedef struct EmitOptions {
    const char *prefix;  /* of every name; the net's name unless --prefix says otherwise */
    const char *command; /* how the file was made, without paths: "mlpc ad.lua -o ad.c" */
    const char *script;  /* file name of the script, without its folder */
    const char *weights_file; /* WEIGHTS_FILE: name of the raw file, for the comments */
    bool single_header;  /* declarations, then the code behind #ifdef NAME_IMPLEMENTATION */
} EmitOptions;

/* The C file (or, with single_header, the one header). Text is added to out, which the caller frees. */
void emit_source(const Plan *p, const EmitOptions *o, Text *out);

/* The header that declares what emit_source defines. */
void emit_header(const Plan *p, const EmitOptions *o, Text *out);

#endif
