#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

// Arithmetic of points in f64, for minimise.h and who works with it.
namespace gradus {

inline double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}
inline double norm2(const std::vector<double>& a) { return std::sqrt(inner(a, a)); }
/// y += a x
inline void add_scaled(std::vector<double>& y, double a, const std::vector<double>& x) {
  for (size_t i = 0; i < y.size(); ++i) y[i] += a * x[i];
}
inline std::vector<double> negated(std::vector<double> x) {
  for (double& v : x) v = -v;
  return x;
}

}  // namespace gradus
