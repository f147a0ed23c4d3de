#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

void grouped_matmul(const GroupedMatmulArgs& args) {
  const int64_t groups = args.w.shape()[0], depth = args.w.shape()[1], n = args.w.shape()[2];
  const int64_t* sizes = args.sizes.data<int64_t>();
  const Strides &sx = args.x.strides(), &sw = args.w.strides();
  dispatch_floating("grouped_matmul", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *w = args.w.data<T>();
    T* y = args.y.data<T>();
    for (int64_t g = 0, row = 0; g < groups; ++g)
      for (const int64_t end = row + sizes[g]; row < end; ++row)
        for (int64_t j = 0; j < n; ++j) {
          A sum{};
          for (int64_t k = 0; k < depth; ++k)
            sum += static_cast<A>(x[row * sx[0] + k * sx[1]]) * static_cast<A>(w[g * sw[0] + k * sw[1] + j * sw[2]]);
          y[row * n + j] = convert<T>(sum);
        }
  });
}

void grouped_outer(const GroupedOuterArgs& args) {
  const int64_t groups = args.dw.shape()[0], m = args.dw.shape()[1], n = args.dw.shape()[2];
  const int64_t* sizes = args.sizes.data<int64_t>();
  const Strides &sx = args.x.strides(), &sy = args.dy.strides();
  dispatch_floating("grouped_outer", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *dy = args.dy.data<T>();
    T* dw = args.dw.data<T>();
    for (int64_t g = 0, begin = 0; g < groups; begin += sizes[g++])
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          A sum{};
          for (int64_t row = begin; row < begin + sizes[g]; ++row)
            sum += static_cast<A>(x[row * sx[0] + i * sx[1]]) * static_cast<A>(dy[row * sy[0] + j * sy[1]]);
          dw[(g * m + i) * n + j] = convert<T>(sum);
        }
  });
}

}  // namespace gradus::ref
