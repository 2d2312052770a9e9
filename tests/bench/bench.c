/* bench.c: generated code beside its peers and the limits of the machine, alternating in one run.
 *
 *     bench weights NET.lua NET.safetensors
 *     bench run DIR [--batches 1,7,16,96,1024] [--rounds N] [--slice MILLISECONDS] [--json FILE]
 *         [--only SUBJECT,...] NET...
 *
 * DIR holds what bench.mk built. In each round every subject runs once for about a slice, so that a clock that drifts
 * or a busy machine meets them all alike. A row says the median time of a sample, its spread (half the distance between
 * the quartiles, over the median), and how much of the limit was reached: the limit is the longer of the net's
 * arithmetic at the highest rate of the code's instruction set and of one reading of all weights, measured in the same
 * rounds; the last column is the same for the best rounds of both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { ROUNDS_MAX = 99 };

typedef struct Options {
    const char *dir, *json, *only; /* only: beginnings of the names of subjects, NULL: all */
    size_t batch[8];
    int nbatch, rounds;
    double slice; /* seconds */
} Options;

/* What came of one subject at one batch: seconds a sample. */
typedef struct Row {
    double seconds[ROUNDS_MAX]; /* ascending when done */
    double median, spread, best;
    size_t calls;
} Row;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up(Row *r, int rounds)
{
    qsort(r->seconds, (size_t)rounds, sizeof *r->seconds, ascending);
    r->best = r->seconds[0];
    r->median = r->seconds[rounds / 2];
    r->spread = (r->seconds[rounds * 3 / 4] - r->seconds[rounds / 4]) / 2 / r->median;
}

/* Calls that take about a slice, found by doubling; 0: the subject cannot, or one call alone takes sixty slices. What
 * seems long enough must be so three times: else somebody else had the processor, and the calls would be too few. */
static size_t calls_for(Subject *s, const Net *n, size_t batch, double slice)
{
    for (size_t calls = 1;; calls *= 2) {
        double seconds = s->time(s, n, batch, calls);
        if (seconds < 0 || (calls == 1 && seconds > 60 * slice))
            return 0;
        for (int again = 0; again < 2 && seconds >= slice / 2; again++)
            seconds = fmin(seconds, s->time(s, n, batch, calls));
        if (seconds >= slice / 2)
            return (size_t)fmax(1, (double)calls * slice / seconds);
    }
}

/* The limit for code of that instruction set ("": of the best one), in median and at best. */
static Row limit_of(const char *set, const Subject *s, const Row *row, int nlimit)
{
    Row stream = row[nlimit - 1], peak = row[0];
    for (int i = 0; i < nlimit - 1; i++)
        if (strcmp(s[i].set, set) == 0)
            peak = row[i];
    return (Row){.median = fmax(stream.median, peak.median), .best = fmax(stream.best, peak.best)};
}

static void print_row(const Net *n, const Subject *s, const Row *r, const Row *limit, bool is_limit)
{
    printf("  %-18s %12.4f us  +-%4.1f %%  %8.2f GFLOP/s", s->name, r->median * 1e6, r->spread * 100,
           2 * n->macs / r->median * 1e-9);
    if (!is_limit)
        printf("  %5.2f of the limit  %5.2f at best", limit->median / r->median, limit->best / r->best);
    else if (strcmp(s->name, "stream") == 0)
        printf("  %8.1f GB/s", 4 * (double)n->floats / r->median * 1e-9);
    putchar('\n');
}

