#include "ops/diagonal.h"

#include <algorithm>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

Tensor diag_embed(const Tensor& x, int64_t offset, int axis_a, int axis_b) {
  require_rank("diag_embed", "x", x, 1);
  const int a = wrap_axis("diag_embed", axis_a, x.rank() + 1), b = wrap_axis("diag_embed", axis_b, x.rank() + 1);
  if (a == b) throw IndexError("diag_embed", "both axes are axis " + std::to_string(a) + ".");
  constexpr int64_t kFarthest = int64_t{1} << 40;
  if (offset > kFarthest || offset < -kFarthest)
    throw ShapeError("diag_embed", "offset " + std::to_string(offset) + " makes the matrices too large.");
  const int64_t n = x.shape().back() + (offset < 0 ? -offset : offset);
  Shape shape = x.shape();
  shape.erase(x.rank() - 1);
  shape.insert(std::min(a, b), n);
  shape.insert(std::max(a, b), n);
  Tensor y = zeros(shape, x.dtype(), x.device());
  const Tensor part = diagonal(y, offset, a, b);
  if (x.count() > 0) kernels(x.device()).copy({.x = x, .y = part});
  record("diag_embed", {x}, y, [offset, a, b](const Tensor& dy) { return diagonal(dy, offset, a, b); });
  return y;
}

Tensor diag(const Tensor& x, int64_t offset) {
  require_defined("diag", x);
  if (x.rank() == 1) return diag_embed(x, offset);
  if (x.rank() == 2) return diagonal(x, offset);
  throw ShapeError("diag", "needs one axis or two, got " + x.describe() + ".");
}

Tensor trace(const Tensor& x) {
  require_rank("trace", "x", x, 2);
  return sum(diagonal(x), -1);
}

}  // namespace gradus
