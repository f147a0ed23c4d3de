// Single-precision functions of whole vectors. Included once for every Highway target (see simd.h), after highway.h.
// The polynomials are minimax fits; errors are given in units of the last place over the range where the result is a
// normal number. NaN gives NaN everywhere.
#if defined(GRADUS_VECTOR_MATH_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_VECTOR_MATH_H
#undef GRADUS_VECTOR_MATH_H
#else
#define GRADUS_VECTOR_MATH_H
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// c0 + x (c1 + x (c2 + …))
template <class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V, float c) {
  return hn::Set(d, c);
}
template <class D, class V = hn::Vec<D>, class... Rest>
HWY_INLINE V polynomial(D d, V x, float c, Rest... rest) {
  return hn::MulAdd(x, polynomial(d, x, rest...), hn::Set(d, c));
}

/// Adding it rounds a small number to the nearest integer, which is then found in the low bits.
constexpr float kRounder = 0x1.8p23f;

/// 2^x for x <= 0, the core of a softmax: 1 ulp; 0 below -126 (also for -inf), exactly 1 at 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_nonpositive(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const V shifted = hn::Add(x, hn::Set(d, kRounder));
  const V r = hn::Sub(x, hn::Sub(shifted, hn::Set(d, kRounder)));  // exact, in [-1/2, 1/2]
  // 2^r = 1 + r P(r)
  const V p = hn::MulAdd(
      r, polynomial(d, r, 0.693147182f, 0.240226477f, 0.0555033237f, 0.00961843692f, 0.0013398875f, 0.000153533605f),
      hn::Set(d, 1.0f));
  const V scale = hn::BitCast(d, hn::Add(hn::ShiftLeft<23>(hn::BitCast(du, shifted)), hn::Set(du, 0x3f800000u)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -126.0f)), hn::Mul(p, scale));
}

/// e^x: 1 ulp; 0 below -87.3 (where the result would be subnormal), infinity above 88.72.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), hn::Set(d, kRounder));
  const V n = hn::Sub(shifted, hn::Set(d, kRounder));
  // r = x - n ln 2, with ln 2 in two parts, the first short enough that its product is exact without fma
  const V r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-06f), hn::NegMulAdd(n, hn::Set(d, 0x1.62e4p-1f), x));
  // e^r = 1 + r + r^2 P(r)
  const V q = polynomial(d, r, 0.49999994f, 0.166665211f, 0.041668389f, 0.00836871006f, 0.00138146116f);
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), hn::Set(d, 1.0f));
  // p 2^n by adding n to the exponent: 2^128 itself would not fit
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(du, p), hn::ShiftLeft<23>(hn::BitCast(du, shifted))));
  const V low = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33654f)), y);
  const V high = hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.72283f)), hn::Inf(d), low);
  return hn::IfThenElse(hn::IsNaN(x), x, high);
}

/// 2^x: 1 ulp; 0 below -126, infinity from 128 on.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const V shifted = hn::Add(x, hn::Set(d, kRounder));
  const V r = hn::Sub(x, hn::Sub(shifted, hn::Set(d, kRounder)));
  const V p = hn::MulAdd(
      r, polynomial(d, r, 0.693147182f, 0.240226477f, 0.0555033237f, 0.00961843692f, 0.0013398875f, 0.000153533605f),
      hn::Set(d, 1.0f));
  const V y = hn::BitCast(d, hn::Add(hn::BitCast(du, p), hn::ShiftLeft<23>(hn::BitCast(du, shifted))));
  const V low = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -126.0f)), y);
  const V high = hn::IfThenElse(hn::Ge(x, hn::Set(d, 128.0f)), hn::Inf(d), low);
  return hn::IfThenElse(hn::IsNaN(x), x, high);
}

/// e^x - 1: 2 ulp; infinity above 88.72.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  const V t = hn::IfThenElse(hn::Lt(x, hn::Set(d, -25.0f)), hn::Set(d, -25.0f), x);  // from there on it is -1
  const V shifted = hn::MulAdd(t, hn::Set(d, 1.44269504f), hn::Set(d, kRounder));
  const V n = hn::Sub(shifted, hn::Set(d, kRounder));
  const V r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-06f), hn::NegMulAdd(n, hn::Set(d, 0x1.62e4p-1f), t));
  const V q = polynomial(d, r, 0.49999994f, 0.166665211f, 0.041668389f, 0.00836871006f, 0.00138146116f);
  const V p = hn::MulAdd(hn::Mul(r, r), q, r);
  // 2^n p + (2^n - 1), halved on the way: 2^128 itself would not fit
  const V half = hn::BitCast(d, hn::Add(hn::ShiftLeft<23>(hn::BitCast(du, shifted)), hn::Set(du, 0x3f000000u)));
  const V y = hn::MulAdd(half, p, hn::Sub(half, hn::Set(d, 0.5f)));
  const V high = hn::IfThenElse(hn::Gt(x, hn::Set(d, 88.72283f)), hn::Inf(d), hn::Add(y, y));
  return hn::IfThenElse(hn::IsNaN(x), x, high);
}

