#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/ref/activation.h"
#include "kernels/ref/special.h"
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

/// Calls `then(f)` with the scalar function that `f` names.
template <class Then>
void dispatch_unary(Unary f, double a, double b, Then&& then) {
  switch (f) {
    case Unary::neg: return then([](auto x) { return -x; });
    case Unary::abs: return then([](auto x) { return std::abs(x); });
    case Unary::sign: return then([](auto x) { return decltype(x)((x > 0) - (x < 0)); });
    case Unary::square: return then([](auto x) { return x * x; });
    case Unary::floor: return then([](auto x) { return std::floor(x); });
    case Unary::ceil: return then([](auto x) { return std::ceil(x); });
    case Unary::trunc: return then([](auto x) { return std::trunc(x); });
    case Unary::round: return then([](auto x) { return std::nearbyint(x); });
    case Unary::exp: return then([](auto x) { return std::exp(x); });
    case Unary::exp2: return then([](auto x) { return std::exp2(x); });
    case Unary::expm1: return then([](auto x) { return std::expm1(x); });
    case Unary::log: return then([](auto x) { return std::log(x); });
    case Unary::log2: return then([](auto x) { return std::log2(x); });
    case Unary::log10: return then([](auto x) { return std::log10(x); });
    case Unary::log1p: return then([](auto x) { return std::log1p(x); });
    case Unary::sqrt: return then([](auto x) { return std::sqrt(x); });
    case Unary::rsqrt: return then([](auto x) { return 1 / std::sqrt(x); });
    case Unary::reciprocal: return then([](auto x) { return 1 / x; });
    case Unary::sin: return then([](auto x) { return std::sin(x); });
    case Unary::cos: return then([](auto x) { return std::cos(x); });
    case Unary::tan: return then([](auto x) { return std::tan(x); });
    case Unary::asin: return then([](auto x) { return std::asin(x); });
    case Unary::acos: return then([](auto x) { return std::acos(x); });
    case Unary::atan: return then([](auto x) { return std::atan(x); });
    case Unary::sinh: return then([](auto x) { return std::sinh(x); });
    case Unary::cosh: return then([](auto x) { return std::cosh(x); });
    case Unary::tanh: return then([](auto x) { return std::tanh(x); });
    case Unary::asinh: return then([](auto x) { return std::asinh(x); });
    case Unary::acosh: return then([](auto x) { return std::acosh(x); });
    case Unary::atanh: return then([](auto x) { return std::atanh(x); });
    case Unary::sigmoid: return then([](auto x) { return sigmoid(x); });
    case Unary::erf: return then([](auto x) { return std::erf(x); });
    case Unary::erfc: return then([](auto x) { return std::erfc(x); });
    case Unary::erfinv: return then([](auto x) { return decltype(x)(erfinv(x)); });
    case Unary::lgamma: return then([](auto x) { return decltype(x)(log_gamma(x)); });
    case Unary::polygamma: return then([a](auto x) { return decltype(x)(polygamma(a, x)); });  // a: order
    case Unary::sinc: return then([a](auto x) { return decltype(x)(sinc(a, x)); });            // a: order
    default: return then([f, a, b](auto x) { return activation(f, x, decltype(x)(a), decltype(x)(b)); });
  }
}

// Integers wrap around, as the processor's do.
inline int64_t wrapped(uint64_t x) { return static_cast<int64_t>(x); }
inline uint64_t bits(int64_t x) { return static_cast<uint64_t>(x); }

/// As dispatch_unary, for the functions that takes_integers() names.
template <class Then>
void dispatch_integer_unary(Unary f, double a, double b, Then&& then) {
  switch (f) {
    case Unary::neg: return then([](int64_t x) { return wrapped(-bits(x)); });
    case Unary::abs: return then([](int64_t x) { return x < 0 ? wrapped(-bits(x)) : x; });
    case Unary::sign: return then([](int64_t x) { return int64_t((x > 0) - (x < 0)); });
    case Unary::square: return then([](int64_t x) { return wrapped(bits(x) * bits(x)); });
    case Unary::clamp:
      return then([low = convert<int64_t>(a), high = convert<int64_t>(b)](int64_t x) { return clamp(x, low, high); });
    default: return then([](int64_t x) { return x; });  // rounding leaves integers alone
  }
}

inline int64_t power(int64_t x, int64_t e) {
  if (e < 0) return x == 1 ? 1 : x == -1 ? (e % 2 ? -1 : 1) : 0;  // 1 / x^-e, truncated
  uint64_t y = 1, square = bits(x);
  for (; e > 0; e >>= 1, square *= square)
    if (e & 1) y *= square;
  return wrapped(y);
}

