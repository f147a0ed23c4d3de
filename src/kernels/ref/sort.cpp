#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// Places 0 … n-1 of a row, and the order that stands between two of them.
template <class T>
struct PlaceOrder {
  Row<T> x;
  bool descending;

  bool operator()(int64_t i, int64_t j) const {
    const auto a = static_cast<accumulator_t<T>>(x[i]), b = static_cast<accumulator_t<T>>(x[j]);
    return descending ? ordered_before(b, a) : ordered_before(a, b);
  }
};

}  // namespace

void sort(const SortArgs& args) {
  const int64_t n = args.x.shape().back();
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    int64_t* index = args.index.data<int64_t>();
    for_each_row<1>(args.x.shape(), {&args.x}, [&](int64_t row, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]);
      int64_t* order = index + row * n;
      std::iota(order, order + n, int64_t{0});
      std::stable_sort(order, order + n, PlaceOrder<T>{x, args.descending});
      if (args.values.defined())
        for (int64_t i = 0; i < n; ++i) args.values.data<T>()[row * n + i] = x[order[i]];
    });
  });
}

void topk(const TopkArgs& args) {
  const int64_t n = args.x.shape().back(), k = args.index.shape().back();
  if (k == 0) return;
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    std::vector<int64_t> order(static_cast<size_t>(n));
    for_each_row<1>(args.x.shape(), {&args.x}, [&](int64_t row, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]);
      std::iota(order.begin(), order.end(), int64_t{0});
      std::stable_sort(order.begin(), order.end(), PlaceOrder<T>{x, args.largest});
      for (int64_t i = 0; i < k; ++i) {
        args.index.data<int64_t>()[row * k + i] = order[static_cast<size_t>(i)];
        args.values.data<T>()[row * k + i] = x[order[static_cast<size_t>(i)]];
      }
    });
  });
}

void searchsorted(const SearchsortedArgs& args) {
  if (args.values.count() == 0) return;
  const int64_t n = args.sorted.shape().back();
  if (n == 0) return fill({.y = args.y, .value = 0});
  dispatch_all(args.sorted.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    int64_t* y = args.y.data<int64_t>();
    const auto search = [&](const Row<T>& sorted, T value) {
      const A v = static_cast<A>(value);
      int64_t low = 0, high = n;
      while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const A at = static_cast<A>(sorted[middle]);
        if (args.right ? !ordered_before(v, at) : ordered_before(at, v))
          low = middle + 1;
        else
          high = middle;
      }
      return low;
    };
    if (args.sorted.rank() == 1) {
      const Row<T> sorted = row_of<T>(args.sorted);
      for_each_element<1>(args.values.shape(), {&args.values},
                          [&](const auto& at) { *y++ = search(sorted, args.values.data<T>()[at[0]]); });
      return;
    }
    for_each_lane<2>(args.values.rank() - 1, {&args.values, &args.sorted}, [&](const auto& at) {
      const Row<T> values = row_of<T>(args.values, at[0]), sorted = row_of<T>(args.sorted, at[1]);
      for (int64_t i = 0; i < args.values.shape().back(); ++i) *y++ = search(sorted, values[i]);
    });
  });
}

void histogram(const HistogramArgs& args) {
  fill({.y = args.y, .value = 0});
  const int64_t bins = args.y.count();
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    int64_t* y = args.y.data<int64_t>();
    for_each_element<1>(args.x.shape(), {&args.x}, [&](const auto& at) {
      const double v = static_cast<double>(x[at[0]]);
      if (!(v >= args.low && v <= args.high)) return;
      ++y[std::min(bins - 1,
                   static_cast<int64_t>((v - args.low) / (args.high - args.low) * static_cast<double>(bins)))];
    });
  });
}

}  // namespace gradus::ref
