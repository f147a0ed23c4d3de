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

double product_range(const float* x, size_t n) { return fold_exact<ExactProduct>(x, n); }

// y_j = max or min of y_j and the rows of x.
void extreme_rows(bool largest, const float* x, size_t rows, size_t ld, float* y, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += ld) largest ? map(Larger(), n, y, y, x) : map(Smaller(), n, y, y, x);
}

// total_j = total_j x_1j x_2j …
void multiply_rows(const float* x, size_t rows, size_t ld, double* total, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += ld)
    for (size_t j = 0; j < n; ++j) total[j] *= static_cast<double>(x[j]);
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

#include "kernels/cpu/reduced_axes.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(reduce_range);
HWY_EXPORT(product_range);
HWY_EXPORT(extreme_rows);
HWY_EXPORT(multiply_rows);
HWY_EXPORT(add_rows);

namespace {

// Products of dense runs of n, in double precision to the end.
void multiply_runs(const float* x, const Split& s, float* y) {
  const auto range = HWY_DYNAMIC_DISPATCH(product_range);
  if (s.outer > 1) {
    parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = static_cast<float>(range(x + i * s.n, static_cast<size_t>(s.n)));
    });
    return;
  }
  std::vector<double> partial(static_cast<size_t>((s.n + kCheapGrain - 1) / kCheapGrain));
  parallel_for(s.n, kCheapGrain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / kCheapGrain)] = range(x + begin, static_cast<size_t>(end - begin));
  });
  double total = 1;
  for (double part : partial) total *= part;
  y[0] = static_cast<float>(total);
}

// Products, largest and smallest of n rows, column by column.
void reduce_columns(Reduction f, const float* x, const Split& s, float* y) {
  constexpr int64_t kColumns = 512;
  for_each_column_tile(s, kColumns, [&](int64_t o, int64_t begin, int64_t end) {
    const float* from = x + o * s.n * s.inner + begin;
    float* to = y + o * s.inner + begin;
    const auto width = static_cast<size_t>(end - begin), rows = static_cast<size_t>(s.n),
               ld = static_cast<size_t>(s.inner);
    if (f == Reduction::prod) {
      double total[kColumns];
      std::fill_n(total, width, 1.0);
      HWY_DYNAMIC_DISPATCH(multiply_rows)(from, rows, ld, total, width);
      for (size_t j = 0; j < width; ++j) to[j] = static_cast<float>(total[j]);
    } else {
      std::copy_n(from, width, to);
      HWY_DYNAMIC_DISPATCH(extreme_rows)(f == Reduction::max, from + ld, rows - 1, ld, to, width);
    }
  });
}

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

// Reduced axes that do not lie together, one run of neighbours after the other, the innermost first.
static void reduce_in_turn(const ReduceArgs& args) {
  if (args.f == Reduction::prod) {  // in double precision to the end
    const Tensor rows = reduced_axes_last(args.x, args.y.shape());
    return multiply_runs(rows.data<float>(), split_of(rows), args.y.data<float>());
  }
  Shape between = args.x.shape();
  int axis = between.rank() - 1;
  while (between[axis] == args.y.shape()[axis]) --axis;
  for (; between[axis] != args.y.shape()[axis]; --axis) between[axis] = 1;
  const Tensor part = empty(between);
  reduce({args.f, args.x, part});
  reduce({args.f, part, args.y});
}

void reduce(const ReduceArgs& args) {
  Split s;
  if (!all_f32({args.x}) || args.x.count() == 0) return ref::reduce(args);
  if (!s.of(args.x.shape(), args.y.shape())) return reduce_in_turn(args);
  const Tensor x = dense(args.x);
  const float* from = x.data<float>();
  float* y = args.y.data<float>();
  if (s.inner == 1) return args.f == Reduction::prod ? multiply_runs(from, s, y) : reduce_runs(args.f, from, s, y);
  if (args.f != Reduction::sum) return reduce_columns(args.f, from, s, y);
  for (int64_t i = 0; i < s.outer; ++i) sum_rows(from + i * s.n * s.inner, s.n, s.inner, y + i * s.inner);
}

}  // namespace gradus::cpu
#endif
