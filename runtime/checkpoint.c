/* checkpoint.c: the state of a training run in a file, so that a later one goes on with the same bits.
 *
 * Little-endian throughout:
 *     "MLPCKPT\n", the format's version (u32), 0 (u32), bytes of the whole file (u64)
 *     FIELDS numbers (u64, or the bits of a double), see the table below
 *     the settings' text
 *     float32: the block, the optimiser's state, and the best epoch's block if there is one
 *     CRC-32 of all before (u32)
 * The file is written beside its place, synced and renamed over it (mlp_file), so that at any moment there is a whole one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "convert.h"
#include "error.h"
#include "train.h"

static const char magic[8] = {'M', 'L', 'P', 'C', 'K', 'P', 'T', '\n'};

enum { VERSION = 1, HEAD = 24, TAIL = 4 }; /* bytes before the fields, and of the checksum */

/* The fields in their order in the file. The first ones must be those of the run that goes on. */
typedef enum field {
    FIELD_NET,
    FIELD_PARAMS,
    FIELD_INPUTS,
    FIELD_TARGETS,
    FIELD_METHOD,
    FIELD_STATE,
    FIELD_ROWS,
    FIELD_BATCH,
    FIELD_SEED,
    FIELD_EPOCH,
    FIELD_BATCHES_DONE,
    FIELD_STEP,
    FIELD_SAMPLES,
    FIELD_RNG_STATE,
    FIELD_RNG_INCREMENT,
    FIELD_BEST_EPOCH,
    FIELD_WAITING,
    FIELD_LOSS_SUM, /* doubles */
    FIELD_LAST_LOSS,
    FIELD_BEST_LOSS,
    FIELD_SECONDS,
    FIELD_HAS_BEST, /* 1: the best block is there */
    FIELD_SETTINGS, /* bytes */
    FIELDS
} field;

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_number(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_number(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | from[i];
    return value;
}

/* ---- writing ---- */

typedef struct writer {
    mlp_file *file;
    uLong crc;
    mlp_status status;
    mlp_error *err;
} writer;

static void put(writer *o, const void *bytes, size_t size)
{
    if (o->status != MLP_OK)
        return;
    o->crc = crc32_z(o->crc, bytes, size);
    o->status = mlp_file_write(o->file, bytes, size, o->err);
}

static void put_floats(writer *o, const float *values, size_t count)
{
    if (mlp_host_is_little()) {
        put(o, values, count * sizeof *values);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float swapped = values[i];
        mlp_swap_bytes(&swapped, 1, sizeof swapped);
        put(o, &swapped, sizeof swapped);
    }
}

static void fields_of(const mlp_run *r, uint64_t *f)
{
    const mlp_position *at = &r->at;
    f[FIELD_NET] = r->o.net;
    f[FIELD_PARAMS] = r->learner->params;
    f[FIELD_INPUTS] = r->learner->inputs;
    f[FIELD_TARGETS] = r->learner->targets;
    f[FIELD_METHOD] = (uint64_t)r->o.optimizer.method;
    f[FIELD_STATE] = r->state_size;
    f[FIELD_ROWS] = r->train->count;
    f[FIELD_BATCH] = r->o.batch;
    f[FIELD_SEED] = r->o.seed;
    f[FIELD_EPOCH] = at->epoch;
    f[FIELD_BATCHES_DONE] = at->batch;
    f[FIELD_STEP] = at->step;
    f[FIELD_SAMPLES] = at->samples;
    f[FIELD_RNG_STATE] = at->rng.state;
    f[FIELD_RNG_INCREMENT] = at->rng.increment;
    f[FIELD_BEST_EPOCH] = at->best_epoch;
    f[FIELD_WAITING] = at->waiting;
    f[FIELD_LOSS_SUM] = bits_of(at->loss_sum);
    f[FIELD_LAST_LOSS] = bits_of(at->last_loss);
    f[FIELD_BEST_LOSS] = bits_of(at->best_loss);
    f[FIELD_SECONDS] = bits_of(at->seconds);
    f[FIELD_HAS_BEST] = r->best && at->best_epoch > 0;
    f[FIELD_SETTINGS] = r->o.settings ? strlen(r->o.settings) : 0;
}

/* Floats after the settings. */
static uint64_t floats_in(const uint64_t *f)
{
    return f[FIELD_PARAMS] * (1 + f[FIELD_HAS_BEST]) + f[FIELD_STATE];
}

mlp_status mlp_checkpoint_write(const mlp_run *r)
{
    uint64_t f[FIELDS];
    unsigned char head[HEAD + 8 * FIELDS] = {0}, tail[TAIL];
    writer o = {.err = r->err};
    o.file = mlp_file_create(r->o.checkpoint, r->err);
    if (!o.file)
        return MLP_EIO;
    fields_of(r, f);
    memcpy(head, magic, sizeof magic);
    put_number(head + 8, VERSION, 4);
    put_number(head + 16, sizeof head + f[FIELD_SETTINGS] + sizeof(float) * floats_in(f) + TAIL, 8);
    for (int i = 0; i < FIELDS; i++)
        put_number(head + HEAD + 8 * i, f[i], 8);
    put(&o, head, sizeof head);
    put(&o, r->o.settings ? r->o.settings : "", f[FIELD_SETTINGS]);
    put_floats(&o, r->w, r->learner->params);
    put_floats(&o, r->state, r->state_size);
    if (f[FIELD_HAS_BEST])
        put_floats(&o, r->best, r->learner->params);
    put_number(tail, o.crc, TAIL);
    put(&o, tail, TAIL);
    if (o.status != MLP_OK) {
        mlp_file_abort(o.file);
        return o.status;
    }
    return mlp_file_commit(o.file, r->err);
}

/* ---- reading ---- */

/* A checkpoint in memory, proven to be whole. */
typedef struct reader {
    const char *path;
    unsigned char *bytes;
    size_t size;
    uint64_t f[FIELDS];
    const unsigned char *settings, *floats;
} reader;

/* Whether the sizes that the fields tell are those of the file. */
static bool sizes_fit(const reader *in)
{
    const uint64_t *f = in->f;
    uint64_t left = in->size - HEAD - 8 * FIELDS - TAIL;
    if (f[FIELD_SETTINGS] > left || f[FIELD_HAS_BEST] > 1)
        return false;
    uint64_t floats = (left - f[FIELD_SETTINGS]) / sizeof(float), most = UINT64_MAX / 4;
    return (left - f[FIELD_SETTINGS]) % sizeof(float) == 0 && f[FIELD_PARAMS] < most && f[FIELD_STATE] < most &&
           floats_in(f) == floats;
}

static mlp_status open_checkpoint(reader *in, const char *path, mlp_error *err)
{
    void *bytes;
    in->path = path;
    mlp_status status = mlp_file_read(path, 0, &bytes, &in->size, err);
    if (status != MLP_OK)
        return status;
    in->bytes = bytes;
    if (in->size < HEAD || memcmp(in->bytes, magic, sizeof magic) != 0) {
        bool begun = in->size > 0 && memcmp(in->bytes, magic, in->size < sizeof magic ? in->size : sizeof magic) == 0;
        return mlp_fail(err, MLP_EFORMAT, path, 0, begun ? "a checkpoint cut short: %zu bytes" : "no checkpoint of mlpc",
                        in->size);
    }
    uint64_t version = get_number(in->bytes + 8, 4), whole = get_number(in->bytes + 16, 8);
    if (version != VERSION)
        return mlp_fail(err, MLP_EFORMAT, path, 0, "a checkpoint of version %" PRIu64 ", this program reads version %d",
                        version, VERSION);
    if (in->size < whole)
        return mlp_fail(err, MLP_EFORMAT, path, 0, "a checkpoint cut short: %zu bytes of %" PRIu64, in->size, whole);
    if (in->size > whole || whole < HEAD + 8 * FIELDS + TAIL ||
        crc32_z(0, in->bytes, in->size - TAIL) != get_number(in->bytes + in->size - TAIL, TAIL))
        return mlp_fail(err, MLP_EFORMAT, path, 0, "a damaged checkpoint: its checksum does not fit");
    for (int i = 0; i < FIELDS; i++)
        in->f[i] = get_number(in->bytes + HEAD + 8 * i, 8);
    if (!sizes_fit(in))
        return mlp_fail(err, MLP_EFORMAT, path, 0, "a damaged checkpoint: its sizes do not add up");
    in->settings = in->bytes + HEAD + 8 * FIELDS;
    in->floats = in->settings + in->f[FIELD_SETTINGS];
    return MLP_OK;
}

/* Whether it belongs to this run: MLP_ESHAPE with what differs. */
static mlp_status belongs(const reader *in, const mlp_run *r)
{
    static const struct {
        field field;
        const char *text;
    } numbers[] = {
        {FIELD_PARAMS, "a checkpoint of another net: %" PRIu64 " parameters, this one has %" PRIu64},
        {FIELD_INPUTS, "a checkpoint of another net: %" PRIu64 " inputs, this one has %" PRIu64},
        {FIELD_TARGETS, "a checkpoint of another net: %" PRIu64 " target values, this one has %" PRIu64},
        {FIELD_ROWS, "a checkpoint of a run over %" PRIu64 " samples, these are %" PRIu64},
        {FIELD_BATCH, "a checkpoint of a run with batches of %" PRIu64 " samples, not %" PRIu64},
        {FIELD_SEED, "a checkpoint of a run with seed %" PRIu64 ", not %" PRIu64},
    };
    uint64_t mine[FIELDS];
    fields_of(r, mine);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t theirs = in->f[numbers[i].field], own = mine[numbers[i].field];
        if (theirs != own)
            return mlp_fail(r->err, MLP_ESHAPE, in->path, 0, numbers[i].text, theirs, own);
    }
    if (in->f[FIELD_NET] != mine[FIELD_NET])
        return mlp_fail(r->err, MLP_ESHAPE, in->path, 0, "a checkpoint of another net with as many parameters");
    if (in->f[FIELD_METHOD] > MLP_ADAMW || in->f[FIELD_METHOD] != mine[FIELD_METHOD])
        return mlp_fail(r->err, MLP_ESHAPE, in->path, 0, "a checkpoint of a run with optimizer %s, not %s",
                        in->f[FIELD_METHOD] > MLP_ADAMW ? "?" : mlp_method_name((mlp_method)in->f[FIELD_METHOD]),
                        mlp_method_name(r->o.optimizer.method));
    bool sane = in->f[FIELD_BATCHES_DONE] < r->batches && in->f[FIELD_SAMPLES] <= in->f[FIELD_ROWS];
    if (in->f[FIELD_STATE] != mine[FIELD_STATE] || !sane)
        return mlp_fail(r->err, MLP_ESHAPE, in->path, 0, "a checkpoint of a run with other settings of the optimizer");
    return MLP_OK;
}

