#pragma once
#include "tensor/tensor.h"

// Gather and scatter without their checks, for ops that made the indices themselves or looked at them before.
namespace gradus {

/// gather(), and scatter_add() into zeros of `shape`: each is the other's gradient. `axis` is not negative; index has
/// src's shape and is at most as large as x (or `shape`) at the other axes. `outside`: the kernel's, as in GatherArgs.
Tensor gather_unchecked(const Tensor& x, const Tensor& index, int axis, bool* outside = nullptr);
Tensor add_into_zeros(const Shape& shape, const Tensor& index, const Tensor& src, int axis);

/// index (n) stretched over `shape` with n at `axis`: it names whole slices.
Tensor widen_index(const Tensor& index, const Shape& shape, int axis);

/// index + size where index is negative. Throws IndexError for one outside [-size, size).
Tensor wrap_indices(const char* op, const Tensor& index, int64_t size);

/// For index (*batch, *, k), whose last axis names entries of the k axes of x that follow the first `batch_axes`: the
/// rows (n) of those entries in x seen as (rows, the rest). `sizes` is x's shape. Negative indices count from the end.
Tensor flat_nd_index(const char* op, const Shape& sizes, const Tensor& index, int batch_axes);

}  // namespace gradus
