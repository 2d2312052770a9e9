/* plot.h: a drawing by gnuplot: commands and numbers in, text for the terminal or a file out. Knows nothing of nets. */
#ifndef MLPC_PLOT_H
#define MLPC_PLOT_H

#include "base/diag.h"
#include "base/text.h"

/* Where a drawing goes. */
typedef enum PlotKind { PLOT_TERMINAL, PLOT_SVG, PLOT_PNG, PLOT_NOTHING } PlotKind;

/* By the ending of the path; NULL: the terminal; PLOT_NOTHING: no ending that is known. */
PlotKind plot_kind(const char *path);

/* Columns and rows for a drawing in the terminal: what stdout has, 79 by 24 where it is none. */
void plot_size(int *columns, int *rows);

/* Adds a block of numbers to be drawn as $name: `count` pairs; y that is not finite leaves a gap. */
void plot_add_curve(Text *commands, const char *name, const double *x, const double *y, size_t count);

/* Runs gnuplot on commands (which say nothing of a terminal or an output) given on its standard input; no shell is
 * asked. path NULL: the drawing is added to out. Else the file is written whole or not at all. false: reported to d,
 * also when gnuplot is not there. */
bool plot_draw(const Text *commands, const char *path, Text *out, Diag *d);

#endif
