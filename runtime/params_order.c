/* params_order.c: in which order a file's tensors are bound to a net whose names they do not share (--by-order). */
#include "params.h"

#include <stdlib.h>
#include <string.h>

/* What a tensor is to its module, in the order in which a net asks for it. */
typedef enum role { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, OTHER } role;

typedef struct item {
    const mlp_tensor *tensor;
    size_t place;       /* in the file */
    size_t module;      /* length of the module's path at the start of the name, without the dot */
    const char *number; /* of a name like "W12": where its digits begin; else NULL */
    role role;
    size_t first; /* place of the module's first tensor */
} item;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static role role_of(const char *leaf, size_t length)
{
    static const struct {
        const char *name;
        role role;
    } roles[] = {{"weight", WEIGHT},
                 {"bias", BIAS},
                 {"running_mean", RUNNING_MEAN},
                 {"running_var", RUNNING_VAR},
                 {"W", WEIGHT},
                 {"w", WEIGHT},
                 {"b", BIAS},
                 {"B", BIAS}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strlen(roles[i].name) == length && memcmp(roles[i].name, leaf, length) == 0) {
            return roles[i].role;
        }
    }
    return OTHER;
}

/* Splits "net.0.weight" into module "net.0" and role weight, "net.W2" into module "net", number "2" and role weight. */
static item split(const mlp_tensor *tensor, size_t place)
{
    const char *name = tensor->name, *dot = strrchr(name, '.');
    const char *leaf = dot ? dot + 1 : name;
    size_t length = strlen(leaf), stem = length;
    item it = {.tensor = tensor, .place = place, .module = dot ? (size_t)(dot - name) : 0};
    it.role = role_of(leaf, length);
    if (it.role == OTHER) {
        while (stem > 0 && is_digit(leaf[stem - 1])) {
            stem--;
        }
        if (stem < length && role_of(leaf, stem) != OTHER) {
            it.role = role_of(leaf, stem);
            it.number = leaf + stem;
        }
    }
    return it;
}

/* Compares two texts of given lengths, runs of digits by their value ("fc2" before "fc10"), dots before anything. */
static int natural(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const char *a_end = a + a_length, *b_end = b + b_length;
    while (a < a_end && b < b_end) {
        if (!is_digit(*a) || !is_digit(*b)) {
            if (*a != *b) {
                return *a == '.' ? -1 : *b == '.' ? 1 : (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            }
            a++;
            b++;
            continue;
        }
        for (; a < a_end && *a == '0'; a++) {
        }
        for (; b < b_end && *b == '0'; b++) {
        }
        size_t m = 0, n = 0;
        while (a + m < a_end && is_digit(a[m])) {
            m++;
        }
        while (b + n < b_end && is_digit(b[n])) {
            n++;
        }
        int order = m != n ? (m < n ? -1 : 1) : memcmp(a, b, m);
        if (order != 0) {
            return order;
        }
        a += m;
        b += n;
    }
    return a < a_end ? 1 : b < b_end ? -1 : 0;
}

static int compare_places(const item *a, const item *b) { return a->place < b->place ? -1 : a->place > b->place; }

/* By module, exactly: every two tensors of one module are neighbours; the order of the modules is the natural one. */
static int compare_modules(const item *a, const item *b)
{
    const char *x = a->tensor->name, *y = b->tensor->name;
    int order = natural(x, a->module, y, b->module);
    if (order == 0 && a->number && b->number) {
        order = natural(a->number, strlen(a->number), b->number, strlen(b->number));
    }
    if (order == 0 && !a->number != !b->number) {
        order = a->number ? 1 : -1;
    }
    if (order == 0) { /* "00" and "0" are one number and two modules */
        size_t shorter = a->module < b->module ? a->module : b->module;
        order = a->module != b->module ? (a->module < b->module ? -1 : 1) : memcmp(x, y, shorter);
    }
    if (order == 0 && a->number) {
        order = strcmp(a->number, b->number);
    }
    return order;
}

static int by_module(const void *left, const void *right)
{
    const item *a = left, *b = right;
    int order = compare_modules(a, b);
    if (order == 0 && a->role != b->role) {
        order = a->role < b->role ? -1 : 1;
    }
    if (order == 0) {
        const char *x = a->tensor->name, *y = b->tensor->name;
        order = natural(x, strlen(x), y, strlen(y));
    }
    return order ? order : compare_places(a, b);
}

/* Groups modules where they first appear. A tensor of no known role stays where it is: a group of its own. */
static int by_first(const void *left, const void *right)
{
    const item *a = left, *b = right;
    if (a->first != b->first) {
        return a->first < b->first ? -1 : 1;
    }
    if (a->role != b->role) {
        return a->role < b->role ? -1 : 1;
    }
    return compare_places(a, b);
}

static void order_by_file(item *items, size_t count)
{
    qsort(items, count, sizeof *items, by_module);
    for (size_t i = 0, end; i < count; i = end) {
        size_t first = SIZE_MAX;
        for (end = i; end < count && compare_modules(&items[i], &items[end]) == 0; end++) {
            if (items[end].role != OTHER && items[end].place < first) {
                first = items[end].place;
            }
        }
        for (size_t k = i; k < end; k++) {
            items[k].first = items[k].role == OTHER ? items[k].place : first;
        }
    }
    qsort(items, count, sizeof *items, by_first);
}

/* Whether the names ascend within every run of one dtype and no dtype comes in two runs: the order in which the
 * reference writer lays tensors out, which tells nothing of the order of creation. */
static bool is_sorted(const mlp_params *params)
{
    enum { MOST_RUNS = 32 }; /* more than there are dtypes */
    const mlp_tensor *t = params->tensors;
    int runs = 1;
    for (size_t i = 1; i < params->count; i++) {
        if (strcmp(t[i - 1].dtype, t[i].dtype) == 0) {
            if (strcmp(t[i - 1].name, t[i].name) > 0) {
                return false;
            }
            continue;
        }
        if (++runs > MOST_RUNS) {
            return false;
        }
        for (size_t k = 0; k + 1 < i; k++) {
            if (strcmp(t[k].dtype, t[i].dtype) == 0) {
                return false;
            }
        }
    }
    return true;
}

mlp_status mlp_params_ordered(const mlp_params *params, mlp_order order, const mlp_tensor **list, size_t *count,
                              mlp_error *err)
{
    size_t n = 0;
    item *items = malloc((params->count + 1) * sizeof *items);
    if (!items) {
        return mlp_fail_memory(err, NULL, (params->count + 1) * sizeof *items, "the order of the tensors");
    }
    for (size_t i = 0; i < params->count; i++) {
        items[n] = split(&params->tensors[i], i);
        n += params->tensors[i].data || items[n].role != OTHER;
    }
    if (order == MLP_ORDER_AUTO) {
        order = is_sorted(params) ? MLP_ORDER_NATURAL : MLP_ORDER_FILE;
    }
    if (n > 1 && order == MLP_ORDER_NATURAL) {
        qsort(items, n, sizeof *items, by_module);
    } else if (n > 1) {
        order_by_file(items, n);
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = items[i].tensor;
    }
    *count = n;
    free(items);
    return MLP_OK;
}
