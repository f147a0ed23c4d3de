#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// The rows of each group times that group's matrix, as a mixture of experts needs it: x (rows, K) sorted by group, w
/// (groups, K, N), sizes (groups) i32 or i64: rows of each group, 0 allowed -> y (rows, N),
/// y[rows of g] = x[rows of g] w[g]. Transposed views of w are used as they lie. f16 and bf16 accumulate in f32.
/// Throws ShapeError when the operands do not fit, ValueError when a size is negative or they do not add up to the
/// rows.
Tensor grouped_matmul(const Tensor& x, const Tensor& w, const Tensor& sizes);

/// dw[g] = x[rows of g]^T dy[rows of g]: x (rows, K), dy (rows, N) -> (groups, K, N); zeros for an empty group.
/// The gradient of w above. Throws as grouped_matmul.
Tensor grouped_outer(const Tensor& x, const Tensor& dy, const Tensor& sizes);

}  // namespace gradus
