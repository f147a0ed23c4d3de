#include "ops/sort.h"

#include <cmath>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/index_internal.h"
#include "ops/mask.h"
#include "ops/scan.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// Values that were picked along the last axis of x.
void record_picked(const char* op, const Tensor& x, const Tensor& values, const Tensor& indices) {
  record(op, {x}, values, [indices, shape = x.shape()](const Tensor& dy) {
    return add_into_zeros(shape, indices, dy, shape.rank() - 1);
  });
}

ValuesIndices moved_back(const ValuesIndices& r, int axis) {
  return {transpose(r.values, axis, -1), transpose(r.indices, axis, -1)};
}

ValuesIndices dropped(const ValuesIndices& r, int axis, KeepAxis keep) {
  return keep ? r : ValuesIndices{squeeze(r.values, axis), squeeze(r.indices, axis)};
}

int sort_axis(const char* op, const Tensor& x, int axis) {
  require_defined(op, x);
  return wrap_axis(op, axis, x.rank());
}

Tensor flat(const char* op, const Tensor& x) {
  require_defined(op, x);
  return reshape(x, {x.count()});
}

// x (floating, of rank >= 1) sorted along the last axis, its last entry, and where that is NaN: then there was one.
struct Sorted {
  Tensor values, last, broken;
  explicit Sorted(const Tensor& x) : values(sort(x).values) {
    last = narrow(values, -1, values.shape().back() - 1, 1);
    broken = not_equal(last, last);
  }
};

// The value at place q (n - 1) in sorted order; the axis stays.
Tensor at_quantile(const Sorted& s, double q, QuantileMethod interpolation) {
  const double place = q * static_cast<double>(s.values.shape().back() - 1);
  double low = std::floor(place), high = std::ceil(place), share = place - low;
  switch (interpolation) {
    case QuantileMethod::linear: break;
    case QuantileMethod::lower: high = low; break;
    case QuantileMethod::higher: low = high; break;
    case QuantileMethod::nearest: low = high = std::nearbyint(place); break;
    case QuantileMethod::midpoint: share = high > low ? 0.5 : 0; break;
  }
  const Tensor a = narrow(s.values, -1, static_cast<int64_t>(low), 1);
  if (low == high) return where(s.broken, s.last, a);
  const Tensor b = narrow(s.values, -1, static_cast<int64_t>(high), 1);
  return where(s.broken, s.last, add(a, mul(sub(b, a), share)));
}

Tensor quantiles(const Tensor& x, const std::vector<double>& q, int axis, QuantileOptions options, bool several) {
  require_floating("quantile", x);
  if (size_of(x.dtype()) == 2)
    throw DtypeError("quantile", "needs f32 or f64, got " + x.describe() + ".", "cast() it.");
  axis = wrap_axis("quantile", axis, x.rank());
  if (x.shape()[axis] == 0) throw ShapeError("quantile", "no values in " + x.describe() + ".");
  if (q.empty()) throw ValueError("quantile", "got no q.");
  for (double one : q)
    if (!(one >= 0 && one <= 1)) throw ValueError("quantile", "q = " + std::to_string(one) + " is outside [0, 1].");
  const Sorted sorted(transpose(x, axis, -1));
  Tensors found;
  for (double one : q) {
    const Tensor y = transpose(at_quantile(sorted, one, options.interpolation), axis, -1);
    const Tensor kept = options.keep ? y : squeeze(y, axis);
    found.push_back(several ? unsqueeze(kept, 0) : kept);
  }
  return several ? concat(found, 0) : found[0];
}

Tensor flat_quantiles(const Tensor& x, const std::vector<double>& q, QuantileOptions options, bool several) {
  const KeepAxis keep = options.keep;
  options.keep = drop_axis;
  const Tensor y = quantiles(flat("quantile", x), q, 0, options, several);
  if (!keep) return y;
  Shape shape = Shape::filled(x.rank(), 1);
  if (several) shape.insert(0, static_cast<int64_t>(q.size()));
  return reshape(y, shape);
}

}  // namespace

ValuesIndices sort(const Tensor& x, int axis, SortOptions options) {
  axis = sort_axis("sort", x, axis);
  if (axis != x.rank() - 1) return moved_back(sort(transpose(x, axis, -1), -1, options), axis);
  Tensor values = empty_like(x), indices = empty(x.shape(), Dtype::i64, x.device());
  kernels(x.device()).sort({.x = x, .descending = options.descending, .values = values, .index = indices});
  record_picked("sort", x, values, indices);
  return {values, indices};
}

