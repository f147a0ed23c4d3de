#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// y seen with x's shape: stride 0 along every reduced axis.
Tensor expanded_output(const Tensor& x, const Tensor& y) {
  Strides strides = y.strides();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (y.shape()[axis] != x.shape()[axis]) strides[axis] = 0;
  return y.strided(x.shape(), strides);
}

}  // namespace

void reduce(const ReduceArgs& args) {
  const auto run = [&](auto from, auto to) {
    using T = decltype(from);
    using Y = decltype(to);
    // The running values: f64 for every floating type, so that one long chain of additions stays an oracle.
    using A = std::conditional_t<is_floating(dtype_of<T>), double, int64_t>;
    const T* x = args.x.data<T>();
    Y* y = args.y.data<Y>();
    std::vector<A> total(static_cast<size_t>(args.y.count()), A(args.f == Reduction::prod));
    std::vector<char> seen(total.size(), 0);
    if (args.x.count() > 0) {
      const Tensor index = expanded_output(args.x, args.y);
      for_each_element<2>(args.x.shape(), {&args.x, &index}, [&](const auto& at) {
        const A v = static_cast<A>(x[at[0]]);
        const auto i = static_cast<size_t>(at[1]);
        if (args.f == Reduction::sum)
          total[i] = plus(total[i], v);
        else if (args.f == Reduction::prod)
          total[i] = times(total[i], v);
        else if (!seen[i])
          total[i] = v;
        else
          total[i] = args.f == Reduction::max ? larger(total[i], v) : smaller(total[i], v);
        seen[i] = 1;
      });
    }
    for (size_t i = 0; i < total.size(); ++i) y[i] = convert<Y>(total[i]);
  };
  dispatch_all(args.x.dtype(), [&](auto tag) {
    if (args.y.dtype() == Dtype::i64)
      run(tag, int64_t{});
    else
      run(tag, tag);
  });
}

void arg_extreme(const ArgExtremeArgs& args) {
  const int64_t n = args.x.shape()[args.axis];
  Shape kept = args.index.shape();
  kept.insert(args.axis, 1);
  const Tensor index = args.index.strided(kept, contiguous_strides(kept));
  dispatch_all(args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    int64_t* y = args.index.data<int64_t>();
    for_each_lane<2>(args.axis, {&args.x, &index}, [&](const auto& at) {
      const Row<T> x = lane_of<T>(args.x, args.axis, at[0]);
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i) {
        const auto v = static_cast<accumulator_t<T>>(x[i]), b = static_cast<accumulator_t<T>>(x[best]);
        if (!not_a_number(b) && (not_a_number(v) || (args.largest ? v > b : v < b))) best = i;
      }
      y[at[1]] = best;
    });
  });
}

void moments(const MomentsArgs& args) {
  dispatch_floating("var", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    const auto size = static_cast<size_t>(args.mean.count());
    std::vector<double> mean(size, 0), squares(size, 0);
    const double n = size == 0 ? 0 : static_cast<double>(args.x.count()) / static_cast<double>(size);
    if (args.x.count() > 0) {
      const Tensor index = expanded_output(args.x, args.mean);
      for_each_element<2>(args.x.shape(), {&args.x, &index},
                          [&](const auto& at) { mean[static_cast<size_t>(at[1])] += static_cast<double>(x[at[0]]); });
      for (double& m : mean) m /= n;
      for_each_element<2>(args.x.shape(), {&args.x, &index}, [&](const auto& at) {
        const double c = static_cast<double>(x[at[0]]) - mean[static_cast<size_t>(at[1])];
        squares[static_cast<size_t>(at[1])] += c * c;
      });
    }
    for (size_t i = 0; i < size; ++i) {
      args.mean.data<T>()[i] = convert<T>(n == 0 ? std::numeric_limits<double>::quiet_NaN() : mean[i]);
      args.variance.data<T>()[i] = convert<T>(squares[i] / std::max(0.0, n - args.correction));
    }
  });
}

void logsumexp(const LogsumexpArgs& args) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const int64_t n = args.x.shape().back();
  dispatch_floating("logsumexp", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    if (n == 0) return fill({.y = args.y, .value = -inf});
    for_each_row<1>(args.x.shape(), {&args.x}, [&](int64_t row, const auto& at) {
      const Row<T> x = row_of<T>(args.x, at[0]);
      double top = -inf, sum = 0;
      for (int64_t i = 0; i < n; ++i) top = larger(top, static_cast<double>(x[i]));
      const double shift = std::isinf(top) ? 0 : top;  // inf - inf would be NaN
      for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - shift);
      y[row] = convert<T>(shift + std::log(sum));
    });
  });
}

void sum_squares(const SumSquaresArgs& args) {
  double total = 0;
  dispatch_floating("sum_squares", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    for_each_element<1>(args.x.shape(), {&args.x}, [&](const auto& at) {
      const double v = static_cast<double>(x[at[0]]);
      total += v * v;
    });
  });
  args.result.data<double>()[0] = total;
}

}  // namespace gradus::ref
