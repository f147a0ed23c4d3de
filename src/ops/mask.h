#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Masks are bool (DtypeError). Ops whose result depends on data in size throw ValueError on the meta device.

/// value where the mask (which broadcasts to x) is true, x elsewhere.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
/// value has rank 0 and gets its gradient; it takes x's type.
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);

/// The elements where the mask is true, in row-major order: (n). x and mask broadcast.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// x[mask]: the slices of x (mask's shape, *) where the mask is true: (n, *).
Tensor select_by_mask(const Tensor& x, const Tensor& mask);

/// The places of the elements that differ from 0, in row-major order: (n, rank) i64.
Tensor nonzero(const Tensor& x);

/// 1 at the place that each id names, 0 elsewhere: (ids' shape, classes). Throws IndexError for an id outside
/// [0, classes).
Tensor one_hot(const Tensor& ids, int64_t classes, Dtype dtype = Dtype::i64);

/// Of each matrix (*, M, N) the part where j - i <= k (tril: on and below a diagonal), or j - i >= k (triu); else 0.
Tensor tril(const Tensor& x, int64_t k = 0);
Tensor triu(const Tensor& x, int64_t k = 0);

}  // namespace gradus
