#pragma once
#include "tensor/tensor.h"

// Smooth stand-ins for functions that choose or count, so that a gradient flows through them. `k` > 0 is the inverse
// temperature: as it grows they go to what they stand for, and their gradients to 0 nearly everywhere. Floating types;
// compositions of other operations, with gradients of any order. Throw DtypeError for integers, ValueError for a k that
// is not positive and finite, IndexError for an axis that does not exist, ShapeError when there is nothing to choose.
namespace gradus {

/// log(sum exp(k x)) / k along `axis`, which goes: above max(x) by at most ln(n)/k.
Tensor smooth_max(const Tensor& x, double k, int axis = -1);
/// -smooth_max(-x): below min(x) by at most ln(n)/k.
Tensor smooth_min(const Tensor& x, double k, int axis = -1);
/// log(e^(k x) + e^(-k x)) / k: above |x| by at most ln(2)/k.
Tensor smooth_abs(const Tensor& x, double k);
/// (a - b) sigmoid(k (a - b)) + b, element by element: below max(a, b) by at most 0.2785/k. Shapes broadcast.
Tensor smooth_maximum(const Tensor& a, const Tensor& b, double k);
/// (a - b) sigmoid(-k (a - b)) + b, above min(a, b) by at most 0.2785/k.
Tensor smooth_minimum(const Tensor& a, const Tensor& b, double k);

/// softmax(k x): to one_hot(argmax x) where the largest stands alone.
Tensor soft_one_hot(const Tensor& x, double k, int axis = -1);
/// sum_i i softmax(k x)_i along `axis`, which goes; places count from 0.
Tensor soft_argmax(const Tensor& x, double k, int axis = -1);
/// P x along `axis`, rising, with P_ij = softmax_j(-k |sort(x)_i - x_j|) (Prillo & Eisenschlos 2020, eq. 5). Holds n^2
/// numbers a row.
Tensor soft_sort(const Tensor& x, double k, int axis = -1);
/// sum_j sigmoid(k (x_i - x_j)) - 1/2 along `axis`: how many are smaller. Holds n^2 numbers a row.
Tensor soft_rank(const Tensor& x, double k, int axis = -1);

// Measures of a classifier over everything that they are given: a batch, not a sample. Rank 0.

/// The mean of softmax(k logits) at the labels: logits (..., classes), labels (...) i32 or i64 in [0, classes).
Tensor soft_accuracy(const Tensor& logits, const Tensor& labels, double k = 1);

// With p = sigmoid(k logits) and targets y of 0 and 1 (or between), of the logits' shape and type (ShapeError,
// DtypeError); 0 where the denominator is 0, as without positives. Saturated p have no gradient: train with cross
// entropy first.

Tensor soft_precision(const Tensor& logits, const Tensor& target, double k = 1);  ///< sum p y / sum p
Tensor soft_recall(const Tensor& logits, const Tensor& target, double k = 1);     ///< sum p y / sum y
Tensor soft_f1(const Tensor& logits, const Tensor& target, double k = 1);         ///< 2 sum p y / sum (p + y)
/// sum_ij y_i (1 - y_j) sigmoid(k (x_i - x_j)) / (sum y sum (1 - y)): the chance that a positive stands above a
/// negative (Yan et al. 2003). Holds n^2 numbers.
Tensor soft_auc(const Tensor& scores, const Tensor& target, double k = 1);

}  // namespace gradus
