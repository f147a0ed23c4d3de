#include <cmath>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// The place of the largest entry of one window; NaN wins.
template <class T>
int64_t largest_place(const T* x, const Shape& size, const std::array<PoolWindows, 3>& windows,
                      const std::array<int64_t, 3>& p) {
  using A = accumulator_t<T>;
  int64_t best = -1;
  const auto visit = [&](int64_t at) {
    const A value = static_cast<A>(x[at]);
    if (best < 0 || value > static_cast<A>(x[best]) || (std::isnan(value) && !std::isnan(static_cast<A>(x[best]))))
      best = at;
  };
  const auto entry = [&](int axis, int64_t i) {
    const PoolWindows& w = windows[static_cast<size_t>(axis)];
    return w.start[static_cast<size_t>(p[static_cast<size_t>(axis)])] + i * w.step;
  };
  const auto length = [&](int axis) {
    return windows[static_cast<size_t>(axis)].length[static_cast<size_t>(p[static_cast<size_t>(axis)])];
  };
  for (int64_t i = 0; i < length(0); ++i)
    for (int64_t j = 0; j < length(1); ++j)
      for (int64_t k = 0; k < length(2); ++k) visit((entry(0, i) * size[2] + entry(1, j)) * size[3] + entry(2, k));
  return best;
}

}  // namespace

void max_pool(const MaxPoolArgs& args) {
  const Shape &from = args.x.shape(), &to = args.y.shape();
  int64_t* index = args.index.data<int64_t>();
  dispatch_floating("max_pool", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* y = args.y.data<T>();
    const int64_t plane = from[1] * from[2] * from[3];
    std::array<int64_t, 3> p;
    for (int64_t n = 0; n < to[0]; ++n)
      for (p[0] = 0; p[0] < to[1]; ++p[0])
        for (p[1] = 0; p[1] < to[2]; ++p[1])
          for (p[2] = 0; p[2] < to[3]; ++p[2]) {
            const T* x = args.x.data<T>() + n * plane;
            *index = largest_place(x, from, args.windows, p);
            *y++ = x[*index++];
          }
  });
}

void max_pool_backward(const MaxPoolBackwardArgs& args) {
  fill({.y = args.dx, .value = 0});
  const int64_t rows = args.dx.shape()[0], places = args.dx.shape()[1], n = args.dy.shape()[1];
  const int64_t* index = args.index.data<int64_t>();
  dispatch_floating("max_pool_backward", args.dy.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < n; ++i) {
        T& to = args.dx.data<T>()[r * places + index[r * n + i]];
        to = convert<T>(static_cast<A>(to) + static_cast<A>(args.dy.data<T>()[r * n + i]));
      }
  });
}

}  // namespace gradus::ref
