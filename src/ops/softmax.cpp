#include "ops/softmax.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

Tensor fused_backward(const Tensor& y, const Tensor& dy, bool log) {
  Tensor dx = empty_like(y);
  kernels(y.device()).softmax_backward({.y = y, .dy = dy, .dx = dx, .log = log});
  return dx;
}

}  // namespace

Tensor softmax(const Tensor& x, int axis) {
  require_floating("softmax", x);
  axis = wrap_axis("softmax", axis, x.rank());
  if (axis != x.rank() - 1) return transpose(softmax(transpose(x, axis, -1)), axis, -1);
  Tensor y = empty_like(x);
  kernels(x.device()).softmax({.x = x, .y = y, .log = false});

  // dx = y (dy - sum(dy y))
  record("softmax", {x}, y, [y = save(y)](const Tensor& dy) {
    const Tensor p = y.get();
    if (!recording()) return fused_backward(p, dy, false);
    return mul(p, sub(dy, sum(mul(dy, p), -1, keep_axis)));
  });
  return y;
}

Tensor log_softmax(const Tensor& x, int axis) {
  require_floating("log_softmax", x);
  axis = wrap_axis("log_softmax", axis, x.rank());
  if (axis != x.rank() - 1) return transpose(log_softmax(transpose(x, axis, -1)), axis, -1);
  Tensor y = empty_like(x);
  kernels(x.device()).softmax({.x = x, .y = y, .log = true});

  // dx = dy - exp(y) sum(dy)
  record("log_softmax", {x}, y, [y = save(y)](const Tensor& dy) {
    const Tensor log_p = y.get();
    if (!recording()) return fused_backward(log_p, dy, true);
    return sub(dy, mul(exp(log_p), sum(dy, -1, keep_axis)));
  });
  return y;
}

Tensor softmin(const Tensor& x, int axis) {
  require_floating("softmin", x);
  return softmax(neg(x), axis);
}

}  // namespace gradus
