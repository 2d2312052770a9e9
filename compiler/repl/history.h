/* history.h: what was typed at earlier prompts, in a file of one line each. */
#ifndef MLPC_HISTORY_H
#define MLPC_HISTORY_H

#include <stdbool.h>

/* The path of the file, its folders made: $XDG_STATE_HOME/mlpc/history, or ~/.local/state/mlpc/history. NULL: there can
 * be none, and *why says why in one sentence; free it. The caller frees the path. */
char *history_path(char **why);

/* Hands out the lines of the file, oldest first, at most the last HISTORY_MAX; a file that has grown to twice as many
 * is cut to them. false: it cannot be read, errno says why (a file that does not exist is empty). */
bool history_read(const char *path, void (*line)(void *context, const char *text), void *context);

/* Adds a line at once, so that nothing is lost when the session is. false: errno says why. */
bool history_add(const char *path, const char *line);

enum { HISTORY_MAX = 2000 };

#endif
