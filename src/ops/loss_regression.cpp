#include "ops/loss_regression.h"

#include <string>

#include "ops/check.h"
#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/loss_pair_internal.h"
#include "ops/math.h"
#include "ops/pointwise_internal.h"
#include "ops/rounding.h"

namespace gradus {

using pointwise::like, pointwise::require_alike;

Tensor mse_loss(const Tensor& x, const Tensor& target, LossReduction reduction) {
  return pair_loss("mse_loss", PairLoss::mse, x, target, 0, reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, LossReduction reduction) {
  return pair_loss("l1_loss", PairLoss::l1, x, target, 0, reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta, LossReduction reduction) {
  if (!(beta >= 0)) throw ValueError("smooth_l1_loss", "beta must not be negative, got " + std::to_string(beta) + ".");
  return pair_loss("smooth_l1_loss", beta == 0 ? PairLoss::l1 : PairLoss::smooth_l1, x, target, beta, reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, double delta, LossReduction reduction) {
  if (!(delta > 0)) throw ValueError("huber_loss", "delta must be positive, got " + std::to_string(delta) + ".");
  return pair_loss("huber_loss", PairLoss::huber, x, target, delta, reduction);
}

Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllOptions& options) {
  constexpr const char* kOp = "poisson_nll_loss";
  require_alike(kOp, x, "the target", target);
  Tensor loss = options.log_input ? sub(exp(x), mul(target, x)) : sub(x, mul(target, log(add(x, options.eps))));
  if (options.full) {
    const Tensor some = greater(target, like(target, 1)), t = where(some, target, like(target, 1));
    const Tensor stirling = add(sub(mul(t, log(t)), t), mul(log(mul(t, 2 * 3.14159265358979323846)), 0.5));
    loss = add(loss, where(some, stirling, like(target, 0)));
  }
  return reduce_loss(kOp, loss, options.reduction);
}

Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& variance,
                         const GaussianNllOptions& options) {
  constexpr const char* kOp = "gaussian_nll_loss";
  require_alike(kOp, x, "the target", target);
  require_alike(kOp, x, "the variance", variance);
  const Tensor v = straight_through(clamp_min(variance.detach(), options.eps), variance);
  Tensor loss = mul(add(log(v), div(square(sub(x, target)), v)), 0.5);
  if (options.full) loss = add(loss, 0.91893853320467274178);
  return reduce_loss(kOp, loss, options.reduction);
}

}  // namespace gradus
