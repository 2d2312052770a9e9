/* mlp.h: the public face of the mlpc runtime: files, parameters, random numbers, data. Nothing here knows the compiler.
 *
 * Conventions
 *   - Every name starts with mlp_ (types and functions) or MLP_ (constants). C11; the header also reads as C++.
 *   - No global state: every function is thread-safe as long as two threads do not share one object that changes.
 *   - What can fail returns an mlp_status, or a pointer that is NULL on failure, and fills *err when err is not NULL.
 *     On success *err is left alone. Outputs are not touched on failure unless the comment says so.
 *   - Who makes an object frees it: X_read, X_new and X_create have an X_free (NULL is allowed).
 *   - Matrices are row-major, one sample a row. Sizes count elements, not bytes, unless the name says bytes.
 *   - A path of "-" is standard input or standard output.
 */
#ifndef MLP_H
#define MLP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------------------------------------------ */

/* What went wrong, for programs to branch on. MLP_OK is 0, so `if (f(...))` reads as "if it failed". */
typedef enum mlp_status {
    MLP_OK = 0,
    MLP_ENOMEM,    /* memory ran out, or the data is larger than the memory of this machine */
    MLP_EIO,       /* the system refused to open, read, write or rename a file */
    MLP_EFORMAT,   /* a file is not what it claims to be: damaged, cut short, or another format */
    MLP_ESHAPE,    /* sizes that do not fit together */
    MLP_EVALUE,    /* a number out of its range, not finite, or missing */
    MLP_ENOTFOUND, /* a name that does not exist in the file */
    MLP_EARGUMENT  /* the caller's mistake: an argument that makes no sense */
} mlp_status;

/* A failure, told in one sentence. text is whole: "F:LINE: SENTENCE" or "F: SENTENCE" (no newline, no full stop).
 * To print it in another shape use the parts: file, line and mlp_error_detail(). Byte offsets are in the sentence. */
typedef struct mlp_error {
    mlp_status status;
    long line;      /* line in file, from 1; 0: the file as a whole */
    int detail;     /* index in text where SENTENCE begins */
    char file[256]; /* the file as the caller named it (its tail after "..." if longer); "" when there is none */
    char text[768];
} mlp_error;

/* A few constant words for a status ("out of memory"); never NULL. */
const char *mlp_status_text(mlp_status status);

/* The sentence of an error without the leading "F:LINE: ". Points into err->text. */
const char *mlp_error_detail(const mlp_error *err);

/* ---- whole files ------------------------------------------------------------------------------------------- */

/* A file being written. A regular file is written beside its place under an unpredictable name and renamed over it by
 * mlp_file_commit, so that a reader sees the old bytes or all the new ones. "-" is standard output. A path that
 * exists and is no regular file (a device, a pipe) is written straight into. */
typedef struct mlp_file mlp_file;

/* Opens `path` for writing. The new file takes the mode of the one it replaces, or 0666 less the umask; a symbolic
 * link is followed. NULL on failure (missing folder, a directory, no permission). The caller ends it with
 * mlp_file_commit or mlp_file_abort. */
mlp_file *mlp_file_create(const char *path, mlp_error *err);

/* The stream to print into. Its errors may be ignored: commit finds them. Owned by the file; do not close it. */
FILE *mlp_file_stream(mlp_file *file);

/* Adds `size` bytes; returns the first error at once (a full disk is one). */
mlp_status mlp_file_write(mlp_file *file, const void *bytes, size_t size, mlp_error *err);

/* Commit need not wait until the bytes are on the disk: for what can be made again. The rename is as whole as ever. */
void mlp_file_quick(mlp_file *file);

/* Flushes, syncs to disk, closes and renames into place; frees `file` whatever happens. On failure the place that
 * was to be written holds what it held before and the temporary file is gone. */
mlp_status mlp_file_commit(mlp_file *file, mlp_error *err);

/* Commits several files as one: no place changes before every file is known to be whole on disk. Frees them all. */
mlp_status mlp_file_commit_all(mlp_file **files, size_t count, mlp_error *err);

