#include "ops/rope.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved, bool inverse) {
  Tensor y = empty(x.shape(), x.dtype(), x.device());
  kernels(x.device()).rope({.x = x, .cos = cos, .sin = sin, .y = y, .interleaved = interleaved, .inverse = inverse});
  // A rotation's transpose turns back.
  record("rope", {x}, y,
         [cos, sin, interleaved, inverse](const Tensor& dy) { return rotate(dy, cos, sin, interleaved, !inverse); });
  return y;
}

}  // namespace

Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved) {
  require_floating("rope", x);
  require_floating("rope", cos);
  require_floating("rope", sin);
  require_same_device("rope", {x, cos, sin});
  const std::string all = "x " + x.describe() + ", cos " + cos.describe() + ", sin " + sin.describe();
  if (x.rank() != 4 || cos.rank() != 3)
    throw ShapeError("rope", "needs (B, T, H, D) and (B, T, R/2), got " + all + ".");
  const Shape &a = x.shape(), &c = cos.shape();
  if (!(c == sin.shape())) throw ShapeError("rope", "cos and sin differ: " + all + ".");
  if ((c[0] != a[0] && c[0] != 1) || c[1] != a[1] || 2 * c[2] > a[3])
    throw ShapeError("rope", "the tables do not fit x: " + all + ".", "they must be (B or 1, T, at most D/2).");
  if (requires_grad(cos) || requires_grad(sin))
    throw GradError("rope", "the tables are constants, but a gradient is asked for one.", "detach() them.");
  return rotate(x, cast(cos, x.dtype()), cast(sin, x.dtype()), interleaved, false);
}

}  // namespace gradus
