#include "ops/reduce.h"

#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// Bit i is set when axis i is reduced.
unsigned axis_mask(const char* op, const Tensor& x, std::initializer_list<int> axes) {
  unsigned mask = 0;
  for (int axis : axes) {
    const unsigned bit = 1u << wrap_axis(op, axis, x.rank());
    if (mask & bit) throw IndexError(op, "axis " + std::to_string(axis) + " is named twice.");
    mask |= bit;
  }
  return mask;
}

unsigned all_axes(const Tensor& x) { return (1u << x.rank()) - 1; }

Shape kept_shape(const Shape& shape, unsigned mask) {
  Shape kept = shape;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (mask >> axis & 1) kept[axis] = 1;
  return kept;
}

Shape dropped_shape(const Shape& shape, unsigned mask) {
  Shape dropped;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (!(mask >> axis & 1)) dropped.push_back(shape[axis]);
  return dropped;
}

// Reduced axes keep size 1 in the result.
Tensor compute(Reduction f, const Tensor& x, unsigned mask) {
  Tensor y = empty(kept_shape(x.shape(), mask), x.dtype(), x.device());
  kernels(x.device()).reduce({.f = f, .x = x, .y = y});
  return y;
}

Tensor sum_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  Tensor y = compute(Reduction::sum, x, mask);
  record("sum", {x}, y, [shape = x.shape()](const Tensor& dy) { return expand(dy, shape); });
  return keep ? y : reshape(y, dropped_shape(x.shape(), mask));
}

Tensor extreme(Reduction f, const Tensor& x, unsigned mask, KeepAxis keep) {
  const char* op = f == Reduction::max ? "max" : "min";
  const Shape kept = kept_shape(x.shape(), mask);
  if (x.count() == 0 && kept.count() > 0) throw ShapeError(op, "nothing to choose from in " + x.describe() + ".");
  Tensor y = compute(f, x, mask);
  record(op, {x}, y, [x = save(x), y = save(y), mask](const Tensor& dy) {
    const Tensor winners = cast(equal(x.get(), y.get()), dy.dtype());
    const Tensor shared = sum_axes(winners, mask, keep_axis);
    return mul(div(winners, shared), dy);
  });
  return keep ? y : reshape(y, dropped_shape(x.shape(), mask));
}

double reduced_count(const Tensor& x, unsigned mask) {
  double n = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (mask >> axis & 1) n *= static_cast<double>(x.shape()[axis]);
  return n;
}

}  // namespace

Tensor sum(const Tensor& x) {
  require_defined("sum", x);
  return sum_axes(x, all_axes(x), drop_axis);
}
Tensor sum(const Tensor& x, std::initializer_list<int> axes, KeepAxis keep) {
  require_defined("sum", x);
  return sum_axes(x, axis_mask("sum", x, axes), keep);
}
Tensor sum(const Tensor& x, int axis, KeepAxis keep) { return sum(x, {axis}, keep); }

Tensor mean(const Tensor& x) {
  require_floating("mean", x);
  return div(sum(x), reduced_count(x, all_axes(x)));
}
Tensor mean(const Tensor& x, int axis, KeepAxis keep) {
  require_floating("mean", x);
  return div(sum(x, axis, keep), reduced_count(x, axis_mask("mean", x, {axis})));
}

Tensor max(const Tensor& x) {
  require_defined("max", x);
  return extreme(Reduction::max, x, all_axes(x), drop_axis);
}
Tensor max(const Tensor& x, int axis, KeepAxis keep) {
  require_defined("max", x);
  return extreme(Reduction::max, x, axis_mask("max", x, {axis}), keep);
}
Tensor min(const Tensor& x) {
  require_defined("min", x);
  return extreme(Reduction::min, x, all_axes(x), drop_axis);
}
Tensor min(const Tensor& x, int axis, KeepAxis keep) {
  require_defined("min", x);
  return extreme(Reduction::min, x, axis_mask("min", x, {axis}), keep);
}

Tensor argmax(const Tensor& x, int axis) {
  require_defined("argmax", x);
  axis = wrap_axis("argmax", axis, x.rank());
  Shape shape = x.shape();
  shape.erase(axis);
  if (x.shape()[axis] == 0 && shape.count() > 0)
    throw ShapeError("argmax", "nothing to choose from in " + x.describe() + ".");
  Tensor y = empty(shape, Dtype::i64, x.device());
  kernels(x.device()).argmax({.x = x, .y = y, .axis = axis});
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  unsigned mask = 0;
  const int extra = x.rank() - shape.rank();
  for (int axis = 0; axis < x.rank(); ++axis)
    if (axis < extra || (shape[axis - extra] == 1 && x.shape()[axis] != 1)) mask |= 1u << axis;
  return reshape(sum_axes(x, mask, keep_axis), shape);
}

}  // namespace gradus
