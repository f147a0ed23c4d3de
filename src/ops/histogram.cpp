#include "ops/histogram.h"

#include <cmath>
#include <string>

#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  require_rank("searchsorted", "sorted", sorted, 1);
  require_defined("searchsorted", values);
  require_same("searchsorted", {sorted, values});
  if (sorted.rank() > 1) {
    bool fits = sorted.rank() == values.rank();
    for (int axis = 0; fits && axis + 1 < values.rank(); ++axis) fits = sorted.shape()[axis] == values.shape()[axis];
    if (!fits)
      throw ShapeError("searchsorted", "sorted " + sorted.describe() + " must have the shape of the values " +
                                           values.describe() + " but for the last axis, or one axis.");
  }
  Tensor y = empty(values.shape(), Dtype::i64, values.device());
  if (y.count() > 0) kernels(y.device()).searchsorted({.sorted = sorted, .values = values, .y = y, .right = right});
  return y;
}

Tensor bucketize(const Tensor& values, const Tensor& edges, bool right) {
  require_defined("bucketize", edges);
  if (edges.rank() != 1) throw ShapeError("bucketize", "edges must be (n), got " + edges.describe() + ".");
  return searchsorted(edges, values, right);
}

Histogram histogram(const Tensor& x, HistogramOptions options) {
  require_defined("histogram", x);
  if (x.dtype() == Dtype::boolean) throw DtypeError("histogram", "needs numbers, got " + x.describe() + ".");
  if (options.bins < 1) throw ValueError("histogram", std::to_string(options.bins) + " bins.");
  double low = options.low, high = options.high;
  if (low == high) {
    const bool known = x.count() > 0 && x.device() != Device::meta;
    low = known ? min(x.detach()).item() : 0;
    high = known ? max(x.detach()).item() : 1;
    if (low == high) low -= 1, high += 1;
  }
  // Numbers so large that one more is nothing leave no width.
  if (!(low < high) || !(high - low >= 1e-300) || !std::isfinite(high - low))
    throw ValueError("histogram", "bins cannot cover " + std::to_string(low) + " to " + std::to_string(high) + ".",
                     "give a finite .low below a finite .high.");
  Tensor counts = empty({options.bins}, Dtype::i64, x.device());
  kernels(x.device()).histogram({.x = x, .low = low, .high = high, .y = counts});
  return {counts, linspace(low, high, options.bins + 1, is_floating(x.dtype()) ? x.dtype() : Dtype::f32, x.device())};
}

Tensor bincount(const Tensor& ids, int64_t min_length, const Tensor& weights) {
  require_defined("bincount", ids);
  if (!is_integer(ids.dtype())) throw DtypeError("bincount", "ids must be integers, got " + ids.describe() + ".");
  if (ids.rank() != 1) throw ShapeError("bincount", "ids must be (n), got " + ids.describe() + ".");
  if (min_length < 0) throw ValueError("bincount", "min_length is " + std::to_string(min_length) + ".");
  if (ids.device() == Device::meta)
    throw ValueError("bincount", "the length depends on the ids; meta tensors have none.");
  require_same_device("bincount", {ids, weights});
  if (weights.defined()) require_shape("bincount", "weights", weights, ids.shape());
  const Tensor index = cast(ids, Dtype::i64);
  if (index.count() > 0) {
    const int64_t lowest = min(index).to_vector<int64_t>()[0];
    if (lowest < 0) throw IndexError("bincount", "id " + std::to_string(lowest) + " is negative.");
    const int64_t largest = max(index).to_vector<int64_t>()[0];
    if (largest >= min_length) {
      if (largest >= int64_t{1} << 48) throw IndexError("bincount", "id " + std::to_string(largest) + " is too large.");
      min_length = largest + 1;
    }
  }
  const Tensor amounts = weights.defined() ? weights : expand(scalar(1, Dtype::i64, ids.device()), ids.shape());
  return add_into_zeros({min_length}, index, amounts, 0);
}

}  // namespace gradus
