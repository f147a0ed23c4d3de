#include "ops/activation.h"

#include <cmath>
#include <string>

#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/logic.h"
#include "ops/math.h"
#include "ops/pointwise_internal.h"
#include "ops/shape.h"

namespace gradus {

using pointwise::compute, pointwise::indicator, pointwise::like;

namespace {

// y = f(x; a, b); slope(x) is f' made of differentiable operations, for gradients of gradients.
template <class Slope>
Tensor activation(Unary f, const Tensor& x, double a, double b, Slope slope) {
  const char* op = name_of(f);
  require_floating(op, x);
  Tensor y = compute(op, f, x, a, b);
  record(op, {x}, y, [x = save(x), f, a, b, slope](const Tensor& dy) {
    const Tensor x_ = x.get();
    if (recording()) return mul(dy, slope(x_));
    Tensor dx = empty_like(x_);
    kernels(x_.device()).unary_backward({.f = f, .x = x_, .dy = dy, .dx = dx, .a = a, .b = b});
    return dx;
  });
  return y;
}
template <class Slope>
Tensor activation(Unary f, const Tensor& x, Slope slope) {
  return activation(f, x, 0, 0, slope);
}

void require_parameter(const char* op, bool holds, const char* what, double got) {
  if (!holds || !std::isfinite(got)) throw ValueError(op, std::string(what) + ", got " + std::to_string(got) + ".");
}

Tensor is_above(const Tensor& x, double bound) { return greater(x, like(x, bound)); }
Tensor is_between(const Tensor& x, double low, double high) {
  return logical_and(is_above(x, low), less(x, like(x, high)));
}

// s + x s (1 - s), s = sigmoid(x)
Tensor silu_slope(const Tensor& x) {
  const Tensor s = sigmoid(x);
  return add(s, mul(x, sub(s, square(s))));
}

Tensor relu_slope(const Tensor& x) { return indicator(is_above(x, 0), x); }

// Phi(x) + x phi(x), Phi(x) = (1 + erf(x/sqrt 2))/2, phi(x) = exp(-x^2/2)/sqrt(2 pi)
Tensor gelu_slope(const Tensor& x) {
  const Tensor cumulative = mul(erfc(mul(x, -0.70710678118654752440)), 0.5);
  const Tensor density = mul(exp(mul(square(x), -0.5)), 0.39894228040143267794);
  return add(cumulative, mul(x, density));
}

// (1 + t)/2 + x (1 - t^2) u'/2, t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3). Beyond 20 it is 0 or 1, and x^3 might
// not fit.
Tensor gelu_tanh_slope(const Tensor& x) {
  constexpr double kRoot = 0.79788456080286535588;
  const Tensor z = clamp(x, -20, 20), zz = square(z);
  const Tensor t = tanh(mul(mul(z, add(mul(zz, 0.044715), 1.0)), kRoot));
  const Tensor du = mul(add(mul(zz, 3 * 0.044715), 1.0), kRoot);
  return mul(sub(add(t, 1.0), mul(mul(z, du), sub(square(t), 1.0))), 0.5);
}

// y = f(gate) up; dgate = dy up f'(gate), dup = dy f(gate)
Tensor gated(const char* op, Unary f, const Tensor& gate, const Tensor& up, Tensor (*function)(const Tensor&),
             Tensor (*slope)(const Tensor&)) {
  require_floating(op, gate);
  require_shape(op, "up", up, gate.shape());
  require_same(op, {gate, up});
  Tensor y = empty_like(gate);
  kernels(y.device()).gated({.f = f, .gate = gate, .up = up, .y = y});
  record(op, {gate, up}, y, [gate = save(gate), up = save(up), f, function, slope](const Tensor& dy) {
    const Tensor g = gate.get(), u = up.get();
    if (recording()) return Grads{mul(mul(dy, u), slope(g)), mul(dy, function(g))};
    const Tensor dgate = empty_like(g), dup = empty_like(u);
    kernels(dy.device()).gated_backward({.f = f, .gate = g, .up = u, .dy = dy, .dgate = dgate, .dup = dup});
    return Grads{dgate, dup};
  });
  return y;
}

}  // namespace

Tensor relu(const Tensor& x) { return activation(Unary::relu, x, relu_slope); }

Tensor relu6(const Tensor& x) { return hard_tanh(x, 0, 6); }

Tensor relu_squared(const Tensor& x) {
  return activation(Unary::relu_squared, x, [](const Tensor& x) { return mul(relu(x), 2); });
}

Tensor leaky_relu(const Tensor& x, double slope) {
  return activation(Unary::leaky_relu, x, slope, 0,
                    [slope](const Tensor& x) { return where(is_above(x, 0), like(x, 1), like(x, slope)); });
}

Tensor prelu(const Tensor& x, const Tensor& slope) {
  require_floating("prelu", x);
  require_defined("prelu", slope);
  require_same("prelu", {x, slope});
  const int axis = x.rank() > 1 ? 1 : 0;
  const int64_t channels = x.rank() > 0 ? x.size(axis) : 1;
  if (slope.rank() > 1 || (slope.count() != 1 && slope.count() != channels))
    throw ShapeError("prelu", "slope must have one element or one for each of the " + std::to_string(channels) +
                                  " channels of x " + x.describe() + ", got " + slope.describe() + ".");
  Shape aligned = Shape::filled(x.rank(), 1);
  if (slope.count() != 1) aligned[axis] = channels;
  return where(is_above(x, 0), x, mul(x, reshape(slope, aligned)));
}

Tensor elu(const Tensor& x, double alpha) {
  require_parameter("elu", true, "alpha must be finite", alpha);
  return activation(Unary::elu, x, alpha, 1, [alpha](const Tensor& x) {
    return where(is_above(x, 0), like(x, 1), mul(exp(minimum(x, 0)), alpha));
  });
}

Tensor celu(const Tensor& x, double alpha) {
  require_parameter("celu", alpha != 0, "alpha must not be 0", alpha);
  return activation(Unary::elu, x, alpha, 1 / alpha, [alpha](const Tensor& x) {
    return where(is_above(x, 0), like(x, 1), exp(mul(minimum(x, 0), 1 / alpha)));
  });
}

Tensor selu(const Tensor& x) {
  constexpr double kScale = 1.0507009873554804934, kAlpha = 1.6732632423543772848;
  return activation(Unary::selu, x, [](const Tensor& x) {
    return where(is_above(x, 0), like(x, kScale), mul(exp(minimum(x, 0)), kScale * kAlpha));
  });
}

Tensor silu(const Tensor& x) { return activation(Unary::silu, x, silu_slope); }

Tensor mish(const Tensor& x) {
  // w + x sigmoid(x) (1 - w^2), w = tanh(softplus(x))
  return activation(Unary::mish, x, [](const Tensor& x) {
    const Tensor w = tanh(softplus(x));
    return add(w, mul(mul(x, sigmoid(x)), sub(like(x, 1), square(w))));
  });
}

Tensor gelu(const Tensor& x) { return activation(Unary::gelu, x, gelu_slope); }

Tensor gelu_tanh(const Tensor& x) { return activation(Unary::gelu_tanh, x, gelu_tanh_slope); }

Tensor quick_gelu(const Tensor& x) {
  // s + c x s (1 - s), s = sigmoid(c x), c = 1.702
  return activation(Unary::quick_gelu, x, [](const Tensor& x) { return silu_slope(mul(x, 1.702)); });
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  require_parameter("softplus", beta > 0, "beta must be positive", beta);
  if (std::isnan(threshold)) throw ValueError("softplus", "the threshold is NaN.");
  return activation(Unary::softplus, x, beta, threshold, [beta, threshold](const Tensor& x) {
    const Tensor z = mul(x, beta);
    return where(is_above(z, threshold), like(x, 1), sigmoid(z));
  });
}

Tensor log_sigmoid(const Tensor& x) {
  return activation(Unary::log_sigmoid, x, [](const Tensor& x) { return sigmoid(neg(x)); });
}

Tensor softsign(const Tensor& x) {
  return activation(Unary::softsign, x, [](const Tensor& x) { return reciprocal(square(add(abs(x), 1))); });
}

Tensor tanh_shrink(const Tensor& x) {
  return activation(Unary::tanh_shrink, x, [](const Tensor& x) { return square(tanh(x)); });
}

Tensor hard_sigmoid(const Tensor& x) {
  return activation(Unary::hard_sigmoid, x,
                    [](const Tensor& x) { return mul(indicator(is_between(x, -3, 3), x), 1.0 / 6); });
}

Tensor hard_swish(const Tensor& x) {
  return activation(Unary::hard_swish, x, [](const Tensor& x) {
    const Tensor inner = where(is_above(x, -3), add(mul(x, 1.0 / 3), 0.5), like(x, 0));
    return where(less(x, like(x, 3)), inner, like(x, 1));
  });
}

Tensor hard_tanh(const Tensor& x, double low, double high) {
  if (!(low < high))
    throw ValueError("hard_tanh",
                     "low must be below high, got " + std::to_string(low) + " and " + std::to_string(high) + ".");
  return activation(Unary::hard_tanh, x, low, high,
                    [low, high](const Tensor& x) { return indicator(is_between(x, low, high), x); });
}

Tensor hard_shrink(const Tensor& x, double lambda) {
  require_parameter("hard_shrink", lambda >= 0, "lambda must not be negative", lambda);
  return activation(Unary::hard_shrink, x, lambda, 0,
                    [lambda](const Tensor& x) { return indicator(is_above(abs(x), lambda), x); });
}

Tensor soft_shrink(const Tensor& x, double lambda) {
  require_parameter("soft_shrink", lambda >= 0, "lambda must not be negative", lambda);
  return activation(Unary::soft_shrink, x, lambda, 0,
                    [lambda](const Tensor& x) { return indicator(is_above(abs(x), lambda), x); });
}

Tensor threshold(const Tensor& x, double threshold, double value) {
  return activation(Unary::threshold, x, threshold, value,
                    [threshold](const Tensor& x) { return indicator(is_above(x, threshold), x); });
}

Tensor reglu(const Tensor& gate, const Tensor& up) { return gated("reglu", Unary::relu, gate, up, relu, relu_slope); }

Tensor geglu(const Tensor& gate, const Tensor& up) { return gated("geglu", Unary::gelu, gate, up, gelu, gelu_slope); }

Tensor geglu_tanh(const Tensor& gate, const Tensor& up) {
  return gated("geglu_tanh", Unary::gelu_tanh, gate, up, gelu_tanh, gelu_tanh_slope);
}

Tensor swiglu(const Tensor& gate, const Tensor& up) { return gated("swiglu", Unary::silu, gate, up, silu, silu_slope); }

Tensor glu(const Tensor& x, int axis) {
  require_floating("glu", x);
  axis = wrap_axis("glu", axis, x.rank());
  const int64_t size = x.size(axis);
  if (size % 2 != 0)
    throw ShapeError("glu", "axis " + std::to_string(axis) + " of " + x.describe() + " cannot be halved.");
  return gated("glu", Unary::sigmoid, narrow(x, axis, size / 2, size / 2), narrow(x, axis, 0, size / 2), sigmoid,
               [](const Tensor& x) {
                 const Tensor s = sigmoid(x);
                 return sub(s, square(s));
               });
}

}  // namespace gradus
