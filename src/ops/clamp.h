#pragma once
#include "tensor/tensor.h"

namespace gradus {

/// min(max(x, low), high): `high` wins where low > high, NaN stays. x (any shape) -> same shape and dtype; the numbers
/// take x's type. An infinite bound is none. The gradient passes where low < x < high, as in PyTorch 2.15.
/// Throws DtypeError for bool, ValueError for a bound that is NaN.
Tensor clamp(const Tensor& x, double low, double high);
Tensor clamp_min(const Tensor& x, double low);
Tensor clamp_max(const Tensor& x, double high);

/// The same with bounds that broadcast with x (types promote); one of them may be undefined. Where x lies outside, the
/// bound that it is held to gets the gradient; at a bound each gets half. NaN bounds give NaN.
/// Throws ValueError without any bound.
Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high);

}  // namespace gradus
