#include "ops/mask.h"

#include <algorithm>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index_internal.h"
#include "ops/reduce.h"
#include "ops/scatter.h"
#include "ops/shape.h"

namespace gradus {

namespace {

void require_mask(const char* op, const Tensor& x, const Tensor& mask) {
  require_defined(op, x);
  require_defined(op, mask);
  require_same_device(op, {x, mask});
  if (mask.dtype() != Dtype::boolean) throw DtypeError(op, "the mask must be bool, got " + mask.describe() + ".");
}

void refuse_meta(const char* op, const Tensor& x) {
  if (x.device() == Device::meta)
    throw ValueError(op, "the size of the result depends on data; meta tensors have none.");
}

// Places (n) where a mask seen as one row is true.
Tensor places_of(const Tensor& mask) { return reshape(nonzero(reshape(mask, {mask.count()})), {-1}); }

Tensor triangle(bool upper, const Tensor& x, int64_t k) {
  const char* op = upper ? "triu" : "tril";
  require_rank(op, "x", x, 2);
  // Further off than the corners is as far as the corners.
  k = std::clamp<int64_t>(k, -x.size(-2), x.size(-1));
  Tensor y = empty_like(x);
  if (y.count() > 0) kernels(x.device()).triangle({.x = x, .upper = upper, .k = k, .y = y});
  record(op, {x}, y, [upper, k](const Tensor& dy) { return triangle(upper, dy, k); });
  return y;
}

}  // namespace

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  require_mask("masked_fill", x, mask);
  require_defined("masked_fill", value);
  require_same_device("masked_fill", {x, value});
  if (value.rank() != 0) throw ShapeError("masked_fill", "the value must have rank 0, got " + value.describe() + ".");
  if (!(broadcast_shapes("masked_fill", x.shape(), mask.shape()) == x.shape()))
    throw ShapeError("masked_fill", "the mask " + mask.describe() + " does not broadcast to " + x.describe() + ".");
  return where(mask, cast(value, x.dtype()), x);
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  require_defined("masked_fill", x);
  return masked_fill(x, mask, scalar(value, x.dtype(), x.device()));
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  require_mask("masked_select", x, mask);
  refuse_meta("masked_select", x);
  const Shape shape = broadcast_shapes("masked_select", x.shape(), mask.shape());
  const Tensor row = reshape(expand(x, shape), {shape.count()});
  return gather_unchecked(row, places_of(expand(mask, shape)), 0);
}

Tensor select_by_mask(const Tensor& x, const Tensor& mask) {
  require_mask("select_by_mask", x, mask);
  refuse_meta("select_by_mask", x);
  Shape shape{0};
  bool fits = mask.rank() <= x.rank();
  for (int axis = 0; fits && axis < x.rank(); ++axis) {
    if (axis < mask.rank())
      fits = mask.shape()[axis] == x.shape()[axis];
    else
      shape.push_back(x.shape()[axis]);
  }
  if (!fits)
    throw ShapeError("select_by_mask",
                     "the mask " + mask.describe() + " must have the first sizes of " + x.describe() + ".");
  Shape rows = shape;
  rows[0] = mask.count();
  const Tensor places = places_of(mask);
  shape[0] = places.count();
  return gather_unchecked(reshape(x, rows), widen_index(places, shape, 0), 0);
}

Tensor nonzero(const Tensor& x) {
  require_defined("nonzero", x);
  refuse_meta("nonzero", x);
  // Counted and found in one mask: kernels may differ in whether a denormal number is 0.
  const Tensor mask = x.dtype() == Dtype::boolean ? x : not_equal(x, scalar(0, x.dtype()));
  const auto count = sum(mask).to_vector<int64_t>()[0];
  Tensor y = empty({count, x.rank()}, Dtype::i64, x.device());
  if (y.count() > 0) kernels(x.device()).nonzero({.x = mask, .y = y});
  return y;
}

Tensor one_hot(const Tensor& ids, int64_t classes, Dtype dtype) {
  require_index("one_hot", ids);
  if (classes < 0) throw ShapeError("one_hot", "cannot make " + std::to_string(classes) + " classes.");
  Shape shape = ids.shape();
  shape.push_back(classes);
  return scatter(zeros(shape, dtype, ids.device()), unsqueeze(ids, -1), 1, -1);
}

Tensor tril(const Tensor& x, int64_t k) { return triangle(false, x, k); }
Tensor triu(const Tensor& x, int64_t k) { return triangle(true, x, k); }

}  // namespace gradus
