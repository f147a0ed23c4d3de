// Trigonometric and hyperbolic functions of whole f32 vectors. Included once for every Highway target (see simd.h).
// NaN gives NaN everywhere. Those with a `…_limit` are exact only below it; beyond, a caller falls back to plain ones.
#if defined(GRADUS_VECTOR_TRIG_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_VECTOR_TRIG_H
#undef GRADUS_VECTOR_TRIG_H
#else
#define GRADUS_VECTOR_TRIG_H
#endif

#include "kernels/cpu/vector_math.h"

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

/// Above it the quarter turns no longer fit the 11 bits that keep their products with parts of pi/2 exact.
constexpr float kTurnLimit = 3000.0f;

/// x = r + n pi/2 with |r| <= pi/4: sin r, cos r, and n as an integer.
template <class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> quarter_turns(D d, V x, V& sine, V& cosine) {
  const hn::RebindToSigned<D> di;
  const V shifted = hn::MulAdd(x, hn::Set(d, 0.636619772f), hn::Set(d, kRounder));
  const V n = hn::Sub(shifted, hn::Set(d, kRounder));
  V r = hn::NegMulAdd(n, hn::Set(d, 0x1.92p0f), x);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.fb4p-12f), r);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.4442d2p-24f), r);
  const V s = hn::Mul(r, r);
  sine = hn::MulAdd(hn::Mul(r, s), polynomial(d, s, -0.166666552f, 0.00833219197f, -0.000195187909f), r);
  const V q = polynomial(d, s, 0.0416666456f, -0.00138873106f, 2.44325674e-05f);
  cosine = hn::MulAdd(hn::Mul(s, s), q, hn::NegMulAdd(s, hn::Set(d, 0.5f), hn::Set(d, 1.0f)));
  return hn::BitCast(di, shifted);
}

/// sin(x + turns pi/2): 2 ulp, near its zeros beyond |x| = 10 an error below 2^-33 |x|.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sine_shifted(D d, V x, int turns) {
  const hn::RebindToSigned<D> di;
  V s, c;
  const auto n = hn::Add(quarter_turns(d, x, s, c), hn::Set(di, turns));
  const V y = hn::IfThenElse(hn::RebindMask(d, hn::TestBit(n, hn::Set(di, 1))), c, s);
  const V flip = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(n, hn::Set(di, 2))));
  return hn::Xor(y, flip);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sin(D d, V x) {
  return sine_shifted(d, x, 0);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V cos(D d, V x) {
  return sine_shifted(d, x, 1);
}
/// 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tan(D d, V x) {
  const hn::RebindToSigned<D> di;
  V s, c;
  const auto odd = hn::RebindMask(d, hn::TestBit(quarter_turns(d, x, s, c), hn::Set(di, 1)));
  return hn::Div(hn::IfThenElse(odd, hn::Neg(c), s), hn::IfThenElse(odd, s, c));
}

/// asin(t) for 0 <= t <= 1/2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V asin_small(D d, V t) {
  const V s = hn::Mul(t, t);
  const V p = polynomial(d, s, 0.166667521f, 0.0749531016f, 0.0454690233f, 0.0241854675f, 0.0421570949f);
  return hn::MulAdd(hn::Mul(t, s), p, t);
}
/// The arc of |x|, for |x| > 1/2 by way of 2 asin sqrt((1 - |x|)/2) = acos |x|: 2 ulp. NaN outside [-1, 1].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V asin(D d, V x) {
  const V t = hn::Abs(x), half = hn::Set(d, 0.5f);
  const auto large = hn::Gt(t, half);
  const V z = hn::IfThenElse(large, hn::Sqrt(hn::NegMulAdd(half, t, half)), t);
  const V a = asin_small(d, z);
  return hn::CopySign(hn::IfThenElse(large, hn::NegMulAdd(hn::Set(d, 2.0f), a, hn::Set(d, 1.57079637f)), a), x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V acos(D d, V x) {
  const V t = hn::Abs(x), half = hn::Set(d, 0.5f);
  const auto large = hn::Gt(t, half), negative = hn::Lt(x, hn::Zero(d));
  const V z = hn::IfThenElse(large, hn::Sqrt(hn::NegMulAdd(half, t, half)), t);
  const V a = asin_small(d, z), twice = hn::Add(a, a);
  const V near_one = hn::IfThenElse(negative, hn::Sub(hn::Set(d, 3.14159274f), twice), twice);
  // pi/2 in two parts
  const V rest = hn::Sub(hn::Set(d, -4.37113883e-08f), hn::CopySign(a, x));
  return hn::IfThenElse(large, near_one, hn::Add(hn::Set(d, 1.57079637f), rest));
}

/// 2 ulp. |x| > 1 by pi/2 - atan(1/|x|).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V atan(D d, V x) {
  const V t = hn::Abs(x), one = hn::Set(d, 1.0f);
  const auto large = hn::Gt(t, one);
  const V z = hn::IfThenElse(large, hn::Div(one, t), t);
  const V s = hn::Mul(z, z);
  const V p = polynomial(d, s, -0.333332986f, 0.199985355f, -0.142641246f, 0.109516382f, -0.0840198547f, 0.057934247f,
                         -0.0311559234f, 0.0109034106f, -0.00179122353f);
  const V a = hn::MulAdd(hn::Mul(z, s), p, z);
  return hn::CopySign(hn::IfThenElse(large, hn::Sub(hn::Set(d, 1.57079637f), a), a), x);
}

/// e^x must fit.
constexpr float kExpLimit = 88.0f;

/// 3 ulp: with e = e^|x| - 1, (e + e/(e + 1))/2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sinh(D d, V x) {
  const V e = expm1(d, hn::Abs(x));
  const V twice = hn::Add(e, hn::Div(e, hn::Add(e, hn::Set(d, 1.0f))));
  return hn::CopySign(hn::Mul(twice, hn::Set(d, 0.5f)), x);
}
/// 2 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V cosh(D d, V x) {
  const V half = hn::Set(d, 0.5f), e = exp(d, hn::Abs(x));
  return hn::MulAdd(half, e, hn::Div(half, e));
}

/// x^2 must fit.
constexpr float kSquareLimit = 1e18f;

/// 3 ulp: log1p(t + t^2/(1 + sqrt(1 + t^2))), t = |x|.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V asinh(D d, V x) {
  const V one = hn::Set(d, 1.0f), t = hn::Abs(x), s = hn::Mul(t, t);
  const V y = hn::Add(t, hn::Div(s, hn::Add(one, hn::Sqrt(hn::Add(one, s)))));
  return hn::CopySign(log1p(d, y), x);
}
/// 3 ulp: log1p(t + sqrt(2t + t^2)), t = x - 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V acosh(D d, V x) {
  const V t = hn::Sub(x, hn::Set(d, 1.0f));
  const V y = log1p(d, hn::Add(t, hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t)))));
  return hn::IfThenElse(hn::Lt(t, hn::Zero(d)), hn::Set(d, std::numeric_limits<float>::quiet_NaN()), y);
}
/// 3 ulp: log1p(2t / (1 - t))/2, t = |x|.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V atanh(D d, V x) {
  const V one = hn::Set(d, 1.0f), t = hn::Abs(x);
  const V y = log1p(d, hn::Div(hn::Add(t, t), hn::Sub(one, t)));
  return hn::CopySign(hn::Mul(y, hn::Set(d, 0.5f)), x);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
