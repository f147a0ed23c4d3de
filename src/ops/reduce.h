#pragma once
#include "ops/axes.h"
#include "tensor/tensor.h"

namespace gradus {

/// Whether a reduced axis stays, with size 1.
enum KeepAxis : bool { drop_axis = false, keep_axis = true };

/// Elements that were chosen along an axis, and where they stood there (i64).
struct ValuesIndices {
  Tensor values, indices;
};

// Over all elements (result of rank 0), or over the axes given (negative ones count from the end; none: nothing is
// reduced). Throw IndexError for an axis out of range or named twice.

/// Sums run in the accumulator type and in an order that does not depend on the threads. Integers and bool give i64,
/// which wraps.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// Products; of nothing: 1. Integers and bool give i64, which wraps. The gradient of an element is the product of the
/// others, exact also where some are 0, and differentiable again.
Tensor prod(const Tensor& x);
Tensor prod(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// Floating types only. The mean of nothing is NaN.
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// Largest and smallest element; NaN beats all; equal winners share the gradient (as PyTorch's amax and amin). Throw
/// ShapeError when there is nothing to choose from.
Tensor max(const Tensor& x);
Tensor max(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);
Tensor min(const Tensor& x);
Tensor min(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// Index (i64) of the first largest (smallest) element along `axis`; NaN beats all; no gradient. Over all elements:
/// argmax(flatten(x)). Throw ShapeError when there is nothing to choose from.
Tensor argmax(const Tensor& x, int axis = -1, KeepAxis keep = drop_axis);
Tensor argmin(const Tensor& x, int axis = -1, KeepAxis keep = drop_axis);

/// The first largest (smallest) element along `axis`, with its index: it alone gets the gradient.
ValuesIndices max_with_index(const Tensor& x, int axis, KeepAxis keep = drop_axis);
ValuesIndices min_with_index(const Tensor& x, int axis, KeepAxis keep = drop_axis);

/// Whether any element, or every one, differs from 0 (NaN does): bool. Of nothing: false, and true.
Tensor any(const Tensor& x);
Tensor any(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);
Tensor all(const Tensor& x);
Tensor all(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);
/// How many elements differ from 0 (NaN does): i64.
Tensor count_nonzero(const Tensor& x);
Tensor count_nonzero(const Tensor& x, const Axes& axes, KeepAxis keep = drop_axis);

/// Sums `x` over the axes along which `shape` was broadcast to x's shape: the reverse of expand().
/// Throws ShapeError when x's shape did not come from `shape`.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace gradus
