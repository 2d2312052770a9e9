/* report.h: what a user sees of training: the live line or a line an epoch, the log, and what came out at the end. */
#ifndef MLPC_REPORT_H
#define MLPC_REPORT_H

#include <stdio.h>

#include "base/text.h"
#include "graph/graph.h"
#include "learner.h"
#include "train/task.h"

/* Where progress goes. */
typedef struct Report {
    const Task *task;
    FILE *out;       /* NULL: nothing is shown */
    bool live;       /* out is a terminal: one line that changes */
    int columns;     /* of the terminal */
    bool line_open;  /* the live line stands without its end */
    double shown;    /* when it was last written, in seconds of the run */
    char measured[160]; /* what the last epoch's measuring gave */
    const char *log; /* path, or NULL */
    FILE *log_file;
    bool log_lines;  /* JSON lines instead of a table */
    bool failed;     /* the log could not be written: errnum says why */
    int errnum;
    Arena *arena;
} Report;

/* Prepares out (usually stderr; its kind is found out) and the log. false: it cannot be written, reported to d. */
bool report_begin(Report *r, const Task *task, FILE *out, const char *log, Arena *a, Diag *d);

/* For mlp_training.progress, with the Report as context. */
void report_progress(void *report, const mlp_progress *p);

/* Ends the live line, closes the log. false: it could not be written whole, reported to d. */
bool report_end(Report *r, Diag *d);

/* The one figure that matters most for a head: its name and value. */
const char *report_metric(const mlp_head *h, const mlp_metrics *m, double *value);

/* Measures every part, and prints a table of losses and metrics, and the confusion of classes on the last part. false:
 * reported to d. *right (may be NULL): the accuracy on the first part, NaN where there is none. */
bool report_parts(Text *t, const Task *task, const Graph *g, const Learner *l, const float *block, int threads, Diag *d,
                  double *right);

#endif
