#pragma once
#include "kernels/args/loss.h"
#include "ops/loss_reduction.h"

namespace gradus {

/// A loss with a kernel of its own, reduced in the same pass. Checks x and target.
Tensor pair_loss(const char* op, PairLoss f, const Tensor& x, const Tensor& target, double a, LossReduction reduction);

}  // namespace gradus
