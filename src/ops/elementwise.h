#pragma once
#include "tensor/tensor.h"

namespace gradus {

// One operand: x (any shape, floating) -> same shape and dtype; f16 and bf16 compute in f32.
// Throw DtypeError for bool, and for integers but in neg, abs, sign, square. More functions stand in ops/math.h.

Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);   ///< slope 0 at 0
Tensor sign(const Tensor& x);  ///< -1, 0, 1; slope 0
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  ///< 1/sqrt(x)
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);  ///< 1/(1 + e^-x)
Tensor erf(const Tensor& x);

// Two operands of any type: shapes broadcast (aligned at the last axis; sizes equal or 1), types promote (see promote()
// in base/dtype.h). Throw ShapeError when the shapes do not broadcast, ValueError for different devices. Sums and
// products of integers wrap around.

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);      ///< integers: truncated, x/0 = 0
Tensor maximum(const Tensor& a, const Tensor& b);  ///< NaN wins; at a tie each side gets half the gradient
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);  ///< integers: truncated, so 0 for most negative exponents

// With a number: it takes the tensor's type.

Tensor add(const Tensor& a, double b);
Tensor sub(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);
Tensor div(const Tensor& a, double b);
Tensor maximum(const Tensor& a, double b);
Tensor minimum(const Tensor& a, double b);
Tensor pow(const Tensor& a, double b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, double b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, double b) { return div(a, b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }

/// Comparisons give bool tensors, broadcasting and promoting as above; no gradient.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);

/// condition ? a : b, element by element; all three broadcast, a and b promote. condition is bool (DtypeError).
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

/// The same numbers in another type; the gradient is converted back.
Tensor cast(const Tensor& x, Dtype dtype);

}  // namespace gradus
