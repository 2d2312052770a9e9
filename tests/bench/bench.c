/* bench.c: generated code beside its peers and the limits of the machine, alternating in one run.
 *
 *     bench weights NET.lua NET.safetensors
 *     bench run DIR [--batches 1,7,16,96,1024] [--rounds N] [--slice MILLISECONDS] [--json FILE]
 *         [--only SUBJECT,...] NET[:BATCH,...] NET.train:BATCH,...
 *
 * DIR holds what bench.mk built. NET.train measures steps of training: forward, backward and update. In each round
 * every subject runs once for about a slice, so that a clock that drifts or a busy machine meets them all alike. A row
 * says the median time of a sample, its spread (half the distance between the quartiles, over the median), and how much
 * of the limit was reached: the limit is the longer of the net's arithmetic at the highest rate of the code's
 * instruction set on one thread and, for answers, of one reading of all weights, measured in the same rounds; the last
 * column is the same for the best rounds of both. Where somebody else had the core's other hardware thread (core.c), a
 * time is taken again, a few times, and the row says how much of the core it had. At the end stands what was asked for,
 * and how much of it was reached (floors.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { ROUNDS_MAX = 99, BATCHES_MAX = 8, WARM = 4, TRIES = 6 };

typedef struct Batches {
    size_t size[BATCHES_MAX];
    int count;
} Batches;

typedef struct Options {
    const char *dir, *json, *only; /* only: beginnings of the names of subjects, NULL: all */
    Batches batches;
    int rounds;
    double slice; /* seconds */
} Options;

/* One thing to measure. */
typedef struct Item {
    const char *net;
    bool learns;
    Batches batches;
} Item;

/* The times of one subject at one batch: seconds a sample. */
typedef struct Row {
    double seconds[ROUNDS_MAX]; /* ascending when done */
    double share[ROUNDS_MAX];   /* of the core, likewise */
    size_t calls;               /* 0: it cannot */
    bool warm; /* WARM calls go before those of each round: somebody else has had the caches, and L3 keeps what comes
                  often */
} Row;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Finds out how many calls take about a slice, by doubling: at least one; 0: the subject cannot. A first call, which may read
 * its code and tables from the disk, does not count. What seems long enough must be so three times: else somebody else had
 * the processor, and the calls would be too few. */
static Row prepare(Subject *s, const Net *n, size_t batch, double slice)
{
    if (s->only && s->only != batch)
        return (Row){.calls = 0};
    s->time(s, n, batch, 1);
    for (size_t calls = 1;; calls *= 2) {
        double seconds = s->time(s, n, batch, calls);
        for (int again = 0; again < 2 && seconds >= slice / 2 && seconds < 8 * slice; again++)
            seconds = fmin(seconds, s->time(s, n, batch, calls));
        if (seconds < 0)
            return (Row){.calls = 0};
        if (seconds >= slice / 2)
            return (Row){.calls = (size_t)fmax(1, (double)calls * slice / seconds), .warm = seconds < 8 * slice};
    }
}

/* Times a subject for about a slice; of up to TRIES such times the one during which most of the core was ours, whatever
 * came out. Seconds a sample; negative: it cannot. */
static double time_once(Subject *s, const Net *n, size_t batch, const Row *row, double slice, double *share)
{
    double spent = 0, kept = -1;
    *share = 0;
    do {
        if (row->warm)
            s->time(s, n, batch, WARM);
        double before = core_share(), seconds = s->time(s, n, batch, row->calls), ours = fmin(before, core_share());
        if (seconds < 0)
            return -1;
        if (ours > *share) {
            *share = ours;
            kept = seconds / (double)(row->calls * batch);
        }
        spent += seconds;
    } while (*share < CORE_OURS && spent < TRIES * slice);
    return kept;
}

static void run_rounds(const Options *o, const Net *n, size_t batch, Subject *s, Row *row, int count)
{
    for (int i = 0; i < count; i++)
        row[i] = prepare(&s[i], n, batch, o->slice);
    for (int k = 0; k < o->rounds; k++)
        for (int i = 0; i < count; i++) {
            if (row[i].calls)
                row[i].seconds[k] = time_once(&s[i], n, batch, &row[i], o->slice, &row[i].share[k]);
            if (row[i].seconds[k] < 0)
                row[i].calls = 0;
        }
}

static Result sum_up(const Net *n, size_t batch, const Subject *s, Row *r, int rounds)
{
    qsort(r->seconds, (size_t)rounds, sizeof *r->seconds, ascending);
    qsort(r->share, (size_t)rounds, sizeof *r->share, ascending);
    const double *t = r->seconds, median = t[rounds / 2];
    return (Result){.net = n->name,
                    .subject = s->name,
                    .set = s->set,
                    .learns = n->learns,
                    .batch = batch,
                    .median = median,
                    .spread = (t[rounds * 3 / 4] - t[rounds / 4]) / 2 / median,
                    .best = t[0],
                    .share = r->share[rounds / 2],
                    .flops = 2 * n->macs};
}

/* The limit for code of an instruction set: the longest time of those that hold for it. */
static void set_limit(Result *r, const Result *limit, int limits)
{
    for (int i = 0; i < limits && r->set; i++)
        if (!*limit[i].set || strcmp(limit[i].set, r->set) == 0) {
            r->limit = fmax(r->limit, limit[i].median);
            r->limit_best = fmax(r->limit_best, limit[i].best);
        }
}

