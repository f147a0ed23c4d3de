// Norms over the channels of (B, C, …): batch, group, instance, local response.
#include <cmath>

#include "autograd/record.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

void check_channels(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require_floating(op, x);
  require_rank(op, "x", x, 2);
  require_same(op, {x, weight, bias});
  if (weight.defined()) require_shape(op, "weight", weight, {x.shape()[1]});
  if (bias.defined()) require_shape(op, "bias", bias, {x.shape()[1]});
}

void check_eps(const char* op, double eps) {
  if (!(eps >= 0)) throw ValueError(op, "eps must not be negative, got " + std::to_string(eps) + ".");
}

int64_t places(const Tensor& x) {  // the product of all axes behind the channels
  int64_t n = 1;
  for (int axis = 2; axis < x.rank(); ++axis) n *= x.shape()[axis];
  return n;
}

// (B, C, S)
Tensor volume(const Tensor& x) { return reshape(x, {x.shape()[0], x.shape()[1], places(x)}); }

// (C) for products with (B, C, S)
Tensor along_channels(const Tensor& t) { return reshape(t, {1, t.shape()[0], 1}); }

Tensor wanted_like(const Tensor& x, bool wanted) { return wanted ? empty_like(x) : Tensor(); }
Tensor per_channel(const Tensor& x, bool wanted) {
  return wanted ? empty({x.shape()[1]}, x.dtype(), x.device()) : Tensor();
}

// The statistics of recorded rules: x (B, C, S), mean over the axes given.
struct Standard {
  Tensor h, rstd;
};
Standard standard(const Tensor& x, std::initializer_list<int> axes, double n, double eps) {
  const Tensor c = sub(x, div(sum(x, axes, keep_axis), n));
  const Tensor rstd = rsqrt(add(div(sum(square(c), axes, keep_axis), n), eps));
  return {mul(c, rstd), rstd};
}

// rstd (g - mean(g) - h mean(g h))
Tensor through_statistics(const Standard& s, const Tensor& g, std::initializer_list<int> axes, double n) {
  const Tensor level = div(sum(g, axes, keep_axis), n), tilt = div(sum(mul(g, s.h), axes, keep_axis), n);
  return mul(s.rstd, sub(g, add(level, mul(s.h, tilt))));
}

// running = (1 - share) running + share factor fresh, in place. Not made of operations: a checkpoint compares what they
// read in its two runs, and the second one leaves `running` alone.
void update(const Tensor& running, const Tensor& fresh, double share, double factor) {
  if (!running.defined() || recomputing()) return;
  const Tensor mixed = empty_like(fresh);
  kernels(running.device()).copy({.x = running, .y = mixed});
  if (running.device() == Device::cpu)
    dispatch_floating("batch_norm", mixed.dtype(), [&](auto tag) {
      using T = decltype(tag);
      T* m = mixed.data<T>();
      const T* f = fresh.data<T>();
      for (int64_t c = 0; c < mixed.count(); ++c)
        m[c] = T((1 - share) * static_cast<double>(m[c]) + share * factor * static_cast<double>(f[c]));
    });
  kernels(running.device()).copy({.x = mixed, .y = running});
  running.bump_version();
}

void check_running(const Tensor& x, const char* name, const Tensor& running, bool needed) {
  if (!running.defined()) {
    if (needed) throw ValueError("batch_norm", std::string(name) + " is undefined.", "it is needed when not training.");
    return;
  }
  require_floating("batch_norm", running);
  require_same_device("batch_norm", {x, running});
  require_shape("batch_norm", name, running, {x.shape()[1]});
  if (running.dtype() != x.dtype() && running.dtype() != accumulator_of(x.dtype()))
    throw DtypeError("batch_norm", std::string(name) + " must have the type of x or f32, got " + running.describe() +
                                       ", x " + x.describe() + ".");
}

}  // namespace

// With h = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - h mean(g h)), or rstd g for given statistics;
// dweight = sum dy h, dbias = sum dy.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                  const Tensor& bias, BatchNormOptions o) {
  check_channels("batch_norm", x, weight, bias);
  check_eps("batch_norm", o.eps);
  check_running(x, "running_mean", running_mean, !o.training);
  check_running(x, "running_var", running_var, !o.training);
  const double n = static_cast<double>(x.shape()[0]) * static_cast<double>(places(x));
  if (o.training && n == 1)
    throw ValueError("batch_norm", "one number a channel has no variance: x " + x.describe() + ".",
                     "train with larger batches, or with training off.");
  if (o.training && !(o.momentum >= 0 && o.momentum <= 1))
    throw ValueError("batch_norm", "momentum must lie in [0, 1], got " + std::to_string(o.momentum) + ".");
  if (x.count() == 0) return mul(x, 1);

  const bool given = !o.training;
  const Dtype wide = accumulator_of(x.dtype());
  const Tensor v = volume(x);
  Tensor y = empty_like(v), mean, variance;
  if (given) {  // copies: the running statistics may move on before the gradient is asked for
    const NoGrad off;
    mean = clone(cast(running_mean.detach(), wide));
    variance = clone(cast(running_var.detach(), wide));
  } else {
    mean = empty({x.shape()[1]}, wide, x.device());
    variance = empty_like(mean);
  }
  kernels(x.device())
      .batch_norm({.x = v,
                   .weight = weight,
                   .bias = bias,
                   .eps = o.eps,
                   .given = given,
                   .y = y,
                   .mean = mean,
                   .variance = variance});
  if (o.training) {
    update(running_mean, mean, o.momentum, 1);
    update(running_var, variance, o.momentum, n / (n - 1));  // the unbiased one
  }

  record("batch_norm", {v, weight, bias}, y,
         [x = save(v), weight = save(weight), mean, variance, n, given, eps = o.eps](const Tensor& dy, Needs need) {
           const Tensor x_ = x.get(), w = weight.get();
           if (!recording()) {
             const Tensor dx = wanted_like(x_, need[0]), dw = per_channel(x_, need[1]), db = per_channel(x_, need[2]);
             kernels(x_.device())
                 .batch_norm_backward({.x = x_,
                                       .weight = w,
                                       .eps = eps,
                                       .given = given,
                                       .mean = mean,
                                       .variance = variance,
                                       .dy = dy,
                                       .dx = dx,
                                       .dweight = dw,
                                       .dbias = db});
             return Grads{dx, dw, db};
           }
           Standard s;
           if (given) {
             s.rstd = cast(along_channels(rsqrt(add(variance, eps))), x_.dtype());
             s.h = mul(sub(x_, cast(along_channels(mean), x_.dtype())), s.rstd);
           } else {
             s = standard(x_, {0, 2}, n, eps);
           }
           const Tensor g = w.defined() ? mul(dy, along_channels(w)) : dy;
           return Grads{!need[0] ? Tensor()
                        : given  ? mul(s.rstd, g)
                                 : through_statistics(s, g, {0, 2}, n),
                        need[1] ? sum(mul(dy, s.h), {0, 2}) : Tensor(), need[2] ? sum(dy, {0, 2}) : Tensor()};
         });
  return reshape(y, x.shape());
}

