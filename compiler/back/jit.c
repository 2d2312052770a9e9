/* jit.c: C text -> machine code in memory through libtcc; and a plan's text, code and constants as one
 * callable. */
#include "back/jit.h"

#include <errno.h>
#include <libtcc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/block.h"

/* libtcc keeps its parser in global variables; releases differ in how well they guard them. */
static pthread_mutex_t tcc_lock = PTHREAD_MUTEX_INITIALIZER;

/* Older releases copy the code to memory of ours and are then done with; newer ones keep it with their
 * state. */
struct JitCode {
    TCCState *state; /* NULL: done with */
    void *memory;    /* NULL: with the state */
    size_t size;
};

/* ---- messages -------------------------------------------------------------------------------------------- */

typedef struct Messages {
    Diag *d;
    bool told;
} Messages;

/* "FILE:LINE: error: TEXT" as an error of ours at FILE:LINE. */
static void told(void *opaque, const char *text)
{
    Messages *m = opaque;
    const char *mark = strstr(text, ": error: "), *colon = mark;
    if (strstr(text, ": warning: "))
        return;
    while (colon && colon > text && colon[-1] >= '0' && colon[-1] <= '9')
        colon--;
    Pos pos = {0};
    if (mark && colon > text && colon < mark && colon[-1] == ':')
        pos = (Pos){arena_printf(m->d->arena, "%.*s", (int)(colon - 1 - text), text), atoi(colon)};
    diag_error(m->d, pos, "internal error: libtcc does not take our code: %s", mark ? mark + 9 : text);
    m->told = true;
}

static JitCode *failed(TCCState *s, Messages *m, const char *what)
{
    if (!m->told)
        diag_error(m->d, (Pos){0}, "internal error: libtcc: %s", what);
    if (s)
        tcc_delete(s);
    return NULL;
}

/* ---- code ------------------------------------------------------------------------------------------------ */

#ifdef TCC_RELOCATE_AUTO
/* Pages for code: writable and executable until the code is there. */
static void *take_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static JitCode *link_code(TCCState *s, Messages *m)
{
    int size = tcc_relocate(s, NULL);
    if (size <= 0)
        return failed(s, m, "cannot link");
    JitCode *code = calloc(1, sizeof *code);
    if (!code)
        die("out of memory");
    code->size = (size_t)size;
    code->memory = take_pages(code->size);
    if (!code->memory) {
        diag_error(m->d, (Pos){0}, "this system does not let a program run code that it has made: %s", strerror(errno));
        m->told = true;
    } else if (tcc_relocate(s, code->memory) < 0) {
        munmap(code->memory, code->size);
        code->memory = NULL;
    }
    if (!code->memory) {
        free(code);
        return failed(s, m, "cannot link");
    }
    mprotect(code->memory, code->size, PROT_READ | PROT_EXEC); /* refused or not, the code is there */
    code->state = s;
    return code;
}
#else
static JitCode *link_code(TCCState *s, Messages *m)
{
    if (tcc_relocate(s) < 0)
        return failed(s, m, "cannot link");
    JitCode *code = calloc(1, sizeof *code);
    if (!code)
        die("out of memory");
    code->state = s;
    return code;
}
#endif

static JitCode *compile(const char *text, const mlp_symbol *symbols, int count, JitFunction *functions, Diag *d)
{
    Messages m = {.d = d};
    TCCState *s = tcc_new();
    if (!s)
        die("out of memory");
    tcc_set_error_func(s, &m, told);
    tcc_set_lib_path(s, "."); /* nothing is looked for there */
    tcc_set_options(s, "-nostdlib -nostdinc");
    if (tcc_set_output_type(s, TCC_OUTPUT_MEMORY) < 0)
        return failed(s, &m, "no code in memory");
    if (tcc_compile_string(s, text) < 0)
        return failed(s, &m, "cannot compile");
    for (int i = 0; i < count; i++) {
        void *address;
        memcpy(&address, &symbols[i].address, sizeof address);
        tcc_add_symbol(s, symbols[i].name, address);
    }
    JitCode *code = link_code(s, &m);
    for (JitFunction *f = functions; code && f->name; f++)
        f->address = tcc_get_symbol(s, f->name);
    if (code && code->memory) {
        tcc_delete(s);
        code->state = NULL;
    }
    return code;
}

JitCode *jit_code(const char *text, const mlp_symbol *symbols, int count, JitFunction *functions, Diag *d)
{
    pthread_mutex_lock(&tcc_lock);
    JitCode *code = compile(text, symbols, count, functions, d);
    pthread_mutex_unlock(&tcc_lock);
    return code;
}

void jit_code_free(JitCode *code)
{
    if (!code)
        return;
    if (code->state) {
        pthread_mutex_lock(&tcc_lock);
        tcc_delete(code->state);
        pthread_mutex_unlock(&tcc_lock);
    }
    if (code->memory)
        munmap(code->memory, code->size);
    free(code);
}

/* ---- nets ------------------------------------------------------------------------------------------------ */

void jit_constants(const Plan *p, const mlp_kernels *k, float *constants)
{
    for (int i = 0; i < p->ntable; i++) {
        const Table *b = p->table[i];
        if (!b->baked)
            continue;
        float *to = constants + b->offset;
        if (b->layout == LAYOUT_PANELS && b->param)
            k->pack((size_t)b->cols, (size_t)b->rows, b->tail_dot, b->param->value, to);
        else
            for (size_t n = 0; n < b->count; n++)
                to[n] = table_value(b, n);
    }
}

Jit *jit_compile(const Plan *p, Diag *d)
{
    return jit_compile_for(p, mlp_kernels_best(), d);
}

Jit *jit_compile_for(const Plan *p, const mlp_kernels *k, Diag *d)
{
    Arena *scratch = arena_new();
    float *constants = block_new(p->constants);
    const bool learns = p->graph->training;
    JitFunction function[] = {{learns ? "mlp_grad" : "mlp_net", NULL}, {NULL, NULL}};
    JitText t = jit_text(p, k, constants, scratch);
    JitCode *code = jit_code(t.text, t.symbol, t.nsymbol, function, d);
    Jit *j = NULL;
    if (code) {
        j = calloc(1, sizeof *j);
        if (!j)
            die("out of memory");
        *j = (Jit){.constants = constants, .scratch = t.scratch, .sample = t.sample, .kernels = k, .code = code};
        if (learns)
            memcpy(&j->grad, &function[0].address, sizeof j->grad);
        else
            memcpy(&j->net, &function[0].address, sizeof j->net);
        jit_constants(p, k, constants);
    } else {
        free(constants);
    }
    arena_free(scratch);
    return j;
}

void jit_free(Jit *j)
{
    if (!j)
        return;
    jit_code_free(j->code);
    free(j->constants);
    free(j);
}

float *jit_scratch(const Jit *j)
{
    return jit_scratch_for(j, 0);
}

float *jit_scratch_for(const Jit *j, size_t n)
{
    if (j->sample && n > SIZE_MAX / sizeof(float) / 2 / j->sample)
        die("out of memory (%zu samples at once wanted)", n);
    return block_new(j->scratch + n * j->sample);
}
