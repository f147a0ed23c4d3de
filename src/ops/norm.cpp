#include "ops/norm.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"

namespace gradus {

namespace {

void check(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require_floating(op, x);
  require_rank(op, "x", x, 1);
  require_same(op, {x, weight, bias});
  if (weight.defined()) require_shape(op, "weight", weight, {x.shape().back()});
  if (bias.defined()) require_shape(op, "bias", bias, {x.shape().back()});
}

// One number a row, in the type that sums run in.
Tensor row_statistic(const Tensor& x) {
  Shape rows = x.shape();
  rows.erase(x.rank() - 1);
  return empty(rows, accumulator_of(x.dtype()), x.device());
}

// A gradient to be filled, when it is wanted.
Tensor wanted(bool need, const Shape& shape, const Tensor& like) {
  return need ? empty(shape, like.dtype(), like.device()) : Tensor();
}

Tensor scaled(const Tensor& dy, const Tensor& weight) { return weight.defined() ? mul(dy, weight) : dy; }

}  // namespace

// With h = (x - mean) rstd and g = dy weight:
// dx = rstd (g - mean(g) - h mean(g h)), dweight = sum over rows of dy h, dbias = sum over rows of dy.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check("layer_norm", x, weight, bias);
  Tensor y = empty_like(x), mu = row_statistic(x), rstd = row_statistic(x);
  kernels(x.device())
      .layer_norm({.x = x, .weight = weight, .bias = bias, .eps = eps, .y = y, .mean = mu, .rstd = rstd});

  record("layer_norm", {x, weight, bias}, y,
         [x = save(x), weight = save(weight), mu = save(mu), rstd = save(rstd), eps](const Tensor& dy, Needs need) {
           const Tensor x_ = x.get(), w = weight.get();
           const Shape width{x_.shape().back()};
           if (!recording()) {
             const Tensor dx = wanted(need[0], x_.shape(), x_);
             const Tensor dw = wanted(need[1], width, x_), db = wanted(need[2], width, x_);
             kernels(x_.device())
                 .layer_norm_backward({.x = x_,
                                       .weight = w,
                                       .mean = mu.get(),
                                       .rstd = rstd.get(),
                                       .dy = dy,
                                       .dx = dx,
                                       .dweight = dw,
                                       .dbias = db});
             return Grads{dx, dw, db};
           }
           const Tensor c = sub(x_, mean(x_, -1, keep_axis));
           const Tensor r = rsqrt(add(mean(square(c), -1, keep_axis), eps));
           const Tensor h = mul(c, r), g = scaled(dy, w);
           const Tensor flat = add(mean(g, -1, keep_axis), mul(h, mean(mul(g, h), -1, keep_axis)));
           return Grads{need[0] ? mul(r, sub(g, flat)) : Tensor(), need[1] ? sum_to(mul(dy, h), width) : Tensor(),
                        need[2] ? sum_to(dy, width) : Tensor()};
         });
  return y;
}

// With h = x rstd and g = dy weight: dx = rstd (g - h mean(g h)), dweight = sum over rows of dy h.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  check("rms_norm", x, weight, {});
  Tensor y = empty_like(x), rstd = row_statistic(x);
  kernels(x.device()).rms_norm({.x = x, .weight = weight, .eps = eps, .y = y, .rstd = rstd});

  record("rms_norm", {x, weight}, y,
         [x = save(x), weight = save(weight), rstd = save(rstd), eps](const Tensor& dy, Needs need) {
           const Tensor x_ = x.get(), w = weight.get();
           const Shape width{x_.shape().back()};
           if (!recording()) {
             const Tensor dx = wanted(need[0], x_.shape(), x_), dw = wanted(need[1], width, x_);
             kernels(x_.device())
                 .rms_norm_backward({.x = x_, .weight = w, .rstd = rstd.get(), .dy = dy, .dx = dx, .dweight = dw});
             return Grads{dx, dw};
           }
           const Tensor r = rsqrt(add(mean(square(x_), -1, keep_axis), eps));
           const Tensor h = mul(x_, r), g = scaled(dy, w);
           return Grads{need[0] ? mul(r, sub(g, mul(h, mean(mul(g, h), -1, keep_axis)))) : Tensor(),
                        need[1] ? sum_to(mul(dy, h), width) : Tensor()};
         });
  return y;
}

}  // namespace gradus
