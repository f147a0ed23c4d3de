#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

// Kernel arguments: pooling by maximum. (Averages are weighted windows: see resample.h.) See kernels/table.h.
namespace gradus {

/// What each entry of the output sees of one axis: entries start[i], start[i] + step, … (length[i] >= 1 of them), all
/// inside the axis.
struct PoolWindows {
  std::vector<int64_t> start, length;
  int64_t step = 1;
};

/// y[n, p] = the largest of x[n, window of p] (NaN wins), index[n, p] = the place in D*H*W where it lies, the first of
/// equals. x (N, D, H, W) and y, index (N, D', H', W') dense; index i64.
struct MaxPoolArgs {
  const Tensor& x;
  const std::array<PoolWindows, 3>& windows;
  const Tensor& y;
  const Tensor& index;
};
/// dx[n, index[n, p]] += dy[n, p]; dx (N, places) is zeroed by the kernel first; dy, index (N, P); all dense.
struct MaxPoolBackwardArgs {
  const Tensor& dy;
  const Tensor& index;
  const Tensor& dx;
};

#define GRADUS_POOL_KERNELS(X) \
  X(max_pool, MaxPoolArgs)     \
  X(max_pool_backward, MaxPoolBackwardArgs)

}  // namespace gradus
