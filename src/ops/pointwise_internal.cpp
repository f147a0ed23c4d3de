#include "ops/pointwise_internal.h"

#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus::pointwise {

Tensor like(const Tensor& x, double value) { return scalar(value, x.dtype(), x.device()); }
Tensor number(const char* op, const Tensor& x, double value) {
  require_defined(op, x);
  return like(x, value);
}
Tensor indicator(const Tensor& condition, const Tensor& x) { return cast(condition, x.dtype()); }

void require_numbers(const char* op, const Tensor& x) {
  require_defined(op, x);
  if (x.dtype() == Dtype::boolean)
    throw DtypeError(op, "needs numbers, got " + x.describe() + ".", "convert it with cast().");
}

void require_alike(const char* op, const Tensor& x, const char* name, const Tensor& other) {
  require_floating(op, x);
  require_shape(op, name, other, x.shape());
  require_same(op, {x, other});
}

Tensor compute(const char* op, Unary f, const Tensor& x, double a, double b) {
  if (takes_integers(f))
    require_numbers(op, x);
  else
    require_floating(op, x);
  Tensor y = empty_like(x);
  kernels(x.device()).unary({.f = f, .x = x, .y = y, .a = a, .b = b});
  return y;
}

Pair::Pair(const char* op, const Tensor& x, const Tensor& y) {
  require_defined(op, x);
  require_defined(op, y);
  require_same_device(op, {x, y});
  const Dtype dtype = promote(x.dtype(), y.dtype());
  const Shape shape = broadcast_shapes(op, x.shape(), y.shape());
  a = expand(cast(x, dtype), shape);
  b = expand(cast(y, dtype), shape);
}

FloatingPair::FloatingPair(const char* op, const Tensor& x, const Tensor& y) : Pair(op, x, y) {
  require_floating(op, a);
}

Tensor compute(Binary f, const Pair& p) {
  Tensor y = empty(p.a.shape(), is_comparison(f) ? Dtype::boolean : p.a.dtype(), p.a.device());
  kernels(y.device()).binary({.f = f, .a = p.a, .b = p.b, .y = y});
  return y;
}

}  // namespace gradus::pointwise