/* Drops what was written and frees `file`; the place keeps what it held. NULL is allowed. */
void mlp_file_abort(mlp_file *file);

/* Reads the whole of `path` ("-": standard input) into new memory (free with free()), followed by one NUL byte that
 * *size does not count. More than `limit` bytes are an error; limit 0 is none. */
mlp_status mlp_file_read(const char *path, size_t limit, void **bytes, size_t *size, mlp_error *err);

/* ---- parameters: safetensors ------------------------------------------------------------------------------- */

/* One tensor of a file. F32, F16, BF16 and F64 arrive as float32 (an F64 beyond float32's range becomes an infinity);
 * a tensor of any other dtype is listed with data NULL, for callers that do not need it. */
typedef struct mlp_tensor {
    const char *name;       /* UTF-8, as in the file: "0.weight" */
    const char *dtype;      /* as in the file: "F32", "I64"; ignored when writing */
    const float *data;      /* count values, row-major, aligned to 64 bytes; NULL: a dtype that is not read */
    size_t count;           /* product of shape; 1 for rank 0 */
    const size_t *shape;    /* rank sizes, outermost first: a dense weight is [out][in] */
    int rank;               /* 0 (one number) to 64 */
    size_t position;        /* place in the header, from 0; the file's tensors are sorted by where their data lies */
    uint64_t offset;        /* first byte of the data in the file */
    size_t nonfinite;       /* how many values are NaN or infinite */
    size_t first_nonfinite; /* index of the first one when there is one */
} mlp_tensor;

/* A name and a text, as in safetensors' __metadata__. */
typedef struct mlp_pair {
    const char *key, *value;
} mlp_pair;

/* A parameter file in memory. Read-only; everything in it lives until mlp_params_free. */
typedef struct mlp_params {
    size_t count;
    const mlp_tensor *tensors; /* in order of their data in the file */
    size_t metadata_count;
    const mlp_pair *metadata;         /* in order of the header */
    const mlp_tensor *const *by_name; /* the tensors, sorted by name as strcmp does */
    struct mlp_params_memory *memory; /* the library's */
} mlp_params;

/* Reads a safetensors file ("-": standard input). Every size in it is checked before it is used, by the rules of the
 * reference implementation: a header of at most 100 MB of strict JSON, no name twice, data that tiles the rest of the
 * file without hole or overlap, shapes that match their bytes. Peak memory is the float32 data plus the header.
 * NULL on failure: MLP_EIO, MLP_EFORMAT or MLP_ENOMEM. Values are not judged: see nonfinite. */
mlp_params *mlp_params_read(const char *path, mlp_error *err);

/* The same from `size` bytes in memory, which are copied; `name` stands for the file in messages. */
mlp_params *mlp_params_parse(const void *bytes, size_t size, const char *name, mlp_error *err);

void mlp_params_free(mlp_params *params);

/* The tensor of that name, or NULL. */
const mlp_tensor *mlp_params_find(const mlp_params *params, const char *name);

/* The text under `key` in __metadata__, or NULL. */
const char *mlp_params_meta(const mlp_params *params, const char *key);

/* In which order a file's tensors are matched to a net's parameters when the names do not tell. */
typedef enum mlp_order {
    MLP_ORDER_AUTO,   /* natural if the file is sorted by name, as libraries write it; else as in the file */
    MLP_ORDER_FILE,   /* modules in order of first appearance: a file written by hand in order of creation */
    MLP_ORDER_NATURAL /* modules by path, digits compared as numbers: 0, 2, 10; fc1, fc2, fc10 */
} mlp_order;

/* Fills list[0..*count) with the tensors in binding order; list has room for params->count. The module of a tensor is
 * its name up to the last dot ("net.0" of "net.0.weight"); in either order one module's tensors come as weight, bias,
 * running_mean, running_var, then others. Names such as W1 and b1 count as weight and bias of module 1. A tensor of a
 * dtype that is not read is left out unless it is one of those four (num_batches_tracked goes, an I8 weight stays).
 * The reference writer sorts names as text and so loses the order of creation of modules that no number orders
 * ("encoder", "decoder"); no rule brings it back. MLP_ENOMEM is the one failure. */