Tensor argsort(const Tensor& x, int axis, SortOptions options) {
  axis = sort_axis("argsort", x, axis);
  if (axis != x.rank() - 1) return transpose(argsort(transpose(x, axis, -1), -1, options), axis, -1);
  Tensor indices = empty(x.shape(), Dtype::i64, x.device());
  kernels(x.device()).sort({.x = x, .descending = options.descending, .values = {}, .index = indices});
  return indices;
}

ValuesIndices topk(const Tensor& x, int64_t k, int axis, TopkOptions options) {
  axis = sort_axis("topk", x, axis);
  if (k < 0 || k > x.shape()[axis])
    throw ValueError("topk",
                     "k = " + std::to_string(k) + " of axis " + std::to_string(axis) + " of " + x.describe() + ".");
  if (axis != x.rank() - 1) return moved_back(topk(transpose(x, axis, -1), k, -1, options), axis);
  Shape shape = x.shape();
  shape[axis] = k;
  Tensor values = empty(shape, x.dtype(), x.device()), indices = empty(shape, Dtype::i64, x.device());
  if (indices.count() > 0)
    kernels(x.device()).topk({.x = x, .largest = options.largest, .values = values, .index = indices});
  record_picked("topk", x, values, indices);
  return {values, indices};
}

ValuesIndices kthvalue(const Tensor& x, int64_t k, int axis, KeepAxis keep) {
  axis = sort_axis("kthvalue", x, axis);
  if (k < 1 || k > x.shape()[axis])
    throw ValueError("kthvalue",
                     "k = " + std::to_string(k) + " of axis " + std::to_string(axis) + " of " + x.describe() + ".");
  const ValuesIndices best = topk(x, k, axis, {.largest = false});
  return dropped({narrow(best.values, axis, k - 1, 1), narrow(best.indices, axis, k - 1, 1)}, axis, keep);
}

ValuesIndices median(const Tensor& x, int axis, KeepAxis keep) {
  axis = sort_axis("median", x, axis);
  const int64_t n = x.shape()[axis];
  if (n == 0) throw ShapeError("median", "nothing to choose from in " + x.describe() + ".");
  const ValuesIndices all = sort(x, axis);
  const auto entry = [&](const Tensor& t, int64_t i) { return narrow(t, axis, i, 1); };
  const Tensor last = entry(all.values, n - 1), broken = not_equal(last, last);
  return dropped({where(broken, last, entry(all.values, (n - 1) / 2)),
                  where(broken, entry(all.indices, n - 1), entry(all.indices, (n - 1) / 2))},
                 axis, keep);
}

Tensor median(const Tensor& x) { return median(flat("median", x), 0).values; }

Tensor quantile(const Tensor& x, double q, QuantileOptions options) { return flat_quantiles(x, {q}, options, false); }
Tensor quantile(const Tensor& x, const std::vector<double>& q, QuantileOptions options) {
  return flat_quantiles(x, q, options, true);
}
Tensor quantile(const Tensor& x, double q, int axis, QuantileOptions options) {
  return quantiles(x, {q}, axis, options, false);
}
Tensor quantile(const Tensor& x, const std::vector<double>& q, int axis, QuantileOptions options) {
  return quantiles(x, q, axis, options, true);
}

UniqueResult unique(const Tensor& x) {
  const Tensor row = flat("unique", x).detach();
  if (x.device() == Device::meta)
    throw ValueError("unique", "how many there are depends on data; meta tensors have none.");
  const int64_t n = row.count();
  if (n == 0) return {row, empty(x.shape(), Dtype::i64, x.device()), empty({0}, Dtype::i64, x.device())};
  const ValuesIndices sorted = sort(row);
  // A new value begins at the start, and wherever an element differs from the one before.
  const Tensor first = full({1}, 1, Dtype::boolean, x.device());
  const Tensor begins =
      concat({first, not_equal(narrow(sorted.values, 0, 1, n - 1), narrow(sorted.values, 0, 0, n - 1))});
  const Tensor starts = flatten(nonzero(begins)), number = sub(cumsum(begins, 0), 1.0);
  const Tensor ends = concat({narrow(starts, 0, 1, starts.count() - 1), full({1}, double(n), Dtype::i64, x.device())});
  return {gather_unchecked(sorted.values, starts, 0),
          reshape(add_into_zeros({n}, sorted.indices, number, 0), x.shape()), sub(ends, starts)};
}

}  // namespace gradus
