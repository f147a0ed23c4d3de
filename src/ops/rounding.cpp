#include "ops/rounding.h"

#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/pointwise_internal.h"

namespace gradus {

using pointwise::compute, pointwise::like;

static Tensor rounded(Unary f, const Tensor& x) {
  Tensor y = compute(name_of(f), f, x);
  record(name_of(f), {x}, y, [](const Tensor& dy) { return zeros_like(dy); });
  return y;
}

Tensor floor(const Tensor& x) { return rounded(Unary::floor, x); }
Tensor ceil(const Tensor& x) { return rounded(Unary::ceil, x); }
Tensor trunc(const Tensor& x) { return rounded(Unary::trunc, x); }
Tensor round(const Tensor& x) { return rounded(Unary::round, x); }

Tensor frac(const Tensor& x) {
  require_floating("frac", x);
  return sub(x, trunc(x));
}

Tensor straight_through(const Tensor& y, const Tensor& x) {
  require_floating("straight_through", x);
  require_shape("straight_through", "y", y, x.shape());
  require_same("straight_through", {y, x});
  const Tensor out = y.detach();
  record("straight_through", {x}, out, [](const Tensor& dy) { return dy; });
  return out;
}

Tensor round_ste(const Tensor& x) {
  require_floating("round_ste", x);
  return straight_through(round(x.detach()), x);
}

Tensor heaviside(const Tensor& x, double at_zero) {
  require_floating("heaviside", x);
  const Tensor v = x.detach(), zero = like(x, 0);
  const Tensor step = where(equal(v, zero), like(x, at_zero), maximum(sign(v), zero));
  const Tensor y = where(not_equal(v, v), v, step);
  record("heaviside", {x}, y, [](const Tensor& dy) { return zeros_like(dy); });
  return y;
}

Tensor step(const Tensor& x) {
  require_floating("step", x);
  return straight_through(heaviside(x.detach(), 0), x);
}

}  // namespace gradus
