#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/arg_extreme.cpp"
#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// Whether x takes the place of s: NaN takes any other's, and keeps its own.
template <bool largest, class D, class V>
HWY_INLINE auto beats(D, V x, V s) {
  const auto better = largest ? hn::Gt(x, s) : hn::Lt(x, s);
  return hn::AndNot(hn::IsNaN(s), hn::Or(better, hn::IsNaN(x)));
}

template <bool largest>
struct Best {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    return join(d, s, x);
  }
  template <class D, class V>
  static HWY_INLINE V join(D d, V s, V x) {
    return hn::IfThenElse(beats<largest>(d, x, s), x, s);
  }
};

template <bool largest>
float best_value(const float* x, size_t n) {
  const Floats d;
  const float worst = largest ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(fold(Best<largest>(), worst, worst, n, x), d, lanes);
  float best = lanes[0];
  for (size_t i = 1; i < hn::Lanes(d); ++i)
    if (best == best && (lanes[i] != lanes[i] || (largest ? lanes[i] > best : lanes[i] < best))) best = lanes[i];
  return best;
}

float extreme_value(bool largest, const float* x, size_t n) {
  return largest ? best_value<true>(x, n) : best_value<false>(x, n);
}

// The first place of a value that is there; NaN finds NaN.
size_t first_place(const float* x, size_t n, float value) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const bool nan = value != value;
  const FloatVec wanted = hn::Set(d, value);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const FloatVec v = hn::LoadU(d, x + i);
    if (!hn::AllFalse(d, nan ? hn::IsNaN(v) : hn::Eq(v, wanted))) break;
  }
  while (i < n && !(nan ? x[i] != x[i] : x[i] == value)) ++i;
  return i;
}

// Row i of x, `ld` apart, against the best so far; n is at most the size of the caller's buffers.
template <bool largest>
void columns(const float* x, size_t rows, size_t ld, float* best, int32_t* place, size_t n) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> di;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 1; r < rows; ++r) {
    x += ld;
    size_t j = 0;
    const auto here = hn::Set(di, static_cast<int32_t>(r));
    for (; j + lanes <= n; j += lanes) {
      const FloatVec v = hn::LoadU(d, x + j), s = hn::LoadU(d, best + j);
      const auto wins = beats<largest>(d, v, s);
      hn::StoreU(hn::IfThenElse(wins, v, s), d, best + j);
      hn::StoreU(hn::IfThenElse(hn::RebindMask(di, wins), here, hn::LoadU(di, place + j)), di, place + j);
    }
    for (; j < n; ++j)
      if (best[j] == best[j] && (x[j] != x[j] || (largest ? x[j] > best[j] : x[j] < best[j])))
        best[j] = x[j], place[j] = static_cast<int32_t>(r);
  }
}

void extreme_columns(bool largest, const float* x, size_t rows, size_t ld, float* best, int32_t* place, size_t n) {
  largest ? columns<true>(x, rows, ld, best, place, n) : columns<false>(x, rows, ld, best, place, n);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(extreme_value);
HWY_EXPORT(first_place);
HWY_EXPORT(extreme_columns);

namespace {

// One long row: the best of each piece, then the first piece that has the best of all.
int64_t place_in_pieces(bool largest, const float* x, int64_t n) {
  std::vector<float> best(static_cast<size_t>((n + kCheapGrain - 1) / kCheapGrain));
  parallel_for(n, kCheapGrain, [&](int64_t begin, int64_t end) {
    best[static_cast<size_t>(begin / kCheapGrain)] =
        HWY_DYNAMIC_DISPATCH(extreme_value)(largest, x + begin, static_cast<size_t>(end - begin));
  });
  const auto find = HWY_DYNAMIC_DISPATCH(first_place);
  const float top = HWY_DYNAMIC_DISPATCH(extreme_value)(largest, best.data(), best.size());
  const int64_t begin = static_cast<int64_t>(find(best.data(), best.size(), top)) * kCheapGrain;
  return begin + static_cast<int64_t>(find(x + begin, static_cast<size_t>(std::min(kCheapGrain, n - begin)), top));
}

}  // namespace

void arg_extreme(const ArgExtremeArgs& args) {
  const Lanes s(args.x.shape(), args.axis);
  if (!all_f32({args.x}) || s.n > std::numeric_limits<int32_t>::max()) return ref::arg_extreme(args);
  const Tensor dense_x = dense(args.x);
  const float* x = dense_x.data<float>();
  int64_t* y = args.index.data<int64_t>();
  if (s.inner == 1 && s.outer == 1) {
    y[0] = place_in_pieces(args.largest, x, s.n);
  } else if (s.inner == 1) {
    const auto best = HWY_DYNAMIC_DISPATCH(extreme_value);
    const auto find = HWY_DYNAMIC_DISPATCH(first_place);
    parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* row = x + i * s.n;
        const auto n = static_cast<size_t>(s.n);
        y[i] = static_cast<int64_t>(find(row, n, best(args.largest, row, n)));
      }
    });
  } else {
    constexpr int64_t kColumns = 512;
    for_each_column_tile(s, kColumns, [&](int64_t o, int64_t begin, int64_t end) {
      const float* from = x + o * s.n * s.inner + begin;
      float best[kColumns];
      int32_t place[kColumns] = {};
      std::copy_n(from, end - begin, best);
      HWY_DYNAMIC_DISPATCH(extreme_columns)
      (args.largest, from, static_cast<size_t>(s.n), static_cast<size_t>(s.inner), best, place,
       static_cast<size_t>(end - begin));
      std::copy_n(place, end - begin, y + o * s.inner + begin);
    });
  }
}

}  // namespace gradus::cpu
#endif
