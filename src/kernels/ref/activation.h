#pragma once
#include <algorithm>
#include <cmath>

#include "kernels/args/elementwise.h"

// Activations and their slopes in the accumulator type. NaN stays NaN.
namespace gradus::ref {

template <class A>
A sigmoid(A x) {  // 1 / (1 + e^-x), without overflow on either side
  const A e = std::exp(-std::abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/// x Phi(x), Phi(x) = (1 + erf(x/sqrt 2)) / 2
template <class A>
A gelu(A x) {
  return x * A(0.5) * std::erfc(-x * A(0.70710678118654752440));
}

/// x (1 + tanh u) / 2, u = sqrt(2/pi) (x + 0.044715 x^3); (1 + tanh u)/2 = sigmoid(2u)
template <class A>
A gelu_tanh(A x) {
  return x * sigmoid(2 * A(0.79788456080286535588) * (x + A(0.044715) * x * x * x));
}

/// log(1 + e^(beta x)) / beta; x itself where beta x > threshold
template <class A>
A softplus(A x, A beta, A threshold) {
  const A z = beta * x;
  if (z > threshold) return x;
  return ((z > 0 ? z : A(0)) + std::log1p(std::exp(-std::abs(z)))) / beta;
}

template <class A>
A log_sigmoid(A x) {
  return (x < 0 ? x : A(0)) - std::log1p(std::exp(-std::abs(x)));
}

/// tanh(softplus(x)) = n / (n + 2), n = e^x (e^x + 2); 1 to the last digit from 20 on
template <class A>
A mish_gate(A x) {
  if (x > 20) return 1;
  const A e = std::exp(x), n = e * (e + 2);
  return n / (n + 2);
}

/// Keeps NaN; `high` where low > high.
template <class A>
A clamp(A x, A low, A high) {
  const A y = x < low ? low : x;
  return y > high ? high : y;
}

constexpr double kSeluScale = 1.0507009873554804934193349852946, kSeluAlpha = 1.6732632423543772848170429916717;

/// f(x; a, b) for the functions that have a slope below.
template <class A>
A activation(Unary f, A x, A a, A b) {
  switch (f) {
    case Unary::clamp: return clamp(x, a, b);
    case Unary::relu: return x <= 0 ? A(0) : x;
    case Unary::relu_squared: return x <= 0 ? A(0) : x * x;
    case Unary::leaky_relu: return x > 0 ? x : a * x;
    case Unary::threshold: return x <= a ? b : x;
    case Unary::hard_tanh: return clamp(x, a, b);
    case Unary::hard_sigmoid: return clamp(x + 3, A(0), A(6)) / 6;
    case Unary::hard_swish: return x * clamp(x + 3, A(0), A(6)) / 6;
    case Unary::hard_shrink: return x >= -a && x <= a ? A(0) : x;
    case Unary::soft_shrink: return x > a ? x - a : x < -a ? x + a : x * 0;
    case Unary::elu: return x > 0 ? x : a * std::expm1(x * b);
    case Unary::selu: return A(kSeluScale) * (x > 0 ? x : A(kSeluAlpha) * std::expm1(x));
    case Unary::softplus: return softplus(x, a, b);
    case Unary::log_sigmoid: return log_sigmoid(x);
    case Unary::softsign: return x / (1 + std::abs(x));
    case Unary::tanh_shrink: return x - std::tanh(x);
    case Unary::silu: return x * sigmoid(x);
    case Unary::mish: return x * mish_gate(x);
    case Unary::gelu: return gelu(x);
    case Unary::gelu_tanh: return gelu_tanh(x);
    case Unary::quick_gelu: return x * sigmoid(A(1.702) * x);
    default: return sigmoid(x);
  }
}

/// The derivative by x.
template <class A>
A activation_slope(Unary f, A x, A a = 0, A b = 0) {
  const auto where = [](bool condition) { return condition ? A(1) : A(0); };
  switch (f) {
    case Unary::relu: return where(x > 0);
    case Unary::relu_squared: return x > 0 ? 2 * x : A(0);
    case Unary::leaky_relu: return x > 0 ? A(1) : a;
    case Unary::threshold: return where(x > a);
    case Unary::clamp:
    case Unary::hard_tanh: return where(x > a && x < b);
    case Unary::hard_sigmoid: return x > -3 && x < 3 ? A(1) / 6 : A(0);
    case Unary::hard_swish: return x <= -3 ? A(0) : x < 3 ? x / 3 + A(0.5) : A(1);
    case Unary::hard_shrink:
    case Unary::soft_shrink: return where(!(x >= -a && x <= a));
    case Unary::elu: return x > 0 ? A(1) : a * b * std::exp(x * b);
    case Unary::selu: return A(kSeluScale) * (x > 0 ? A(1) : A(kSeluAlpha) * std::exp(x));
    case Unary::softplus: return a * x > b ? A(1) : sigmoid(a * x);
    case Unary::log_sigmoid: return sigmoid(-x);
    case Unary::softsign: return 1 / ((1 + std::abs(x)) * (1 + std::abs(x)));
    case Unary::tanh_shrink: return std::tanh(x) * std::tanh(x);
    case Unary::silu: {  // s + x s (1 - s)
      const A s = sigmoid(x);
      return s * (1 + x * (1 - s));
    }
    case Unary::mish: {  // w + x sigmoid(x) (1 - w^2)
      const A w = mish_gate(x);
      return w + x * sigmoid(x) * (1 - w) * (1 + w);
    }
    case Unary::gelu:  // Phi(x) + x phi(x)
      return A(0.5) * std::erfc(-x * A(0.70710678118654752440)) +
             x * A(0.39894228040143267794) * std::exp(A(-0.5) * x * x);
    case Unary::gelu_tanh: {        // s + x s (1 - s) 2u'
      x = clamp(x, A(-20), A(20));  // beyond, it is 0 or 1, and x^3 might not fit
      const A s = sigmoid(2 * A(0.79788456080286535588) * (x + A(0.044715) * x * x * x));
      return s + x * s * (1 - s) * 2 * A(0.79788456080286535588) * (1 + A(0.134145) * x * x);
    }
    case Unary::quick_gelu: {
      const A s = sigmoid(A(1.702) * x);
      return s * (1 + A(1.702) * x * (1 - s));
    }
    default: {  // sigmoid, as a gate
      const A s = sigmoid(x);
      return s * (1 - s);
    }
  }
}

}  // namespace gradus::ref