static const unsigned char *take_floats(float *to, const unsigned char *from, size_t count)
{
    memcpy(to, from, count * sizeof *to);
    if (!mlp_host_is_little())
        mlp_swap_bytes(to, count, sizeof *to);
    return from + count * sizeof *to;
}

static void take(const reader *in, mlp_run *r)
{
    const uint64_t *f = in->f;
    size_t params = r->learner->params;
    r->at = (mlp_position){.epoch = f[FIELD_EPOCH],
                           .batch = f[FIELD_BATCHES_DONE],
                           .step = f[FIELD_STEP],
                           .samples = f[FIELD_SAMPLES],
                           .loss_sum = of_bits(f[FIELD_LOSS_SUM]),
                           .last_loss = of_bits(f[FIELD_LAST_LOSS]),
                           .rng = {f[FIELD_RNG_STATE], f[FIELD_RNG_INCREMENT]},
                           .best_epoch = f[FIELD_BEST_EPOCH],
                           .waiting = f[FIELD_WAITING],
                           .best_loss = of_bits(f[FIELD_BEST_LOSS]),
                           .seconds = of_bits(f[FIELD_SECONDS])};
    const unsigned char *at = take_floats(r->w, in->floats, params);
    at = take_floats(r->state, at, r->state_size);
    if (f[FIELD_HAS_BEST] && r->best)
        take_floats(r->best, at, params);
    else if (r->best) /* the run before had no patience: it begins now */
        r->at.best_epoch = r->at.waiting = 0;
    memcpy(r->good, r->w, params * sizeof *r->good);
    r->good_step = r->at.step;
}

mlp_status mlp_checkpoint_read(mlp_run *r)
{
    reader in = {0};
    mlp_status status = open_checkpoint(&in, r->o.resume, r->err);
    if (status == MLP_OK)
        status = belongs(&in, r);
    if (status == MLP_OK)
        take(&in, r);
    free(in.bytes);
    return status;
}

char *mlp_checkpoint_settings(const char *path, mlp_error *err)
{
    reader in = {0};
    char *text = NULL;
    if (open_checkpoint(&in, path, err) == MLP_OK) {
        size_t size = (size_t)in.f[FIELD_SETTINGS];
        text = malloc(size + 1);
        if (text) {
            memcpy(text, in.settings, size);
            text[size] = '\0';
        } else {
            mlp_fail_memory(err, path, size, "the settings");
        }
    }
    free(in.bytes);
    return text;
}
