#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

// Special functions in f64; narrower types round the result.
namespace gradus::ref {

constexpr double kPi = 3.14159265358979323846;

/// log |Gamma(x)|. Unlike std::lgamma it writes no global sign, so that threads may call it.
inline double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

// B_2, B_4, … of the asymptotic series below.
constexpr std::array<double, 8> kBernoulli{1. / 6,  -1. / 30,     1. / 42, -1. / 30,
                                           5. / 66, -691. / 2730, 7. / 6,  -3617. / 510};

/// The derivative of log Gamma at x > 0: steps up to 10 by psi(x) = psi(x + 1) - 1/x, then
/// psi(x) = log x - 1/2x - sum_k B_2k / (2k x^2k).
inline double digamma_positive(double x) {
  double y = 0;
  for (; x < 10; ++x) y -= 1 / x;
  double power = 1;
  y += std::log(x) - 0.5 / x;
  for (size_t k = 1; k <= kBernoulli.size(); ++k) {
    power /= x * x;
    y -= kBernoulli[k - 1] / (2. * static_cast<double>(k)) * power;
  }
  return y;
}

/// zeta(s, x) = sum_k 1/(x + k)^s for whole s >= 2 and x > 0, by the Euler-Maclaurin formula.
inline double hurwitz_zeta(double s, double x) {
  const double from = 10 + s / 2;
  double y = 0;
  for (; x < from; ++x) y += std::pow(x, -s);
  const double tail = std::pow(x, -s);
  y += tail * (x / (s - 1) + 0.5);
  double term = s * tail / (2 * x);  // s (s+1) … (s+2k-2) / (2k)! x^(-s-2k+1)
  for (size_t k = 1; k <= kBernoulli.size(); ++k) {
    y += kBernoulli[k - 1] * term;
    const double j = 2 * static_cast<double>(k);
    term *= (s + j - 1) * (s + j) / ((j + 1) * (j + 2) * x * x);
  }
  return y;
}

/// (-pi)^n Q_n(c), the n-th derivative of pi cot(pi x), where c = cot(pi x), Q_0 = pi c, Q_{n+1} = Q_n' (1 + c^2).
inline double cotangent_derivative(int n, double x) {
  const double c = 1 / std::tan(kPi * (x - std::round(x)));
  std::vector<double> q{0, 1};
  for (int k = 0; k < n; ++k) {
    std::vector<double> next(q.size() + 1, 0.);
    for (size_t i = 1; i < q.size(); ++i) {
      next[i - 1] += static_cast<double>(i) * q[i];
      next[i + 1] += static_cast<double>(i) * q[i];
    }
    q = next;
  }
  double y = 0;
  for (size_t i = q.size(); i-- > 0;) y = y * c + q[i];
  return kPi * std::pow(-kPi, n) * y;
}

/// The n-th derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x); for x < 0 by reflection. Poles: NaN for even n but at
/// +-0, where the limit is infinite; +infinity for odd n, whose two sides agree.
inline double polygamma(double order, double x) {
  const int n = static_cast<int>(order);
  const double sign = n % 2 == 0 ? -1 : 1;
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (x == 0) return n % 2 == 0 ? -std::copysign(inf, x) : inf;
  if (x < 0 && x == std::floor(x)) return n % 2 == 1 ? inf : std::numeric_limits<double>::quiet_NaN();
  if (x < 0) return -sign * polygamma(order, 1 - x) - cotangent_derivative(n, x);
  if (x == inf) return n == 0 ? inf : 0;
  if (n == 0) return digamma_positive(x);
  return sign * std::tgamma(n + 1.) * hurwitz_zeta(n + 1., x);
}

/// The y with erf(y) = x: Winitzki's estimate, then Halley steps on erfc, whose tails keep their digits.
inline double erfinv(double x) {
  const double z = std::abs(x);
  if (!(z < 1)) return z == 1 ? std::copysign(std::numeric_limits<double>::infinity(), x) : std::nan("");
  if (z == 0) return x;
  const double l = std::log1p(-z * z), h = 2 / (kPi * 0.147) + l / 2;
  double y = std::sqrt(std::max(std::sqrt(h * h - l / 0.147) - h, 0.));
  if (z < 1e-4) y = z * std::sqrt(kPi) / 2;
  for (int step = 0; step < 3; ++step) {
    const double error = z < 0.5 ? std::erf(y) - z : (1 - z) - std::erfc(y);
    const double newton = error * std::sqrt(kPi) / 2 * std::exp(y * y);
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

/// The n-th derivative of sin(pi x) / (pi x). With u = pi x: u s^(n) = sin^(n) u - n s^(n-1), which loses digits near
/// 0; there the series sum_k (-1)^k u^(2k-n) (2k)! / ((2k-n)! (2k+1)!).
inline double sinc(double order, double x) {
  const int n = static_cast<int>(order);
  if (std::isinf(x)) return 0;
  const double u = kPi * x;
  if (std::abs(u) < 2 + n) {
    double sum = 0;
    const int first = (n + 1) / 2;
    // (2k)!/((2k-n)! (2k+1)!) = 1 / ((2k+1) (2k-n)!)
    double power = 1;
    for (int i = 1; i <= 2 * first - n; ++i) power *= u / i;
    for (int k = first; k < first + 40 + n; ++k) {
      sum += (k % 2 ? -1 : 1) * power / (2 * k + 1);
      const double j = 2 * k - n;
      power *= u * u / ((j + 1) * (j + 2));
    }
    return std::pow(kPi, n) * sum;
  }
  const double turns = std::remainder(x, 2.);
  const double s = std::sin(kPi * turns), c = std::cos(kPi * turns);
  const double cycle[4] = {s, c, -s, -c};
  double y = s / u;
  for (int k = 1; k <= n; ++k) y = (cycle[k % 4] - k * y) / u;
  return std::pow(kPi, n) * y;
}

}  // namespace gradus::ref
