#pragma once
#include "base/labels.h"
#include "tensor/tensor.h"

// Kernel arguments: losses. See kernels/table.h.
namespace gradus {

/// loss_i = lse_i - x[i, label_i], lse_i = log sum_j exp x_ij; loss 0 where the label is -100. x (N, V); labels (N)
/// i64, checked; loss and lse (N) in the accumulator dtype.
struct CrossEntropyArgs {
  const Tensor& logits;
  const Tensor& labels;
  const Tensor& loss;
  const Tensor& lse;
};
/// dlogits_ij = (exp(x_ij - lse_i) - [j = label_i]) * dloss_i; a row of zeros where the label is -100.
struct CrossEntropyBackwardArgs {
  const Tensor& logits;
  const Tensor& labels;
  const Tensor& lse;
  const Tensor& dloss;
  const Tensor& dlogits;
};
/// The same on logits = x w^T computed a block of rows at a time, never stored whole. x (N, C), w (V, C), loss (N).
/// With softcap c > 0 the logits are c tanh(x w^T / c). When defined, dx (N, C) and dw (V, C) receive the gradients of
/// scale * sum_i loss_i.
struct LinearCrossEntropyArgs {
  const Tensor& x;
  const Tensor& w;
  const Tensor& labels;
  double softcap;
  double scale;
  const Tensor& loss;
  const Tensor& dx;
  const Tensor& dw;
};

/// Losses of a prediction x and a target t.
enum class PairLoss : uint8_t {
  mse,         ///< (x - t)^2
  l1,          ///< |x - t|
  smooth_l1,   ///< with a > 0: (x - t)^2 / 2a below a, |x - t| - a/2 beyond
  huber,       ///< with a > 0: (x - t)^2 / 2 below a, a (|x - t| - a/2) beyond
  bce,         ///< -(t log x + (1 - t) log(1 - x)), each logarithm at least -100
  bce_logits,  ///< bce of sigmoid(x), without its rounding
};
/// y_i = scale * loss(x_i, target_i). y has x's shape; or rank 0, and receives the sum.
struct PairLossArgs {
  PairLoss f;
  const Tensor& x;
  const Tensor& target;
  const Tensor& y;
  double a;
  double scale;
};
/// dx_i = scale * loss'(x_i) dy_i, where dy may have stride 0.
struct PairLossBackwardArgs {
  PairLoss f;
  const Tensor& x;
  const Tensor& target;
  const Tensor& dy;
  const Tensor& dx;
  double a;
  double scale;
};

/// Connectionist temporal classification (Graves et al. 2006). log_probs (T, N, C); targets (N, S) i64, of which row n
/// counts target_lengths[n]; both lengths (N) i64; all checked. loss (N) = -log p(target_n | log_probs_n), infinite
/// when no path fits; alpha (N, T, 2S+1): log-probabilities of the prefixes. loss and alpha in the accumulator dtype.
struct CtcArgs {
  const Tensor& log_probs;
  const Tensor& targets;
  const Tensor& input_lengths;
  const Tensor& target_lengths;
  int64_t blank;
  const Tensor& loss;
  const Tensor& alpha;
};
/// dlog_probs[t, n, c] = -p(class c at step t | target_n) dloss_n; 0 beyond the input's length, and where the loss is
/// infinite.
struct CtcBackwardArgs {
  const Tensor& log_probs;
  const Tensor& targets;
  const Tensor& input_lengths;
  const Tensor& target_lengths;
  int64_t blank;
  const Tensor& loss;
  const Tensor& alpha;
  const Tensor& dloss;
  const Tensor& dlog_probs;
};

#define GRADUS_LOSS_KERNELS(X)                        \
  X(cross_entropy, CrossEntropyArgs)                  \
  X(cross_entropy_backward, CrossEntropyBackwardArgs) \
  X(linear_cross_entropy, LinearCrossEntropyArgs)     \
  X(pair_loss, PairLossArgs)                          \
  X(pair_loss_backward, PairLossBackwardArgs)         \
  X(ctc, CtcArgs)                                     \
  X(ctc_backward, CtcBackwardArgs)

}  // namespace gradus
