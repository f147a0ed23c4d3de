#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

using Ints = hn::RebindToSigned<Floats>;

// best, at = x, place where x is larger, or NaN beside a number.
template <class D, class V, class I>
HWY_INLINE void take_larger(D, V x, I place, V& best, I& at) {
  const hn::RebindToSigned<D> di;
  const auto larger = hn::Or(hn::Gt(x, best), hn::And(hn::IsNaN(x), hn::Not(hn::IsNaN(best))));
  best = hn::IfThenElse(larger, x, best);
  at = hn::IfThenElse(hn::RebindMask(di, larger), place, at);
}

// best[i], at[i] = the largest of x[t][i], t < taps, and its column column + i * stride + t * step; whole vectors only.
// Returns how many of n were done.
int64_t larger_of_taps(const float* const* x, int64_t taps, int64_t column, int64_t stride, int64_t step, int64_t n,
                       float* best, int32_t* at) {
  const Floats d;
  const Ints di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto steps = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<int32_t>(stride)));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    FloatVec value = hn::LoadU(d, x[0] + i);
    auto place = hn::Add(steps, hn::Set(di, static_cast<int32_t>(column + i * stride)));
    auto taken = place;
    for (int64_t t = 1; t < taps; ++t) {
      place = hn::Add(place, hn::Set(di, static_cast<int32_t>(step)));
      take_larger(d, hn::LoadU(d, x[t] + i), place, value, taken);
    }
    hn::StoreU(value, d, best + i);
    hn::StoreU(taken, di, at + i);
  }
  return i;
}

// y[i], index[i] = the largest of rows[r][i] and where it lies, base[r] + at[r][i].
int64_t larger_of_rows(const float* const* rows, const int32_t* const* at, const int32_t* base, int64_t count,
                       int64_t n, float* y, int64_t* index) {
  const Floats d;
  const Ints di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    FloatVec value = hn::LoadU(d, rows[0] + i);
    auto taken = hn::Add(hn::LoadU(di, at[0] + i), hn::Set(di, base[0]));
    for (int64_t r = 1; r < count; ++r)
      take_larger(d, hn::LoadU(d, rows[r] + i), hn::Add(hn::LoadU(di, at[r] + i), hn::Set(di, base[r])), value, taken);
    hn::StoreU(value, d, y + i);
#if HWY_TARGET == HWY_SCALAR
    index[i] = hn::GetLane(taken);
#else
    const hn::Repartition<int64_t, Ints> wide;
    hn::StoreU(hn::PromoteTo(wide, hn::LowerHalf(taken)), wide, index + i);
    hn::StoreU(hn::PromoteTo(wide, hn::UpperHalf(hn::Half<Ints>(), taken)), wide, index + i + lanes / 2);
#endif
  }
  return i;
}

// The even and the odd entries of x, n of each.
void deal_in_two(const float* x, int64_t n, float* even, float* odd) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    FloatVec a, b;
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    hn::StoreU(a, d, even + i);
    hn::StoreU(b, d, odd + i);
  }
  for (; i < n; ++i) even[i] = x[2 * i], odd[i] = x[2 * i + 1];
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(larger_of_taps);
HWY_EXPORT(larger_of_rows);
HWY_EXPORT(deal_in_two);

namespace {

bool larger(float x, float best) { return x > best || (std::isnan(x) && !std::isnan(best)); }

// The windows of a row from `first` to `end` have one length and lie `stride` apart.
struct Regular {
  int64_t first = 0, end = 0, stride = 0;
};

Regular regular_part(const PoolWindows& w) {
  const auto n = static_cast<int64_t>(w.start.size());
  const auto at = [&](int64_t i) { return w.start[static_cast<size_t>(i)]; };
  const auto length = [&](int64_t i) { return w.length[static_cast<size_t>(i)]; };
  const int64_t middle = n / 2;
  if (n < 2 || middle + 1 > n - 1) return {};
  Regular r{middle, middle + 1, at(middle + 1) - at(middle)};
  while (r.end < n && length(r.end) == length(middle) && at(r.end) - at(r.end - 1) == r.stride) ++r.end;
  while (r.first > 0 && length(r.first - 1) == length(middle) && at(r.first) - at(r.first - 1) == r.stride) --r.first;
  return r;
}

// Along rows first (the largest of each window and its column), then down the columns of those.
class MaxPoolPlane {
 public:
  explicit MaxPoolPlane(const MaxPoolArgs& args)
      : size_(args.x.shape()), out_(args.y.shape()), windows_(args.windows), regular_(regular_part(windows_[2])) {
    const int64_t rows = size_[1] * size_[2];
    best_ = empty({rows * out_[3]});
    columns_ = empty({rows * out_[3]}, Dtype::i32);
    if (regular_.stride == 2) dealt_ = empty({2, size_[3] / 2 + 1});
  }

