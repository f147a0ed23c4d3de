// Single-precision functions of two vectors. Included once for every Highway target (see simd.h), after highway.h.
#if defined(GRADUS_VECTOR_BINARY_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_VECTOR_BINARY_H
#undef GRADUS_VECTOR_BINARY_H
#else
#define GRADUS_VECTOR_BINARY_H
#endif

#include <cmath>

#include "kernels/cpu/vector_trig.h"
#include "kernels/ref/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

/// m sqrt(1 + (n/m)^2), m the larger and n the smaller of |a|, |b|: 2 ulp. Infinity beside a NaN is infinity.
struct Hypot {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    const V x = hn::Abs(a), y = hn::Abs(b), m = hn::Max(x, y), n = hn::Min(x, y);
    const V r = hn::IfThenZeroElse(hn::Eq(m, hn::Zero(d)), hn::Div(n, m));
    const V root = hn::Mul(m, hn::Sqrt(hn::MulAdd(r, r, hn::Set(d, 1.0f))));
    const V z = hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::IsNaN(b)), hn::Add(x, y), root);
    return hn::IfThenElse(hn::Or(hn::Eq(x, hn::Inf(d)), hn::Eq(y, hn::Inf(d))), hn::Inf(d), z);
  }
};

/// The angle of the point (x, y): from the arc tangent of the smaller over the larger of |x|, |y|: 3 ulp.
struct Atan2 {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V y, V x) const {
    const V one = hn::Set(d, 1.0f), ax = hn::Abs(x), ay = hn::Abs(y), m = hn::Max(ax, ay), n = hn::Min(ax, ay);
    const V ratio = hn::IfThenElse(hn::Eq(n, hn::Inf(d)), one, hn::Div(n, m));
    const V a = atan(d, hn::IfThenZeroElse(hn::Eq(m, hn::Zero(d)), ratio));
    const V b = hn::IfThenElse(hn::Gt(ay, ax), hn::Sub(hn::Set(d, 1.57079637f), a), a);
    const V c = hn::IfThenElse(hn::Lt(hn::CopySign(one, x), hn::Zero(d)), hn::Sub(hn::Set(d, 3.14159274f), b), b);
    return hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), hn::Add(x, y), hn::CopySign(c, y));
  }
};

/// Whole quotient and remainder of |a| by |b|, exact where |a/b| < 2^22: a wrong quotient is at most one off, and the
/// fused product leaves no rounding.
template <class D, class V>
HWY_INLINE void divide_whole(D d, V a, V b, V& quotient, V& remainder) {
  const V x = hn::Abs(a), y = hn::Abs(b), one = hn::Set(d, 1.0f);
  const V q = hn::Trunc(hn::Div(x, y)), r = hn::NegMulAdd(q, y, x);
  const auto over = hn::Lt(r, hn::Zero(d)), under = hn::Ge(r, y);
  quotient = hn::Add(hn::Sub(q, hn::IfThenElseZero(over, one)), hn::IfThenElseZero(under, one));
  remainder = hn::Sub(hn::Add(r, hn::IfThenElseZero(over, y)), hn::IfThenElseZero(under, y));
}

// The expression, but for lanes whose quotient is too large, infinite or NaN: these take the plain function.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#define GRADUS_EXACT_DIVISION(d, a, b) \
  hn::And(hn::Lt(hn::Abs(hn::Div(a, b)), hn::Set(d, 4194304.0f)), hn::Lt(hn::Abs(b), hn::Inf(d)))
#else  // no fused multiplication
#define GRADUS_EXACT_DIVISION(d, a, b) hn::Lt(hn::Zero(d), hn::Zero(d))
#endif
#define GRADUS_DIVISION(Name, plain, expression)                                     \
  struct Name {                                                                      \
    template <class D, class V>                                                      \
    HWY_INLINE V operator()(D d, V a, V b) const {                                   \
      V q, r;                                                                        \
      divide_whole(d, a, b, q, r);                                                   \
      const V y = expression;                                                        \
      const auto exact = GRADUS_EXACT_DIVISION(d, a, b);                             \
      if (HWY_LIKELY(hn::AllTrue(d, exact))) return y;                               \
      HWY_ALIGN float as[hn::MaxLanes(d)], bs[hn::MaxLanes(d)], ys[hn::MaxLanes(d)]; \
      HWY_ALIGN float fine[hn::MaxLanes(d)];                                         \
      hn::Store(a, d, as);                                                           \
      hn::Store(b, d, bs);                                                           \
      hn::Store(y, d, ys);                                                           \
      hn::Store(hn::IfThenElseZero(exact, hn::Set(d, 1.0f)), d, fine);               \
      for (size_t i = 0; i < hn::Lanes(d); ++i)                                      \
        if (fine[i] == 0) ys[i] = plain(as[i], bs[i]);                               \
      return hn::Load(d, ys);                                                        \
    }                                                                                \
  };

/// fmod's remainder with b's sign.
template <class D, class V>
HWY_INLINE V floored_remainder(D d, V a, V b, V r) {
  const V zero = hn::Zero(d), s = hn::CopySign(r, a);
  const auto turn = hn::And(hn::Ne(r, zero), hn::Lt(hn::Mul(hn::CopySign(hn::Set(d, 1.0f), a), b), zero));
  return hn::IfThenElse(turn, hn::Add(s, b), s);
}
/// floor(a / b) from the quotient and remainder of |a| by |b|; 0 with the sign of a / b.
template <class D, class V>
HWY_INLINE V floored_whole(D d, V a, V b, V q, V r) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f);
  const V sign = hn::Mul(hn::CopySign(one, a), hn::CopySign(one, b));
  const auto below = hn::And(hn::Lt(sign, zero), hn::Ne(r, zero));
  return hn::CopySign(hn::Add(q, hn::IfThenElseZero(below, one)), sign);
}

GRADUS_DIVISION(Fmod, std::fmod, hn::CopySign(r, a))
GRADUS_DIVISION(Remainder, ref::floored_modulus, floored_remainder(d, a, b, r))
GRADUS_DIVISION(FloorDivide, ref::floored_quotient, floored_whole(d, a, b, q, r))
#undef GRADUS_DIVISION
#undef GRADUS_EXACT_DIVISION

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
