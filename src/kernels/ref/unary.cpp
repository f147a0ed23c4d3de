#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void unary(const UnaryArgs& args) {
  const auto run = [&](auto tag, auto f) {
    using T = decltype(tag);
    const T* x = args.x.data<T>();
    T* y = args.y.data<T>();
    for_each_element<2>(args.x.shape(), {&args.x, &args.y},
                        [&](const auto& at) { y[at[1]] = convert<T>(f(static_cast<accumulator_t<T>>(x[at[0]]))); });
  };
  dispatch_all(args.x.dtype(), [&](auto tag) {
    if constexpr (std::is_integral_v<decltype(tag)>)
      dispatch_integer_unary(args.f, args.a, args.b, [&](auto f) { run(tag, f); });
    else
      dispatch_unary(args.f, args.a, args.b, [&](auto f) { run(tag, f); });
  });
}

void unary_backward(const UnaryBackwardArgs& args) {
  dispatch_floating(name_of(args.f), args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *dy = args.dy.data<T>();
    T* dx = args.dx.data<T>();
    const A a = static_cast<A>(args.a), b = static_cast<A>(args.b);
    for_each_element<3>(args.x.shape(), {&args.x, &args.dy, &args.dx}, [&](const auto& at) {
      dx[at[2]] = convert<T>(activation_slope(args.f, static_cast<A>(x[at[0]]), a, b) * static_cast<A>(dy[at[1]]));
    });
  });
}

}  // namespace gradus::ref
