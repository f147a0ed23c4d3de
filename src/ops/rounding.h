#pragma once
#include "tensor/tensor.h"

namespace gradus {

// x (any shape) -> same shape and dtype; integers stay as they are. The slope is 0. Throw DtypeError for bool.

Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor trunc(const Tensor& x);  ///< towards 0
Tensor round(const Tensor& x);  ///< halves to the even neighbour
Tensor frac(const Tensor& x);   ///< x - trunc(x); floating types, slope 1

/// The values of `y` with the gradient of `x`: what flows in goes to x unchanged and nothing to y, as if y were x
/// (Bengio, Leonard & Courville 2013). Both have one shape and floating dtype (ShapeError, DtypeError).
/// The result shares y's numbers.
Tensor straight_through(const Tensor& y, const Tensor& x);
/// round(x) with slope 1. Floating types.
Tensor round_ste(const Tensor& x);

/// 0 where x < 0, 1 where x > 0, `at_zero` at 0, NaN for NaN; slope 0. Floating types.
Tensor heaviside(const Tensor& x, double at_zero = 0.5);
/// The perceptron's step (Rosenblatt 1958): 1 where x > 0, else 0; slope 1, straight through. Floating types.
Tensor step(const Tensor& x);

}  // namespace gradus
