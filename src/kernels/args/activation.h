#pragma once
#include "base/random.h"
#include "tensor/tensor.h"

// Kernel arguments: gated activations and dropout. See kernels/table.h.
namespace gradus {

/// y = silu(gate) * up.
struct SwigluArgs {
  const Tensor& gate;
  const Tensor& up;
  const Tensor& y;
};
struct SwigluBackwardArgs {
  const Tensor& gate;
  const Tensor& up;
  const Tensor& dy;
  const Tensor& dgate;
  const Tensor& dup;
};

/// y_i = x_i / (1-p) where number i of the stream is >= p, else 0; i counts elements in row-major order.
struct DropoutArgs {
  const Tensor& x;
  const Tensor& y;
  double p;
  RandomKey key;
};

#define GRADUS_ACTIVATION_KERNELS(X)     \
  X(swiglu, SwigluArgs)                  \
  X(swiglu_backward, SwigluBackwardArgs) \
  X(dropout, DropoutArgs)

}  // namespace gradus
