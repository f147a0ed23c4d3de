#include "ops/scan.h"

#include <limits>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index_internal.h"
#include "ops/shape.h"

namespace gradus {

namespace {

int checked_axis(const char* op, const Tensor& x, int axis) {
  require_defined(op, x);
  return wrap_axis(op, axis, x.rank());
}

Tensor compute(Scan f, const Tensor& x, int axis, ScanOptions options) {
  const Dtype dtype = is_floating(x.dtype()) ? x.dtype() : Dtype::i64;
  Tensor y = empty(x.shape(), dtype, x.device());
  if (x.count() > 0)
    kernels(x.device())
        .scan({.f = f, .x = x, .y = y, .axis = axis, .exclusive = options.exclusive, .reverse = options.reverse});
  return y;
}

// y_i = x_(i-1), or (`reverse`) x_(i+1), with 0 at the free place: x as the neighbour that a scan comes from sees it.
Tensor shifted(const Tensor& x, int axis, bool reverse) {
  Shape shape = x.shape();
  const int64_t n = shape[axis];
  if (n == 0) return x;
  shape[axis] = 1;
  const Tensor zero = zeros(shape, x.dtype(), x.device()), rest = narrow(x, axis, reverse ? 1 : 0, n - 1);
  return reverse ? concat({rest, zero}, axis) : concat({zero, rest}, axis);
}

ValuesIndices extreme_scan(bool largest, const Tensor& x, int axis) {
  const char* op = largest ? "cummax" : "cummin";
  axis = checked_axis(op, x, axis);
  Tensor values = empty_like(x), indices = empty(x.shape(), Dtype::i64, x.device());
  if (x.count() > 0)
    kernels(x.device()).extreme_scan({.largest = largest, .x = x, .values = values, .index = indices, .axis = axis});
  record(op, {x}, values,
         [indices, shape = x.shape(), axis](const Tensor& dy) { return add_into_zeros(shape, indices, dy, axis); });
  return {values, indices};
}

}  // namespace

Tensor cumsum(const Tensor& x, int axis, ScanOptions options) {
  axis = checked_axis("cumsum", x, axis);
  Tensor y = compute(Scan::sum, x, axis, options);
  record("cumsum", {x}, y, [axis, options](const Tensor& dy) {
    return cumsum(dy, axis, {.exclusive = options.exclusive, .reverse = !options.reverse});
  });
  return y;
}

Tensor cumprod(const Tensor& x, int axis, ScanOptions options) {
  axis = checked_axis("cumprod", x, axis);
  Tensor y = compute(Scan::prod, x, axis, options);
  // dx_k = (prod_{j<k} x_j) r_k with r_k = sum_{i>=k} dy_i prod_{k<j<=i} x_j, hence r_k = dy_k + x_(k+1) r_(k+1).
  // An exclusive y_i is the inclusive y_(i-1), so dy moves by one.
  record("cumprod", {x}, y, [x = save(x), axis, options](const Tensor& dy) {
    const bool back = !options.reverse;
    const Tensor x_ = x.get(), before = cumprod(x_, axis, {.exclusive = true, .reverse = options.reverse});
    const Tensor sources = options.exclusive ? shifted(dy, axis, back) : dy;
    return mul(before, linear_scan(shifted(x_, axis, back), sources, axis, back));
  });
  return y;
}

Tensor logcumsumexp(const Tensor& x, int axis) {
  require_floating("logcumsumexp", x);
  axis = wrap_axis("logcumsumexp", axis, x.rank());
  Tensor y = compute(Scan::logsumexp, x, axis, {});
  // dx_k = exp(x_k - y_k) r_k with r_k = sum_{i>=k} dy_i exp(y_k - y_i), hence r_k = dy_k + exp(y_k - y_(k+1)) r_(k+1):
  // y never falls, so nothing overflows. Where y = -inf it is moved to 0, so that these exponentials are 0.
  record("logcumsumexp", {x}, y, [x = save(x), y = save(y), axis](const Tensor& dy) {
    const Tensor y_ = y.get(), infinite = scalar(-std::numeric_limits<double>::infinity(), y_.dtype(), y_.device());
    const Tensor finite = where(equal(y_, infinite), zeros({}, y_.dtype(), y_.device()), y_);
    const Tensor decay = exp(sub(y_, shifted(finite, axis, true)));
    return mul(exp(sub(x.get(), finite)), linear_scan(decay, dy, axis, true));
  });
  return y;
}

ValuesIndices cummax(const Tensor& x, int axis) { return extreme_scan(true, x, axis); }
ValuesIndices cummin(const Tensor& x, int axis) { return extreme_scan(false, x, axis); }

Tensor linear_scan(const Tensor& a, const Tensor& b, int axis, bool reverse) {
  require_floating("linear_scan", a);
  require_floating("linear_scan", b);
  require_same("linear_scan", {a, b});
  const Shape shape = broadcast_shapes("linear_scan", a.shape(), b.shape());
  const Tensor factors = expand(a, shape), sources = expand(b, shape);
  axis = wrap_axis("linear_scan", axis, shape.rank());
  Tensor y = empty(shape, a.dtype(), a.device());
  if (y.count() > 0)
    kernels(a.device()).linear_scan({.a = factors, .b = sources, .y = y, .axis = axis, .reverse = reverse});
  // db_i = dy_i + a_(i+1) db_(i+1), da_i = db_i y_(i-1)
  record("linear_scan", {factors, sources}, y,
         [a = save(factors), y = save(y), axis, reverse](const Tensor& dy, Needs need) {
           const Tensor db = linear_scan(shifted(a.get(), axis, !reverse), dy, axis, !reverse);
           return Grads{need[0] ? mul(db, shifted(y.get(), axis, reverse)) : Tensor(), db};
         });
  return y;
}

}  // namespace gradus
