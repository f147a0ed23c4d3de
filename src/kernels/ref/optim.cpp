#include <cmath>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

// p -= lr weight_decay p;  m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;
// p -= lr (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
void adamw(const AdamWArgs& args) {
  dispatch_floating("adamw", args.p.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    T* p = args.p.data<T>();
    const T* g = args.g.data<T>();
    A *m = args.m.data<A>(), *v = args.v.data<A>();
    const double t = static_cast<double>(args.step);
    const A keep = static_cast<A>(1 - args.lr * args.weight_decay);
    const A rate = static_cast<A>(args.lr / (1 - std::pow(args.beta1, t)));
    const A root = static_cast<A>(1 / std::sqrt(1 - std::pow(args.beta2, t)));
    const A b1 = static_cast<A>(args.beta1), c1 = static_cast<A>(1 - args.beta1);
    const A b2 = static_cast<A>(args.beta2), c2 = static_cast<A>(1 - args.beta2);
    const A eps = static_cast<A>(args.eps), scale = static_cast<A>(args.grad_scale);
    for (int64_t i = 0; i < args.p.count(); ++i) {
      const A d = static_cast<A>(g[i]) * scale;
      m[i] = b1 * m[i] + c1 * d;
      v[i] = b2 * v[i] + c2 * d * d;
      p[i] = convert<T>(static_cast<A>(p[i]) * keep - rate * m[i] / (std::sqrt(v[i]) * root + eps));
    }
  });
}

}  // namespace gradus::ref