mlp_status mlp_params_ordered(const mlp_params *params, mlp_order order, const mlp_tensor **list, size_t *count,
                              mlp_error *err);

/* Writes tensors (as F32, in the order given; name, data, shape, rank and count are used) and metadata as a
 * safetensors file, through mlp_file. The same input gives the same bytes anywhere. MLP_EARGUMENT for names that stand
 * twice, are no UTF-8 or are "__metadata__", and for a count that is not the shape's product. */
mlp_status mlp_params_write(const char *path, const mlp_tensor *tensors, size_t count, const mlp_pair *metadata,
                            size_t metadata_count, mlp_error *err);

/* ---- random numbers ---------------------------------------------------------------------------------------- */

/* PCG32 (XSH-RR 64/32): M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
 * Random Number Generation", Harvey Mudd College HMC-CS-2014-0905. The two fields are the whole state: saving and
 * restoring them continues the sequence. Integers, uniform and shuffle are the same on every machine; normal uses the C
 * library's logarithm, so its last bit may differ between C libraries. */
typedef struct mlp_rng {
    uint64_t state;
    uint64_t increment; /* odd; picks the stream */
} mlp_rng;

/* Starts the sequence that belongs to `seed` and `stream`; both are scrambled by splitmix64 (Steele, Lea and Flood,
 * "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014), so that 1, 2, 3... are as good as any seeds. */
void mlp_rng_seed(mlp_rng *rng, uint64_t seed, uint64_t stream);

uint32_t mlp_rng_u32(mlp_rng *rng);               /* 0 to 2^32 - 1 */
uint64_t mlp_rng_u64(mlp_rng *rng);               /* 0 to 2^64 - 1; two steps */
uint64_t mlp_rng_below(mlp_rng *rng, uint64_t n); /* 0 to n - 1 without bias; 0 for n = 0 */
float mlp_rng_uniform(mlp_rng *rng);              /* [0, 1) in steps of 2^-24; never 1 */
float mlp_rng_normal(mlp_rng *rng);               /* mean 0, variance 1; keeps nothing back for the next call */

/* Puts items[0..count) into random order, every order equally likely (Fisher and Yates). */
void mlp_rng_shuffle(mlp_rng *rng, size_t *items, size_t count);

/* ---- data -------------------------------------------------------------------------------------------------- */

/* How a value is stored. Bytes stay bytes until a batch is gathered; wider types than these arrive as MLP_F32. */
typedef enum mlp_type { MLP_F32, MLP_F16, MLP_U8, MLP_I8, MLP_U16, MLP_I16 } mlp_type;

/* A matrix: rows samples of width values, row-major, in the machine's own byte order. */
typedef struct mlp_array {
    mlp_type type;
    size_t rows, width;
    void *values;
} mlp_array;

/* What a sample is to be answered with. */
typedef enum mlp_target {
    MLP_TARGET_AUTO,  /* in a spec: whatever the file has (see mlp_data_read) */
    MLP_TARGET_NONE,  /* nothing: features alone */
    MLP_TARGET_CLASS, /* one class number */
    MLP_TARGET_VALUES /* a row of numbers: regression, or a probability for each class */
} mlp_target;

/* What is known about the data before it is read. A spec of zeros asks for whatever the files have. */
typedef struct mlp_data_spec {
    const char *format;  /* "csv", "idx", "npy", "npz" or "f32"; NULL: by the name's ending, else by the first bytes */
    size_t inputs;       /* features a row that the net takes; 0: any. f32 needs it */
    mlp_target target;   /* what the net learns */
    size_t classes;      /* CLASS: labels must be below this; 0: any */
    size_t target_width; /* VALUES: how many a row; 0: any */
    size_t min_classes;  /* CLASS: so many different labels must occur (2 to train on); 0: any number */
    const char *label;   /* target columns: a name, a position from 1, or from the end (-1: the last), or several with
                          * commas between; NULL: a column named label, class, target, species or y, else the last */
    const char *const *class_names; /* `classes` names that text labels stand for (from the training data); or NULL */
    char delimiter;                 /* CSV: between fields; ' ': any blanks; 0: found out */
    int header;                     /* CSV: 1: the first line holds names; -1: it does not; 0: found out */
    bool allow_nonfinite;           /* let NaN and infinity through */
    uint64_t memory;                /* most bytes to take; 0: what the machine has free */
} mlp_data_spec;

