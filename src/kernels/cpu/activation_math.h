// Activations of whole f32 vectors, and their slopes. Included once for every Highway target (see simd.h).
#if defined(GRADUS_ACTIVATION_MATH_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_ACTIVATION_MATH_H
#undef GRADUS_ACTIVATION_MATH_H
#else
#define GRADUS_ACTIVATION_MATH_H
#endif

#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

constexpr float kRootHalf = 0.70710678118654752440f;   // 1/sqrt 2
constexpr float kRootTwoPi = 0.39894228040143267794f;  // 1/sqrt(2 pi)
constexpr float kTwoU = 1.59576912160573071176f;       // 2 sqrt(2/pi)
constexpr float kQuick = 1.702f;
constexpr float kSeluScale = 1.0507009873554804934f, kSeluAlpha = 1.6732632423543772848f;

// The value held in [low, high]; NaN stays.
template <class D, class V>
HWY_INLINE V held(D d, V x, float low, float high) {
  const V l = hn::Set(d, low), h = hn::Set(d, high);
  const V y = hn::IfThenElse(hn::Lt(x, l), l, x);
  return hn::IfThenElse(hn::Gt(y, h), h, y);
}

// Phi(x) = (1 + erf(x/sqrt 2))/2
template <class D, class V>
HWY_INLINE V gaussian(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, kRootHalf))), half);
}

// (1 + tanh u)/2 = sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
template <class D, class V>
HWY_INLINE V tanh_gate(D d, V x, V xx) {
  const V inner = hn::MulAdd(hn::Mul(hn::Set(d, 0.044715f), xx), x, x);
  return sigmoid(d, hn::Mul(hn::Set(d, kTwoU), inner));
}

// s + x s (1 - s)
template <class D, class V>
HWY_INLINE V silu_slope(D d, V x, V s) {
  return hn::MulAdd(hn::Mul(x, s), hn::Sub(hn::Set(d, 1.0f), s), s);
}

// Phi(x) + x phi(x), given Phi(x)
template <class D, class V>
HWY_INLINE V gelu_slope(D d, V x, V cumulative) {
  const V density = hn::Mul(hn::Set(d, kRootTwoPi), exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f))));
  return hn::MulAdd(x, density, cumulative);
}

// s + x s (1 - s) 2u', given s. Beyond 20 it is 0 or 1, and x^3 might not fit.
template <class D, class V>
HWY_INLINE V gelu_tanh_slope(D d, V x, V s) {
  const V one = hn::Set(d, 1.0f), z = held(d, x, -20, 20);
  const V du = hn::Mul(hn::Set(d, kTwoU), hn::MulAdd(hn::Set(d, 3 * 0.044715f), hn::Mul(z, z), one));
  return hn::MulAdd(hn::Mul(hn::Mul(z, s), hn::Sub(one, s)), du, s);
}

// tanh(softplus(x)) = n / (n + 2), n = e^x (e^x + 2); 1 to the last digit from 20 on
template <class D, class V>
HWY_INLINE V mish_powers(D d, V x) {
  const V two = hn::Set(d, 2.0f), top = hn::Set(d, 20.0f);
  const V e = exp(d, hn::IfThenElse(hn::Gt(x, top), top, x));
  return hn::Mul(e, hn::Add(e, two));
}
template <class D, class V>
HWY_INLINE V mish(D d, V x) {
  const V n = mish_powers(d, x);
  return hn::Mul(x, hn::Div(n, hn::Add(n, hn::Set(d, 2.0f))));
}
// w + x sigmoid(x) (1 - w^2) with w = n / (n + 2), 1 - w = 2 / (n + 2); sigmoid(x) = e/(1 + e)
template <class D, class V>
HWY_INLINE V mish_slope(D d, V x) {
  const V one = hn::Set(d, 1.0f), two = hn::Set(d, 2.0f), top = hn::Set(d, 20.0f);
  const V z = hn::IfThenElse(hn::Gt(x, top), top, x), e = exp(d, z);
  const V n = hn::Mul(e, hn::Add(e, two)), r = hn::Div(one, hn::Add(n, two));
  // x e/(1+e) (1-w)(1+w) = x e/(1+e) 2r (2n+2) r, where n + 1 = (1+e)^2
  const V bend = hn::Mul(hn::Mul(hn::Mul(z, e), hn::Add(one, e)), hn::Mul(hn::Mul(r, r), hn::Set(d, 4.0f)));
  return hn::MulAdd(n, r, bend);
}

// max(z, 0) + log(1 + e^-|z|)
template <class D, class V>
HWY_INLINE V log_one_plus_exp(D d, V z) {
  const V tail = log1p_unit(d, exp(d, hn::Neg(hn::Abs(z))));
  return hn::Add(hn::IfThenZeroElse(hn::Lt(z, hn::Zero(d)), z), tail);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
