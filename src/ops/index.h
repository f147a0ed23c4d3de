#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// Rows of `table` (rows, width) named by `ids` (any shape, i32 or i64): result (ids' shape, width).
/// The gradient of the table is dense. Throws IndexError for an id outside [0, rows).
Tensor embedding(const Tensor& table, const Tensor& ids);

/// y[.., i, ..] = x[.., index[.., i, ..], ..] along `axis`; index has x's shape but for that axis, i32 or i64.
/// Throws ShapeError, and IndexError for an index outside the axis.
Tensor gather(const Tensor& x, const Tensor& index, int axis = -1);

/// The reverse: zeros of `size` entries along `axis`, with src added at the places that `index` names.
Tensor scatter_add(const Tensor& src, const Tensor& index, int64_t size, int axis = -1);

}  // namespace gradus
