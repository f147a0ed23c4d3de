#pragma once
#include "ops/loss_reduction.h"

// Losses of a prediction x and a target t, floating tensors of one shape and dtype; nothing broadcasts, because a
// target (N) beside a prediction (N, 1) would quietly make N^2 errors. Gradients flow to both. Throw ShapeError,
// DtypeError or ValueError when they differ.
namespace gradus {

/// (x - t)^2
Tensor mse_loss(const Tensor& x, const Tensor& target, LossReduction reduction = LossReduction::mean);
/// |x - t|
Tensor l1_loss(const Tensor& x, const Tensor& target, LossReduction reduction = LossReduction::mean);
/// (x - t)^2 / 2 beta where |x - t| < beta, |x - t| - beta/2 beyond (Girshick 2015). beta >= 0; 0 gives l1_loss.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta = 1,
                      LossReduction reduction = LossReduction::mean);
/// (x - t)^2 / 2 where |x - t| < delta, delta (|x - t| - delta/2) beyond (Huber 1964). delta > 0.
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta = 1,
                  LossReduction reduction = LossReduction::mean);

struct PoissonNllOptions {
  bool log_input = true;  ///< x is the logarithm of the rate
  bool full = false;      ///< add Stirling's t log t - t + log(2 pi t)/2 where t > 1
  double eps = 1e-8;      ///< added to a rate inside the logarithm
  LossReduction reduction = LossReduction::mean;
};
/// e^x - t x, or x - t log(x + eps) without log_input.
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllOptions& options = {});

struct GaussianNllOptions {
  bool full = false;  ///< add log(2 pi)/2
  double eps = 1e-6;  ///< least variance; the gradient passes below it too
  LossReduction reduction = LossReduction::mean;
};
/// (log v + (x - t)^2 / v) / 2; the variance has x's shape too.
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& variance,
                         const GaussianNllOptions& options = {});

}  // namespace gradus
