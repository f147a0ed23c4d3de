#include "lab/quadratic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "autograd/functional.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "optim/vector_math.h"

namespace gradus {

namespace {

using Vector = std::vector<double>;

constexpr size_t kLargestForm = 2000;

std::vector<std::string> variable_names(size_t n) {
  if (n == 1) return {"x"};
  if (n == 2) return {"x", "y"};
  std::vector<std::string> names;
  for (size_t i = 1; i <= n; ++i) names.push_back(fmt::format("x{}", i));
  return names;
}

Tensor quadratic_matrix(const Quadratic& q) {
  const auto n = static_cast<int64_t>(q.size());
  return from_vector(q.a, {n, n});
}

}  // namespace

Vector Quadratic::curvature(const Vector& v) const {
  const size_t n = size();
  Vector y(n);
  for (size_t i = 0; i < n; ++i) {
    const double* row = &a[i * n];
    // four sums, which the processor adds at once
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t j = 0;
    for (; j + 4 <= n; j += 4) {
      s0 += row[j] * v[j], s1 += row[j + 1] * v[j + 1];
      s2 += row[j + 2] * v[j + 2], s3 += row[j + 3] * v[j + 3];
    }
    for (; j < n; ++j) s0 += row[j] * v[j];
    y[i] = 2 * ((s0 + s1) + (s2 + s3));
  }
  return y;
}

Vector Quadratic::gradient(const Vector& x) const {
  Vector g = curvature(x);
  for (size_t i = 0; i < g.size(); ++i) g[i] += b[i];
  return g;
}

double Quadratic::value(const Vector& x) const { return inner(curvature(x), x) / 2 + inner(b, x) + c; }

std::string Quadratic::text() const {
  const size_t n = size();
  if (n > 6) return fmt::format("a form in {} variables", n);
  std::string out;
  const auto term = [&](double factor, const std::string& what) {
    if (factor == 0) return;
    const double size = std::abs(factor);
    out += out.empty() ? (factor < 0 ? "-" : "") : (factor < 0 ? " - " : " + ");
    if (size != 1 || what.empty()) out += fmt::format("{:.6g}{}", size, what.empty() ? "" : " ");
    out += what;
  };
  for (size_t i = 0; i < n; ++i) {
    term(a[i * n + i], variables[i] + "²");
    for (size_t j = i + 1; j < n; ++j) term(2 * a[i * n + j], variables[i] + " " + variables[j]);
  }
  for (size_t i = 0; i < n; ++i) term(b[i], variables[i]);
  term(c, "");
  return out.empty() ? "0" : out;
}

Quadratic quadratic_from(const std::vector<Vector>& a, const Vector& b, double c) {
  const size_t n = a.size();
  if (n == 0 || n > kLargestForm)
    throw ShapeError("quadratic", fmt::format("the matrix has {} rows, 1 to {} are taken.", n, kLargestForm));
  for (const Vector& row : a)
    if (row.size() != n)
      throw ShapeError("quadratic", fmt::format("the matrix has {} rows, but a row of {} numbers.", n, row.size()),
                       "write its rows with semicolons between them: '3,1;1,1'.");
  if (!b.empty() && b.size() != n)
    throw ShapeError("quadratic", fmt::format("b has {} numbers for {} variables.", b.size(), n));
  Quadratic q{variable_names(n), Vector(n * n), b.empty() ? Vector(n) : b, c};
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) q.a[i * n + j] = (a[i][j] + a[j][i]) / 2;
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(q.a.begin(), q.a.end(), finite) || !std::all_of(q.b.begin(), q.b.end(), finite) || !finite(c))
    throw ValueError("quadratic", "a coefficient is not finite.");
  return q;
}

