/* input.c: a file as a stream of bytes: plain, gzip, or a part of a zip archive. zlib is used here and nowhere else. */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* Deflate cannot shrink by more than 1032 to 1 (zlib's technical notes), which bounds what a packed file can hold. */
enum { MOST_DEFLATE = 1032 };

static mlp_status fail(mlp_input *in, mlp_status status, const char *text, uint64_t at)
{
    in->ended = true;
    in->status = mlp_fail(in->err, status, in->name, 0, "%s (byte %llu)", text, (unsigned long long)at);
    return status;
}

/* What one call of the system gives. */
static size_t read_once(mlp_input *in, void *to, size_t size)
{
    ssize_t n;
    while ((n = read(fileno(in->file), to, size)) < 0 && errno == EINTR) {
    }
    if (n < 0) {
        fail(in, MLP_EIO, "cannot read", in->stored_at);
    }
    return n > 0 ? (size_t)n : 0;
}

/* Up to `size` stored bytes; fewer only at the end (drained) or after a failure, or as they come (eager). */
static size_t take_stored(mlp_input *in, void *to, size_t size)
{
    size_t wanted = size > in->left ? (size_t)in->left : size, n = 0;
    if (wanted > 0) {
        n = in->eager ? read_once(in, to, wanted) : fread(to, 1, wanted, in->file);
    }
    in->stored_at += n;
    if (in->left != MLP_SIZE_UNKNOWN) {
        in->left -= n;
    }
    if (n < wanted && !in->eager && ferror(in->file)) {
        fail(in, MLP_EIO, "cannot read", in->stored_at);
    }
    in->drained = in->drained || (in->eager ? n == 0 : n < size);
    return n;
}

/* Where in the file the next byte to unpack stands. */
static uint64_t packed_at(const mlp_input *in) { return in->stored_at - in->z.avail_in; }

static void refill(mlp_input *in)
{
    if (in->z.avail_in == 0) {
        in->z.next_in = in->packed;
        in->z.avail_in = (unsigned)take_stored(in, in->packed, MLP_INPUT_BUFFER);
    }
}

/* At the end of one gzip stream: another may follow, or zero bytes as padding, and nothing else. */
static void after_stream(mlp_input *in)
{
    refill(in);
    if (in->packing == MLP_GZIP && in->z.avail_in > 0 && in->z.next_in[0] == 0x1F) {
        if (inflateReset(&in->z) != Z_OK) {
            fail(in, MLP_EFORMAT, "damaged gzip data", packed_at(in));
        }
        return;
    }
    while (in->packing == MLP_GZIP && in->z.avail_in > 0) {
        if (*in->z.next_in != 0) {
            fail(in, MLP_EFORMAT, "other bytes follow the gzip data", packed_at(in));
            return;
        }
        in->z.next_in++;
        in->z.avail_in--;
        refill(in);
    }
    in->ended = true;
}

/* Up to `size` unpacked bytes; fewer only at the end or after a failure. */
static size_t unpack_unchecked(mlp_input *in, unsigned char *to, size_t size)
{
    size_t done = 0;
    while (done < size && !in->ended && !(in->eager && done > 0)) {
        if (in->packing == MLP_PLAIN) {
            done += take_stored(in, to + done, size - done);
            in->ended = in->ended || in->drained;
            continue;
        }
        size_t part = size - done < MLP_INPUT_BUFFER ? size - done : MLP_INPUT_BUFFER;
        refill(in);
        in->z.next_out = to + done;
        in->z.avail_out = (unsigned)part;
        int code = inflate(&in->z, Z_NO_FLUSH);
        done += part - in->z.avail_out;
        if (code == Z_STREAM_END) {
            after_stream(in);
        } else if (code == Z_BUF_ERROR && in->status == MLP_OK) { /* no more bytes, and not at the end */
            fail(in, MLP_EFORMAT, "packed data cut short", packed_at(in));
        } else if (code == Z_MEM_ERROR) {
            fail(in, MLP_ENOMEM, "no memory to unpack", packed_at(in));
        } else if (code != Z_OK && in->status == MLP_OK) {
            char text[128];
            snprintf(text, sizeof text, "damaged packed data: %s", in->z.msg ? in->z.msg : "unknown form");
            fail(in, MLP_EFORMAT, text, packed_at(in));
        }
    }
    return done;
}

static size_t unpack(mlp_input *in, unsigned char *to, size_t size)
{
    bool over = in->ended;
    size_t n = unpack_unchecked(in, to, size);
    if (in->has_crc && !over) {
        for (size_t at = 0; at < n;) { /* crc32 counts in unsigned int */
            unsigned part = n - at < (size_t)1 << 30 ? (unsigned)(n - at) : 1u << 30;
            in->crc = (uint32_t)crc32(in->crc, to + at, part);
            at += part;
        }
        if (in->ended && in->status == MLP_OK && in->crc != in->wanted_crc) {
            fail(in, MLP_EFORMAT, "damaged archive member: wrong checksum", in->stored_at);
        }
    }
    return n;
}

static mlp_status start(mlp_input *in, const char *name)
{
    size_t length = strlen(name) + 1;
    in->name = malloc(length);
    in->packed = malloc(MLP_INPUT_BUFFER);
    in->buffer = malloc(MLP_INPUT_BUFFER);
    if (!in->name || !in->packed || !in->buffer) {
        return in->status = mlp_fail_memory(in->err, name, 2ULL * MLP_INPUT_BUFFER, "buffers");
    }
    memcpy(in->name, name, length);
    return MLP_OK;
}

/* Prepares zlib; the bytes in in->packed[0..waiting) are the first to unpack. */
static mlp_status start_unpacking(mlp_input *in, size_t waiting)
{
    in->z.next_in = in->packed;
    in->z.avail_in = (unsigned)waiting;
    if (inflateInit2(&in->z, in->packing == MLP_GZIP ? 15 + 16 : -15) != Z_OK) {
        return in->status = mlp_fail_memory(in->err, in->name, MLP_INPUT_BUFFER, "unpacking");
    }
    in->z_open = true;
    return MLP_OK;
}

static mlp_status open_file(mlp_input *in, const char *path, bool eager, mlp_error *err)
{
    *in = (mlp_input){.err = err, .eager = eager};
    if (start(in, strcmp(path, "-") == 0 ? "standard input" : path) != MLP_OK) {
        return in->status;
    }
    in->file = mlp_open_read(path, &in->left, err);
    if (!in->file) {
        return in->status = MLP_EIO;
    }
    in->owned = in->file != stdin;
    size_t n = take_stored(in, in->packed, MLP_INPUT_BUFFER);
    while (n < 2 && !in->drained && in->status == MLP_OK) {
        n += take_stored(in, in->packed + n, MLP_INPUT_BUFFER - n);
    }
    if (in->status == MLP_OK && n >= 2 && in->packed[0] == 0x1F && in->packed[1] == 0x8B) {
        in->packing = MLP_GZIP;
        return start_unpacking(in, n);
    }
    memcpy(in->buffer, in->packed, n);
    in->have = n;
    in->ended = in->ended || in->drained;
    return in->status;
}

mlp_status mlp_input_open(mlp_input *in, const char *path, mlp_error *err) { return open_file(in, path, false, err); }

mlp_status mlp_input_open_eager(mlp_input *in, const char *path, mlp_error *err)
{
    return open_file(in, path, true, err);
}

mlp_status mlp_input_open_text(mlp_input *in, const char *text, size_t size, const char *name, mlp_error *err)
{
    *in = (mlp_input){.err = err, .left = size, .owned = true};
    union {
        const char *is;
        char *wanted; /* fmemopen takes it so, and only reads with mode "r" */
    } bytes = {text};
    in->file = fmemopen(bytes.wanted, size ? size : 1, "r");
    if (!in->file) {
        in->owned = false;
        return in->status = mlp_fail_memory(err, name, size, "the text");
    }
    return start(in, name);
}

mlp_status mlp_input_open_part(mlp_input *in, FILE *file, const char *name, uint64_t offset, uint64_t stored,
                               mlp_packing packing, uint32_t crc, mlp_error *err)
{
    *in = (mlp_input){.err = err, .file = file, .packing = packing, .stored_at = offset, .left = stored};
    in->has_crc = true;
    in->wanted_crc = crc;
    if (start(in, name) != MLP_OK) {
        return in->status;
    }
    in->status = mlp_seek(file, name, offset, err);
    return in->status == MLP_OK && packing != MLP_PLAIN ? start_unpacking(in, 0) : in->status;
}

void mlp_input_close(mlp_input *in)
{
    if (in->z_open) {
        inflateEnd(&in->z);
    }
    if (in->owned) {
        fclose(in->file);
    }
    free(in->name);
    free(in->packed);
    free(in->buffer);
    *in = (mlp_input){.status = MLP_OK};
}

bool mlp_input_more(mlp_input *in)
{
    size_t waiting = in->have - in->at;
    if (in->ended || waiting == MLP_INPUT_BUFFER) {
        return false;
    }
    memmove(in->buffer, in->buffer + in->at, waiting);
    in->at = 0;
    in->have = waiting + unpack(in, in->buffer + waiting, MLP_INPUT_BUFFER - waiting);
    return in->have > waiting;
}

size_t mlp_input_some(mlp_input *in, void *to, size_t size)
{
    if (in->at == in->have && in->status == MLP_OK) {
        mlp_input_more(in);
    }
    size_t waiting = in->have - in->at, n = waiting < size ? waiting : size;
    memcpy(to, in->buffer + in->at, n);
    in->at += n;
    in->offset += n;
    return in->status == MLP_OK ? n : 0;
}

bool mlp_input_waits(const mlp_input *in)
{
    struct stat st;
    int fd = fileno(in->file);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (in->ended || in->z.avail_in > 0 || fstat(fd, &st) != 0 || S_ISREG(st.st_mode)) {
        return false;
    }
    return poll(&ready, 1, 0) == 0;
}

size_t mlp_input_peek(mlp_input *in, const unsigned char **bytes)
{
    /* An eager one has bytes enough as long as it has any. */
    if (in->have - in->at < (in->eager ? 1 : MLP_INPUT_BUFFER / 2)) {
        mlp_input_more(in);
    }
    *bytes = in->buffer + in->at;
    return in->status == MLP_OK ? in->have - in->at : 0;
}

size_t mlp_input_read(mlp_input *in, void *to, size_t size)
{
    size_t waiting = in->have - in->at, first = waiting < size ? waiting : size;
    if (in->status != MLP_OK) {
        return 0;
    }
    if (first > 0) {
        memcpy(to, in->buffer + in->at, first);
        in->at += first;
    }
    size_t n = first;
    do { /* an eager one comes in pieces */
        n += unpack(in, (unsigned char *)to + n, size - n);
    } while (n < size && in->eager && !in->ended);
    in->offset += n;
    return n;
}

mlp_status mlp_input_take(mlp_input *in, void *to, size_t size, const char *what)
{
    size_t n = mlp_input_read(in, to, size);
    if (n < size && in->status == MLP_OK) {
        in->ended = true;
        in->status = mlp_fail(in->err, MLP_EFORMAT, in->name, 0, "cut short: %s ends at byte %llu", what,
                              (unsigned long long)in->offset);
    }
    return in->status;
}

uint64_t mlp_input_rest(const mlp_input *in, bool *exact)
{
    uint64_t waiting = in->have - in->at;
    *exact = in->packing == MLP_PLAIN && in->left != MLP_SIZE_UNKNOWN;
    if (in->left == MLP_SIZE_UNKNOWN) {
        *exact = in->ended;
        return in->ended ? waiting : MLP_SIZE_UNKNOWN;
    }
    if (in->packing == MLP_PLAIN) {
        return waiting + in->left;
    }
    uint64_t packed = in->left + in->z.avail_in + 64; /* what zlib holds inside counts too */
    return packed > (UINT64_MAX - waiting) / MOST_DEFLATE - 1 ? MLP_SIZE_UNKNOWN - 1 : packed * MOST_DEFLATE + waiting;
}
