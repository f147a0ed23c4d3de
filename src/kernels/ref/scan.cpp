#include <cmath>
#include <limits>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// log(e^x + e^y)
double log_add(double x, double y) {
  const double top = larger(x, y), low = x == top ? y : x;
  return std::isinf(top) ? top : top + std::log1p(std::exp(low - top));
}

template <class A>
A start_of(Scan f) {
  return f == Scan::logsumexp ? A(-std::numeric_limits<double>::infinity()) : A(f == Scan::prod);
}

template <class A>
A combined(Scan f, A total, A x) {
  if (f == Scan::sum) return plus(total, x);
  if (f == Scan::prod) return times(total, x);
  return A(log_add(static_cast<double>(total), static_cast<double>(x)));
}

}  // namespace

void scan(const ScanArgs& args) {
  const int64_t n = args.x.shape()[args.axis];
  const auto run = [&](auto from, auto to) {
    using T = decltype(from);
    using Y = decltype(to);
    using A = std::conditional_t<is_floating(dtype_of<T>), double, int64_t>;
    const A start = is_floating(dtype_of<T>) ? start_of<A>(args.f) : A(args.f == Scan::prod);
    for_each_lane<2>(args.axis, {&args.x, &args.y}, [&](const auto& at) {
      const Row<T> x = lane_of<T>(args.x, args.axis, at[0]);
      const Row<Y> y = lane_of<Y>(args.y, args.axis, at[1]);
      A total = start;
      for (int64_t k = 0; k < n; ++k) {
        const int64_t i = args.reverse ? n - 1 - k : k;
        if (args.exclusive) y[i] = convert<Y>(total);
        total = combined(args.f, total, static_cast<A>(x[i]));
        if (!args.exclusive) y[i] = convert<Y>(total);
      }
    });
  };
  dispatch_all(args.x.dtype(), [&](auto tag) {
    if (args.y.dtype() == Dtype::i64)
      run(tag, int64_t{});
    else
      run(tag, tag);
  });
}

void linear_scan(const LinearScanArgs& args) {
  const int64_t n = args.a.shape()[args.axis];
  dispatch_floating("linear_scan", args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for_each_lane<3>(args.axis, {&args.a, &args.b, &args.y}, [&](const auto& at) {
      const Row<T> a = lane_of<T>(args.a, args.axis, at[0]), b = lane_of<T>(args.b, args.axis, at[1]);
      const Row<T> y = lane_of<T>(args.y, args.axis, at[2]);
      accumulator_t<T> state = 0;
      for (int64_t k = 0; k < n; ++k) {
        const int64_t i = args.reverse ? n - 1 - k : k;
        const auto kept = k == 0 ? 0 : static_cast<accumulator_t<T>>(a[i]) * state;  // a_0 may be anything
        state = kept + static_cast<accumulator_t<T>>(b[i]);
        y[i] = convert<T>(state);
      }
    });
  });
}

void extreme_scan(const ExtremeScanArgs& args) {
  const int64_t n = args.x.shape()[args.axis];
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    for_each_lane<3>(args.axis, {&args.x, &args.values, &args.index}, [&](const auto& at) {
      const Row<T> x = lane_of<T>(args.x, args.axis, at[0]), values = lane_of<T>(args.values, args.axis, at[1]);
      const Row<int64_t> index = lane_of<int64_t>(args.index, args.axis, at[2]);
      int64_t best = 0;
      for (int64_t i = 0; i < n; ++i) {
        const A v = static_cast<A>(x[i]), b = static_cast<A>(x[best]);
        if (not_a_number(v) || (args.largest ? v >= b : v <= b)) best = i;
        values[i] = x[best];
        index[i] = best;
      }
    });
  });
}

}  // namespace gradus::ref
