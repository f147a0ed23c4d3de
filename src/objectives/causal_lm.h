#pragma once
#include "models/model.h"
#include "models/text/labels.h"

namespace gradus {

/// Labels of (B, T) that count.
int64_t count_targets(const Tensor& shifted);

/// sum over all targets of -log p(target) / normaliser, from hidden states (B, T, C) and shifted labels (B, T); the
/// logits are never stored whole. With normaliser 0: the number of targets.
Tensor causal_lm_loss(const CausalLm& model, const Tensor& hidden, const Tensor& shifted, double normaliser = 0);

}  // namespace gradus
