#include "ops/reduce.h"

#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/axes_internal.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/scan.h"
#include "ops/shape.h"

namespace gradus {

namespace {

unsigned mask_of(const char* op, const Tensor& x, const Axes& axes) {
  require_defined(op, x);
  return axes.mask(op, x.rank());
}

unsigned mask_of_all(const char* op, const Tensor& x) {
  require_defined(op, x);
  return all_axes(x);
}

// Sums and products of the short integer types would soon wrap.
Dtype total_type(Dtype x) { return is_floating(x) ? x : Dtype::i64; }

// Reduced axes keep size 1 in the result.
Tensor compute(Reduction f, const Tensor& x, unsigned mask, Dtype dtype) {
  Tensor y = empty(kept_shape(x.shape(), mask), dtype, x.device());
  kernels(x.device()).reduce({.f = f, .x = x, .y = y});
  return y;
}

Tensor dropped(const Tensor& y, unsigned mask, KeepAxis keep) {
  return keep || mask == 0 ? y : reshape(y, dropped_shape(y.shape(), mask));
}

Tensor sum_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  Tensor y = compute(Reduction::sum, x, mask, total_type(x.dtype()));
  record("sum", {x}, y, [shape = x.shape()](const Tensor& dy) { return expand(dy, shape); });
  return dropped(y, mask, keep);
}

Tensor mean_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  require_floating("mean", x);
  return div(sum_axes(x, mask, keep), reduced_count(x, mask));
}

Tensor prod_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  if (mask == 0) return cast(x, total_type(x.dtype()));
  Tensor y = compute(Reduction::prod, x, mask, total_type(x.dtype()));
  // dx_i = dy prod_{j<i} x_j prod_{j>i} x_j, along the reduced axes laid end to end
  record("prod", {x}, y, [x = save(x), mask](const Tensor& dy) {
    const Tensor x_ = x.get(), row = merge_to_last(x_, mask);
    const Tensor others =
        mul(cumprod(row, -1, {.exclusive = true}), cumprod(row, -1, {.exclusive = true, .reverse = true}));
    return mul(dy, split_last(others, x_.shape(), mask));
  });
  return dropped(y, mask, keep);
}

void require_choice(const char* op, const Tensor& x, const Shape& result) {
  if (x.count() == 0 && result.count() > 0) throw ShapeError(op, "nothing to choose from in " + x.describe() + ".");
}

Tensor extreme(Reduction f, const Tensor& x, unsigned mask, KeepAxis keep) {
  const char* op = f == Reduction::max ? "max" : "min";
  require_choice(op, x, kept_shape(x.shape(), mask));
  Tensor y = compute(f, x, mask, x.dtype());
  record(op, {x}, y, [x = save(x), y = save(y), mask](const Tensor& dy) {
    const Tensor winners = cast(equal(x.get(), y.get()), dy.dtype());
    const Tensor shared = sum_axes(winners, mask, keep_axis);
    return mul(div(winners, shared), dy);
  });
  return dropped(y, mask, keep);
}

Tensor arg_extreme(bool largest, const Tensor& x, int axis, KeepAxis keep) {
  const char* op = largest ? "argmax" : "argmin";
  require_defined(op, x);
  axis = wrap_axis(op, axis, x.rank());
  Shape shape = x.shape();
  shape.erase(axis);
  require_choice(op, x, shape);
  Tensor index = empty(shape, Dtype::i64, x.device());
  if (index.count() > 0) kernels(x.device()).arg_extreme({.largest = largest, .x = x, .index = index, .axis = axis});
  return keep ? unsqueeze(index, axis) : index;
}

ValuesIndices chosen(const Tensor& x, const Tensor& kept_index, int axis, KeepAxis keep) {
  const Tensor values = gather(x, kept_index, axis);
  if (keep) return {values, kept_index};
  return {squeeze(values, axis), squeeze(kept_index, axis)};
}

Tensor is_nonzero(const Tensor& x) {
  return x.dtype() == Dtype::boolean ? x : not_equal(x, scalar(0, x.dtype(), x.device()));
}

