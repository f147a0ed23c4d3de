#pragma once
#include "base/labels.h"
#include "tensor/tensor.h"

namespace gradus {

/// As `normaliser`: divide by the number of labels that are not kIgnoredLabel.
constexpr double kTargetCount = 0;

/// loss_i = log sum_j exp x_ij - x[i, label_i] for each position, 0 where the label is kIgnoredLabel (-100).
/// logits (..., V) floating, labels (...) i32 or i64 -> (...) in f32 (f64 for f64).
/// Throws IndexError naming the first label outside [0, V) and its position, ShapeError, DtypeError.
Tensor cross_entropies(const Tensor& logits, const Tensor& labels);

/// The sum of cross_entropies() divided by `normaliser`: with kTargetCount their mean over the targets. Without any
/// target the loss is 0, and so is its gradient (PyTorch's mean gives NaN). Rank 0.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, double normaliser = kTargetCount);

/// cross_entropy(x w^T, labels, normaliser) without ever holding all logits: computed a block of rows at a time, with
/// the gradients in the same pass when they are wanted. x (..., C), w (V, C) of x's dtype, labels (...).
/// With softcap c > 0 the logits are c tanh(x w^T / c) (Gemma 2). Throws ValueError for a negative one.
Tensor linear_cross_entropy(const Tensor& x, const Tensor& w, const Tensor& labels, double normaliser = kTargetCount,
                            double softcap = 0);

}  // namespace gradus
