#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Reductions of the rows of x (n, …) that share a number: row i belongs to segment ids[i], ids (n) in any order, i32 or
// i64, each in [0, segments). Result (segments, …). Throw IndexError, ShapeError.

/// An empty segment gives 0.
Tensor segment_sum(const Tensor& x, const Tensor& ids, int64_t segments);
/// Floating types. An empty segment gives 0.
Tensor segment_mean(const Tensor& x, const Tensor& ids, int64_t segments);
/// An empty segment gives 1.
Tensor segment_prod(const Tensor& x, const Tensor& ids, int64_t segments);
/// Equal winners share the gradient. An empty segment gives 0.
Tensor segment_max(const Tensor& x, const Tensor& ids, int64_t segments);
Tensor segment_min(const Tensor& x, const Tensor& ids, int64_t segments);

}  // namespace gradus
