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

/// Rows of one group after another: sizes (groups) i64 dense, >= 0, adding up to the rows. For every group g
/// y[rows of g] = x[rows of g] w[g]; x (rows, K), w (groups, K, N), y (rows, N).
struct GroupedMatmulArgs {
  const Tensor& x;
  const Tensor& w;
  const Tensor& sizes;
  const Tensor& y;
};
/// dw[g] = x[rows of g]^T dy[rows of g]: the gradient of w; zeros for a group without rows.
struct GroupedOuterArgs {
  const Tensor& x;
  const Tensor& dy;
  const Tensor& sizes;
  const Tensor& dw;
};

#define GRADUS_MATMUL_KERNELS(X)       \
  X(matmul, MatmulArgs)                \
  X(grouped_matmul, GroupedMatmulArgs) \
  X(grouped_outer, GroupedOuterArgs)

}  // namespace gradus