/* A data set in memory. */
typedef struct mlp_data {
    size_t rows;
    mlp_array x;        /* [rows][features] */
    mlp_target target;  /* NONE, CLASS or VALUES: which of the next two is there */
    uint32_t *labels;   /* CLASS: [rows], each below classes; else NULL */
    mlp_array t;        /* VALUES: [rows][width]; else values is NULL */
    size_t classes;     /* CLASS: spec.classes, or as many as the labels need */
    char **class_names; /* CLASS: `classes` names when the file or the spec has names; else NULL */
    char note[256];     /* what was found out rather than told: "target: column 5 (species)"; "" when nothing was */
} mlp_data;

/* Reads samples, and their labels or target values from the same file or from `labels_path` (NULL: the same).
 *
 * CSV (also .tsv, .txt, .data): comma, semicolon, tab, bar or blanks; with or without a line of names; quoted fields;
 * scikit-learn's first line ("150,4,setosa,versicolor,virginica") is understood. IDX as MNIST has it. NPY versions 1 to
 * 3 of b1, u1..u8, i1..i8, f2, f4, f8 in either byte order; NPZ likewise ("file.npz:member", or members x and y,
 * x_train and y_train, images and labels, data and target, arr_0 and arr_1). f32: raw little-endian float32. Any of
 * them may be gzipped (NPZ need not be). "-" is standard input.
 *
 * Dimensions after the first are flattened into the width. Where one file holds both, the columns beyond spec.inputs
 * are the target: one label, or target_width values, or (for CLASS) one probability for each class, which then come as
 * VALUES. With target AUTO a single column of text or of whole numbers 0 to 999 is a class, other columns are values;
 * arrays wider than spec.inputs split likewise, others are features alone. Text labels are numbered in the order of
 * strcmp. With target NONE the columns of spec.label are left out.
 *
 * Errors name the file and the line or byte: ragged rows, text in a number, a missing value, a label out of range, NaN,
 * wrong widths, files cut short or with counts that lie, more data than memory (MLP_ENOMEM, with both figures). */
mlp_data *mlp_data_read(const char *path, const char *labels_path, const mlp_data_spec *spec, mlp_error *err);

/* The same from `size` bytes of CSV in memory; `name` stands for the file in messages. */
mlp_data *mlp_data_parse(const char *text, size_t size, const char *name, const mlp_data_spec *spec, mlp_error *err);

void mlp_data_free(mlp_data *data);

/* Bytes of one stored value. */
size_t mlp_type_size(mlp_type type);

/* Copies the rows numbered rows[0..n) (NULL: 0 to n - 1) as floats into out[n][array->width]. The numbers are not
 * checked. Exact for every stored type. */
void mlp_gather(const mlp_array *array, const size_t *rows, size_t n, float *out);

/* The targets of those rows as floats: for CLASS the class numbers, out[n]; for VALUES the values, out[n][t.width]. */
void mlp_gather_targets(const mlp_data *data, const size_t *rows, size_t n, float *out);

/* For CLASS: out[n][classes] with 1 at the class and 0 elsewhere. Labels of `classes` or more leave a row of zeros. */
void mlp_gather_one_hot(const mlp_data *data, const size_t *rows, size_t n, size_t classes, float *out);

/* Splits the rows in two at random: all row numbers go to rows[0..data->rows), those of the first part, about ratio of
 * all, to rows[0..*first), each part in ascending order. stratified (CLASS only, else ignored): every class is divided
 * in that ratio, and one with at least two rows has a row in each part. Both parts get a row or it is MLP_EVALUE; ratio
 * is inside (0, 1). The same seed gives the same split on every machine. */
