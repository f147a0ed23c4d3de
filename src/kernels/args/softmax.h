#pragma once
#include "tensor/tensor.h"

// Kernel arguments: softmax. See kernels/table.h.
namespace gradus {

/// Along the last axis.
struct SoftmaxArgs {
  const Tensor& x;
  const Tensor& y;
  bool log;
};
/// softmax: dx = y (dy - sum(dy y)); log: dx = dy - exp(y) sum(dy).
struct SoftmaxBackwardArgs {
  const Tensor& y;
  const Tensor& dy;
  const Tensor& dx;
  bool log;
};

#define GRADUS_SOFTMAX_KERNELS(X) \
  X(softmax, SoftmaxArgs)         \
  X(softmax_backward, SoftmaxBackwardArgs)

}  // namespace gradus