/// x/0 = 0, and the one quotient that does not fit wraps around.
inline int64_t quotient(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? wrapped(-bits(x)) : x / y; }
/// x - y trunc(x/y); x for y = 0, so that x = y (x/y) + fmod(x, y) holds there too.
inline int64_t modulus(int64_t x, int64_t y) { return y == 0 ? x : y == -1 ? 0 : x % y; }
/// The modulus has the divisor's sign.
inline int64_t floored_modulus(int64_t x, int64_t y) {
  const int64_t r = modulus(x, y);
  return y != 0 && r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
inline int64_t floored_quotient(int64_t x, int64_t y) {
  const int64_t q = quotient(x, y), r = modulus(x, y);
  return y != 0 && r != 0 && (r < 0) != (y < 0) ? q - 1 : q;
}

template <class A>
A floored_modulus(A x, A y) {
  const A r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
/// floor(x / y), from the exact remainder: x / y itself may round up to the next whole number.
template <class A>
A floored_quotient(A x, A y) {
  if (y == 0) return x / y;
  const A r = std::fmod(x, y);
  const A whole = std::nearbyint((x - r) / y) - (r != 0 && (r < 0) != (y < 0) ? 1 : 0);
  return whole == 0 ? std::copysign(A(0), x / y) : whole;
}

/// log(e^x + e^y)
template <class A>
A log_add_exp(A x, A y) {
  if (x == y) return x + A(0.69314718055994530942);
  return std::max(x, y) + std::log1p(std::exp(-std::abs(x - y)));
}

/// x log y; 0 where x = 0 unless y is NaN
template <class A>
A x_log_y(A x, A y) {
  return std::isnan(y) ? y : x == 0 ? A(0) : x * std::log(y);
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

template <class A>
bool not_a_number(A x) {
  if constexpr (std::is_integral_v<A>)
    return false;
  else
    return x != x;
}

/// The order of sorting: NaN is larger than everything else.
template <class A>
bool ordered_before(A x, A y) {
  return x < y || (not_a_number(y) && !not_a_number(x));
}

/// Sums and products of integers wrap.
template <class A>
A plus(A x, A y) {
  if constexpr (std::is_integral_v<A>)
    return static_cast<A>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
  else
    return x + y;
}
template <class A>
A times(A x, A y) {
  if constexpr (std::is_integral_v<A>)
    return static_cast<A>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
  else
    return x * y;
}

template <class Then>
void dispatch_comparison(Binary f, Then&& then) {
  switch (f) {
    case Binary::eq: return then([](auto x, auto y) { return x == y; });
    case Binary::ne: return then([](auto x, auto y) { return x != y; });
    case Binary::lt: return then([](auto x, auto y) { return x < y; });
    case Binary::le: return then([](auto x, auto y) { return x <= y; });
    case Binary::gt: return then([](auto x, auto y) { return x > y; });
    default: return then([](auto x, auto y) { return x >= y; });
  }
}

template <class Then>
void dispatch_binary(Binary f, Then&& then) {
  switch (f) {
    case Binary::add: return then([](auto x, auto y) { return x + y; });
    case Binary::sub: return then([](auto x, auto y) { return x - y; });
    case Binary::mul: return then([](auto x, auto y) { return x * y; });
    case Binary::div: return then([](auto x, auto y) { return x / y; });
    case Binary::maximum: return then([](auto x, auto y) { return larger(x, y); });
    case Binary::minimum: return then([](auto x, auto y) { return smaller(x, y); });
    case Binary::pow: return then([](auto x, auto y) { return std::pow(x, y); });
    case Binary::fmod: return then([](auto x, auto y) { return std::fmod(x, y); });
    case Binary::remainder: return then([](auto x, auto y) { return floored_modulus(x, y); });
    case Binary::floor_divide: return then([](auto x, auto y) { return floored_quotient(x, y); });
    case Binary::atan2: return then([](auto x, auto y) { return std::atan2(x, y); });
    case Binary::hypot: return then([](auto x, auto y) { return std::hypot(x, y); });
    case Binary::copysign: return then([](auto x, auto y) { return std::copysign(x, y); });
    case Binary::logaddexp: return then([](auto x, auto y) { return log_add_exp(x, y); });
    case Binary::xlogy: return then([](auto x, auto y) { return x_log_y(x, y); });
    default: return;  // comparisons and bits have dispatches of their own
  }
}

template <class Then>
void dispatch_integer_binary(Binary f, Then&& then) {
  switch (f) {
    case Binary::add: return then([](int64_t x, int64_t y) { return wrapped(bits(x) + bits(y)); });
    case Binary::sub: return then([](int64_t x, int64_t y) { return wrapped(bits(x) - bits(y)); });
    case Binary::mul: return then([](int64_t x, int64_t y) { return wrapped(bits(x) * bits(y)); });
    case Binary::div: return then([](int64_t x, int64_t y) { return quotient(x, y); });
    case Binary::maximum: return then([](int64_t x, int64_t y) { return larger(x, y); });
    case Binary::minimum: return then([](int64_t x, int64_t y) { return smaller(x, y); });
    case Binary::pow: return then([](int64_t x, int64_t y) { return power(x, y); });
    case Binary::fmod: return then([](int64_t x, int64_t y) { return modulus(x, y); });
    case Binary::remainder: return then([](int64_t x, int64_t y) { return floored_modulus(x, y); });
    case Binary::floor_divide: return then([](int64_t x, int64_t y) { return floored_quotient(x, y); });
    case Binary::bitwise_and: return then([](int64_t x, int64_t y) { return x & y; });
    case Binary::bitwise_or: return then([](int64_t x, int64_t y) { return x | y; });
    case Binary::bitwise_xor: return then([](int64_t x, int64_t y) { return x ^ y; });
    default: return;
  }
}

}  // namespace gradus::ref