mlp_status mlp_split(const mlp_data *data, double ratio, bool stratified, uint64_t seed, size_t *rows, size_t *first,
                     mlp_error *err);

/* How features are scaled before a net: y = x * scale + shift, a pair for each feature. */
typedef enum mlp_scaling {
    MLP_SCALE_NONE,     /* 1, 0 */
    MLP_SCALE_STANDARD, /* to mean 0 and variance 1 (over n, not n - 1); a constant feature only loses its mean */
    MLP_SCALE_MINMAX,   /* to 0..1; a constant feature becomes 0 */
    MLP_SCALE_BYTE      /* 1/255, 0: bytes to 0..1 */
} mlp_scaling;

/* "none", "standard", "minmax", "1/255"; MLP_EARGUMENT for anything else. */
mlp_status mlp_scaling_parse(const char *text, mlp_scaling *scaling, mlp_error *err);

/* Learns scale[width] and shift[width] from the rows numbered rows[0..n) (NULL: 0 to n - 1), which should be the
 * training part. Sums are in double, two passes. MLP_EVALUE when n is 0 or a value is not finite. */
mlp_status mlp_scaling_learn(const mlp_array *x, const size_t *rows, size_t n, mlp_scaling scaling, float *scale,
                             float *shift, mlp_error *err);

/* ---- optimisers -------------------------------------------------------------------------------------------- */

typedef enum mlp_method { MLP_SGD, MLP_MOMENTUM, MLP_NESTEROV, MLP_RMSPROP, MLP_ADAM, MLP_ADAMW } mlp_method;

/* An optimiser's numbers, as PyTorch names and defines them (optim.c states the formulas). A method reads only its own. */
typedef struct mlp_optimizer {
    mlp_method method;
    double lr;           /* above 0; what a schedule multiplies */
    double momentum;     /* momentum, nesterov, rmsprop: 0 to 1 */
    double alpha;        /* rmsprop: how much of the mean square stays, 0 to 1 */
    double beta1, beta2; /* adam, adamw: how much of the mean and of the mean square stays, at least 0, below 1 */
    double eps;          /* rmsprop, adam, adamw: added to the root; at least 0 */
    double weight_decay; /* at least 0; adamw: w is multiplied by 1 - lr * weight_decay; others: adds it times w to g */
} mlp_optimizer;

/* PyTorch's defaults, but momentum 0.9 for momentum and nesterov, and rates that train small nets: sgd 0.1, adam and
 * adamw 0.001, the others 0.01. */
mlp_optimizer mlp_optimizer_default(mlp_method method);

/* "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"; MLP_EARGUMENT for anything else. */
mlp_status mlp_method_parse(const char *text, mlp_method *method, mlp_error *err);
const char *mlp_method_name(mlp_method method);

/* MLP_EARGUMENT, with the number named, when one is out of its range. */
mlp_status mlp_optimizer_check(const mlp_optimizer *o, mlp_error *err);

/* How many floats of state go with `params` parameters: 0, 1 or 2 times as many. They begin as zeros. */
size_t mlp_optimizer_state(const mlp_optimizer *o, size_t params);

/* One step of a flat block: w[params] changes by the gradient g[params]; state is kept between calls. step counts from
 * 1; lr is the rate of this step. The same bits whatever the instruction set (nothing is fused or reordered). */
void mlp_optimizer_step(const mlp_optimizer *o, size_t params, float *w, const float *g, float *state, uint64_t step,
                        double lr);

/* The length of g as a vector, summed in double precision. */
double mlp_norm(const float *g, size_t count);

/* Scales g down to the length `most` if it is longer, as clip_grad_norm_ does; returns the length that it had. */
double mlp_clip(float *g, size_t count, double most);

/* How the learning rate goes on. */
typedef enum mlp_curve {
    MLP_CONSTANT,
    MLP_STEP,  /* times `factor` after every `decay` epochs (PyTorch's StepLR) */
    MLP_COSINE /* half a cosine wave down to `least` of the rate at the end (PyTorch's CosineAnnealingLR), every step */
} mlp_curve;