// Over bool, max is "or" and min is "and".
Tensor quantify(Reduction f, const Tensor& x, unsigned mask, KeepAxis keep) {
  const Shape kept = kept_shape(x.shape(), mask);
  if (x.count() == 0) return dropped(full(kept, f == Reduction::min, Dtype::boolean, x.device()), mask, keep);
  return dropped(compute(f, is_nonzero(x.detach()), mask, Dtype::boolean), mask, keep);
}

Tensor count_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  return sum_axes(is_nonzero(x.detach()), mask, keep);
}

}  // namespace

Tensor sum(const Tensor& x) { return sum_axes(x, mask_of_all("sum", x), drop_axis); }
Tensor sum(const Tensor& x, const Axes& axes, KeepAxis keep) { return sum_axes(x, mask_of("sum", x, axes), keep); }

Tensor mean(const Tensor& x) { return mean_axes(x, mask_of_all("mean", x), drop_axis); }
Tensor mean(const Tensor& x, const Axes& axes, KeepAxis keep) { return mean_axes(x, mask_of("mean", x, axes), keep); }

Tensor prod(const Tensor& x) { return prod_axes(x, mask_of_all("prod", x), drop_axis); }
Tensor prod(const Tensor& x, const Axes& axes, KeepAxis keep) { return prod_axes(x, mask_of("prod", x, axes), keep); }

Tensor max(const Tensor& x) { return extreme(Reduction::max, x, mask_of_all("max", x), drop_axis); }
Tensor max(const Tensor& x, const Axes& axes, KeepAxis keep) {
  return extreme(Reduction::max, x, mask_of("max", x, axes), keep);
}
Tensor min(const Tensor& x) { return extreme(Reduction::min, x, mask_of_all("min", x), drop_axis); }
Tensor min(const Tensor& x, const Axes& axes, KeepAxis keep) {
  return extreme(Reduction::min, x, mask_of("min", x, axes), keep);
}

Tensor argmax(const Tensor& x, int axis, KeepAxis keep) { return arg_extreme(true, x, axis, keep); }
Tensor argmin(const Tensor& x, int axis, KeepAxis keep) { return arg_extreme(false, x, axis, keep); }

ValuesIndices max_with_index(const Tensor& x, int axis, KeepAxis keep) {
  return chosen(x, arg_extreme(true, x, axis, keep_axis), axis, keep);
}
ValuesIndices min_with_index(const Tensor& x, int axis, KeepAxis keep) {
  return chosen(x, arg_extreme(false, x, axis, keep_axis), axis, keep);
}

Tensor any(const Tensor& x) { return quantify(Reduction::max, x, mask_of_all("any", x), drop_axis); }
Tensor any(const Tensor& x, const Axes& axes, KeepAxis keep) {
  return quantify(Reduction::max, x, mask_of("any", x, axes), keep);
}
Tensor all(const Tensor& x) { return quantify(Reduction::min, x, mask_of_all("all", x), drop_axis); }
Tensor all(const Tensor& x, const Axes& axes, KeepAxis keep) {
  return quantify(Reduction::min, x, mask_of("all", x, axes), keep);
}
Tensor count_nonzero(const Tensor& x) { return count_axes(x, mask_of_all("count_nonzero", x), drop_axis); }
Tensor count_nonzero(const Tensor& x, const Axes& axes, KeepAxis keep) {
  return count_axes(x, mask_of("count_nonzero", x, axes), keep);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  require_defined("sum_to", x);
  if (x.shape() == shape) return x;
  unsigned mask = 0;
  const int extra = x.rank() - shape.rank();
  bool fits = extra >= 0;
  for (int axis = 0; fits && axis < x.rank(); ++axis) {
    const int64_t have = x.shape()[axis], want = axis < extra ? 1 : shape[axis - extra];
    if (axis < extra || (want == 1 && have != 1)) mask |= 1u << axis;
    fits = axis < extra || want == 1 || want == have;
  }
  if (!fits) throw ShapeError("sum_to", x.describe() + " was not stretched from " + shape.str() + ".");
  return reshape(sum_axes(x, mask, keep_axis), shape);
}

}  // namespace gradus
