#pragma once
#include "models/model.h"

namespace gradus {

/// Labels as Hugging Face reads them: labels[b, t] is what position t-1 must predict; -100 is not predicted.
/// Returns the shifted labels (B, T): entry t is labels[b, t+1], -100 at the end.
Tensor shift_labels(const Tensor& labels);
/// Labels of (B, T) that count.
int64_t count_targets(const Tensor& shifted);

/// sum over all targets of -log p(target) / normaliser, from hidden states (B, T, C) and shifted labels (B, T); the
/// logits are never stored whole. With normaliser 0: the number of targets.
Tensor causal_lm_loss(const CausalLm& model, const Tensor& hidden, const Tensor& shifted, double normaliser = 0);

}  // namespace gradus
