/* run_script.c: runs a script given as text and keeps what was said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run_script.h"

static void keep_messages(Run *r)
{
    size_t size;
    FILE *f = open_memstream(&r->said, &size);
    assert_non_null(f);
    diag_flush(&r->diag, f);
    fclose(f);
}

Run run_text(const char *text, const char *const *defines)
{
    Run r = {.arena = arena_new()};
    diag_init(&r.diag, r.arena);
    ScriptDefine def[8];
    int n = 0;
    for (; defines && defines[n]; n++) {
        const char *equals = strchr(defines[n], '=');
        assert_true(equals && n < 8);
        def[n] = (ScriptDefine){arena_printf(r.arena, "%.*s", (int)(equals - defines[n]), defines[n]), equals + 1};
    }
    clock_t began = clock();
    r.graph = script_load_text(r.arena, &r.diag, "t.lua", text, strlen(text), def, n, &r.info);
    r.seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    keep_messages(&r);
    assert_true(r.graph ? r.diag.errors == 0 : r.diag.errors > 0);
    return r;
}

Run run_file(const char *path, bool check)
{
    Run r = {.arena = arena_new()};
    diag_init(&r.diag, r.arena);
    r.graph = script_load(r.arena, &r.diag, path, NULL, 0, &r.info);
    if (r.graph && check)
        graph_check(r.graph, &r.diag);
    keep_messages(&r);
    return r;
}

void run_end(Run *r)
{
    free(r->said);
    arena_free(r->arena);
}

void run_says(const char *text, const char *expected)
{
    Run r = run_text(text, NULL);
    assert_string_equal(r.said, expected);
    run_end(&r);
}
