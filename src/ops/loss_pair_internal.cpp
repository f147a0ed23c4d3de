#include "ops/loss_pair_internal.h"

#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/pointwise_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

using pointwise::like;

namespace {

// The derivative by x, out of differentiable operations.
Tensor pair_slope(PairLoss f, const Tensor& x, const Tensor& t, double a) {
  switch (f) {
    case PairLoss::mse: return mul(sub(x, t), 2);
    case PairLoss::l1: return sign(sub(x, t));
    case PairLoss::smooth_l1: return clamp(div(sub(x, t), a), -1, 1);
    case PairLoss::huber: return clamp(sub(x, t), -a, a);
    case PairLoss::bce: return div(sub(x, t), clamp_min(mul(x, sub(like(x, 1), x)), 1e-12));
    default: return sub(sigmoid(x), t);
  }
}

// The derivative by the target of the losses that are no function of x - t.
Tensor target_slope(PairLoss f, const Tensor& x) {
  if (f == PairLoss::bce_logits) return neg(x);
  return sub(clamp_min(log1p(neg(x)), -100), clamp_min(log(x), -100));
}

double reduction_scale(LossReduction reduction, const Tensor& x) {
  if (reduction == LossReduction::mean) return 1 / static_cast<double>(x.count());
  return reduction == LossReduction::batch_mean ? 1 / static_cast<double>(x.size(0)) : 1;
}

}  // namespace

Tensor reduce_loss(const char* op, const Tensor& losses, LossReduction reduction) {
  if (reduction == LossReduction::none) return losses;
  if (reduction == LossReduction::batch_mean && losses.rank() == 0)
    throw ShapeError(op, "batch_mean needs a first axis, got " + losses.describe() + ".");
  const Tensor total = sum(losses);
  return reduction == LossReduction::sum ? total : mul(total, reduction_scale(reduction, losses));
}

Tensor pair_loss(const char* op, PairLoss f, const Tensor& x, const Tensor& target, double a, LossReduction reduction) {
  require_floating(op, x);
  require_shape(op, "the target", target, x.shape());
  require_same(op, {x, target});
  if (reduction == LossReduction::batch_mean && x.rank() == 0)
    throw ShapeError(op, "batch_mean needs a first axis, got " + x.describe() + ".");
  const double scale = reduction_scale(reduction, x);
  const Tensor y = reduction == LossReduction::none ? empty_like(x) : empty({}, x.dtype(), x.device());
  kernels(x.device()).pair_loss({.f = f, .x = x, .target = target, .y = y, .a = a, .scale = scale});

  record(op, {x, target}, y, [x = save(x), t = save(target), f, a, scale](const Tensor& dloss, Needs need) {
    const Tensor x_ = x.get(), t_ = t.get();
    const Tensor dy = expand(dloss, x_.shape());
    const bool difference = f <= PairLoss::huber;
    Tensor dx;
    if (recording()) {
      dx = mul(mul(dy, scale), pair_slope(f, x_, t_, a));
    } else if (need[0] || difference) {
      dx = empty_like(x_);
      kernels(x_.device())
          .pair_loss_backward({.f = f, .x = x_, .target = t_, .dy = dy, .dx = dx, .a = a, .scale = scale});
    }
    if (!need[1]) return Grads{dx, Tensor()};
    return Grads{dx, difference ? neg(dx) : mul(mul(dy, scale), target_slope(f, x_))};
  });
  return y;
}

}  // namespace gradus