static void measure(const Options *o, const Net *n, size_t batch, Subject *s, int count, int nlimit, FILE *json)
{
    static const char *first = "\n";
    Row *row = ARENA_ARRAY(n->compile.arena, (size_t)count, Row);
    for (int i = 0; i < count; i++)
        row[i].calls = s[i].only_one && batch > 1 ? 0 : calls_for(&s[i], n, batch, o->slice);
    for (int k = 0; k < o->rounds; k++)
        for (int i = 0; i < count; i++)
            if (row[i].calls)
                row[i].seconds[k] = s[i].time(&s[i], n, batch, row[i].calls) / (double)(row[i].calls * batch);
    printf("%s, batch %zu\n", n->name, batch);
    for (int i = 0; i < count; i++) {
        if (!row[i].calls)
            continue;
        sum_up(&row[i], o->rounds);
    }
    for (int i = 0; i < count; i++) {
        if (!row[i].calls)
            continue;
        Row limit = limit_of(s[i].set, s, row, nlimit);
        print_row(n, &s[i], &row[i], &limit, i < nlimit);
        if (json)
            fprintf(json,
                    "%s{\"net\": \"%s\", \"batch\": %zu, \"subject\": \"%s\", \"median\": %.6g, \"spread\": %.3g, "
                    "\"best\": "
                    "%.6g, \"of_limit\": %.4f, \"best_of_limit\": %.4f, \"gflops\": %.2f}",
                    first, n->name, batch, s[i].name, row[i].median, row[i].spread, row[i].best,
                    limit.median / row[i].median, limit.best / row[i].best, 2 * n->macs / row[i].median * 1e-9);
        first = ",\n";
    }
    fflush(stdout);
}

/* Drops the subjects that were not asked for, behind the limits. */
static int keep_only(const char *only, Subject *s, int count, int nlimit)
{
    int kept = nlimit;
    for (int i = nlimit; i < count; i++)
        for (const char *at = only; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            if (strncmp(s[i].name, at, strcspn(at, ",")) == 0) {
                s[kept++] = s[i];
                break;
            }
    return kept;
}

static void measure_net(const Options *o, const char *name, FILE *json)
{
    Net n;
    Subject s[SUBJECTS_MAX];
    Arena *a = arena_new();
    net_load(&n, arena_printf(a, "%s/%s.lua", o->dir, name));
    int nlimit = limit_subjects(s), count = nlimit;
    count += generated_subjects(s + count, &n, o->dir);
    count += live_subjects(s + count, &n);
    count += library_subjects(s + count, &n);
    count += process_subjects(s + count, &n, "tests/bench");
    if (o->only)
        count = keep_only(o->only, s, count, nlimit);
    printf("\n%s: %.0f multiply-adds a sample, %.1f KB of weights and biases\n", n.name, n.macs,
           (double)n.floats / 256);
    for (int b = 0; b < o->nbatch; b++)
        measure(o, &n, o->batch[b], s, count, nlimit, json);
    net_free(&n);
    arena_free(a);
}

static int read_batches(const char *text, size_t *batch)
{
    int n = 0;
    for (char *end; *text && n < 8; text = *end ? end + 1 : end) {
        batch[n] = strtoul(text, &end, 10);
        if (end == text || batch[n] < 1 || batch[n] > BATCH_MAX)
            die("bench: batches go from 1 to %d, not '%s'", BATCH_MAX, text);
        n++;
    }
    return n;
}

static void run(int argc, char **argv)
{
    Options o = {.dir = argv[0], .batch = {1, 7, 16, 96, 1024}, .nbatch = 5, .rounds = 9, .slice = 2e-3};
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--batches") == 0)
            o.nbatch = read_batches(value, o.batch);
        else if (strcmp(argv[i], "--rounds") == 0)
            o.rounds = atoi(value);
        else if (strcmp(argv[i], "--slice") == 0)
            o.slice = 1e-3 * atof(value);
        else if (strcmp(argv[i], "--json") == 0)
            o.json = value;
        else if (strcmp(argv[i], "--only") == 0)
            o.only = *value ? value : NULL;
        else
            die("bench: no option %s", argv[i]);
    }
    if (o.rounds < 1 || o.rounds > ROUNDS_MAX)
        die("bench: 1 to %d rounds", ROUNDS_MAX);
    FILE *json = o.json ? fopen(o.json, "w") : NULL;
    if (o.json && !json)
        die("bench: cannot write %s", o.json);
    if (json)
        fputc('[', json);
    print_limits();
    for (; i < argc; i++)
        measure_net(&o, argv[i], json);
    if (json)
        fputs("\n]\n", json);
    if (json && fclose(json))
        die("bench: cannot write %s", o.json);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "weights") == 0)
        write_weights(argv[2], argv[3]);
    else if (argc > 3 && strcmp(argv[1], "run") == 0)
        run(argc - 2, argv + 2);
    else
        die("usage: bench weights NET.lua FILE | bench run DIR [OPTIONS] NET...");
    return 0;
}
