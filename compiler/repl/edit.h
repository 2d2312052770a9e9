/* edit.h: lines from a person: editing, history and completion on a terminal, or plainly from a file or a pipe. */
#ifndef MLPC_EDIT_H
#define MLPC_EDIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

typedef struct Editor Editor;

/* How a word is completed: line[0..at) is what stands before the cursor. Fills *from with where in the line the word
 * begins, and returns its completions, NULL-terminated, or NULL; they live until the next call. */
typedef const char *const *EditComplete(void *context, const char *line, size_t at, size_t *from);

/* Called now and then while a person thinks: adds to text what there is to tell, whole lines. false: not soon again. */
typedef bool EditIdle(void *context, Text *text);

/* An editor on standard input. Where that is a terminal, history is read from and added to $XDG_STATE_HOME/mlpc/history
 * (~/.local/state without the variable); when that cannot be, one line on stderr says so. *interrupted: set by the
 * caller's handler of SIGINT, which must not restart system calls. Never NULL. */
Editor *edit_begin(EditComplete *complete, EditIdle *idle, void *context, const volatile sig_atomic_t *interrupted);

/* Whether standard input is a terminal. */
bool edit_is_terminal(const Editor *e);

typedef enum EditResult {
    EDIT_LINE,
    EDIT_INTERRUPT, /* Ctrl-C: the line is given up */
    EDIT_END        /* Ctrl-D, or the end of the file */
} EditResult;

/* The next line without its newline, which lives until the next call. prompt: shown on a terminal. */
EditResult edit_line(Editor *e, const char *prompt, const char **line, size_t *size);

/* Adds a line to the history. */
void edit_remember(Editor *e, const char *line);

void edit_end(Editor *e);

#endif
