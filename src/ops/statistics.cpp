#include "ops/statistics.h"

#include <cmath>
#include <limits>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/axes_internal.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

unsigned floating_mask(const char* op, const Tensor& x, const Axes& axes) {
  require_floating(op, x);
  return axes.mask(op, x.rank());
}

unsigned floating_mask_of_all(const char* op, const Tensor& x) {
  require_floating(op, x);
  return all_axes(x);
}

Tensor same_type(const Tensor& x, double value) { return scalar(value, x.dtype(), x.device()); }

// sqrt with slope 0 at 0.
Tensor root_or_zero(const Tensor& s) {
  Tensor y = sqrt(s.detach());
  // ds = dy / (2 y)
  record("sqrt", {s}, y, [y = save(y)](const Tensor& dy) {
    const Tensor r = y.get(), flat = equal(r, same_type(r, 0));
    return where(flat, same_type(r, 0), div(mul(dy, 0.5), where(flat, same_type(r, 1), r)));
  });
  return y;
}

VarMean moments(const char* op, const Tensor& x, unsigned mask, const VarOptions& options) {
  if (!(options.correction >= 0)) throw ValueError(op, "the correction must be a number from 0 on.");
  const Shape kept = kept_shape(x.shape(), mask), shape = options.keep ? kept : dropped_shape(x.shape(), mask);
  Tensor v = empty(kept, x.dtype(), x.device()), m = empty(kept, x.dtype(), x.device());
  kernels(x.device()).moments({.x = x, .correction = options.correction, .mean = m, .variance = v});

  // dx = 2 (x - mean) dvar / max(0, n - correction) + dmean / n
  const double n = reduced_count(x, mask), divisor = std::max(0.0, n - options.correction);
  record(op, Tensors{x}, Tensors{v, m}, [x = save(x), m = save(m), n, divisor](const Tensors& dy) {
    const Tensor x_ = x.get();
    Tensor dx;
    if (dy[0].defined()) dx = mul(sub(x_, m.get()), mul(dy[0], 2 / divisor));
    if (dy[1].defined()) {
      const Tensor shift = expand(div(dy[1], n), x_.shape());
      dx = dx.defined() ? add(dx, shift) : shift;
    }
    return Grads(dx);
  });
  return {reshape(v, shape), reshape(m, shape)};
}

Tensor logsumexp_axes(const Tensor& x, unsigned mask, KeepAxis keep) {
  const Tensor rows = merge_to_last(x, mask);
  Shape shape = rows.shape();
  shape.erase(shape.rank() - 1);
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(x.device()).logsumexp({.x = rows, .y = y});
  // dx = dy exp(x - y); where all x are -inf, y is moved to 0 so that exp gives 0
  record("logsumexp", {rows}, y, [rows = save(rows), y = save(y)](const Tensor& dy) {
    const Tensor y_ = y.get(), finite = where(equal(y_, same_type(y_, -kInfinity)), same_type(y_, 0), y_);
    return mul(unsqueeze(dy, -1), exp(sub(rows.get(), unsqueeze(finite, -1))));
  });
  return keep ? reshape(y, kept_shape(x.shape(), mask)) : y;
}

Tensor norm_axes(const Tensor& x, const Axes& axes, double p, KeepAxis keep) {
  if (std::isnan(p)) throw ValueError("vector_norm", "p is not a number.");
  if (size_of(x.dtype()) == 2) return cast(norm_axes(cast(x, Dtype::f32), axes, p, keep), x.dtype());
  const Tensor size = abs(x);
  if (p == kInfinity) return max(size, axes, keep);
  if (p == -kInfinity) return min(size, axes, keep);
  if (p == 1) return sum(size, axes, keep);
  if (p == 2) return root_or_zero(sum(square(x), axes, keep));
  const Tensor zero = same_type(x, 0), one = same_type(x, 1), none = equal(x, zero);
  if (p == 0) {
    Tensor y = cast(count_nonzero(x, axes, keep), x.dtype());
    record("vector_norm", {x}, y,
           [shape = x.shape()](const Tensor& dy) { return zeros(shape, dy.dtype(), dy.device()); });
    return y;
  }
  // Zeros step aside, so that no power of them enters a gradient.
  const Tensor powers = where(none, same_type(x, p < 0 ? kInfinity : 0), pow(where(none, one, size), p));
  const Tensor total = sum(powers, axes, keep);
  const Tensor empty_sum = equal(total, zero);
  return where(empty_sum, same_type(x, p < 0 ? kInfinity : 0), pow(where(empty_sum, one, total), 1 / p));
}

Axes every_axis(const Tensor& x) {
  std::vector<int> axes;
  for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

}  // namespace

Tensor var(const Tensor& x, VarOptions options) {
  return moments("var", x, floating_mask_of_all("var", x), options).var;
}
Tensor detail::var_axes(const Tensor& x, const Axes& axes, VarOptions options) {
  return moments("var", x, floating_mask("var", x, axes), options).var;
}
VarMean var_mean(const Tensor& x, VarOptions options) {
  return moments("var_mean", x, floating_mask_of_all("var_mean", x), options);
}
VarMean detail::var_mean_axes(const Tensor& x, const Axes& axes, VarOptions options) {
  return moments("var_mean", x, floating_mask("var_mean", x, axes), options);
}
Tensor stddev(const Tensor& x, VarOptions options) {
  return root_or_zero(moments("stddev", x, floating_mask_of_all("stddev", x), options).var);
}
Tensor detail::stddev_axes(const Tensor& x, const Axes& axes, VarOptions options) {
  return root_or_zero(moments("stddev", x, floating_mask("stddev", x, axes), options).var);
}

Tensor logsumexp(const Tensor& x) { return logsumexp_axes(x, floating_mask_of_all("logsumexp", x), drop_axis); }
Tensor logsumexp(const Tensor& x, const Axes& axes, KeepAxis keep) {
  const unsigned mask = floating_mask("logsumexp", x, axes);
  return mask == 0 ? x : logsumexp_axes(x, mask, keep);
}

Tensor vector_norm(const Tensor& x, double p) {
  require_floating("vector_norm", x);
  return norm_axes(x, every_axis(x), p, drop_axis);
}
Tensor vector_norm(const Tensor& x, const Axes& axes, double p, KeepAxis keep) {
  require_floating("vector_norm", x);
  axes.mask("vector_norm", x.rank());
  return norm_axes(x, axes, p, keep);
}

}  // namespace gradus