namespace {

Tensor grouped(const char* op, const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  check_eps(op, eps);
  if (x.count() == 0) return mul(x, 1);
  const Tensor v = volume(x);
  Tensor y = empty_like(v);
  const Tensor mean = empty({x.shape()[0], groups}, accumulator_of(x.dtype()), x.device()), rstd = empty_like(mean);
  kernels(x.device())
      .group_norm(
          {.x = v, .weight = weight, .bias = bias, .groups = groups, .eps = eps, .y = y, .mean = mean, .rstd = rstd});

  // As batch_norm(), over each group.
  record(op, {v, weight, bias}, y,
         [x = save(v), weight = save(weight), mean, rstd, groups, eps](const Tensor& dy, Needs need) {
           const Tensor x_ = x.get(), w = weight.get();
           if (!recording()) {
             const Tensor dx = wanted_like(x_, need[0]), dw = per_channel(x_, need[1]), db = per_channel(x_, need[2]);
             kernels(x_.device())
                 .group_norm_backward({.x = x_,
                                       .weight = w,
                                       .groups = groups,
                                       .mean = mean,
                                       .rstd = rstd,
                                       .dy = dy,
                                       .dx = dx,
                                       .dweight = dw,
                                       .dbias = db});
             return Grads{dx, dw, db};
           }
           const Shape sets{x_.shape()[0], groups, -1};
           const double n = static_cast<double>(x_.count() / (x_.shape()[0] * groups));
           const Standard s = standard(reshape(x_, sets), {2}, n, eps);
           const Tensor g = w.defined() ? mul(dy, along_channels(w)) : dy, h = reshape(s.h, x_.shape());
           return Grads{need[0] ? reshape(through_statistics(s, reshape(g, sets), {2}, n), x_.shape()) : Tensor(),
                        need[1] ? sum(mul(dy, h), {0, 2}) : Tensor(), need[2] ? sum(dy, {0, 2}) : Tensor()};
         });
  return reshape(y, x.shape());
}

}  // namespace

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
  check_channels("group_norm", x, weight, bias);
  if (groups < 1 || x.shape()[1] % groups != 0)
    throw ShapeError("group_norm",
                     "channels do not fall into " + std::to_string(groups) + " groups: x " + x.describe() + ".");
  return grouped("group_norm", x, groups, weight, bias, eps);
}

Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check_channels("instance_norm", x, weight, bias);
  if (places(x) == 1)
    throw ValueError("instance_norm", "one number a channel has no variance: x " + x.describe() + ".");
  return grouped("instance_norm", x, x.shape()[1], weight, bias, eps);
}

Tensor channel_layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check_channels("channel_layer_norm", x, weight, bias);
  check_eps("channel_layer_norm", eps);
  const Tensor y = layer_norm(transpose(volume(x), 1, 2), weight, bias, eps);
  return reshape(transpose(y, 1, 2), x.shape());
}

Tensor local_response_norm(const Tensor& x, int64_t size, LocalResponseOptions o) {
  check_channels("local_response_norm", x, {}, {});
  if (size < 1) throw ValueError("local_response_norm", "size must be positive, got " + std::to_string(size) + ".");
  if (x.count() == 0) return mul(x, 1);
  const int64_t channels = x.shape()[1];
  const Tensor squares = square(x);
  // Channel c adds to those from c - (size - 1) / 2 to c + size / 2.
  Tensor total;
  for (int64_t shift = -std::min((size - 1) / 2, channels - 1); shift <= std::min(size / 2, channels - 1); ++shift) {
    const int64_t away = std::abs(shift);
    Tensor part = narrow(squares, 1, shift < 0 ? away : 0, channels - away);
    if (away > 0) {
      Shape gap = x.shape();
      gap[1] = away;
      const Tensor nothing = zeros(gap, x.dtype(), x.device());
      part = shift < 0 ? concat({part, nothing}, 1) : concat({nothing, part}, 1);
    }
    total = total.defined() ? add(total, part) : part;
  }
  return div(x, pow(add(mul(total, o.alpha / static_cast<double>(size)), o.k), o.beta));
}

}  // namespace gradus
