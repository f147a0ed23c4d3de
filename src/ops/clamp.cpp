#include "ops/clamp.h"

#include <cmath>
#include <limits>
#include <string>

#include "ops/elementwise.h"
#include "ops/logic.h"
#include "ops/pointwise_internal.h"

namespace gradus {

using pointwise::compute, pointwise::indicator, pointwise::like;

static constexpr double kUnbounded = std::numeric_limits<double>::infinity();

Tensor clamp(const Tensor& x, double low, double high) {
  if (std::isnan(low) || std::isnan(high)) throw ValueError("clamp", "a bound is NaN.");
  Tensor y = compute("clamp", Unary::clamp, x, low, high);
  record("clamp", {x}, y, [x = save(x), low, high](const Tensor& dy) {
    const Tensor x_ = x.get();
    if (recording()) {
      const Tensor inside = logical_and(greater(x_, like(x_, low)), less(x_, like(x_, high)));
      return mul(dy, indicator(inside, dy));
    }
    Tensor dx = empty_like(x_);
    kernels(dy.device()).unary_backward({.f = Unary::clamp, .x = x_, .dy = dy, .dx = dx, .a = low, .b = high});
    return dx;
  });
  return y;
}

Tensor clamp_min(const Tensor& x, double low) { return clamp(x, low, kUnbounded); }
Tensor clamp_max(const Tensor& x, double high) { return clamp(x, -kUnbounded, high); }

Tensor clamp(const Tensor& x, const Tensor& low, const Tensor& high) {
  pointwise::require_numbers("clamp", x);
  if (!low.defined() && !high.defined()) throw ValueError("clamp", "got neither a lower nor an upper bound.");
  const Tensor y = low.defined() ? maximum(x, low) : x;
  return high.defined() ? minimum(y, high) : y;
}

}  // namespace gradus
