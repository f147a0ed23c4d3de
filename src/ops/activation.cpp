#include "ops/activation.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

// y = f(x); `slope` is f' made of differentiable operations, for gradients of gradients.
Tensor activation(Unary f, const Tensor& x, Tensor (*slope)(const Tensor& x)) {
  const char* op = name_of(f);
  require_floating(op, x);
  Tensor y = empty_like(x);
  kernels(x.device()).unary({.f = f, .x = x, .y = y});
  record(op, {x}, y, [x = save(x), f, slope](const Tensor& dy) {
    const Tensor x_ = x.get();
    if (recording()) return mul(dy, slope(x_));
    Tensor dx = empty_like(x_);
    kernels(x_.device()).unary_backward({.f = f, .x = x_, .dy = dy, .dx = dx});
    return dx;
  });
  return y;
}

// s + x s (1 - s), s = sigmoid(x)
Tensor silu_slope(const Tensor& x) {
  const Tensor s = sigmoid(x);
  return add(s, mul(x, sub(s, square(s))));
}

}  // namespace

Tensor relu(const Tensor& x) {
  return activation(Unary::relu, x,
                    [](const Tensor& x) { return cast(greater(x, scalar(0, x.dtype(), x.device())), x.dtype()); });
}

Tensor silu(const Tensor& x) { return activation(Unary::silu, x, silu_slope); }

Tensor gelu(const Tensor& x) {
  // Phi(x) + x phi(x), Phi(x) = (1 + erf(x/sqrt 2))/2, phi(x) = exp(-x^2/2)/sqrt(2 pi)
  return activation(Unary::gelu, x, [](const Tensor& x) {
    const Tensor cumulative = mul(add(erf(mul(x, 0.70710678118654752440)), 1.0), 0.5);
    const Tensor density = mul(exp(mul(square(x), -0.5)), 0.39894228040143267794);
    return add(cumulative, mul(x, density));
  });
}

Tensor gelu_tanh(const Tensor& x) {
  // (1 + t)/2 + x (1 - t^2) u'/2, t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3)
  return activation(Unary::gelu_tanh, x, [](const Tensor& x) {
    constexpr double kRoot = 0.79788456080286535588;
    const Tensor xx = square(x);
    const Tensor t = tanh(mul(mul(x, add(mul(xx, 0.044715), 1.0)), kRoot));
    const Tensor du = mul(add(mul(xx, 3 * 0.044715), 1.0), kRoot);
    return mul(sub(add(t, 1.0), mul(mul(x, du), sub(square(t), 1.0))), 0.5);
  });
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  require_floating("swiglu", gate);
  require_shape("swiglu", "up", up, gate.shape());
  require_same("swiglu", {gate, up});
  Tensor y = empty_like(gate);
  kernels(y.device()).swiglu({.gate = gate, .up = up, .y = y});
  // dgate = dy up silu'(gate), dup = dy silu(gate)
  record("swiglu", {gate, up}, y, [gate = save(gate), up = save(up)](const Tensor& dy) {
    const Tensor g = gate.get(), u = up.get();
    if (recording()) return Grads{mul(mul(dy, u), silu_slope(g)), mul(dy, silu(g))};
    const Tensor dgate = empty_like(g), dup = empty_like(u);
    kernels(dy.device()).swiglu_backward({.gate = g, .up = u, .dy = dy, .dgate = dgate, .dup = dup});
    return Grads{dgate, dup};
  });
  return y;
}

}  // namespace gradus