typedef struct mlp_schedule {
    mlp_curve curve;
    double warmup; /* epochs, fractions allowed, in which the rate rises evenly from 0; it is whole in the last step */
    double decay;  /* MLP_STEP: epochs; 0: a third of the run */
    double factor; /* MLP_STEP; 0: 0.1 */
    double least;  /* MLP_COSINE: share of the rate that is left at the end */
} mlp_schedule;

/* "constant", "step", "cosine". */
mlp_status mlp_curve_parse(const char *text, mlp_curve *curve, mlp_error *err);

/* The rate of step number `step` (from 0) of a run of `epochs` epochs of `steps` steps each. */
double mlp_schedule_lr(const mlp_schedule *s, double lr, uint64_t step, uint64_t steps, double epochs);

/* ---- losses and metrics ------------------------------------------------------------------------------------ */

typedef enum mlp_loss {
    MLP_CROSS_ENTROPY,        /* sum over classes of -t log p */
    MLP_BINARY_CROSS_ENTROPY, /* mean over features of -(t log p + (1 - t) log(1 - p)) */
    MLP_MSE,                  /* mean over features of (y - t)^2 */
    MLP_MAE,                  /* ... of |y - t| */
    MLP_HUBER                 /* ... of half the square up to delta, and a line beyond */
} mlp_loss;

/* What a net's values are to an entropy; the other losses take them as they are. */
typedef enum mlp_form {
    MLP_LOGITS,        /* scores, before a softmax or sigmoid */
    MLP_PROBABILITIES, /* 0 to 1; one of 0 where the target is not costs 103, which is -log of the smallest float */
    MLP_LOG_PROBABILITIES
} mlp_form;

/* What is asked of an output, besides its loss. */
typedef enum mlp_task {
    MLP_VALUES,  /* numbers: squared and absolute errors, r2 */
    MLP_CLASSES, /* one of several classes: the largest value is the choice */
    MLP_BINARY   /* yes or no for each feature */
} mlp_task;

/* One output of a net and what it is measured by. */
typedef struct mlp_head {
    mlp_loss loss;
    mlp_form form; /* of the entropies */
    mlp_task task;
    size_t width;   /* floats that the net gives for a sample */
    size_t targets; /* floats that its target has: width, or (MLP_CLASSES) 1, the number of the class */
    double delta;   /* MLP_HUBER; 0: 1 */
    double middle;  /* MLP_BINARY, not binary cross entropy: values above it mean yes */
} mlp_head;

/* What came out for one head. Figures that make no sense for it are NaN. */
typedef struct mlp_metrics {
    size_t samples;
    double loss;       /* mean over samples */
    double accuracy;   /* MLP_CLASSES: share of samples that is right, the first of equal values being the choice;
                        * MLP_BINARY: share of features */
    double mse, mae;   /* mean over samples and features; not of entropies */
    double r2;         /* MLP_VALUES: 1 - squared errors / squared distances from the targets' means, over all features */
    size_t classes;    /* size of the table, 0: there is none (values, and more than 1,000 classes); binary: 2 */
    size_t *confusion; /* [classes][classes]: how often the row was right and the column was chosen */
    struct mlp_sums *sums; /* the library's */
} mlp_metrics;

/* Begins with nothing. MLP_ENOMEM, or MLP_EARGUMENT for a head that makes no sense. Every metrics that was begun, well or
 * not, ends with mlp_metrics_free. */
mlp_status mlp_metrics_begin(mlp_metrics *m, const mlp_head *head, mlp_error *err);

/* Adds n samples: values y + i * ldy (head->width of them) and targets t + i * ldt for sample i. Order matters to the last
 * bit, how the samples are cut into calls does not. */
void mlp_metrics_add(mlp_metrics *m, size_t n, const float *y, size_t ldy, const float *t, size_t ldt);

/* Works out the figures from the sums; more may be added afterwards, and the end worked out again. */
void mlp_metrics_end(mlp_metrics *m);

