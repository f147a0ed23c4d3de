#pragma once
#include "ops/loss_reduction.h"

namespace gradus {

struct CtcOptions {
  int64_t blank = 0;
  LossReduction reduction = LossReduction::mean;  ///< the mean of loss_n / max(target_lengths_n, 1)
  bool zero_infinity = false;  ///< a target that does not fit counts 0 instead of infinity; its gradient is 0 anyway
};

/// Connectionist temporal classification (Graves et al. 2006): -log of the probability that the path of classes, with
/// repeats merged and blanks dropped, is the target.
/// log_probs (T, N, C) floating: log-probabilities. They are normalised once more over C, which leaves them what they
/// are (logits work as well), and makes the gradient sum to 0 over the classes, as PyTorch's does.
/// targets (N, S), or all targets one after another; input_lengths and target_lengths (N); all i32 or i64.
/// Losses are in f32 (f64 for f64). Throws ShapeError, DtypeError, IndexError for a label outside [0, C), ValueError
/// for a length that does not fit and for a label that is the blank.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcOptions& options = {});

}  // namespace gradus
