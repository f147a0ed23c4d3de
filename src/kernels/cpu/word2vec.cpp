#include "kernels/cpu/word2vec.h"

#include <cmath>
#include <type_traits>

#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/word2vec.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::CappedTag<float, kWord2VecLanes>;
using FloatVec = hn::Vec<Floats>;

/// The products of h with N rows at once: N independent sums.
template <int N>
HWY_INLINE void dots(const float* HWY_RESTRICT h, const float* const* row, int64_t width, float* out) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  FloatVec sum[N];
#pragma GCC unroll 6
  for (int t = 0; t < N; ++t) sum[t] = hn::Zero(d);
  for (int64_t i = 0; i < width; i += lanes) {
    const FloatVec x = hn::LoadU(d, h + i);
#pragma GCC unroll 6
    for (int t = 0; t < N; ++t) sum[t] = hn::MulAdd(x, hn::LoadU(d, row[t] + i), sum[t]);
  }
#pragma GCC unroll 6
  for (int t = 0; t < N; ++t) out[t] = hn::GetLane(hn::SumOfLanes(d, sum[t]));
}

/// error (+)= sum_t g_t o_t, o_t += g_t h for N rows.
template <int N>
HWY_INLINE void step(const float* HWY_RESTRICT h, float* const* row, const float* g, int64_t width, bool first,
                     float* HWY_RESTRICT error) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  FloatVec by[N];
#pragma GCC unroll 6
  for (int t = 0; t < N; ++t) by[t] = hn::Set(d, g[t]);
  for (int64_t i = 0; i < width; i += lanes) {
    const FloatVec x = hn::LoadU(d, h + i);
    FloatVec e = first ? hn::Zero(d) : hn::LoadU(d, error + i);
#pragma GCC unroll 6
    for (int t = 0; t < N; ++t) e = hn::MulAdd(by[t], hn::LoadU(d, row[t] + i), e);
      // Loaded again: the same row may stand twice among the targets.
#pragma GCC unroll 6
    for (int t = 0; t < N; ++t) hn::StoreU(hn::MulAdd(by[t], x, hn::LoadU(d, row[t] + i)), d, row[t] + i);
    hn::StoreU(e, d, error + i);
  }
}

/// Calls f with the number of rows of each group: sixes, then what is left.
template <class F>
HWY_INLINE void in_groups(int64_t count, const F& f) {
  int64_t t = 0;
  for (; t + 6 <= count; t += 6) f(std::integral_constant<int, 6>(), t);
  for (; t + 3 <= count; t += 3) f(std::integral_constant<int, 3>(), t);
  for (; t < count; ++t) f(std::integral_constant<int, 1>(), t);
}

void example(const Word2VecExample& p) {
  const auto rows_of = [&p](int64_t t, int n, float** row) {
    for (int k = 0; k < n; ++k) row[k] = p.output + p.targets[t + k] * p.width;
  };
  in_groups(p.count, [&](auto n, int64_t t) HWY_ATTR {
    float* row[decltype(n)::value];
    rows_of(t, n, row);
    dots<decltype(n)::value>(p.hidden, row, p.width, p.steps + t);
  });
  for (int64_t t = 0; t < p.count; ++t) p.steps[t] = p.rate * (p.labels[t] - 1.0f / (1.0f + std::exp(-p.steps[t])));
  in_groups(p.count, [&](auto n, int64_t t) HWY_ATTR {
    float* row[decltype(n)::value];
    rows_of(t, n, row);
    step<decltype(n)::value>(p.hidden, row, p.steps + t, p.width, t == 0, p.error);
  });
}

void gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const FloatVec by = hn::Set(d, scale);
  for (int64_t i = 0; i < width; i += lanes) {
    FloatVec s = hn::Zero(d);
    for (int64_t k = 0; k < count; ++k) s = hn::Add(s, hn::LoadU(d, rows + ids[k] * width + i));
    hn::StoreU(hn::Mul(s, by), d, sum + i);
  }
}

void scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t k = 0; k < count; ++k) {
    float* row = rows + ids[k] * width;
    for (int64_t i = 0; i < width; i += lanes)
      hn::StoreU(hn::Add(hn::LoadU(d, row + i), hn::LoadU(d, delta + i)), d, row + i);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {

HWY_EXPORT(example);
HWY_EXPORT(gather);
HWY_EXPORT(scatter);

void word2vec_example(const Word2VecExample& p) { HWY_DYNAMIC_DISPATCH(example)(p); }
void word2vec_gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum) {
  HWY_DYNAMIC_DISPATCH(gather)(rows, ids, count, width, scale, sum);
}
void word2vec_scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta) {
  HWY_DYNAMIC_DISPATCH(scatter)(rows, ids, count, width, delta);
}

}  // namespace gradus::cpu
#endif
