#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void binary(const BinaryArgs& args) {
  dispatch_all(args.a.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *a = args.a.data<T>(), *b = args.b.data<T>();
    const auto run = [&](auto* y, auto f) {
      using Y = std::remove_pointer_t<decltype(y)>;
      for_each_element<3>(args.y.shape(), {&args.a, &args.b, &args.y}, [&](const auto& at) {
        y[at[2]] = convert<Y>(f(static_cast<A>(a[at[0]]), static_cast<A>(b[at[1]])));
      });
    };
    if (is_comparison(args.f))
      dispatch_comparison(args.f, [&](auto f) { run(args.y.data<bool>(), f); });
    else if constexpr (std::is_integral_v<T>)
      dispatch_integer_binary(args.f, [&](auto f) { run(args.y.data<T>(), f); });
    else
      dispatch_binary(args.f, [&](auto f) { run(args.y.data<T>(), f); });
  });
}

}  // namespace gradus::ref
