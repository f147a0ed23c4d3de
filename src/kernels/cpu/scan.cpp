#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/scan.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

double range_sum(const float* x, size_t n) { return fold_exact<ExactSum>(x, n); }

// Four stretches of a row at once, each behind what was summed before it: one chain of additions would wait for itself.
template <bool exclusive>
HWY_INLINE void scan_row(const float* x, float* y, int64_t n, int64_t step, double total) {
  const int64_t quarter = n / 4;
  double t[4] = {total, 0, 0, 0};
  for (int k = 0; k < 3; ++k) {
    const float* from = x + (k * quarter) * step;
    t[k + 1] = t[k] + fold_exact<ExactSum>(step > 0 ? from : from - (quarter - 1), static_cast<size_t>(quarter));
  }
  for (int64_t i = 0; i < quarter; ++i)
    for (int k = 0; k < 4; ++k) {
      const int64_t at = (k * quarter + i) * step;
      if (exclusive) y[at] = static_cast<float>(t[k]);
      t[k] += static_cast<double>(x[at]);
      if (!exclusive) y[at] = static_cast<float>(t[k]);
    }
  for (int64_t i = 4 * quarter; i < n; ++i) {
    if (exclusive) y[i * step] = static_cast<float>(t[3]);
    t[3] += static_cast<double>(x[i * step]);
    if (!exclusive) y[i * step] = static_cast<float>(t[3]);
  }
}

// step -1: x and y point at their last elements.
void sum_row(const float* x, float* y, int64_t n, int64_t step, bool exclusive, double total) {
  exclusive ? scan_row<true>(x, y, n, step, total) : scan_row<false>(x, y, n, step, total);
}

// Products have no short cut: what comes before a zero must not meet what comes after it.
void product_row(const float* x, float* y, int64_t n, int64_t step, bool exclusive) {
  double total = 1;
  for (int64_t k = 0, i = 0; k < n; ++k, i += step) {
    if (exclusive) y[i] = static_cast<float>(total);
    total *= static_cast<double>(x[i]);
    if (!exclusive) y[i] = static_cast<float>(total);
  }
}

// One row of many columns side by side.
void columns_step(Scan f, bool exclusive, const float* x, float* y, double* total, size_t n) {
  if (exclusive)
    for (size_t j = 0; j < n; ++j) y[j] = static_cast<float>(total[j]);
  if (f == Scan::sum)
    for (size_t j = 0; j < n; ++j) total[j] += static_cast<double>(x[j]);
  else
    for (size_t j = 0; j < n; ++j) total[j] *= static_cast<double>(x[j]);
  if (!exclusive)
    for (size_t j = 0; j < n; ++j) y[j] = static_cast<float>(total[j]);
}

struct Recurrence {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V before, V b) const {
    return hn::Add(hn::Mul(a, before), b);
  }
};
void recurrence_step(const float* a, const float* before, const float* b, float* y, size_t n) {
  map(Recurrence(), n, y, a, before, b);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(range_sum);
HWY_EXPORT(sum_row);
HWY_EXPORT(product_row);
HWY_EXPORT(columns_step);
HWY_EXPORT(recurrence_step);

namespace {

// A long row: the sums of its pieces first, then each piece behind those before it.
void sum_in_pieces(const float* x, float* y, int64_t n, bool reverse, bool exclusive) {
  constexpr int64_t kPiece = 2 * kCheapGrain;
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  std::vector<double> before(static_cast<size_t>(pieces));
  parallel_for(n, kPiece, [&](int64_t begin, int64_t end) {
    before[static_cast<size_t>(begin / kPiece)] =
        HWY_DYNAMIC_DISPATCH(range_sum)(x + begin, static_cast<size_t>(end - begin));
  });
  double total = 0;
  for (int64_t k = 0; k < pieces; ++k) {
    double& part = before[static_cast<size_t>(reverse ? pieces - 1 - k : k)];
    const double sum = part;
    part = total;
    total += sum;
  }
  parallel_for(n, kPiece, [&](int64_t begin, int64_t end) {
    const int64_t first = reverse ? end - 1 : begin;
    HWY_DYNAMIC_DISPATCH(sum_row)
    (x + first, y + first, end - begin, reverse ? -1 : 1, exclusive, before[static_cast<size_t>(begin / kPiece)]);
  });
}

void scan_rows(const ScanArgs& args, const float* x, float* y, const Lanes& s) {
  parallel_for(s.outer, rows_for(kCheapGrain, s.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * s.n + (args.reverse ? s.n - 1 : 0), step = args.reverse ? -1 : 1;
      if (args.f == Scan::sum)
        HWY_DYNAMIC_DISPATCH(sum_row)(x + first, y + first, s.n, step, args.exclusive, 0);
      else
        HWY_DYNAMIC_DISPATCH(product_row)(x + first, y + first, s.n, step, args.exclusive);
    }
  });
}

void scan_columns(const ScanArgs& args, const float* x, float* y, const Lanes& s) {
  constexpr int64_t kColumns = 512;
  for_each_column_tile(s, kColumns, [&](int64_t o, int64_t begin, int64_t end) {
    double total[kColumns];
    std::fill_n(total, end - begin, args.f == Scan::prod ? 1.0 : 0.0);
    for (int64_t k = 0; k < s.n; ++k) {
      const int64_t at = (o * s.n + (args.reverse ? s.n - 1 - k : k)) * s.inner + begin;
      HWY_DYNAMIC_DISPATCH(columns_step)
      (args.f, args.exclusive, x + at, y + at, total, static_cast<size_t>(end - begin));
    }
  });
}

}  // namespace

void scan(const ScanArgs& args) {
  if (!all_f32({args.x}) || args.f == Scan::logsumexp) return ref::scan(args);
  const Lanes s(args.x.shape(), args.axis);
  const Tensor dense_x = dense(args.x);
  const float* x = dense_x.data<float>();
  float* y = args.y.data<float>();
  if (s.inner > 1) return scan_columns(args, x, y, s);
  if (args.f == Scan::sum && s.n >= 4 * kCheapGrain) {
    for (int64_t i = 0; i < s.outer; ++i) sum_in_pieces(x + i * s.n, y + i * s.n, s.n, args.reverse, args.exclusive);
    return;
  }
  scan_rows(args, x, y, s);
}

void linear_scan(const LinearScanArgs& args) {
  if (!all_f32({args.a, args.b})) return ref::linear_scan(args);
  const Lanes s(args.a.shape(), args.axis);
  const Tensor dense_a = dense(args.a), dense_b = dense(args.b);
  const float *a = dense_a.data<float>(), *b = dense_b.data<float>();
  float* y = args.y.data<float>();
  const int64_t back = args.reverse ? s.inner : -s.inner;  // from an element to the one before it
  for_each_column_tile(s, 512, [&](int64_t o, int64_t begin, int64_t end) {
    const auto width = static_cast<size_t>(end - begin);
    for (int64_t k = 0; k < s.n; ++k) {
      const int64_t at = (o * s.n + (args.reverse ? s.n - 1 - k : k)) * s.inner + begin;
      if (k == 0)
        std::copy_n(b + at, width, y + at);
      else if (width == 1)
        y[at] = a[at] * y[at + back] + b[at];
      else
        HWY_DYNAMIC_DISPATCH(recurrence_step)(a + at, y + at + back, b + at, y + at, width);
    }
  });
}

}  // namespace gradus::cpu
#endif
