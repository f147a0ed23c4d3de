#pragma once
#include "ops/reduce.h"

namespace gradus {

// Order is NumPy's: NaN is larger than everything else, +0 equals -0. Any type. Values keep their history: the gradient
// goes to where they came from. Indices are i64 places along the axis. Throw IndexError for the axis.

struct SortOptions {
  bool descending = false;
};

/// Sorted along `axis`; equal elements keep their order.
ValuesIndices sort(const Tensor& x, int axis = -1, SortOptions options = {});
/// The indices of sort(): no gradient.
Tensor argsort(const Tensor& x, int axis = -1, SortOptions options = {});

struct TopkOptions {
  bool largest = true;  ///< or the smallest
};
/// The k largest along `axis`, best first, at a tie the first one first. Throws ValueError unless 0 <= k <= its size.
ValuesIndices topk(const Tensor& x, int64_t k, int axis = -1, TopkOptions options = {});

/// The k-th smallest along `axis`, k = 1 being the smallest. Throws ValueError unless 1 <= k <= its size.
ValuesIndices kthvalue(const Tensor& x, int64_t k, int axis = -1, KeepAxis keep = drop_axis);

/// The middle one in sorted order, the lower of two (as PyTorch's; quantile(x, 0.5) takes their mean); NaN when there
/// is one. Throw ShapeError when there is nothing to choose from.
Tensor median(const Tensor& x);
ValuesIndices median(const Tensor& x, int axis, KeepAxis keep = drop_axis);

/// What stands between two neighbours in sorted order: a + f (b - a), a, b, the nearer (half to even), their mean.
enum class QuantileMethod : uint8_t { linear, lower, higher, nearest, midpoint };
struct QuantileOptions {
  QuantileMethod interpolation = QuantileMethod::linear;
  KeepAxis keep = drop_axis;
};
/// The value at place q (n - 1) in sorted order, 0 <= q <= 1; NaN when a NaN is among them. f32 and f64.
/// With several q, their axis comes first. Throws ValueError for q outside [0, 1], ShapeError when there are no values.
Tensor quantile(const Tensor& x, double q, QuantileOptions options = {});
Tensor quantile(const Tensor& x, double q, int axis, QuantileOptions options = {});
Tensor quantile(const Tensor& x, const std::vector<double>& q, QuantileOptions options = {});
Tensor quantile(const Tensor& x, const std::vector<double>& q, int axis, QuantileOptions options = {});

struct UniqueResult {
  Tensor values;   ///< (m), sorted; each NaN counts as one of its own, as in PyTorch
  Tensor inverse;  ///< i64, x's shape: where in `values` each element is
  Tensor counts;   ///< (m) i64
};
/// The different elements of x. No gradient. Throws ValueError on the meta device: their number depends on the data.
UniqueResult unique(const Tensor& x);

}  // namespace gradus
