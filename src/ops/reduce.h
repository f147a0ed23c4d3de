#pragma once
#include <initializer_list>

#include "tensor/tensor.h"

namespace gradus {

/// Whether a reduced axis stays, with size 1.
enum KeepAxis : bool { drop_axis = false, keep_axis = true };

// Over all elements (result of rank 0), or over the axes given (negative ones count from the end).
// Throw IndexError for an axis out of range or named twice.

/// Sums run in the accumulator type and in an order that does not depend on the threads.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, std::initializer_list<int> axes, KeepAxis keep = drop_axis);
Tensor sum(const Tensor& x, int axis, KeepAxis keep = drop_axis);

/// Floating types only. The mean of nothing is NaN.
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, int axis, KeepAxis keep = drop_axis);

/// Largest and smallest element; equal winners share the gradient. Throw ShapeError when there is nothing to choose
/// from.
Tensor max(const Tensor& x);
Tensor max(const Tensor& x, int axis, KeepAxis keep = drop_axis);
Tensor min(const Tensor& x);
Tensor min(const Tensor& x, int axis, KeepAxis keep = drop_axis);

/// Index (i64) of the first largest element along `axis`. No gradient.
Tensor argmax(const Tensor& x, int axis = -1);

/// Sums `x` over the axes along which `shape` was broadcast to x's shape: the reverse of expand().
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace gradus