/// log(m 2^e) for m in [sqrt 1/2, sqrt 2): 1 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_parts(D d, V m, V e) {
  const V f = hn::Sub(m, hn::Set(d, 1.0f)), ff = hn::Mul(f, f);
  // log(1 + f) = f - f^2/2 + f^3 P(f), and e ln 2 in two parts
  const V p = polynomial(d, f, 0.333333135f, -0.250000119f, 0.20002073f, -0.166678548f, 0.142202333f, -0.124081969f,
                         0.11886204f, -0.116606608f, 0.0673301071f);
  const V q = hn::MulSub(f, p, hn::Set(d, 0.5f));
  const V low = hn::MulAdd(e, hn::Set(d, 1.42860677e-06f), hn::Mul(ff, q));
  return hn::MulAdd(e, hn::Set(d, 0x1.62e4p-1f), hn::Add(f, low));
}

/// x = m 2^e for x > 0 with m in [sqrt 1/2, sqrt 2). Subnormal numbers, which count as zero in arithmetic, are taken
/// from their bits.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void split_exponent(D d, V x, V& m, V& e) {
  const hn::RebindToSigned<D> di;
  auto bits = hn::BitCast(di, x);
  const auto small = hn::Lt(bits, hn::Set(di, 0x00800000));
  bits = hn::IfThenElse(small, hn::BitCast(di, hn::ConvertTo(d, bits)), bits);
  const auto k = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(k)));
  e = hn::ConvertTo(d, hn::Sub(k, hn::IfThenElseZero(small, hn::Set(di, 149))));
}

/// -infinity for x = 0, NaN below, `y` for other finite x, x itself else.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_edges(D d, V x, V y) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const V negative = hn::IfThenElse(hn::RebindMask(d, hn::Lt(bits, hn::Zero(di))), hn::NaN(d), y);
  const auto zero = hn::RebindMask(d, hn::Eq(hn::Add(bits, bits), hn::Zero(di)));
  const V finite = hn::IfThenElse(zero, hn::Neg(hn::Inf(d)), negative);
  return hn::IfThenElse(hn::Lt(x, hn::Inf(d)), finite, x);
}

/// 1 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  V m, e;
  split_exponent(d, x, m, e);
  return log_edges(d, x, log_parts(d, m, e));
}

/// log2 and log10, by log's factor: 2 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log2(D d, V x) {
  V m, e;
  split_exponent(d, x, m, e);
  return log_edges(d, x, hn::MulAdd(log_parts(d, m, hn::Zero(d)), hn::Set(d, 1.44269504f), e));
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log10(D d, V x) {
  V m, e;
  split_exponent(d, x, m, e);
  // log10 2 in two parts
  const V low =
      hn::MulAdd(e, hn::Set(d, 4.60503936e-06f), hn::Mul(log_parts(d, m, hn::Zero(d)), hn::Set(d, 0.434294482f)));
  return log_edges(d, x, hn::MulAdd(e, hn::Set(d, 0x1.344p-2f), low));
}

/// log(1 + x): 2 ulp. u = 1 + x loses c = x - (u - 1), which is log u + c/u back.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p(D d, V x) {
  const V one = hn::Set(d, 1.0f), u = hn::Add(x, one);
  const V c = hn::Sub(x, hn::Sub(u, one));
  V m, e;
  split_exponent(d, u, m, e);
  const V y = hn::Add(log_parts(d, m, e), hn::Div(c, u));
  return hn::IfThenElse(hn::Eq(u, one), x, log_edges(d, u, y));
}

/// log(1 + x) for 0 <= x <= 1: 2 ulp. The lost c is small, so that 1/u may be a parabola, exact at 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p_unit(D d, V x) {
  const V one = hn::Set(d, 1.0f), u = hn::Add(x, one), f = hn::Sub(u, one);
  const V c = hn::Sub(x, f);
  const auto above = hn::Gt(u, hn::Set(d, 1.41421354f));
  const V m = hn::IfThenElse(above, hn::Mul(u, hn::Set(d, 0.5f)), u);
  const V reciprocal = hn::MulAdd(f, hn::MulSub(f, hn::Set(d, 0.5f), one), one);
  return hn::MulAdd(c, reciprocal, log_parts(d, m, hn::IfThenElseZero(above, one)));
}

/// 1 / (1 + e^-x): 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

/// 3 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V t = hn::Abs(x), s = hn::Mul(x, x);
  // |x| < 5/8: x + x^3 P(x^2); beyond: 1 - 2 / (1 + e^2|x|)
  const V p = polynomial(d, s, -0.333332837f, 0.133314908f, -0.0537434928f, 0.0206505749f, -0.00571703259f);
  const V small = hn::MulAdd(hn::Mul(x, s), p, x);
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(one, exp(d, hn::Add(t, t)))));
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, 0.625f)), small, hn::CopySign(large, x));
}

/// 2 ulp.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  const V t = hn::Abs(x), s = hn::Mul(x, x);
  // |x| < 1: x + x P(x^2); beyond: 1 - exp(Q(|x|)), Q near log erfc; 1 from 4 on
  const V p = polynomial(d, s, 0.128379166f, -0.37612626f, 0.112835854f, -0.026853811f, 0.00518832728f,
                         -0.000801019138f, 7.85385273e-05f);
  const V q = polynomial(d, hn::IfThenElse(hn::Gt(t, hn::Set(d, 4.0f)), hn::Set(d, 4.0f), t), -0.000341507723f,
                         -1.12708926f, -0.638144732f, -0.103106849f, 0.0218381081f, -0.00294766971f, 0.000186380363f);
  const V large = hn::Sub(hn::Set(d, 1.0f), exp(d, q));
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, 1.0f)), hn::MulAdd(x, p, x), hn::CopySign(large, x));
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
