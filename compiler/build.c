/* build.c: the default verb, net.lua -> C files, and check. Runs the pipeline, then writes every file or none. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "back/emit.h"
#include "cli.h"
#include "front/words.h"
#include "mlp.h"

enum { FILES_MAX = 3 };

/* The files of one build, committed together. */
typedef struct Files {
    Diag *d;
    mlp_file *file[FILES_MAX];
    size_t count;
} Files;

static bool file_error(Diag *d, const mlp_error *err)
{
    Pos pos = {err->file[0] ? arena_strdup(d->arena, err->file) : NULL, (int)err->line};
    return diag_error(d, pos, "%s", mlp_error_detail(err));
}

static bool put(Files *f, const char *path, const void *bytes, size_t size)
{
    mlp_error err;
    mlp_file *file = mlp_file_create(path, &err);
    if (!file)
        return file_error(f->d, &err);
    f->file[f->count++] = file;
    if (mlp_file_write(file, bytes, size, &err))
        return file_error(f->d, &err);
    return true;
}

static bool finish(Files *f, bool ok)
{
    mlp_error err;
    if (ok)
        return mlp_file_commit_all(f->file, f->count, &err) == MLP_OK || file_error(f->d, &err);
    for (size_t i = 0; i < f->count; i++)
        mlp_file_abort(f->file[i]);
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* path with its extension replaced. */
static const char *with_extension(Arena *a, const char *path, const char *extension)
{
    const char *dot = strrchr(base_name(path), '.');
    return arena_printf(a, "%.*s%s", dot ? (int)(dot - path) : (int)strlen(path), path, extension);
}

/* An argument as a shell would need it: quoted when it holds anything but plain characters. */
static const char *quoted(Arena *a, const char *s)
{
    if (*s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=,:/@%") == strlen(s))
        return s;
    Text t = {0};
    text_char(&t, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            text_add(&t, "'\\''");
        else
            text_char(&t, *s);
    }
    text_char(&t, '\'');
    const char *copy = arena_strdup(a, t.data);
    text_free(&t);
    return copy;
}

/* How to make the file again: every option that changes its text, file names without folders. */
static const char *command_of(const Cli *cli)
{
    const Compile *c = &cli->compile;
    Arena *a = c->arena;
    const char *s = arena_printf(a, "mlpc %s", quoted(a, base_name(c->script)));
    for (int i = 0; i < cli->ndefs; i++)
        s = arena_printf(a, "%s -D %s", s, quoted(a, arena_printf(a, "%s=%s", cli->defs[i].name, cli->defs[i].value)));
    if (c->weights || c->weights_used)
        s = arena_printf(a, "%s --weights %s", s, c->weights_used ? quoted(a, base_name(c->weights_used)) : "none");
    s = arena_printf(a, "%s%s%s%s%s", s, c->by_order ? " --by-order" : "", c->train ? " --train" : "",
                     c->weights_as_file ? " --weights-as=file" : "",
                     c->target == TARGET_PORTABLE ? " --target=portable" : "");
    if (cli->prefix)
        s = arena_printf(a, "%s --prefix %s", s, cli->prefix);
    if (cli->single_header)
        s = arena_printf(a, "%s --single-header", s);
    return arena_printf(a, "%s -o %s", s, quoted(a, base_name(cli->output)));
}

/* The raw file of WEIGHTS_FILE: the numbers in the order of the plan, little-endian floats, gaps zero. */
static unsigned char *raw_numbers(const Plan *p, Arena *a)
{
    unsigned char *bytes = arena_array(a, p->numbers ? p->numbers : 1, 4);
    for (int i = 0; i < p->ntable; i++) {
        const Table *t = p->table[i];
        for (size_t k = 0; !t->baked && k < t->count; k++) {
            union {
                float f;
                unsigned u;
            } bits = {table_value(t, k)};
            unsigned char *b = bytes + 4 * (t->offset + k);
            for (int byte = 0; byte < 4; byte++)
                b[byte] = (unsigned char)(bits.u >> (8 * byte));
        }
    }
    return bytes;
}

static bool write_files(Cli *cli, const EmitOptions *o, const char *weights_path)
{
    const Plan *p = cli->compile.plan;
    Files files = {.d = &cli->compile.diag};
    Text text = {0};
    emit_source(p, o, &text);
    bool ok = put(&files, cli->output, text.data, text.size);
    text_free(&text);
    const char *header = cli->header;
    if (!header && !cli->single_header && strcmp(cli->output, "-"))
        header = with_extension(cli->compile.arena, cli->output, ".h");
    if (ok && header) {
        emit_header(p, o, &text);
        ok = put(&files, header, text.data, text.size);
        text_free(&text);
    }
    if (ok && weights_path)
        ok = put(&files, weights_path, raw_numbers(p, cli->compile.arena), 4 * p->numbers);
    return finish(&files, ok);
}

/* What cannot be asked for together. NULL: nothing. */
static const char *conflict(const Cli *cli)
{
    const char *extension = cli->output ? strrchr(base_name(cli->output), '.') : NULL;
    if (cli->dump)
        return NULL;
    if (!cli->output)
        return "no output: say -o FILE.c, or -o - for standard output";
    if (cli->single_header && cli->header)
        return "--single-header makes one file: --header has no place";
    if (!cli->single_header && !cli->header && extension && strcmp(extension, ".h") == 0)
        return "-o names a header: say --single-header, or name the C file";
    if (cli->header && strcmp(cli->header, cli->output) == 0)
        return "the C file and the header need two names";
    if (cli->compile.weights_as_file && strcmp(cli->output, "-") == 0)
        return "--weights-as=file needs a place for the file: -o FILE.c";
    if (cli->compile.weights_as_file && cli->compile.train)
        return "--weights-as=file is for inference: --train takes its parameters as an argument";
    return NULL;
}

static int dump(Cli *cli)
{
    static const char *const name[STAGE_COUNT] = {"graph", "fold", "fuse", "plan"};
    for (int s = 0; s < STAGE_COUNT; s++) {
        if (strcmp(cli->dump, name[s]))
            continue;
        if (!compile_run(&cli->compile, (Stage)s))
            return EXIT_WRONG;
        compile_print(&cli->compile, (Stage)s, stdout);
        return cli_flush_stdout(cli);
    }
    diag_error(&cli->compile.diag, (Pos){0}, "-d prints graph, fold, fuse or plan, not '%s'", cli->dump);
    return EXIT_USAGE;
}

int cli_flush_stdout(Cli *cli)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    diag_error(&cli->compile.diag, (Pos){0}, "cannot write to standard output: %s", strerror(errno));
    return EXIT_WRONG;
}

int verb_build(Cli *cli)
{
    Compile *c = &cli->compile;
    const char *problem = conflict(cli);
    if (problem) {
        diag_error(&c->diag, (Pos){0}, "%s", problem);
        return EXIT_USAGE;
    }
    if (cli->prefix) {
        const char *wrong = word_problem(c->arena, cli->prefix, strlen(cli->prefix), WORD_NET);
        if (wrong) {
            diag_error(&c->diag, (Pos){0}, "--prefix: '%s' %s", word_shown(c->arena, cli->prefix, strlen(cli->prefix), 40),
                       wrong);
            return EXIT_USAGE;
        }
    }
    if (cli->dump)
        return dump(cli);
    if (!compile_run(c, STAGE_PLAN))
        return EXIT_WRONG;
    const char *weights_path = c->plan->as == WEIGHTS_FILE ? with_extension(c->arena, cli->output, ".weights") : NULL;
    EmitOptions o = {.prefix = cli->prefix ? cli->prefix : c->graph->name,
                     .command = command_of(cli),
                     .script = strcmp(c->script, "-") ? base_name(c->script) : "standard input",
                     .weights_file = weights_path ? base_name(weights_path) : NULL,
                     .single_header = cli->single_header};
    if (!write_files(cli, &o, weights_path))
        return EXIT_WRONG;
    for (int i = 0; i < c->graph->nnote; i++)
        diag_note(&c->diag, (Pos){c->graph->file, 0}, "%s", c->graph->note[i]);
    return EXIT_OK;
}

int verb_check(Cli *cli)
{
    if (!cli->compile.weights)
        cli->compile.weights = "none";
    return compile_run(&cli->compile, STAGE_GRAPH) ? EXIT_OK : EXIT_WRONG;
}