Quadratic quadratic_from(const Formula& f) {
  const size_t n = f.variables().size();
  if (n == 0 || n > 16)
    throw ValueError("quadratic", fmt::format("\"{}\" has {} variables, 1 to 16 are taken.", f.text(), n));
  const auto at = [&](const Tensor& x) { return f(unbind(x)); };
  const Tensor origin = zeros({static_cast<int64_t>(n)}, Dtype::f64);
  const NoGrad off;
  const Vector h = hessian(OneToOne(at), origin).to_vector<double>(),
               g = gradient(OneToOne(at), origin).to_vector<double>();
  std::vector<Vector> a(n, Vector(n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) a[i][j] = h[i * n + j] / 2;
  const double c = at(origin).item();
  const auto refuse = [&](const std::string& why) {
    throw ValueError("quadratic", "\"" + f.text() + "\" is no quadratic form: " + why + ".",
                     "it may have squares, products of two variables, and terms of first order.");
  };
  for (const double v : h)
    if (!std::isfinite(v)) refuse("its second derivatives at 0 are not finite");
  for (const double v : g)
    if (!std::isfinite(v)) refuse("its gradient at 0 is not finite");
  if (!std::isfinite(c)) refuse("its value at 0 is not finite");
  Quadratic q = quadratic_from(a, g, c);
  q.variables = f.variables();
  const RandomKey key{7, stream_name("quadratic")};
  for (uint64_t sample = 0; sample < 24; ++sample) {
    Vector x(n);
    double size = 1;
    for (size_t i = 0; i < n; ++i) {
      x[i] = key.normal(sample * n + i) * (sample % 3 == 0 ? 0.3 : sample % 3 == 1 ? 2 : 20);
      size = std::max(size, std::abs(x[i]));
    }
    const double is = at(from_vector(x)).item(), form = q.value(x);
    double scale = std::abs(c) + std::abs(form);
    for (const double v : q.a) scale += std::abs(v) * size * size;
    for (const double v : q.b) scale += std::abs(v) * size;
    if (!(std::abs(is - form) <= 1e-9 * scale)) {
      std::string place;
      for (size_t i = 0; i < n; ++i) place += fmt::format("{}{} = {:.4g}", i ? ", " : "", q.variables[i], x[i]);
      refuse(fmt::format("at {} it is {:.6g}, but its derivatives at 0 say {:.6g}", place, is, form));
    }
  }
  return q;
}

Quadratic quadratic_with_spectrum(int64_t n, double condition, uint64_t seed) {
  if (n < 1 || n > static_cast<int64_t>(kLargestForm))
    throw ValueError("quadratic", fmt::format("a size lies in [1, {}], got {}.", kLargestForm, n));
  if (!(condition >= 1) || !std::isfinite(condition))
    throw ValueError("quadratic", "a condition number is at least 1.");
  const NoGrad off;
  const RandomKey key{seed, stream_name("spectrum")};
  const Tensor turn = qr(random_normal({n, n}, key, 0, 1, Dtype::f64)).q;
  Vector halves;
  for (int64_t i = 0; i < n; ++i)
    halves.push_back(std::pow(condition, n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0) / 2);
  const Tensor a = matmul(turn * from_vector(halves), transpose(turn));
  const Vector flat = a.to_vector<double>();
  std::vector<Vector> rows;
  for (int64_t i = 0; i < n; ++i) rows.emplace_back(flat.begin() + i * n, flat.begin() + (i + 1) * n);
  return quadratic_from(rows, random_normal({n}, key.fold(1), 0, 1, Dtype::f64).to_vector<double>());
}

QuadraticReport examine(const Quadratic& q) {
  const NoGrad off;
  const size_t n = q.size();
  QuadraticReport r;
  const Eigen e = eigh(quadratic_matrix(q) * 2);
  r.eigenvalues = e.values.to_vector<double>();
  double widest = 0;
  for (const double v : r.eigenvalues) widest = std::max(widest, std::abs(v));
  const double zero = 1e-12 * static_cast<double>(n) * widest;
  const auto count = [&](auto&& test) {
    return static_cast<size_t>(std::count_if(r.eigenvalues.begin(), r.eigenvalues.end(), test));
  };
  const size_t up = count([&](double v) { return v > zero; }), down = count([&](double v) { return v < -zero; });
  r.kind = up == n              ? "positive definite"
           : down == n          ? "negative definite"
           : up > 0 && down > 0 ? "indefinite"
           : up > 0             ? "positive semidefinite"
           : down > 0           ? "negative semidefinite"
                                : "zero";
  for (const double v : r.eigenvalues)
    if (v > zero) {
      r.largest = std::max(r.largest, v);
      r.smallest = r.smallest == 0 ? v : std::min(r.smallest, v);
    }
  if (up > 0 && down == 0) r.condition = r.largest / r.smallest;
  if (down > 0) {
    r.why = "it falls without end along a direction of negative curvature";
    return r;
  }
  // x* = -sum (v_i . b / lambda_i) v_i; where lambda_i is 0, b must have no part
  const Vector vectors = e.vectors.to_vector<double>();  // in columns
  r.minimiser.assign(n, 0);
  const double length = norm2(q.b);
  for (size_t k = 0; k < n; ++k) {
    double part = 0;
    for (size_t i = 0; i < n; ++i) part += vectors[i * n + k] * q.b[i];
    if (r.eigenvalues[k] > zero) {
      for (size_t i = 0; i < n; ++i) r.minimiser[i] -= part / r.eigenvalues[k] * vectors[i * n + k];
    } else if (std::abs(part) > 1e-10 * std::max(length, widest)) {
      r.minimiser.clear();
      r.why = "b has a part along which there is no curvature: it falls without end there";
      return r;
    }
  }
  r.bounded = true;
  r.minimum = q.value(r.minimiser);
  return r;
}

}  // namespace gradus
