// Powers of whole f32 vectors, by way of f64. Included once for every Highway target (see simd.h).
#if defined(GRADUS_VECTOR_POW_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_VECTOR_POW_H
#undef GRADUS_VECTOR_POW_H
#else
#define GRADUS_VECTOR_POW_H
#endif

#include <cmath>

#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
template <class D, class V = hn::Vec<D>>
HWY_INLINE V pow(D d, V x, V y) {
  return hn::Set(d, std::pow(hn::GetLane(x), hn::GetLane(y)));
}
#else

/// y log2(m 2^e) = t = n + r with n whole: gives 2^r. m in [sqrt 1/2, sqrt 2).
template <class D64, class V64 = hn::Vec<D64>>
HWY_INLINE V64 power_parts(D64 d, V64 m, V64 e, V64 y, V64& t, V64& n) {
  // log2 m = 2/ln 2 (s + s^3/3 + s^5/5 + …), s = (m - 1)/(m + 1), |s| < 0.172
  const V64 one = hn::Set(d, 1.0);
  const V64 s = hn::Div(hn::Sub(m, one), hn::Add(m, one)), z = hn::Mul(s, s);
  V64 p = hn::Set(d, 1.0 / 15);
  for (const double c : {1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0})
    p = hn::MulAdd(p, z, hn::Set(d, c));
  t = hn::Mul(y, hn::MulAdd(hn::Mul(s, p), hn::Set(d, 2.88539008177792681472), e));
  const V64 rounder = hn::Set(d, 0x1.8p52);
  n = hn::Sub(hn::Add(t, rounder), rounder);
  // 2^r = sum (r ln 2)^k / k!
  const V64 r = hn::Mul(hn::Sub(t, n), hn::Set(d, 0.69314718055994530942));
  V64 q = hn::Set(d, 1.0 / 40320);
  for (const double c : {1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    q = hn::MulAdd(q, r, hn::Set(d, c));
  return q;
}

/// x^y: 1 ulp. Operands that are not positive and finite, and results that are not normal, take the plain way.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V pow(D d, V x, V y) {
  const hn::RebindToSigned<D> di;
  const hn::Half<D> dh;
  const hn::Rebind<double, decltype(dh)> d64;
  using Half = hn::Vec<decltype(dh)>;
  V m, e;
  split_exponent(d, x, m, e);
  const auto half = [&](Half mh, Half eh, Half yh, Half& th, Half& nh) {
    auto t = hn::Zero(d64), n = t;
    const auto q = power_parts(d64, hn::PromoteTo(d64, mh), hn::PromoteTo(d64, eh), hn::PromoteTo(d64, yh), t, n);
    th = hn::DemoteTo(dh, t);
    nh = hn::DemoteTo(dh, n);
    return hn::DemoteTo(dh, q);
  };
  Half t0, t1, n0, n1;
  const Half q0 = half(hn::LowerHalf(dh, m), hn::LowerHalf(dh, e), hn::LowerHalf(dh, y), t0, n0);
  const Half q1 = half(hn::UpperHalf(dh, m), hn::UpperHalf(dh, e), hn::UpperHalf(dh, y), t1, n1);
  const V t = hn::Combine(d, t1, t0), n = hn::Combine(d, n1, n0), q = hn::Combine(d, q1, q0);
  const auto fits =
      hn::And(hn::And(hn::Gt(x, hn::Zero(d)), hn::Lt(x, hn::Inf(d))), hn::Lt(hn::Abs(t), hn::Set(d, 125.0f)));
  const auto scale = hn::ShiftLeft<23>(hn::ConvertTo(di, hn::IfThenElseZero(fits, n)));
  const V power = hn::BitCast(d, hn::Add(hn::BitCast(di, q), scale));
  if (HWY_LIKELY(hn::AllTrue(d, fits))) return power;
  HWY_ALIGN float xs[hn::MaxLanes(d)], ys[hn::MaxLanes(d)], out[hn::MaxLanes(d)], fit[hn::MaxLanes(d)];
  hn::Store(x, d, xs);
  hn::Store(y, d, ys);
  hn::Store(power, d, out);
  hn::Store(hn::IfThenElseZero(fits, hn::Set(d, 1.0f)), d, fit);
  for (size_t i = 0; i < hn::Lanes(d); ++i)
    if (fit[i] == 0) out[i] = std::pow(xs[i], ys[i]);
  return hn::Load(d, out);
}

#endif  // HWY_SCALAR

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
