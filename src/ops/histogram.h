#pragma once
#include "tensor/tensor.h"

namespace gradus {

// Counting into bins. No gradients but for the weights of bincount.

/// For each of `values` (any shape) its place in `sorted`, which is ascending along its last axis: the number of
/// entries that are less, or (`right`) less or equal; i64, values' shape. `sorted` is (n), or has values' rank and its
/// sizes but for the last axis. NaN is larger than all. Throws ShapeError, and DtypeError when the types differ.
Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right = false);
/// The same with the operands the other way round, for the edges (n) of buckets.
Tensor bucketize(const Tensor& values, const Tensor& edges, bool right = false);

struct HistogramOptions {
  int64_t bins = 10;
  /// What the bins cover; when both are equal, the smallest to the largest of x (one more of each when these are equal
  /// too, 0 to 1 when there are none).
  double low = 0, high = 0;
};
struct Histogram {
  Tensor counts;  ///< (bins) i64
  Tensor edges;   ///< (bins + 1), x's type, f32 for integers
};
/// How many elements of x lie in each of equal bins; the last one includes its upper edge. Elements outside, and NaN,
/// do not count. Throws ValueError for bins < 1, low > high, or a range that is not finite; DtypeError for bool.
Histogram histogram(const Tensor& x, HistogramOptions options = {});

/// How often each number from 0 on is among `ids` (n; i32, i64 or u8; not negative): i64, or with `weights` (n) their
/// sum, in their type. The result reaches to the largest id, and to min_length - 1 at least. Throws IndexError for a
/// negative id, ValueError on the meta device: the length depends on data.
Tensor bincount(const Tensor& ids, int64_t min_length = 0, const Tensor& weights = {});

}  // namespace gradus
