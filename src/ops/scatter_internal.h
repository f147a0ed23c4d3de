#pragma once
#include "ops/scatter.h"

namespace gradus {

/// scatter_reduce() without its checks, for ops that looked at the indices before. `axis` is not negative.
Tensor reduce_unchecked(const Tensor& x, const Tensor& index, const Tensor& src, int axis, ScatterOptions options);

}  // namespace gradus