  void run(const float* x, float* y, int64_t* index) {
    const int64_t rows = size_[1] * size_[2], n = out_[3];
    for (int64_t r = 0; r < rows; ++r)
      along_row(x + r * size_[3], best_.data<float>() + r * n, columns_.data<int32_t>() + r * n);
    for (int64_t d = 0; d < out_[1]; ++d)
      for (int64_t h = 0; h < out_[2]; ++h, y += n, index += n) down_columns(d, h, y, index);
  }

 private:
  void along_row(const float* x, float* best, int32_t* column) {
    const PoolWindows& w = windows_[2];
    int64_t done = regular_.first;
    if (regular_.end > regular_.first) {
      const auto first = static_cast<size_t>(regular_.first);
      const int64_t taps = w.length[first], start = w.start[first], half = size_[3] / 2 + 1;
      taps_.clear();
      if (regular_.stride == 2) HWY_DYNAMIC_DISPATCH(deal_in_two)(x, size_[3] / 2, even(), even() + half);
      if (regular_.stride == 2 && size_[3] % 2) even()[size_[3] / 2] = x[size_[3] - 1];
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t at = start + t * w.step;
        taps_.push_back(regular_.stride == 2 ? even() + at % 2 * half + at / 2 : x + at);
      }
      if (regular_.stride == 1 || regular_.stride == 2)
        done += HWY_DYNAMIC_DISPATCH(larger_of_taps)(taps_.data(), taps, start, regular_.stride, w.step,
                                                     regular_.end - regular_.first, best + first, column + first);
    }
    for (int64_t i = 0; i < out_[3]; ++i) {
      if (i == regular_.first) i = done;
      if (i >= out_[3]) break;
      int64_t at = w.start[static_cast<size_t>(i)], taken = at;
      for (int64_t t = 1; t < w.length[static_cast<size_t>(i)]; ++t)
        if (larger(x[at + t * w.step], x[taken])) taken = at + t * w.step;
      best[i] = x[taken], column[i] = static_cast<int32_t>(taken);
    }
  }

  void down_columns(int64_t d, int64_t h, float* y, int64_t* index) {
    const auto &wd = windows_[0], &wh = windows_[1];
    const auto i = static_cast<size_t>(d), j = static_cast<size_t>(h);
    const int64_t n = out_[3];
    rows_.clear(), at_.clear(), base_.clear();
    for (int64_t a = 0; a < wd.length[i]; ++a)
      for (int64_t b = 0; b < wh.length[j]; ++b) {
        const int64_t row = (wd.start[i] + a * wd.step) * size_[2] + wh.start[j] + b * wh.step;
        rows_.push_back(best_.data<float>() + row * n);
        at_.push_back(columns_.data<int32_t>() + row * n);
        base_.push_back(static_cast<int32_t>(row * size_[3]));
      }
    const auto count = static_cast<int64_t>(rows_.size());
    int64_t k = HWY_DYNAMIC_DISPATCH(larger_of_rows)(rows_.data(), at_.data(), base_.data(), count, n, y, index);
    for (; k < n; ++k) {
      size_t taken = 0;
      for (size_t r = 1; r < rows_.size(); ++r)
        if (larger(rows_[r][k], rows_[taken][k])) taken = r;
      y[k] = rows_[taken][k], index[k] = base_[taken] + at_[taken][k];
    }
  }

  float* even() { return dealt_.data<float>(); }

  const Shape &size_, &out_;
  const std::array<PoolWindows, 3>& windows_;
  Regular regular_;
  Tensor best_, columns_, dealt_;
  std::vector<const float*> taps_, rows_;
  std::vector<const int32_t*> at_;
  std::vector<int32_t> base_;
};

}  // namespace

void max_pool(const MaxPoolArgs& args) {
  const Shape &from = args.x.shape(), &to = args.y.shape();
  const int64_t places = from[1] * from[2] * from[3], results = to[1] * to[2] * to[3];
  if (!all_f32({args.x}) || args.y.count() == 0 || places > std::numeric_limits<int32_t>::max())
    return ref::max_pool(args);
  parallel_for(from[0], rows_for(kCheapGrain, places), [&](int64_t begin, int64_t end) {
    MaxPoolPlane plane(args);
    for (int64_t n = begin; n < end; ++n)
      plane.run(args.x.data<float>() + n * places, args.y.data<float>() + n * results,
                args.index.data<int64_t>() + n * results);
  });
}

void max_pool_backward(const MaxPoolBackwardArgs& args) {
  if (!all_f32({args.dy})) return ref::max_pool_backward(args);
  const int64_t rows = args.dx.shape()[0], places = args.dx.shape()[1], n = args.dy.shape()[1];
  parallel_for(rows, rows_for(kCheapGrain, places), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* dx = args.dx.data<float>() + r * places;
      const float* dy = args.dy.data<float>() + r * n;
      const int64_t* index = args.index.data<int64_t>() + r * n;
      std::fill(dx, dx + places, 0.0f);
      for (int64_t i = 0; i < n; ++i) dx[index[i]] += dy[i];
    }
  });
}

}  // namespace gradus::cpu
#endif
