/* file.h: what the runtime's readers need from the system beside the public mlp_file functions. Not installed. */
#ifndef MLP_RUNTIME_FILE_H
#define MLP_RUNTIME_FILE_H

#include "mlp.h"

#define MLP_SIZE_UNKNOWN UINT64_MAX

/* Opens `path` for reading ("-": stdin, which the caller must not close). *size is the length of a regular file in
 * bytes, MLP_SIZE_UNKNOWN for anything else. A directory is refused. NULL on failure. */
FILE *mlp_open_read(const char *path, uint64_t *size, mlp_error *err);

/* Reads from where `file` stands to its end into new memory, as mlp_file_read does. expected: the first guess of the
 * size; limit 0: none. */
mlp_status mlp_read_rest(FILE *file, const char *name, size_t limit, size_t expected, void **bytes, size_t *size,
                         mlp_error *err);

/* Moves to byte `offset` of a regular file. */
mlp_status mlp_seek(FILE *file, const char *name, uint64_t offset, mlp_error *err);

/* Bytes of memory that this process can still take without swapping, as far as the system says (its free memory, a
 * container's limit, the address space limit); UINT64_MAX when it does not say. */
uint64_t mlp_memory_available(void);

#endif
