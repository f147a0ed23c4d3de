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
/// When defined, dx (N, C) and dw (V, C) receive the gradients of scale * sum_i loss_i.
struct LinearCrossEntropyArgs {
  const Tensor& x;
  const Tensor& w;
  const Tensor& labels;
  double scale;
  const Tensor& loss;
  const Tensor& dx;
  const Tensor& dw;
};

#define GRADUS_LOSS_KERNELS(X)                        \
  X(cross_entropy, CrossEntropyArgs)                  \
  X(cross_entropy_backward, CrossEntropyBackwardArgs) \
  X(linear_cross_entropy, LinearCrossEntropyArgs)

}  // namespace gradus
