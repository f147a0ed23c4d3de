// Loops over f32 arrays of any length and alignment. Included once for every Highway target (see simd.h).
#if defined(GRADUS_VECTOR_LOOP_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_VECTOR_LOOP_H
#undef GRADUS_VECTOR_LOOP_H
#else
#define GRADUS_VECTOR_LOOP_H
#endif

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Floats>;

/// The first n < Lanes(d) numbers at p, then `rest`; nothing beyond is read.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V load_some(D d, const float* p, size_t n, float rest = 0) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const auto first = hn::FirstN(d, n);
  return hn::IfThenElse(first, hn::MaskedLoad(first, d, p), hn::Set(d, rest));
#else
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = i < n ? p[i] : rest;
  return hn::Load(d, lanes);
#endif
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE void store_some(V v, D d, float* p, size_t n) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(p, lanes, n * sizeof(float));
#endif
}

/// y_i = f(d, x_i …)
template <class F, class... X>
HWY_INLINE void map(const F& f, size_t n, float* y, const X*... x) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)...), d, y + i);
  if (i < n) store_some(f(d, load_some(d, x + i, n - i)...), d, y + i, n - i);
}

/// f(sum, x_i …) over four independent sums, which join at the end. `rest` stands for what lies beyond the end.
template <class F, class... X>
HWY_INLINE FloatVec fold(const F& f, float start, float rest, size_t n, const X*... x) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec s0 = hn::Set(d, start), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = f(d, s0, hn::LoadU(d, x + i)...);
    s1 = f(d, s1, hn::LoadU(d, x + i + lanes)...);
    s2 = f(d, s2, hn::LoadU(d, x + i + 2 * lanes)...);
    s3 = f(d, s3, hn::LoadU(d, x + i + 3 * lanes)...);
  }
  for (; i + lanes <= n; i += lanes) s0 = f(d, s0, hn::LoadU(d, x + i)...);
  if (i < n) s1 = f(d, s1, load_some(d, x + i, n - i, rest)...);
  return F::join(d, F::join(d, s0, s1), F::join(d, s2, s3));
}

struct SumOf {
  template <class D, class V>
  HWY_INLINE V operator()(D, V s, V x) const {
    return hn::Add(s, x);
  }
  template <class D, class V>
  static HWY_INLINE V join(D, V a, V b) {
    return hn::Add(a, b);
  }
};

struct MaxOf {
  template <class D, class V>
  HWY_INLINE V operator()(D, V s, V x) const {
    return hn::Max(s, x);
  }
  template <class D, class V>
  static HWY_INLINE V join(D, V a, V b) {
    return hn::Max(a, b);
  }
};

struct SumOfSquares : SumOf {
  template <class D, class V>
  HWY_INLINE V operator()(D, V s, V x) const {
    return hn::MulAdd(x, x, s);
  }
};

struct SumOfProducts : SumOf {
  template <class D, class V>
  HWY_INLINE V operator()(D, V s, V x, V y) const {
    return hn::MulAdd(x, y, s);
  }
};

/// Sums and products in double precision: four independent chains that join at the end.
struct ExactSum {
  static constexpr double kStart = 0;
  template <class V>
  static HWY_INLINE V of(V a, V b) {
    return hn::Add(a, b);
  }
  static double of(double a, double b) { return a + b; }
};
struct ExactProduct {
  static constexpr double kStart = 1;
  template <class V>
  static HWY_INLINE V of(V a, V b) {
    return hn::Mul(a, b);
  }
  static double of(double a, double b) { return a * b; }
};
template <class F>
HWY_INLINE double fold_exact(const float* x, size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Set(d, F::kStart), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = F::of(s0, hn::PromoteTo(d, hn::LoadU(half, x + i)));
    s1 = F::of(s1, hn::PromoteTo(d, hn::LoadU(half, x + i + lanes)));
    s2 = F::of(s2, hn::PromoteTo(d, hn::LoadU(half, x + i + 2 * lanes)));
    s3 = F::of(s3, hn::PromoteTo(d, hn::LoadU(half, x + i + 3 * lanes)));
  }
  HWY_ALIGN double parts[hn::MaxLanes(d)];
  hn::Store(F::of(F::of(s0, s1), F::of(s2, s3)), d, parts);
  double total = F::kStart;
  for (size_t k = 0; k < lanes; ++k) total = F::of(total, parts[k]);
  for (; i < n; ++i) total = F::of(total, static_cast<double>(x[i]));
  return total;
}

HWY_INLINE float lane_sum(FloatVec v) { return hn::GetLane(hn::SumOfLanes(Floats(), v)); }
HWY_INLINE float lane_max(FloatVec v) { return hn::GetLane(hn::MaxOfLanes(Floats(), v)); }

HWY_INLINE float sum_of(const float* x, size_t n) { return lane_sum(fold(SumOf(), 0, 0, n, x)); }

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
