#pragma once
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/table.h"

// The scalar functions behind the element-wise kernels, in the accumulator type.
namespace gradus::ref {

/// Conversion between element types; a floating number that an integer type cannot hold becomes the nearest it can,
/// NaN becomes 0.
template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (std::is_same_v<To, bool>)
    return x != From{};
  else if constexpr (std::is_same_v<To, f16> || std::is_same_v<To, bf16>)
    return To(static_cast<float>(x));
  else if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>) {
    const double v = static_cast<double>(x);
    if (std::isnan(v)) return 0;
    if (v <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (v >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(v);
  } else
    return static_cast<To>(x);
}

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

/// Calls `then(f)` with the scalar function that `f` names.
template <class Then>
void dispatch_unary(Unary f, Then&& then) {
  switch (f) {
    case Unary::neg: return then([](auto x) { return -x; });
    case Unary::abs: return then([](auto x) { return std::abs(x); });
    case Unary::sign: return then([](auto x) { return decltype(x)((x > 0) - (x < 0)); });
    case Unary::exp: return then([](auto x) { return std::exp(x); });
    case Unary::log: return then([](auto x) { return std::log(x); });
    case Unary::sqrt: return then([](auto x) { return std::sqrt(x); });
    case Unary::rsqrt: return then([](auto x) { return 1 / std::sqrt(x); });
    case Unary::square: return then([](auto x) { return x * x; });
    case Unary::reciprocal: return then([](auto x) { return 1 / x; });
    case Unary::sin: return then([](auto x) { return std::sin(x); });
    case Unary::cos: return then([](auto x) { return std::cos(x); });
    case Unary::tanh: return then([](auto x) { return std::tanh(x); });
    case Unary::sigmoid: return then([](auto x) { return sigmoid(x); });
    case Unary::erf: return then([](auto x) { return std::erf(x); });
    case Unary::relu: return then([](auto x) { return x > 0 || std::isnan(x) ? x : decltype(x)(0); });
    case Unary::silu: return then([](auto x) { return x * sigmoid(x); });
    case Unary::gelu: return then([](auto x) { return gelu(x); });
    case Unary::gelu_tanh: return then([](auto x) { return gelu_tanh(x); });
  }
}

/// The slope of relu, silu, gelu, gelu_tanh.
template <class A>
A activation_slope(Unary f, A x) {
  switch (f) {
    case Unary::relu: return x > 0 ? A(1) : A(0);
    case Unary::silu: {  // s + x s (1 - s)
      const A s = sigmoid(x);
      return s * (1 + x * (1 - s));
    }
    case Unary::gelu:  // Phi(x) + x phi(x)
      return A(0.5) * std::erfc(-x * A(0.70710678118654752440)) +
             x * A(0.39894228040143267794) * std::exp(A(-0.5) * x * x);
    case Unary::gelu_tanh: {  // s + x s (1 - s) 2u'
      const A s = sigmoid(2 * A(0.79788456080286535588) * (x + A(0.044715) * x * x * x));
      return s + x * s * (1 - s) * 2 * A(0.79788456080286535588) * (1 + A(0.134145) * x * x);
    }
    default: return A(0);  // no other function has this kernel; the op table says so
  }
}

template <class A>
A power(A x, A e) {
  if constexpr (std::is_integral_v<A>) {
    A y = 1;
    for (A i = 0; i < e; ++i) y *= x;
    return y;
  } else
    return std::pow(x, e);
}

template <class A>
A quotient(A x, A y) {
  if constexpr (std::is_integral_v<A>)
    return y == 0 ? A(0) : A(x / y);  // integers: truncated, x/0 = 0
  else
    return x / y;
}

/// max and min that keep NaN.
template <class A>
A larger(A x, A y) {
  return x > y || x != x ? x : y;
}
template <class A>
A smaller(A x, A y) {
  return x < y || x != x ? x : y;
}

template <class Then>
void dispatch_binary(Binary f, Then&& then) {
  switch (f) {
    case Binary::add: return then([](auto x, auto y) { return x + y; });
    case Binary::sub: return then([](auto x, auto y) { return x - y; });
    case Binary::mul: return then([](auto x, auto y) { return x * y; });
    case Binary::div: return then([](auto x, auto y) { return quotient(x, y); });
    case Binary::maximum: return then([](auto x, auto y) { return larger(x, y); });
    case Binary::minimum: return then([](auto x, auto y) { return smaller(x, y); });
    case Binary::pow: return then([](auto x, auto y) { return power(x, y); });
    case Binary::eq: return then([](auto x, auto y) { return x == y; });
    case Binary::ne: return then([](auto x, auto y) { return x != y; });
    case Binary::lt: return then([](auto x, auto y) { return x < y; });
    case Binary::le: return then([](auto x, auto y) { return x <= y; });
    case Binary::gt: return then([](auto x, auto y) { return x > y; });
    case Binary::ge: return then([](auto x, auto y) { return x >= y; });
  }
}

}  // namespace gradus::ref
