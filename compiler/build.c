/* build.c: the default verb, net.lua -> C files, and check. Runs the pipeline, then writes every file or none. */
#include <string.h>

#include "back/emit.h"
#include "base/path.h"
#include "cli.h"
#include "front/words.h"
#include "mlp.h"

enum { BIG_SOURCE = 32 << 20 }; /* bytes from which on compilers take long over a C file */

/* Where a build writes to. Paths are NULL for files that are not made. */
typedef struct Places {
    const char *source, *header, *numbers;
} Places;

/* ---- files --------------------------------------------------------------------------------------------------- */

enum { FILES_MAX = 3 };

/* The files of one build, committed together. */
typedef struct Files {
    Diag *d;
    mlp_file *file[FILES_MAX];
    size_t count;
} Files;

static bool file_error(Diag *d, const mlp_error *err)
{
    return diag_error(d, (Pos){0}, "%s", err->text);
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

/* path with its extension replaced. */
static const char *with_extension(Arena *a, const char *path, const char *extension)
{
    const char *base = path_base(path), *dot = strrchr(base, '.');
    return arena_printf(a, "%.*s%s", dot && dot != base ? (int)(dot - path) : (int)strlen(path), path, extension);
}

/* What the build reads and would overwrite with `path`, as a message names it; NULL: nothing. */
static const char *read_from(const Compile *c, const char *path)
{
    for (int i = 0; i < c->info.nfile; i++)
        if (path_same_file(c->arena, path, c->info.file[i]))
            return "the script itself";
    if (c->calibrate && path_same_file(c->arena, path, c->calibrate))
        return "the data of --calibrate";
    return c->weights_used && path_same_file(c->arena, path, c->weights_used) ? "the file of the weights" : NULL;
}

/* No output may be an input or another output. EXIT_OK, or EXIT_USAGE after a report. */
static int check_places(Cli *cli, const Places *p)
{
    const char *path[FILES_MAX] = {p->source, p->header, p->numbers};
    for (int i = 0; i < FILES_MAX; i++) {
        const char *input = path[i] ? read_from(&cli->compile, path[i]) : NULL;
        if (input)
            return cli_usage(cli, "%s would be overwritten: it is %s", path[i], input);
        for (int k = 0; path[i] && k < i; k++)
            if (path[k] && path_same_file(cli->compile.arena, path[i], path[k]))
                return cli_usage(cli, "two outputs cannot be one file: %s", path[i]);
    }
    return EXIT_OK;
}

/* ---- the head comment's command ------------------------------------------------------------------------------ */

/* An argument as a shell would need it: quoted when it holds anything but plain characters. The text stands in a C
 * comment: pairs that mean something there are broken up by an empty quotation, control characters become '?'. */
static const char *quoted(Arena *a, const char *s)
{
    if (*s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=,:/@%") == strlen(s))
        return s;
    Text t = {0};
    text_char(&t, '\'');
    for (char last = 0; *s; last = *s++) {
        if ((*s == '/' && last == '*') || (*s == '*' && last == '/') || (*s == '?' && last == '?'))
            text_add(&t, "''");
        if (*s == '\'')
            text_add(&t, "'\\''");
        else
            text_char(&t, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
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
    const char *s = arena_printf(a, "mlpc %s", quoted(a, path_base(c->script)));
    for (int i = 0; i < cli->ndefs; i++)
        s = arena_printf(a, "%s -D %s", s, quoted(a, arena_printf(a, "%s=%s", cli->defs[i].name, cli->defs[i].value)));
    if (c->weights || c->weights_used)
        s = arena_printf(a, "%s --weights %s", s, c->weights_used ? quoted(a, path_base(c->weights_used)) : "none");
    s = arena_printf(a, "%s%s%s%s%s%s%s", s, c->by_order ? " --by-order" : "", c->train ? " --train" : "",
                     c->weights_as_file ? " --weights-as=file" : "",
                     c->target == TARGET_PORTABLE ? " --target=portable" : "",
                     c->storage ? " --weights-type=" : "", c->storage ? storage_info[c->storage].name : "");
    if (c->calibrate)
        s = arena_printf(a, "%s --calibrate %s", s, quoted(a, path_base(c->calibrate)));
    if (cli->prefix)
        s = arena_printf(a, "%s --prefix %s", s, cli->prefix);
    if (cli->single_header)
        s = arena_printf(a, "%s --single-header", s);
    return arena_printf(a, "%s -o %s", s, quoted(a, path_base(cli->output)));
}

/* Number k of a table as it is stored: the bits of a float, or a code. */
static unsigned stored_bits(const Table *t, size_t k)
{
    union {
        float f;
        unsigned u;
    } bits;
    if (t->storage != STORAGE_F32)
        return (unsigned)table_code(t, k);
    bits.f = table_value(t, k);
    return bits.u;
}

/* The raw file of WEIGHTS_FILE: the numbers in the order of the plan, little-endian, gaps zero. */
static unsigned char *raw_numbers(const Plan *p, Arena *a)
{
    unsigned char *bytes = arena_array(a, p->numbers ? p->numbers : 1, sizeof(float));
    for (int i = 0; i < p->ntable; i++) {
        const Table *t = p->table[i];
        const size_t size = storage_info[t->storage].bytes;
        for (size_t k = 0; !t->baked && k < t->count; k++) {
            unsigned char *b = bytes + t->offset * sizeof(float) + k * size;
            const unsigned bits = stored_bits(t, k);
            for (size_t byte = 0; byte < size; byte++)
                b[byte] = (unsigned char)(bits >> (8 * byte));
        }
    }
    return bytes;
}

static Places places_of(Cli *cli)
{
    Arena *a = cli->compile.arena;
    Places p = {.source = cli->output, .header = cli->header};
    if (!p.header && !cli->single_header && !path_is_stream(p.source))
        p.header = with_extension(a, p.source, ".h");
    if (cli->compile.as == WEIGHTS_FILE)
        p.numbers = with_extension(a, p.source, ".weights");
    return p;
}

/* Every text is made before the first file is opened: what fails then is the disk, and the files know how to fail. */
static bool write_files(Cli *cli, const EmitOptions *o, const Places *places, size_t *source_size)
{
    const Plan *p = cli->compile.plan;
    Files files = {.d = &cli->compile.diag};
    Text source = {0}, header = {0};
    unsigned char *numbers = places->numbers ? raw_numbers(p, cli->compile.arena) : NULL;
    emit_source(p, o, &source);
    if (places->header)
        emit_header(p, o, &header);
    *source_size = source.size;
    bool ok = put(&files, places->source, source.data, source.size) &&
              (!places->header || put(&files, places->header, header.data, header.size)) &&
              (!places->numbers || put(&files, places->numbers, numbers, p->numbers * sizeof(float)));
    text_free(&source);
    text_free(&header);
    return finish(&files, ok);
}

/* Of narrow weights. NULL: nothing. */
static const char *weights_type_conflict(const Compile *c)
{
    if (c->storage == STORAGE_F32)
        return c->calibrate ? "--calibrate tells what --weights-type changes: say --weights-type=bf16, f16 or i8" : NULL;
    if (c->train)
        return "--weights-type is for inference: --train takes its parameters as float32";
    return NULL;
}

/* What cannot be asked for together. NULL: nothing. */
static const char *conflict(const Cli *cli)
{
    const char *extension = cli->output ? strrchr(path_base(cli->output), '.') : NULL;
    if (!cli->output)
        return "no output: say -o FILE.c, or -o - for standard output";
    if (cli->single_header && cli->header)
        return "--single-header makes one file: --header has no place";
    if (!cli->single_header && extension && strcmp(extension, ".h") == 0)
        return "-o names a header: say --single-header, or name the C file";
    if (cli->header && strcmp(cli->header, cli->output) == 0)
        return "the C file and the header need two names";
    if (cli->compile.weights_as_file && path_is_stream(cli->output))
        return "--weights-as=file needs a place for the file: -o FILE.c";
    if (cli->compile.weights_as_file && cli->compile.train)
        return "--weights-as=file is for inference: --train takes its parameters as an argument";
    return weights_type_conflict(&cli->compile);
}

/* --prefix as a name for C. */
static int check_prefix(Cli *cli)
{
    Compile *c = &cli->compile;
    if (!cli->prefix)
        return EXIT_OK;
    const char *wrong = word_problem(c->arena, cli->prefix, strlen(cli->prefix), WORD_NET);
    if (wrong)
        return cli_usage(cli, "--prefix: '%s' %s", word_shown(c->arena, cli->prefix, strlen(cli->prefix), 40), wrong);
    if (word_cpp_operator(cli->prefix))
        diag_warn(&c->diag, WARN_CPP_NAME, (Pos){0},
                  "--prefix: '%s' is an operator of C++: the generated C will be C only", cli->prefix);
    return EXIT_OK;
}

/* -d: the net after a stage. */
static int dump(Cli *cli)
{
    Stage stage = (Stage)cli->dump;
    if (!compile_run(&cli->compile, stage))
        return EXIT_WRONG;
    compile_print(&cli->compile, stage, stdout);
    return cli_flush_stdout(cli);
}

static EmitOptions emit_options(const Cli *cli, const Places *places)
{
    const Compile *c = &cli->compile;
    return (EmitOptions){.prefix = cli->prefix ? cli->prefix : c->graph->name,
                         .command = cli->command ? cli->command : command_of(cli),
                         .script = strcmp(c->script, "-") ? path_base(c->script) : "standard input",
                         .weights_file = places->numbers ? path_base(places->numbers) : NULL,
                         .single_header = cli->single_header};
}

bool build_text(Cli *cli, Text *t)
{
    if (check_prefix(cli) || !compile_run(&cli->compile, STAGE_PLAN) || cli->compile.diag.errors)
        return false;
    EmitOptions o = emit_options(cli, &(Places){0});
    emit_source(cli->compile.plan, &o, t);
    return true;
}

int verb_build(Cli *cli)
{
    return cli->dump >= 0 ? dump(cli) : build_write(cli);
}

int build_write(Cli *cli)
{
    Compile *c = &cli->compile;
    const char *problem = conflict(cli);
    if (problem)
        return cli_usage(cli, "%s", problem);
    int status = check_prefix(cli);
    if (status)
        return status;
    if (!compile_run(c, STAGE_GRAPH))
        return EXIT_WRONG;
    if (c->weights_as_file && (c->as != WEIGHTS_FILE || !c->graph->nparam))
        return cli_usage(cli, "--weights-as=file has no numbers to write: %s",
                         c->graph->nparam ? "say --weights FILE" : "the net has no parameters");
    if (c->storage != STORAGE_F32 && c->as == WEIGHTS_ARGUMENT)
        return cli_usage(cli, "--weights-type=%s needs weights: say --weights FILE", storage_info[c->storage].name);
    Places places = places_of(cli);
    status = check_places(cli, &places);
    if (status)
        return status;
    if (!compile_run(c, STAGE_PLAN) || c->diag.errors)
        return EXIT_WRONG;
    EmitOptions o = emit_options(cli, &places);
    size_t source_size;
    if (!write_files(cli, &o, &places, &source_size))
        return EXIT_WRONG;
    for (int i = 0; i < c->graph->nnote; i++)
        diag_note(&c->diag, (Pos){c->graph->file, 0}, "%s", c->graph->note[i]);
    if (source_size > BIG_SOURCE && c->as == WEIGHTS_BAKED)
        diag_note(&c->diag, (Pos){0}, "%s has %zu MB; --weights-as=file keeps the numbers in a raw file instead",
                  places.source, source_size >> 20);
    return EXIT_OK;
}

int verb_check(Cli *cli)
{
    if (!cli->compile.weights)
        cli->compile.weights = "none";
    return compile_run(&cli->compile, STAGE_GRAPH) ? EXIT_OK : EXIT_WRONG;
}
