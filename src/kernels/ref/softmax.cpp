#include <cmath>
#include <limits>

#include "kernels/ref/ref.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

void softmax(const SoftmaxArgs& args) {
  dispatch_floating("softmax", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    for_each_row<2>(args.x.shape(), {&args.x, &args.y}, [&](int64_t, const auto& at) {
      const int64_t n = args.x.shape().back();
      const Row<T> x = row_of<T>(args.x, at[0]), y = row_of<T>(args.y, at[1]);
      A top = -std::numeric_limits<A>::infinity(), sum = 0;
      for (int64_t i = 0; i < n; ++i) top = std::max(top, static_cast<A>(x[i]));
      if (top == -std::numeric_limits<A>::infinity()) top = 0;  // every e^x is 0: zeros, not NaN
      for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<A>(x[i]) - top);
      const A log_sum = std::log(sum), scale = sum == 0 ? A(0) : 1 / sum;
      for (int64_t i = 0; i < n; ++i) {
        const A v = static_cast<A>(x[i]);
        y[i] = convert<T>(!args.log ? std::exp(v - top) * scale : sum == 0 ? v : v - top - log_sum);
      }
    });
  });
}

void softmax_backward(const SoftmaxBackwardArgs& args) {
  dispatch_floating("softmax", args.y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    for_each_row<3>(args.y.shape(), {&args.y, &args.dy, &args.dx}, [&](int64_t, const auto& at) {
      const int64_t n = args.y.shape().back();
      const Row<T> y = row_of<T>(args.y, at[0]), dy = row_of<T>(args.dy, at[1]), dx = row_of<T>(args.dx, at[2]);
      A sum = 0;
      for (int64_t i = 0; i < n; ++i)
        sum += args.log ? static_cast<A>(dy[i]) : static_cast<A>(dy[i]) * static_cast<A>(y[i]);
      for (int64_t i = 0; i < n; ++i) {
        const A p = static_cast<A>(y[i]), d = static_cast<A>(dy[i]);
        dx[i] = convert<T>(args.log ? d - std::exp(p) * sum : p * (d - sum));
      }
    });
  });
}

}  // namespace gradus::ref
