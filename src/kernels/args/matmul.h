#pragma once
#include "tensor/tensor.h"

// Kernel arguments: matrix products. See kernels/table.h.
namespace gradus {

/// y = a b (+ bias) (+ y when accumulate). a (*, M, K), b (*, K, N), y (*, M, N), equal leading axes (broadcast by
/// stride 0), up to rank 8; bias (N) or undefined. y may be strided with a unit last stride.
struct MatmulArgs {
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
  const Tensor& bias;
  bool accumulate;
};

#define GRADUS_MATMUL_KERNELS(X) X(matmul, MatmulArgs)

}  // namespace gradus
