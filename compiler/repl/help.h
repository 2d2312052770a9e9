/* help.h: what there is at the prompt, in words. */
#ifndef MLPC_HELP_H
#define MLPC_HELP_H

#include "base/text.h"

/* Appends help about a topic ("train", "relu", "data"), or an overview if it is NULL; says so when there is no such
 * topic. */
void help_text(Text *t, const char *topic);

#endif
