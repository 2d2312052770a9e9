/* input.h: bytes of a file one after the other, unpacked on the way. The data readers stand on it. Not installed. */
#ifndef MLP_RUNTIME_INPUT_H
#define MLP_RUNTIME_INPUT_H

#include <zlib.h>

#include "error.h"

enum { MLP_INPUT_BUFFER = 1 << 16 };

typedef enum mlp_packing { MLP_PLAIN, MLP_GZIP, MLP_DEFLATE } mlp_packing;

/* One stream of bytes. Reading stops for good at the first failure, which is kept in status and told in *err. */
typedef struct mlp_input {
    char *name; /* for messages */
    mlp_error *err;
    mlp_status status;
    FILE *file;
    bool owned; /* file is ours to close */
    mlp_packing packing;
    uint64_t stored_at; /* bytes taken from the file, counted in the file */
    uint64_t left;      /* stored bytes that may still be taken; MLP_SIZE_UNKNOWN for a pipe */
    uint64_t offset;    /* unpacked bytes handed out */
    bool eager;   /* hand out what has arrived rather than wait for a full buffer */
    bool drained; /* the file has no more */
    bool ended;
    bool has_crc; /* of a zip member: what its bytes must add up to, and what they have so far */
    uint32_t wanted_crc, crc;
    z_stream z;
    bool z_open;
    unsigned char *packed, *buffer; /* stored bytes waiting to be unpacked; unpacked bytes waiting to be taken */
    size_t at, have;                /* in buffer */
} mlp_input;

/* Opens `path` ("-": standard input); gzip is recognised by its first bytes, whatever the name says. mlp_input_close
 * is due in any case. */
mlp_status mlp_input_open(mlp_input *in, const char *path, mlp_error *err);

/* The same for those who answer before the next bytes come: peek and some return what has arrived, and wait only when that
 * is nothing. Standard input must not have been read before. */
mlp_status mlp_input_open_eager(mlp_input *in, const char *path, mlp_error *err);

/* Opens `stored` bytes of `file` (which stays the caller's) from `offset` on; crc: of the unpacked bytes. */
mlp_status mlp_input_open_part(mlp_input *in, FILE *file, const char *name, uint64_t offset, uint64_t stored,
                               mlp_packing packing, uint32_t crc, mlp_error *err);

/* Opens plain bytes in memory, which stay the caller's; name: for messages. */
mlp_status mlp_input_open_text(mlp_input *in, const char *text, size_t size, const char *name, mlp_error *err);

void mlp_input_close(mlp_input *in);

/* Fills the buffer as far as it goes and shows it: *bytes[0..returned) are next. 0: the end, or a failure. */
size_t mlp_input_peek(mlp_input *in, const unsigned char **bytes);

/* Adds to what peek shows, waiting for at least one byte; false: at the end, after a failure, or no room for more. */
bool mlp_input_more(mlp_input *in);

/* Takes what has arrived, up to `size` bytes, waiting for at least one; 0: at the end, or after a failure. */
size_t mlp_input_some(mlp_input *in, void *to, size_t size);

/* Whether more and some would have to wait, for somebody at a terminal or at the other end of a pipe. */
bool mlp_input_waits(const mlp_input *in);

/* Takes up to `size` bytes; fewer only at the end or after a failure. */
size_t mlp_input_read(mlp_input *in, void *to, size_t size);

/* Takes exactly `size` bytes; else fails with "cut short: WHAT ends at byte N". */
mlp_status mlp_input_take(mlp_input *in, void *to, size_t size, const char *what);

/* How many bytes can still come: exactly so many when *exact, else an upper bound (MLP_SIZE_UNKNOWN for a pipe). */
uint64_t mlp_input_rest(const mlp_input *in, bool *exact);

#endif
