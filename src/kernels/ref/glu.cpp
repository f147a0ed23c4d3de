#include "kernels/ref/activation.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void gated(const GatedArgs& args) {
  dispatch_floating("gated", args.gate.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *gate = args.gate.data<T>(), *up = args.up.data<T>();
    T* y = args.y.data<T>();
    for_each_element<3>(args.y.shape(), {&args.gate, &args.up, &args.y}, [&](const auto& at) {
      y[at[2]] = convert<T>(activation(args.f, static_cast<A>(gate[at[0]]), A(0), A(0)) * static_cast<A>(up[at[1]]));
    });
  });
}

void gated_backward(const GatedBackwardArgs& args) {
  dispatch_floating("gated", args.gate.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *gate = args.gate.data<T>(), *up = args.up.data<T>(), *dy = args.dy.data<T>();
    T *dgate = args.dgate.data<T>(), *dup = args.dup.data<T>();
    for_each_element<5>(args.dy.shape(), {&args.gate, &args.up, &args.dy, &args.dgate, &args.dup}, [&](const auto& at) {
      const A g = static_cast<A>(gate[at[0]]), d = static_cast<A>(dy[at[2]]);
      dgate[at[3]] = convert<T>(d * static_cast<A>(up[at[1]]) * activation_slope(args.f, g));
      dup[at[4]] = convert<T>(d * activation(args.f, g, A(0), A(0)));
    });
  });
}

}  // namespace gradus::ref
