#pragma once
#include "base/labels.h"
#include "ops/loss_reduction.h"

// Losses of probabilities, and of labels. Tensors in options that stay undefined do nothing.
namespace gradus {

struct BceOptions {
  Tensor weight;  ///< of each element; broadcasts to x's shape, gets no gradient
  LossReduction reduction = LossReduction::mean;
};
/// -(t log x + (1 - t) log(1 - x)), logarithms at least -100. x: probabilities; outside of [0, 1] it is NaN. x and
/// target are floating tensors of one shape and dtype (ShapeError, DtypeError). Gradients flow to both.
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BceOptions& options = {});

struct BceWithLogitsOptions {
  Tensor weight;      ///< of each element; broadcasts to x's shape, gets no gradient
  Tensor pos_weight;  ///< of the term of t, for rare positives; broadcasts to x's shape, gets no gradient
  LossReduction reduction = LossReduction::mean;
};
/// binary_cross_entropy of sigmoid(x), computed from x: max(x, 0) - t x + log(1 + e^-|x|).
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const BceWithLogitsOptions& options = {});

struct KlDivOptions {
  bool log_target = false;  ///< the target is a log-probability too
  LossReduction reduction = LossReduction::mean;
};
/// t (log t - x), x being log-probabilities: summed over classes the Kullback-Leibler divergence from x to t, for which
/// batch_mean is the reduction. x and target floating, of one shape and dtype.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {});

struct NllOptions {
  Tensor weight;  ///< (classes): of each label
  int64_t ignore_index = kIgnoredLabel;
  LossReduction reduction = LossReduction::mean;  ///< the mean divides by the weights of the labels that count
};
/// -x[i, label_i] weight[label_i], 0 where the label is ignored. x (..., classes): log-probabilities; labels (...) i32
/// or i64. Without a label that counts the mean is 0 (PyTorch's is NaN). Throws IndexError for a label out of range.
Tensor nll_loss(const Tensor& x, const Tensor& labels, const NllOptions& options = {});

struct CrossEntropyOptions {
  Tensor weight;               ///< (classes): of each label
  double label_smoothing = 0;  ///< the share, in [0, 1], of the target that is spread over all classes (Szegedy 2016)
  int64_t ignore_index = kIgnoredLabel;
  LossReduction reduction = LossReduction::mean;  ///< the mean divides by the weights of the labels that count
};
/// cross_entropy (ops/loss.h) with all options. logits (..., classes), labels (...).
Tensor cross_entropy_loss(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options = {});
/// -sum_c target_c weight_c log softmax(logits)_c for targets (..., classes) that are probabilities; the mean is over
/// the positions. `ignore_index` means nothing here.
Tensor soft_cross_entropy_loss(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});

}  // namespace gradus