static void print_result(const Net *n, const Result *r, bool is_limit)
{
    printf("  %-24s %12.4f us  +-%4.1f %%  %8.2f GFLOP/s", r->subject, r->median * 1e6, r->spread * 100,
           r->flops / r->median * 1e-9);
    if (!is_limit && r->limit > 0)
        printf("  %5.2f of the limit  %5.2f at best", r->limit / r->median, r->limit_best / r->best);
    else if (is_limit && strcmp(r->subject, "stream") == 0)
        printf("  %8.1f GB/s", 4 * (double)n->floats / r->median * 1e-9);
    if (r->share < CORE_OURS)
        printf("  with %.2f of the core", r->share);
    putchar('\n');
}

static void keep(Results *all, const Result *r)
{
    if (all->count == all->room) {
        Result *more = ARENA_ARRAY(all->arena, 2 * (size_t)all->room + 64, Result);
        memcpy(more, all->result, (size_t)all->count * sizeof *more);
        all->result = more;
        all->room = 2 * all->room + 64;
    }
    Result *kept = &all->result[all->count++];
    *kept = *r;
    kept->net = arena_strdup(all->arena, r->net);
    kept->subject = arena_strdup(all->arena, r->subject);
}

static void measure(const Options *o, const Net *n, size_t batch, Subject *s, int count, int nlimit, Results *all)
{
    Row *row = ARENA_ARRAY(n->compile.arena, (size_t)count, Row);
    Result limit[SUBJECTS_MAX];
    int limits = 0;
    run_rounds(o, n, batch, s, row, count);
    printf("%s, %sbatch %zu\n", n->name, n->learns ? "training, " : "", batch);
    for (int i = 0; i < count; i++) {
        if (!row[i].calls)
            continue;
        Result r = sum_up(n, batch, &s[i], &row[i], o->rounds);
        if (i < nlimit)
            limit[limits++] = r;
        else
            set_limit(&r, limit, limits);
        print_result(n, &r, i < nlimit);
        keep(all, &r);
    }
    fflush(stdout);
}

static void write_json(const Results *all, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        die("bench: cannot write %s", path);
    for (int i = 0; i < all->count; i++) {
        const Result *r = &all->result[i];
        fprintf(f,
                "%s{\"net\": \"%s\", \"training\": %s, \"batch\": %zu, \"subject\": \"%s\", \"median\": %.6g, "
                "\"spread\": %.3g, \"best\": %.6g, \"of_limit\": %.4f, \"best_of_limit\": %.4f, \"gflops\": %.2f, "
                "\"core\": %.2f}",
                i ? ",\n" : "[\n", r->net, r->learns ? "true" : "false", r->batch, r->subject, r->median, r->spread,
                r->best, r->limit / r->median, r->limit_best / r->best, r->flops / r->median * 1e-9, r->share);
    }
    fputs(all->count ? "\n]\n" : "[]\n", f);
    if (fclose(f))
        die("bench: cannot write %s", path);
}

static bool asked_for(const char *only, const char *name)
{
    for (const char *at = only; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(name, at, strcspn(at, ",")) == 0)
            return true;
    return !only;
}

static void end_subject(Subject *s)
{
    if (s->end)
        s->end(s);
}

/* Drops the subjects that were not asked for, behind the limits. */
static int keep_only(const char *only, Subject *s, int count, int nlimit)
{
    int kept = nlimit;
    for (int i = nlimit; i < count; i++)
        if (asked_for(only, s[i].name))
            s[kept++] = s[i];
        else
            end_subject(&s[i]);
    return kept;
}

static void measure_item(const Options *o, const Item *item, Results *all)
{
    Net n;
    Subject s[SUBJECTS_MAX];
    Arena *a = arena_new();
    net_load(&n, arena_printf(a, "%s/%s.lua", o->dir, item->net), item->learns);
    int nlimit = limit_subjects(s, &n), count = nlimit;
    count += generated_subjects(s + count, &n, o->dir);
    count += memory_subjects(s + count, &n);
    count += library_subjects(s + count, &n);
    count += process_subjects(s + count, &n);
    count = keep_only(o->only, s, count, nlimit);
    printf("\n%s: %.0f multiply-adds a %s, %.1f KB of weights and biases\n", n.name, n.macs,
           n.learns ? "sample and step of training" : "sample", (double)n.floats / 256);
    for (int b = 0; b < item->batches.count; b++)
        measure(o, &n, item->batches.size[b], s, count, nlimit, all);
    for (int i = 0; i < count; i++)
        end_subject(&s[i]);
    net_free(&n);
    arena_free(a);
}

static Batches read_batches(const char *text)
{
    Batches b = {.count = 0};
    for (char *end; *text && b.count < BATCHES_MAX; text = *end ? end + 1 : end) {
        b.size[b.count] = strtoul(text, &end, 10);
        if (end == text || b.size[b.count] < 1 || b.size[b.count] > BATCH_MAX)
            die("bench: batches go from 1 to %d, not '%s'", BATCH_MAX, text);
        b.count++;
    }
    return b;
}

/* "NET", "NET:BATCHES" or "NET.train:BATCHES"; cuts the text. */
static Item read_item(char *text, const Batches *batches)
{
    char *colon = strchr(text, ':'), *dot;
    Item item = {.net = text, .batches = colon ? read_batches(colon + 1) : *batches};
    if (colon)
        *colon = '\0';
    if ((dot = strstr(text, ".train"))) {
        *dot = '\0';
        item.learns = true;
    }
    return item;
}

static void run(int argc, char **argv)
{
    Options o = {.dir = argv[0], .batches = {{1, 7, 16, 96, 1024}, 5}, .rounds = 9, .slice = 2e-3};
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--batches") == 0)
            o.batches = read_batches(value);
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
    Results all = {.arena = arena_new()};
    print_limits();
    for (; i < argc; i++) {
        Item item = read_item(argv[i], &o.batches);
        measure_item(&o, &item, &all);
    }
    print_floors(&all);
    if (o.json)
        write_json(&all, o.json);
    arena_free(all.arena);
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
