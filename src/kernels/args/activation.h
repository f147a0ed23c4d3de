#pragma once
#include "base/random.h"
#include "kernels/args/elementwise.h"
#include "tensor/tensor.h"

// Kernel arguments: gated activations and dropout. See kernels/table.h.
namespace gradus {

/// y = f(gate) * up for f = sigmoid, relu, silu, gelu, gelu_tanh.
struct GatedArgs {
  Unary f;
  const Tensor& gate;
  const Tensor& up;
  const Tensor& y;
};
/// dgate = dy up f'(gate), dup = dy f(gate).
struct GatedBackwardArgs {
  Unary f;
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

#define GRADUS_ACTIVATION_KERNELS(X)   \
  X(gated, GatedArgs)                  \
  X(gated_backward, GatedBackwardArgs) \
  X(dropout, DropoutArgs)

}  // namespace gradus
