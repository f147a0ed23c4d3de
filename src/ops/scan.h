#pragma once
#include "ops/reduce.h"

namespace gradus {

// Running totals along an axis: x (any shape of rank >= 1) -> the same shape. Throw IndexError for the axis.

struct ScanOptions {
  bool exclusive = false;  ///< y_i leaves x_i out
  bool reverse = false;    ///< starts at the end
};

/// y_i = x_0 + … + x_i. Integers and bool give i64, which wraps.
Tensor cumsum(const Tensor& x, int axis, ScanOptions options = {});
/// y_i = x_0 … x_i. Integers and bool give i64, which wraps. The gradient is exact also where some x are 0, and
/// differentiable again.
Tensor cumprod(const Tensor& x, int axis, ScanOptions options = {});
/// y_i = log(exp x_0 + … + exp x_i), without overflow. Floating types.
Tensor logcumsumexp(const Tensor& x, int axis);

/// The largest (smallest) of x_0 … x_i and where it stands, the last at a tie; NaN beats all. It gets the gradient.
ValuesIndices cummax(const Tensor& x, int axis);
ValuesIndices cummin(const Tensor& x, int axis);

/// y_i = a_i y_(i-1) + b_i with y_(-1) = 0, or (`reverse`) y_i = a_i y_(i+1) + b_i: a linear recurrence. a and b
/// broadcast and have one floating type; the first a that is met counts for nothing. Throws DtypeError, ShapeError.
Tensor linear_scan(const Tensor& a, const Tensor& b, int axis, bool reverse = false);

}  // namespace gradus
