#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

void swiglu(const SwigluArgs& args) {
  dispatch_floating("swiglu", args.gate.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *gate = args.gate.data<T>(), *up = args.up.data<T>();
    T* y = args.y.data<T>();
    for_each_element<3>(args.y.shape(), {&args.gate, &args.up, &args.y}, [&](const auto& at) {
      const A g = static_cast<A>(gate[at[0]]);
      y[at[2]] = convert<T>(g * sigmoid(g) * static_cast<A>(up[at[1]]));
    });
  });
}

// dup = dy silu(gate), dgate = dy up silu'(gate).
void swiglu_backward(const SwigluBackwardArgs& args) {
  dispatch_floating("swiglu", args.gate.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *gate = args.gate.data<T>(), *up = args.up.data<T>(), *dy = args.dy.data<T>();
    T *dgate = args.dgate.data<T>(), *dup = args.dup.data<T>();
    for_each_element<5>(args.dy.shape(), {&args.gate, &args.up, &args.dy, &args.dgate, &args.dup}, [&](const auto& at) {
      const A g = static_cast<A>(gate[at[0]]), d = static_cast<A>(dy[at[2]]);
      dgate[at[3]] = convert<T>(d * static_cast<A>(up[at[1]]) * activation_slope(Unary::silu, g));
      dup[at[4]] = convert<T>(d * g * sigmoid(g));
    });
  });
}

}  // namespace gradus::ref
