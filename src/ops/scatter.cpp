#include "ops/scatter.h"

#include <limits>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index_internal.h"
#include "ops/scan.h"
#include "ops/scatter_internal.h"
#include "ops/shape.h"
#include "ops/sort.h"

namespace gradus {

namespace {

// A dense copy of x without history, changed by the kernel.
Tensor compute(Scatter f, const Tensor& x, const Tensor& index, const Tensor& src, int axis, bool* outside = nullptr) {
  Tensor y = empty_like(x);
  kernels(x.device()).scatter({.f = f, .x = x, .index = index, .src = src, .y = y, .axis = axis, .outside = outside});
  return y;
}

Tensor typed_as(const Tensor& x, double value) { return scalar(value, x.dtype(), x.device()); }

// Where something is sent to.
Tensor touched_by(const Tensor& index, const Tensor& x, int axis) {
  const Tensor yes = expand(full({}, 1, Dtype::boolean, x.device()), index.shape());
  return compute(Scatter::assign, zeros(x.shape(), Dtype::boolean, x.device()), index, yes, axis);
}

// Whether each element of the index wrote last to its place.
Tensor wrote_last(const Tensor& index, const Shape& shape, int axis) {
  const Tensor number = reshape(arange(index.count(), Dtype::i64, 0, 1, index.device()), index.shape());
  const Tensor last = compute(Scatter::assign, zeros(shape, Dtype::i64, index.device()), index, number, axis);
  return equal(gather_unchecked(last, index, axis), number);
}

Tensor assign_unchecked(const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  Tensor y = compute(Scatter::assign, x, index, src, axis);
  record("scatter", {x, src}, y, [index, shape = x.shape(), axis](const Tensor& dy, Needs need) {
    const Tensor zero = typed_as(dy, 0);
    return Grads{need[0] ? where(touched_by(index, dy, axis), zero, dy) : Tensor(),
                 need[1] ? where(wrote_last(index, shape, axis), gather_unchecked(dy, index, axis), zero) : Tensor()};
  });
  return y;
}

Tensor add_unchecked(const Tensor& x, const Tensor& index, const Tensor& src, int axis, bool* outside = nullptr) {
  Tensor y = compute(Scatter::add, x, index, src, axis, outside);
  if (outside && *outside) return y;
  record("scatter_add", {x, src}, y, [index, axis](const Tensor& dy, Needs need) {
    return Grads{dy, need[1] ? gather_unchecked(dy, index, axis) : Tensor()};
  });
  return y;
}

// For each element of src the product of the others that go to the same place. Sorted by place they form runs, and a
// recurrence that starts anew with each run multiplies what comes before, another what comes after.
Tensor product_of_others(const Tensor& index, const Tensor& src, int axis) {
  const ValuesIndices sorted = sort(index, axis);
  const Tensor x = gather_unchecked(src, sorted.indices, axis), &place = sorted.values;
  const int64_t n = x.shape()[axis];
  if (n < 2) return ones(src.shape(), src.dtype(), src.device());
  const Tensor together = equal(narrow(place, axis, 1, n - 1), narrow(place, axis, 0, n - 1));
  const Tensor stays = cast(together, x.dtype()), starts = sub(typed_as(x, 1), stays);
  Shape edge = x.shape();
  edge[axis] = 1;
  const Tensor one = ones(edge, x.dtype(), x.device());
  const auto front = [&](const Tensor& t) { return concat({one, t}, axis); };
  const auto back = [&](const Tensor& t) { return concat({t, one}, axis); };
  const Tensor before = linear_scan(front(mul(narrow(x, axis, 0, n - 1), stays)), front(starts), axis);
  const Tensor after = linear_scan(back(mul(narrow(x, axis, 1, n - 1), stays)), back(starts), axis, true);
  return add_into_zeros(src.shape(), sorted.indices, mul(before, after), axis);
}

Tensor multiply_unchecked(const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  Tensor y = compute(Scatter::mul, x, index, src, axis);
  record("scatter_reduce", {x, src}, y, [x = save(x), index, src = save(src), axis](const Tensor& dy, Needs need) {
    Grads d(Tensors(2));
    const Tensor x_ = x.get(), src_ = src.get();
    if (need[0]) d[0] = mul(dy, multiply_unchecked(ones(x_.shape(), x_.dtype(), x_.device()), index, src_, axis));
    if (need[1]) d[1] = mul(gather_unchecked(mul(dy, x_), index, axis), product_of_others(index, src_, axis));
    return d;
  });
  return y;
}

Tensor extreme_unchecked(Scatter f, const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  Tensor y = compute(f, x, index, src, axis);
  record("scatter_reduce", {x, src}, y, [x = save(x), index, src = save(src), y = save(y), axis](const Tensor& dy) {
    const Tensor y_ = y.get().detach();
    const Tensor own = cast(equal(x.get(), y_), dy.dtype());
    const Tensor sent = cast(equal(src.get(), gather_unchecked(y_, index, axis)), dy.dtype());
    const Tensor winners = maximum(add(own, add_into_zeros(y_.shape(), index, sent, axis)), 1.0);  // none beside a NaN
    const Tensor share = div(dy, winners);
    return Grads{mul(share, own), mul(gather_unchecked(share, index, axis), sent)};
  });
  return y;
}

// The axis, from 0 on. Entries of the index are not looked at.
int scatter_axis(const char* op, const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  require_rank(op, "x", x, 1);
  require_index(op, index);
  require_defined(op, src);
  require_same(op, {x, src});
  require_same_device(op, {x, index});
  axis = wrap_axis(op, axis, x.rank());
  require_shape(op, "src", src, index.shape());
  require_index_fits(op, "x", x, index, axis);
  return axis;
}

// What does not change the others.
double neutral(ScatterMode mode) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  switch (mode) {
    case ScatterMode::sum:
    case ScatterMode::mean: return 0;
    case ScatterMode::prod: return 1;
    case ScatterMode::max: return -inf;
    case ScatterMode::min: return inf;
  }
  return 0;
}

}  // namespace

