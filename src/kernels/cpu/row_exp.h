// The passes over one row that softmax and cross-entropy share. Included once for every Highway target (see simd.h).
#if defined(GRADUS_ROW_EXP_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_ROW_EXP_H
#undef GRADUS_ROW_EXP_H
#else
#define GRADUS_ROW_EXP_H
#endif

#include <limits>

#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

constexpr float kLog2E = 1.44269504088896340736f;

/// The largest of a row, or 0 when all are -inf: then every exp(x - top) is 0, not NaN.
HWY_INLINE float row_max(const float* x, size_t n) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const float top = lane_max(fold(MaxOf(), -inf, -inf, n, x));
  return top == -inf ? 0 : top;
}

/// exp(x - top) for x <= top
struct ExpBelow {
  float top;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return exp2_nonpositive(d, hn::Mul(hn::Sub(x, hn::Set(d, top)), hn::Set(d, kLog2E)));
  }
};

struct SumOfExp : SumOf {
  float top;
  explicit SumOfExp(float top) : top(top) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    return hn::Add(s, ExpBelow{top}(d, x));
  }
};

HWY_INLINE float sum_exp(const float* x, size_t n, float top) {
  return lane_sum(fold(SumOfExp(top), 0, -std::numeric_limits<float>::infinity(), n, x));
}

/// y = exp(x - top); returns the sum of y. y may be x.
HWY_INLINE float store_exp(const float* x, float* y, size_t n, float top) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const ExpBelow f{top};
  FloatVec s0 = hn::Zero(d), s1 = s0;
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const FloatVec e0 = f(d, hn::LoadU(d, x + i)), e1 = f(d, hn::LoadU(d, x + i + lanes));
    hn::StoreU(e0, d, y + i);
    hn::StoreU(e1, d, y + i + lanes);
    s0 = hn::Add(s0, e0);
    s1 = hn::Add(s1, e1);
  }
  for (; i < n; i += lanes) {
    const size_t rest = n - i < lanes ? n - i : lanes;
    const FloatVec e = f(d, load_some(d, x + i, rest, -std::numeric_limits<float>::infinity()));
    store_some(e, d, y + i, rest);
    s0 = hn::Add(s0, e);
  }
  return lane_sum(hn::Add(s0, s1));
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
