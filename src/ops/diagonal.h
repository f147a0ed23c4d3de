#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Entries (i, i + offset) of matrices that lie along two axes of a tensor; diagonal() in ops/shape.h shows them. Any
// type.

/// The reverse of diagonal(): square matrices of zeros along two axes of the result, with the last axis of x as their
/// diagonal. Throws IndexError for the axes.
Tensor diag_embed(const Tensor& x, int64_t offset = 0, int axis_a = -2, int axis_b = -1);
/// The matrix with x (n) as its diagonal, or the diagonal of the matrix x (M, N). Throws ShapeError for other ranks.
Tensor diag(const Tensor& x, int64_t offset = 0);
/// The sum of the diagonal of each matrix (*, M, N).
Tensor trace(const Tensor& x);

}  // namespace gradus