Tensor reduce_unchecked(const Tensor& x, const Tensor& index, const Tensor& src, int axis, ScatterOptions options) {
  Tensor base = x;
  if (!options.include_self) base = where(touched_by(index, x, axis), typed_as(x, neutral(options.mode)), x);
  switch (options.mode) {
    case ScatterMode::sum: return add_unchecked(base, index, src, axis);
    case ScatterMode::prod: return multiply_unchecked(base, index, src, axis);
    case ScatterMode::max: return extreme_unchecked(Scatter::max, base, index, src, axis);
    case ScatterMode::min: return extreme_unchecked(Scatter::min, base, index, src, axis);
    case ScatterMode::mean: break;
  }
  const Tensor one = ones(index.shape(), x.dtype(), x.device());
  Tensor count = add_into_zeros(x.shape(), index, one, axis);
  count = options.include_self ? add(count, 1.0) : maximum(count, 1.0);
  return div(add_unchecked(base, index, src, axis), count);
}

Tensor scatter(const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  axis = scatter_axis("scatter", x, index, src, axis);
  require_indices("scatter", index, x.shape()[axis]);
  return assign_unchecked(x, index, src, axis);
}

Tensor scatter(const Tensor& x, const Tensor& index, double value, int axis) {
  require_defined("scatter", x);
  require_index("scatter", index);
  return scatter(x, index, expand(typed_as(x, value), index.shape()), axis);
}

Tensor scatter_add(const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  axis = scatter_axis("scatter_add", x, index, src, axis);
  bool outside = false;
  Tensor y = add_unchecked(x, index, src, axis, &outside);
  if (outside) require_indices("scatter_add", index, x.shape()[axis]);  // says which
  return y;
}