void mlp_metrics_free(mlp_metrics *m);

/* ---- learning ---------------------------------------------------------------------------------------------- */

/* What the targets of samples are. */
typedef enum mlp_teach {
    MLP_TEACH_TARGET,  /* as mlp_gather_targets has them: class numbers, or values */
    MLP_TEACH_ONE_HOT, /* class numbers as rows of 0 and 1 */
    MLP_TEACH_INPUT    /* the inputs themselves: an autoencoder */
} mlp_teach;

/* Samples to learn from or to be measured by: rows of a data set. */
typedef struct mlp_samples {
    const mlp_data *data;
    const size_t *rows; /* [count] numbers of rows; NULL: 0 to count - 1 */
    size_t count;
    mlp_teach teach;
    const float *scale, *shift; /* MLP_TEACH_INPUT: the target is x * scale + shift, [width] each; NULL: x */
    const float *weights;       /* [data->rows] how much each counts; NULL: all alike */
} mlp_samples;

/* A batch, or a part of one, for mlp_learner.grad. */
typedef struct mlp_batch {
    size_t n;            /* samples, at least 1 */
    const float *x;      /* [n][inputs] */
    const float *t;      /* [n][targets] */
    const float *weight; /* [n]; NULL: all count alike */
    uint64_t seed, step; /* for dropout: different for every part of a batch; the step, from 1 */
    int thread;          /* 0 to threads - 1: whose scratch to use */
} mlp_batch;

/* Part of a block of parameters. */
typedef struct mlp_range {
    size_t from, count;
} mlp_range;

/* A net that learns, as the loop sees it: a flat block of numbers and two functions. All of it is the caller's. */
typedef struct mlp_learner {
    size_t params;  /* floats in the block */
    size_t inputs;  /* floats of a sample */
    size_t outputs; /* floats that forward gives for a sample: the heads' widths one after the other */
    size_t targets; /* floats of a target: likewise */
    const mlp_head *heads;
    size_t head_count;
    /* Ranges of the block, in ascending order, that are no parameters but running statistics: there grad puts their new
     * values into g, and the optimiser keeps away. */
    const mlp_range *statistics;
    size_t statistics_count;
    bool whole_batch; /* statistics of the batch are part of the net: parts of a batch are as large as can be, and never
                       * of one sample */
    double macs; /* multiply-adds that the gradient of one sample takes: batches with few are cut into fewer parts than there
                  * are threads. 0: not known, and they are cut all the same */
    void *context;
    /* Returns the mean loss of the batch and fills g[params] with its gradient; parameters that nothing depends on get
     * zeros. Reads w, does not write it. */
    float (*grad)(void *context, const float *w, const mlp_batch *batch, float *g);
    /* As grad, and at once mlp_optimizer_step by that gradient (to rounding), the number of the step being the batch's; a
     * loss that is not finite leaves w and state alone. g: to work in; only the statistics are found in it. NULL: there is
     * no faster way than one after the other. */
    float (*step)(void *context, float *w, const mlp_batch *batch, float *g, const mlp_optimizer *optimizer, float *state,
                  double lr);
    /* y[n][outputs] from x[n][inputs], as at inference. May be NULL if nothing is to be measured. */
    void (*forward)(void *context, int thread, const float *w, size_t n, const float *x, float *y);
} mlp_learner;

/* Measures the net on samples: metrics[head_count], begun here; free each with mlp_metrics_free, also after a failure.
 * *loss (may be NULL): the sum of the heads' losses. Any number of threads gives the same bits. */
mlp_status mlp_evaluate(const mlp_learner *learner, const float *w, const mlp_samples *samples, int threads,
                        mlp_metrics *metrics, double *loss, mlp_error *err);

