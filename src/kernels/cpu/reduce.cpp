#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reduce.cpp"
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// NaN stays: max and min keep `s` when it is one, and take x unless s beats it.
struct Larger {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    return join(d, s, x);
  }
  template <class D, class V>
  static HWY_INLINE V join(D, V s, V x) {
    return hn::IfThenElse(hn::Or(hn::Gt(s, x), hn::IsNaN(s)), s, x);
  }
};
struct Smaller {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    return join(d, s, x);
  }
  template <class D, class V>
  static HWY_INLINE V join(D, V s, V x) {
    return hn::IfThenElse(hn::Or(hn::Lt(s, x), hn::IsNaN(s)), s, x);
  }
};

template <class F>
float fold_lanes(FloatVec v) {
  const Floats d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  const hn::CappedTag<float, 1> one;
  auto s = hn::Load(one, lanes);
  for (size_t i = 1; i < hn::Lanes(d); ++i) s = F::join(one, s, hn::LoadU(one, lanes + i));
  return hn::GetLane(s);
}

float reduce_range(Reduction f, const float* x, size_t n) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  if (f == Reduction::sum) {  // short chains in f32, joined in f64
    constexpr size_t kChain = 1024;
    double sum = 0;
    for (size_t i = 0; i < n; i += kChain) sum += sum_of(x + i, n - i < kChain ? n - i : kChain);
    return static_cast<float>(sum);
  }
  return f == Reduction::max ? fold_lanes<Larger>(fold(Larger(), -inf, -inf, n, x))
                             : fold_lanes<Smaller>(fold(Smaller(), inf, inf, n, x));
}

// y_j = y_j + x_1j + x_2j + …, `ld` between the rows of x: four rows a time, so that y is passed over less often.
void add_rows(const float* x, size_t rows, size_t ld, float* y, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * ld) {
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      const FloatVec a = hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, x + ld + i));
      const FloatVec b = hn::Add(hn::LoadU(d, x + 2 * ld + i), hn::LoadU(d, x + 3 * ld + i));
      hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::Add(a, b)), d, y + i);
    }
    for (; i < n; ++i) y[i] += (x[i] + x[ld + i]) + (x[2 * ld + i] + x[3 * ld + i]);
  }
  for (; r < rows; ++r, x += ld) map(SumOf(), n, y, y, x);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(reduce_range);
HWY_EXPORT(add_rows);

namespace {

// A dense x seen as (outer, n, inner) with the middle reduced; false when the reduced axes do not lie together.
struct Split {
  int64_t outer = 1, n = 1, inner = 1;

  bool of(const Shape& x, const Shape& y) {
    int stage = 0;  // 0 before, 1 within, 2 after the reduced axes
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (x[axis] == 1) continue;
      const bool reduced = y[axis] != x[axis];
      if (reduced ? stage == 2 : false) return false;
      if (reduced)
        stage = 1;
      else if (stage == 1)
        stage = 2;
      (stage == 0 ? outer : stage == 1 ? n : inner) *= x[axis];
    }
    return true;
  }
};

// Along dense runs of n.
void reduce_runs(Reduction f, const float* x, const Split& s, float* y) {
  const auto range = HWY_DYNAMIC_DISPATCH(reduce_range);
  if (s.outer > 1) {
    parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = range(f, x + i * s.n, static_cast<size_t>(s.n));
    });
    return;
  }
  std::vector<float> partial(static_cast<size_t>((s.n + kCheapGrain - 1) / kCheapGrain));
  parallel_for(s.n, kCheapGrain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / kCheapGrain)] = range(f, x + begin, static_cast<size_t>(end - begin));
  });
  y[0] = range(f, partial.data(), partial.size());
}

// Sums n rows of `inner`, cut into pieces of rows and of columns; each piece of rows adds into a buffer of its own.
void sum_rows(const float* x, int64_t n, int64_t inner, float* y) {
  constexpr int64_t kColumns = 1024;  // of y and four rows of x: fits the first-level cache
  const int64_t width = std::min(inner, kColumns), tiles = (inner + width - 1) / width;
  const int64_t grain = rows_for_partials(n, width), pieces = (n + grain - 1) / grain;
  std::vector<float> partial(static_cast<size_t>(pieces * inner));
  const auto add = HWY_DYNAMIC_DISPATCH(add_rows);
  parallel_for(pieces * tiles, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / tiles * grain, column = i % tiles * width;
      add(x + row * inner + column, static_cast<size_t>(std::min(grain, n - row)), static_cast<size_t>(inner),
          partial.data() + i / tiles * inner + column, static_cast<size_t>(std::min(width, inner - column)));
    }
  });
  std::fill(y, y + inner, 0.0f);
  add(partial.data(), static_cast<size_t>(pieces), static_cast<size_t>(inner), y, static_cast<size_t>(inner));
}

}  // namespace

void reduce(const ReduceArgs& args) {
  Split s;
  const bool fast = all_f32({args.x}) && args.x.count() > 0 && s.of(args.x.shape(), args.y.shape()) &&
                    (s.inner == 1 || args.f == Reduction::sum);
  if (!fast) return ref::reduce(args);
  const Tensor x = dense(args.x);
  float* y = args.y.data<float>();
  if (s.inner == 1) return reduce_runs(args.f, x.data<float>(), s, y);
  for (int64_t i = 0; i < s.outer; ++i) sum_rows(x.data<float>() + i * s.n * s.inner, s.n, s.inner, y + i * s.inner);
}

}  // namespace gradus::cpu
#endif
