#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

// (a, b) -> (a cos - b sin, b cos + a sin)
void rope(const RopeArgs& args) {
  const Shape& shape = args.x.shape();
  const Strides &xs = args.x.strides(), &ys = args.y.strides(), &cs = args.cos.strides(), &ss = args.sin.strides();
  const int64_t half = args.cos.shape()[2];
  const bool shared = args.cos.shape()[0] == 1;
  dispatch_floating("rope", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *cos = args.cos.data<T>(), *sin = args.sin.data<T>();
    T* y = args.y.data<T>();
    for (int64_t b = 0; b < shape[0]; ++b)
      for (int64_t t = 0; t < shape[1]; ++t)
        for (int64_t h = 0; h < shape[2]; ++h) {
          const T* from = x + b * xs[0] + t * xs[1] + h * xs[2];
          T* to = y + b * ys[0] + t * ys[1] + h * ys[2];
          const int64_t row = shared ? 0 : b;
          for (int64_t i = 0; i < half; ++i) {
            const A c = static_cast<A>(cos[row * cs[0] + t * cs[1] + i * cs[2]]);
            const A sign = args.inverse ? A(-1) : A(1);
            const A s = sign * static_cast<A>(sin[row * ss[0] + t * ss[1] + i * ss[2]]);
            const int64_t first = args.interleaved ? 2 * i : i, second = args.interleaved ? 2 * i + 1 : i + half;
            const A u = static_cast<A>(from[first * xs[3]]), v = static_cast<A>(from[second * xs[3]]);
            to[first * ys[3]] = convert<T>(u * c - v * s);
            to[second * ys[3]] = convert<T>(v * c + u * s);
          }
          for (int64_t i = 2 * half; i < shape[3]; ++i) to[i * ys[3]] = from[i * xs[3]];
        }
  });
}

}  // namespace gradus::ref