/* How far training is. */
typedef struct mlp_progress {
    bool epoch_done;       /* an epoch has ended; else somewhere within it */
    size_t epoch, epochs;  /* the one that runs or has ended, from 1; of how many */
    size_t batch, batches; /* batches of the epoch done, of how many */
    uint64_t step;         /* batches done in all */
    double lr;             /* of the last step */
    double loss;           /* mean over the epoch's samples so far, as it was when each was learnt from */
    double seconds, samples_per_second, seconds_left; /* since the start (of a resumed run: in all); of this epoch */
    /* When an epoch has ended, else NULL: [head_count], measured on the samples `measured` (on which val_loss is too). */
    const mlp_metrics *train, *val;
    double train_loss, val_loss; /* NaN where not measured */
    bool best;                   /* the best epoch so far */
    const float *w;
} mlp_progress;

/* Why training ended. */
typedef enum mlp_ending {
    MLP_FINISHED,    /* all epochs */
    MLP_PATIENCE,    /* no better epoch for `patience` epochs */
    MLP_INTERRUPTED, /* *stop was set */
    MLP_DIVERGED,    /* the loss was not finite */
    MLP_FAILED       /* anything else, see the error */
} mlp_ending;

typedef struct mlp_result {
    mlp_ending ending;
    size_t epochs;        /* ended ones */
    uint64_t step;        /* steps done */
    double loss;          /* of the last ended epoch, as progress told it; NaN: none */
    size_t best_epoch;    /* 0: not looked for */
    double best_loss;
    bool restored;        /* w holds that epoch's weights */
    uint64_t good_step;   /* MLP_DIVERGED: w holds the weights after so many steps */
    double seconds;
} mlp_result;

/* What training is told. Zeros are defaults: see each. */
typedef struct mlp_training {
    mlp_optimizer optimizer; /* from mlp_optimizer_default */
    mlp_schedule schedule;
    double clip;     /* longest gradient; 0: any */
    size_t epochs;   /* at least 1 */
    size_t batch;    /* samples; 0: 32; never more than there are. The last one of an epoch may be smaller */
    uint64_t seed;   /* of the order of samples, and of dropout */
    size_t patience; /* epochs without a better loss (of val, else of training) before the end; then, or when all epochs are
                      * done, the best epoch's weights are put back. 0: off */
    int threads;     /* 0: 1. A batch is cut in so many parts: the last bits depend on their number, and on nothing else */
    size_t measured; /* after each epoch, measure the net on so many training samples, evenly spread; 0: no */
    const volatile sig_atomic_t *stop; /* set by a signal handler: the batch is finished, what was learnt is kept. NULL: never */
    void (*progress)(void *context, const mlp_progress *p); /* after each epoch, and within it every `interval` seconds */
    double interval;                                         /* 0: not within epochs */
    void (*diverged)(void *context, const float *w, const mlp_batch *batch, float loss); /* before w is put back */
    void *context;           /* of the two functions */
    const char *checkpoint;  /* file written after every `every` epochs (0: 1), and when stopped. NULL: none */
    size_t every;
    const char *resume;      /* checkpoint to go on from; NULL: from w */
    uint64_t net;            /* fingerprint that tells nets with as many parameters apart; kept in checkpoints */
    const char *settings;    /* text to keep in checkpoints, for mlp_checkpoint_settings; NULL: "" */
} mlp_training;

/* Trains: w[params] goes in as the first weights and comes out as what was learnt, whatever the ending (after MLP_DIVERGED
 * the last weights known to be good, at most 16 steps old). val may be NULL. result may be NULL. Failures: memory, files,
 * arguments, sizes that do not fit, a foreign or damaged checkpoint; and MLP_EVALUE when the loss is not finite.
 *
 * Same learner, samples, options and thread count: the same bits, also when interrupted or killed and resumed. Threads
 * live no longer than the call. Another call may run at the same time on other blocks. */
mlp_status mlp_train(const mlp_learner *learner, const mlp_training *training, const mlp_samples *train,
                     const mlp_samples *val, float *w, mlp_result *result, mlp_error *err);

/* The text that a checkpoint was given, for a program that wants to go on as it began; free with free(). NULL on failure.
 * The file is checked whole. */
char *mlp_checkpoint_settings(const char *path, mlp_error *err);

#ifdef __cplusplus
}
#endif

#endif
