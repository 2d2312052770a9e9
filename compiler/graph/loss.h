/* loss.h: the losses by name, the default of an output, and what a loss reads of it. For front, check and pass/grad.c.
 *
 * The loss of a batch is the sum over the outputs of a mean over the n samples: sum of w_i l_i / n, where the sample
 * weight w_i is 1 unless weights are given (weights that are all 2 double the loss: n is what divides, as in Keras).
 * l_i of a sample is the sum over classes for cross_entropy and the mean over features for the others, which makes
 * PyTorch's reduction="mean". Besides, l2 and l1 add l2 * sum of W^2 + l1 * sum of |W| over the weights, not the
 * biases, of all dense layers, once a batch whatever its size. */
#ifndef MLPC_LOSS_H
#define MLPC_LOSS_H

#include "graph/graph.h"

/* What a script can call a loss: cross_entropy, ..., then NULL. */
extern const char *const loss_names[];

/* What a loss finds in the value that it reads. */
typedef enum LossForm {
    LOSS_OF_VALUES,       /* mse, mae, huber */
    LOSS_OF_LOGITS,       /* cross entropies of scores, before the softmax or sigmoid */
    LOSS_OF_PROBABILITIES /* binary cross entropy of what is known to be in 0..1 but is not just a sigmoid */
} LossForm;

/* How a loss is computed for an output. */
typedef struct LossRead {
    Op op;          /* OP_COUNT: no such loss */
    LossForm form;
    Node *value;    /* what is read: before a final softmax, log_softmax or sigmoid with its entropy, else the output */
} LossRead;

/* The loss of an output that the script says nothing of: cross_entropy behind softmax and log_softmax,
 * binary_cross_entropy behind sigmoid, else mse. */
const char *loss_default(const Node *output);

/* How the loss called `name` (NULL: the default) is computed for an output of g. cross_entropy reads logits: those
 * before a softmax or log_softmax that ends the output, else the output itself. binary_cross_entropy reads logits
 * before a final sigmoid; an output that cannot leave 0..1, such as a product of sigmoids, is read as probabilities;
 * any other as logits. Dropout behind such an ending is passed over. Takes time in proportion to the graph. */
LossRead loss_read(const Graph *g, const char *name, Node *output);

#endif
