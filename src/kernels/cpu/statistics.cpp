#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/statistics.cpp"
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/row_exp.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

constexpr size_t kChain = 1024;  // additions in f32 before a sum goes on in f64

double sum_range(const float* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i += kChain) sum += sum_of(x + i, n - i < kChain ? n - i : kChain);
  return sum;
}

struct SquaredDistance : SumOf {
  float from;
  explicit SquaredDistance(float from) : from(from) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V s, V x) const {
    const V c = hn::Sub(x, hn::Set(d, from));
    return hn::MulAdd(c, c, s);
  }
};

double squares_range(const float* x, size_t n, float mean) {
  double sum = 0;
  for (size_t i = 0; i < n; i += kChain)
    sum += lane_sum(fold(SquaredDistance(mean), 0, mean, n - i < kChain ? n - i : kChain, x + i));
  return sum;
}

void sum_columns(const float* x, size_t rows, size_t ld, double* sum, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += ld)
    for (size_t j = 0; j < n; ++j) sum[j] += static_cast<double>(x[j]);
}

void squares_columns(const float* x, size_t rows, size_t ld, const double* mean, double* sum, size_t n) {
  for (size_t r = 0; r < rows; ++r, x += ld)
    for (size_t j = 0; j < n; ++j) {
      const double c = static_cast<double>(x[j]) - mean[j];
      sum[j] += c * c;
    }
}

// exp(x - top) summed; top is written.
float exp_range(const float* x, size_t n, float* top) {
  *top = row_max(x, n);
  return sum_exp(x, n, *top);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "kernels/cpu/reduced_axes.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(sum_range);
HWY_EXPORT(squares_range);
HWY_EXPORT(sum_columns);
HWY_EXPORT(squares_columns);
HWY_EXPORT(exp_range);

namespace {

// sum (x - mean)^2 about the rounded mean, less what the rounding added.
double centred(double squares, double sum, float mean, double n) {
  const double off = sum / n - static_cast<double>(mean);
  const double rest = squares - n * off * off;
  return rest < 0 ? 0 : rest;  // NaN stays
}

struct Output {
  float *mean, *variance;
  double n, divisor;

  void set(int64_t i, double sum, double squares) const {
    mean[i] = static_cast<float>(sum / n);
    variance[i] = static_cast<float>(squares / divisor);
  }
};

void moments_of_row(const float* x, int64_t n, const Output& out) {
  const auto add = HWY_DYNAMIC_DISPATCH(sum_range);
  const auto square = HWY_DYNAMIC_DISPATCH(squares_range);
  std::vector<double> partial(static_cast<size_t>((n + kCheapGrain - 1) / kCheapGrain));
  const auto total = [&](auto&& piece) {
    parallel_for(n, kCheapGrain, [&](int64_t begin, int64_t end) {
      partial[static_cast<size_t>(begin / kCheapGrain)] = piece(x + begin, static_cast<size_t>(end - begin));
    });
    double sum = 0;
    for (double part : partial) sum += part;
    return sum;
  };
  const double sum = total(add);
  const auto mean = static_cast<float>(sum / out.n);
  out.set(0, sum, centred(total([&](const float* p, size_t k) { return square(p, k, mean); }), sum, mean, out.n));
}

void moments_of_rows(const float* x, const Lanes& s, const Output& out) {
  const auto add = HWY_DYNAMIC_DISPATCH(sum_range);
  const auto square = HWY_DYNAMIC_DISPATCH(squares_range);
  parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* row = x + i * s.n;
      const double sum = add(row, static_cast<size_t>(s.n));
      const auto mean = static_cast<float>(sum / out.n);
      out.set(i, sum, centred(square(row, static_cast<size_t>(s.n), mean), sum, mean, out.n));
    }
  });
}

void moments_of_columns(const float* x, const Lanes& s, const Output& out) {
  constexpr int64_t kColumns = 256;
  for_each_column_tile(s, kColumns, [&](int64_t o, int64_t begin, int64_t end) {
    double sum[kColumns] = {}, mean[kColumns], squares[kColumns] = {};
    const float* from = x + o * s.n * s.inner + begin;
    const auto width = static_cast<size_t>(end - begin), rows = static_cast<size_t>(s.n),
               ld = static_cast<size_t>(s.inner);
    HWY_DYNAMIC_DISPATCH(sum_columns)(from, rows, ld, sum, width);
    for (size_t j = 0; j < width; ++j) mean[j] = sum[j] / out.n;
    HWY_DYNAMIC_DISPATCH(squares_columns)(from, rows, ld, mean, squares, width);
    for (size_t j = 0; j < width; ++j) out.set(o * s.inner + begin + static_cast<int64_t>(j), sum[j], squares[j]);
  });
}

}  // namespace

void moments(const MomentsArgs& args) {
  Split s;
  if (!all_f32({args.x}) || args.x.count() == 0) return ref::moments(args);
  const bool together = s.of(args.x.shape(), args.mean.shape());
  const Tensor x = dense(together ? args.x : reduced_axes_last(args.x, args.mean.shape()));
  if (!together) s = split_of(x);
  const double n = static_cast<double>(s.n);
  const Output out{args.mean.data<float>(), args.variance.data<float>(), n, std::max(0.0, n - args.correction)};
  if (s.inner > 1) return moments_of_columns(x.data<float>(), s, out);
  if (s.outer > 1) return moments_of_rows(x.data<float>(), s, out);
  moments_of_row(x.data<float>(), s.n, out);
}

void logsumexp(const LogsumexpArgs& args) {
  if (!all_f32({args.x}) || args.x.count() == 0) return ref::logsumexp(args);
  const Tensor dense_x = dense(args.x);
  const float* x = dense_x.data<float>();
  float* y = args.y.data<float>();
  const int64_t n = args.x.shape().back(), rows = args.x.count() / n;
  const auto range = HWY_DYNAMIC_DISPATCH(exp_range);
  const auto joined = [](float top, double sum, const float* row, int64_t count) {
    if (top == std::numeric_limits<float>::infinity()) {  // infinity less itself made a NaN
      for (int64_t i = 0; i < count; ++i)
        if (std::isnan(row[i])) return row[i];
      return top;
    }
    return static_cast<float>(static_cast<double>(top) + std::log(sum));
  };
  if (rows > 1 || n <= kCostlyGrain) {
    parallel_for(rows, rows_for(kCostlyGrain, n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float top = 0;
        const float sum = range(x + i * n, static_cast<size_t>(n), &top);
        y[i] = joined(top, static_cast<double>(sum), x + i * n, n);
      }
    });
    return;
  }
  const auto pieces = static_cast<size_t>((n + kCostlyGrain - 1) / kCostlyGrain);
  std::vector<float> tops(pieces), sums(pieces);
  parallel_for(n, kCostlyGrain, [&](int64_t begin, int64_t end) {
    const auto i = static_cast<size_t>(begin / kCostlyGrain);
    sums[i] = range(x + begin, static_cast<size_t>(end - begin), &tops[i]);
  });
  // Pieces of -inf alone have sum 0 and count for nothing.
  float top = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < pieces; ++i)
    if (sums[i] != 0) top = std::max(top, tops[i]);
  double sum = 0;
  for (size_t i = 0; i < pieces; ++i)
    if (sums[i] != 0)
      sum += static_cast<double>(sums[i]) * std::exp(static_cast<double>(tops[i]) - static_cast<double>(top));
  y[0] = sum == 0 ? top : joined(top, sum, x, n);
}

}  // namespace gradus::cpu
#endif
