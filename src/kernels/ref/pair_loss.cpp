#include <cmath>

#include "kernels/ref/activation.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/walk.h"

namespace gradus::ref {

namespace {

template <class A>
A loss_of(PairLoss f, A x, A t, A a) {
  const A d = std::abs(x - t);
  switch (f) {
    case PairLoss::mse: return d * d;
    case PairLoss::l1: return d;
    case PairLoss::smooth_l1: return d < a ? d * d / (2 * a) : d - a / 2;
    case PairLoss::huber: return d < a ? d * d / 2 : a * (d - a / 2);
    case PairLoss::bce: return (t - 1) * larger(std::log1p(-x), A(-100)) - t * larger(std::log(x), A(-100));
    case PairLoss::bce_logits: return (x > 0 ? (1 - t) * x : -t * x) + std::log1p(std::exp(-std::abs(x)));
  }
  return 0;
}

template <class A>
A slope_of(PairLoss f, A x, A t, A a) {
  const A d = x - t, sign = A((d > 0) - (d < 0));
  switch (f) {
    case PairLoss::mse: return 2 * d;
    case PairLoss::l1: return sign;
    case PairLoss::smooth_l1: return std::abs(d) < a ? d / a : sign;
    case PairLoss::huber: return std::abs(d) < a ? d : a * sign;
    case PairLoss::bce: return d / std::max((1 - x) * x, A(1e-12));
    case PairLoss::bce_logits: return sigmoid(x) - t;
  }
  return 0;
}

}  // namespace

void pair_loss(const PairLossArgs& args) {
  dispatch_floating("pair_loss", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *t = args.target.data<T>();
    T* y = args.y.data<T>();
    const A a = static_cast<A>(args.a);
    const bool whole = args.y.rank() == args.x.rank();
    double sum = 0;
    int64_t i = 0;
    for_each_element<2>(args.x.shape(), {&args.x, &args.target}, [&](const auto& at) {
      const A loss = loss_of(args.f, static_cast<A>(x[at[0]]), static_cast<A>(t[at[1]]), a);
      if (whole) y[i++] = convert<T>(loss * static_cast<A>(args.scale));
      sum += static_cast<double>(loss);
    });
    if (!whole) y[0] = convert<T>(sum * args.scale);
  });
}

void pair_loss_backward(const PairLossBackwardArgs& args) {
  dispatch_floating("pair_loss", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const T *x = args.x.data<T>(), *t = args.target.data<T>(), *dy = args.dy.data<T>();
    T* dx = args.dx.data<T>();
    const A a = static_cast<A>(args.a), scale = static_cast<A>(args.scale);
    for_each_element<4>(args.x.shape(), {&args.x, &args.target, &args.dy, &args.dx}, [&](const auto& at) {
      const A slope = slope_of(args.f, static_cast<A>(x[at[0]]), static_cast<A>(t[at[1]]), a);
      dx[at[3]] = convert<T>(slope * (static_cast<A>(dy[at[2]]) * scale));
    });
  });
}

}  // namespace gradus::ref
