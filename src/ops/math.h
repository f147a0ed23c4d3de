#pragma once
#include "tensor/tensor.h"

// Exponentials, logarithms, trigonometry and special functions, with gradients of any order.
namespace gradus {

// One operand: x (any shape, floating) -> same shape and dtype; f16 and bf16 compute in f32. Outside of its domain a
// function is NaN. Throw DtypeError for integers and bool.

Tensor exp2(const Tensor& x);   ///< 2^x
Tensor expm1(const Tensor& x);  ///< e^x - 1, exact near 0
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
Tensor log1p(const Tensor& x);  ///< log(1 + x), exact near 0
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor asinh(const Tensor& x);
Tensor acosh(const Tensor& x);
Tensor atanh(const Tensor& x);
Tensor erfc(const Tensor& x);    ///< 1 - erf(x), exact in the upper tail
Tensor erfinv(const Tensor& x);  ///< the y with erf(y) = x; +-infinity at +-1
Tensor lgamma(const Tensor& x);  ///< log |Gamma(x)|
Tensor digamma(const Tensor& x);
/// The n-th derivative of digamma. Throws ValueError unless 0 <= n <= 100.
Tensor polygamma(int n, const Tensor& x);
Tensor sinc(const Tensor& x);  ///< sin(pi x) / (pi x), 1 at 0
/// log(x / (1 - x)). With eps > 0 x is first held in [eps, 1 - eps], outside of which the gradient is 0.
/// Throws ValueError unless 0 <= eps <= 1/2.
Tensor logit(const Tensor& x, double eps = 0);

// Two operands: shapes broadcast and types promote as in ops/elementwise.h. Throw DtypeError unless the promoted type
// is floating.

Tensor atan2(const Tensor& y, const Tensor& x);      ///< the angle of (x, y); gradient 0 at the origin
Tensor hypot(const Tensor& a, const Tensor& b);      ///< sqrt(a^2 + b^2) without overflow; gradient 0 at the origin
Tensor copysign(const Tensor& a, const Tensor& b);   ///< |a| with b's sign; no gradient flows to b
Tensor logaddexp(const Tensor& a, const Tensor& b);  ///< log(e^a + e^b)
Tensor xlogy(const Tensor& a, const Tensor& b);      ///< a log(b), 0 where a = 0 unless b is NaN
/// a + weight (b - a)
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight);
Tensor lerp(const Tensor& a, const Tensor& b, double weight);

// Also for integers, where x modulo 0 is x.

Tensor fmod(const Tensor& a, const Tensor& b);       ///< a - b trunc(a/b): has a's sign
Tensor remainder(const Tensor& a, const Tensor& b);  ///< a - b floor(a/b): has b's sign
/// floor(a/b); gradient 0. Integers: x/0 = 0.
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor fmod(const Tensor& a, double b);
Tensor remainder(const Tensor& a, double b);
Tensor floor_divide(const Tensor& a, double b);

}  // namespace gradus