Tensor scatter_add(const Tensor& src, const Tensor& index, int64_t size, int axis) {
  require_rank("scatter_add", "src", src, 1);
  require_index("scatter_add", index);
  axis = wrap_axis("scatter_add", axis, src.rank());
  require_same_device("scatter_add", {src, index});
  require_shape("scatter_add", "index", index, src.shape());
  if (size < 0) throw ShapeError("scatter_add", "cannot make " + std::to_string(size) + " entries.");
  require_indices("scatter_add", index, size);
  Shape shape = src.shape();
  shape[axis] = size;
  return add_into_zeros(shape, index, src, axis);
}

Tensor scatter_reduce(const Tensor& x, const Tensor& index, const Tensor& src, int axis, ScatterOptions options) {
  axis = scatter_axis("scatter_reduce", x, index, src, axis);
  require_indices("scatter_reduce", index, x.shape()[axis]);
  if (options.mode == ScatterMode::mean) require_floating("scatter_reduce", x);
  return reduce_unchecked(x, index, src, axis, options);
}

Tensor index_add(const Tensor& x, const Tensor& index, const Tensor& src, int axis) {
  require_rank("index_add", "x", x, 1);
  require_index("index_add", index);
  require_defined("index_add", src);
  require_same("index_add", {x, src});
  require_same_device("index_add", {x, index});
  axis = wrap_axis("index_add", axis, x.rank());
  if (index.rank() > 1) throw ShapeError("index_add", "index must be (n), got " + index.describe() + ".");
  Shape shape = x.shape();
  shape[axis] = index.count();
  require_shape("index_add", "src", src, shape);
  require_indices("index_add", index, x.shape()[axis]);
  return add_unchecked(x, widen_index(index, shape, axis), src, axis);
}

Tensor put(const Tensor& x, const Tensor& index, const Tensor& src, bool accumulate) {
  require_defined("put", x);
  require_defined("put", src);
  require_index("put", index);
  require_same("put", {x, src});
  require_same_device("put", {x, index});
  require_shape("put", "src", src, index.shape());
  const Tensor places = reshape(wrap_indices("put", index, x.count()), {index.count()});
  const Tensor row = reshape(x, {x.count()}), values = reshape(src, {src.count()});
  return reshape(accumulate ? add_unchecked(row, places, values, 0) : assign_unchecked(row, places, values, 0),
                 x.shape());
}

Tensor scatter_nd(const Tensor& x, const Tensor& index, const Tensor& updates, WriteMode mode) {
  const char* op = "scatter_nd";
  require_rank(op, "x", x, 1);
  require_index(op, index);
  require_rank(op, "index", index, 1);
  require_defined(op, updates);
  require_same(op, {x, updates});
  require_same_device(op, {x, index});
  const int64_t k = index.shape().back();
  if (k > x.rank())
    throw ShapeError(op, "index " + index.describe() + " names more axes than " + x.describe() + " has.");
  Shape shape = index.shape();
  shape.erase(shape.rank() - 1);
  int64_t rows = 1, width = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    (axis < k ? rows : width) *= x.shape()[axis];
    if (axis >= k) shape.push_back(x.shape()[axis]);
  }
  require_shape(op, "updates", updates, shape);
  const Tensor flat = flat_nd_index(op, x.shape(), index, 0);
  const Shape wide{flat.count(), width};
  const Tensor places = widen_index(flat, wide, 0), values = reshape(updates, wide), row = reshape(x, {rows, width});
  const auto combine = [&](ScatterMode how) { return reduce_unchecked(row, places, values, 0, {.mode = how}); };
  switch (mode) {
    case WriteMode::assign: return reshape(assign_unchecked(row, places, values, 0), x.shape());
    case WriteMode::sum: return reshape(combine(ScatterMode::sum), x.shape());
    case WriteMode::prod: return reshape(combine(ScatterMode::prod), x.shape());
    case WriteMode::max: return reshape(combine(ScatterMode::max), x.shape());
    case WriteMode::min: return reshape(combine(ScatterMode::min), x.shape());
  }
  return x;
}

}  // namespace gradus
