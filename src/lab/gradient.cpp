#include "lab/gradient.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/reduce.h"

namespace gradus {

namespace {

constexpr size_t kMostVariables = 16;

Tensors leaves(const std::vector<std::vector<double>>& values) {
  Tensors xs;
  for (const auto& v : values) {
    xs.push_back(from_vector(v));
    require_grad(xs.back());
  }
  return xs;
}

// The gradients of y's sum; zeros where it does not depend on a variable.
Tensors gradients_of(const Tensor& y, const Tensors& xs, BackwardOptions options) {
  if (!requires_grad(y)) {
    Tensors zeros;
    for (const Tensor& x : xs) zeros.push_back(zeros_like(x));
    return zeros;
  }
  Tensors d = grad({y}, xs, {ones_like(y)}, options);
  for (size_t i = 0; i < xs.size(); ++i)
    if (!d[i].defined()) d[i] = zeros_like(xs[i]);
  return d;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<double> point_of(const Formula& f, const std::vector<std::pair<std::string, double>>& at) {
  const std::vector<std::string>& names = f.variables();
  for (size_t i = 0; i < at.size(); ++i) {
    if (std::find(names.begin(), names.end(), at[i].first) == names.end())
      throw ValueError("gradient", "the formula has no variable \"" + at[i].first + "\".");
    for (size_t j = 0; j < i; ++j)
      if (at[i].first == at[j].first) throw ValueError("gradient", "\"" + at[i].first + "\" is given twice.");
  }
  std::vector<double> point;
  std::string missing;
  for (const std::string& name : names) {
    const auto given = std::find_if(at.begin(), at.end(), [&](const auto& a) { return a.first == name; });
    if (given == at.end())
      missing += (missing.empty() ? "" : ",") + name + "=1";
    else
      point.push_back(given->second);
  }
  if (!missing.empty())
    throw ValueError("gradient", "the formula's variables need values.", "give --at ...," + missing + ".");
  return point;
}

std::string written(const std::vector<std::string>& names, const std::vector<double>& point) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i] + " = " + std::to_string(point[i]);
  return text;
}

std::string kind_of(const std::vector<double>& eigenvalues) {
  const double largest = std::max(std::abs(eigenvalues.front()), std::abs(eigenvalues.back()));
  const double zero = 1e-10 * std::max(1.0, largest);
  const auto count = [&](auto&& test) { return std::count_if(eigenvalues.begin(), eigenvalues.end(), test); };
  const auto up = count([&](double l) { return l > zero; }), down = count([&](double l) { return l < -zero; });
  const auto n = static_cast<std::ptrdiff_t>(eigenvalues.size());
  if (up > 0 && down > 0) return "saddle point";
  return up == n ? "minimum" : down == n ? "maximum" : "flat";
}

}  // namespace

std::vector<double> symmetric_eigenvalues(std::vector<std::vector<double>> a) {
  const size_t n = a.size();
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        all += a[i][j] * a[i][j];
        if (i != j) off += a[i][j] * a[i][j];
      }
    if (!(off > 1e-30 * all)) break;
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) {
        if (a[p][q] == 0) continue;
        // The rotation by t = tan(angle) with |t| <= 1 that makes a_pq zero.
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::hypot(theta, 1));
        const double c = 1 / std::hypot(t, 1), s = t * c;
        for (size_t k = 0; k < n; ++k) {
          const double kp = a[k][p], kq = a[k][q];
          a[k][p] = c * kp - s * kq, a[k][q] = s * kp + c * kq;
        }
        for (size_t k = 0; k < n; ++k) {
          const double pk = a[p][k], qk = a[q][k];
          a[p][k] = c * pk - s * qk, a[q][k] = s * pk + c * qk;
        }
      }
  }
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) values.push_back(a[i][i]);
  std::sort(values.begin(), values.end());
  return values;
}

GradientField gradient_field(const Formula& f, const std::vector<std::vector<double>>& values) {
  const Tensors xs = leaves(values);
  const Tensor y = f(xs);
  GradientField field{y.to_vector<double>(), {}};
  for (const Tensor& d : gradients_of(y, xs, {})) field.gradients.push_back(d.to_vector<double>());
  return field;
}

GradientReport examine_gradient(const Formula& f, const std::vector<std::pair<std::string, double>>& at,
                                const std::vector<double>& direction) {
  GradientReport r;
  r.variables = f.variables();
  const size_t n = r.variables.size();
  if (n == 0) throw ValueError("gradient", "the formula \"" + f.text() + "\" has no variable.");
  if (n > kMostVariables)
    throw ValueError("gradient", "the formula has " + std::to_string(n) + " variables, at most " +
                                     std::to_string(kMostVariables) + " are taken.");
  r.point = point_of(f, at);
  if (!direction.empty() && direction.size() != n)
    throw ValueError("gradient", "the direction has " + std::to_string(direction.size()) + " numbers for " +
                                     std::to_string(n) + " variables.");

  std::vector<std::vector<double>> values;
  for (const double v : r.point) values.push_back({v});
  const Tensors xs = leaves(values);
  const Tensor y = f(xs);
  r.value = y.item();
  if (!std::isfinite(r.value))
    throw ValueError("gradient",
                     "\"" + f.text() + "\" is " + (std::isnan(r.value) ? "not a number" : "infinite") + " at " +
                         written(r.variables, r.point) + ".",
                     "choose a point where it has a finite value.");
  const Tensors first = gradients_of(y, xs, {.create_graph = true});
  for (const Tensor& d : first) r.gradient.push_back(d.item());
  for (const Tensor& d : first) {
    r.hessian.emplace_back();
    for (const Tensor& h : gradients_of(d, xs, {.retain_graph = true})) r.hessian.back().push_back(h.item());
  }
  r.gradient_norm = std::sqrt(dot(r.gradient, r.gradient));
  const bool finite = std::isfinite(r.gradient_norm);
  const auto finite_row = [](const std::vector<double>& row) {
    return std::all_of(row.begin(), row.end(), [](double v) { return std::isfinite(v); });
  };
  if (std::all_of(r.hessian.begin(), r.hessian.end(), finite_row)) r.eigenvalues = symmetric_eigenvalues(r.hessian);
  if (r.gradient_norm == 0 && !r.eigenvalues.empty()) r.kind = kind_of(r.eigenvalues);

  r.direction = direction.empty() ? r.gradient : direction;
  const double length = std::sqrt(dot(r.direction, r.direction));
  if (!direction.empty() && !(length > 0 && std::isfinite(length)))
    throw ValueError("gradient", "the direction must have a finite length above 0.");
  if (!(length > 0) || !finite) {
    r.smooth = finite;
    r.direction.clear();
    return r;
  }
  for (double& d : r.direction) d /= length;
  r.along = dot(r.gradient, r.direction);
  for (size_t i = 0; i < n; ++i) r.curvature_along += r.direction[i] * dot(r.hessian[i], r.direction);

  // (f(p + h u) - f(p)) / h and its mirror image, corrected by the curvature: an error of h^2.
  double scale = 1;
  for (const double p : r.point) scale = std::max(scale, std::abs(p));
  const double h = 1e-5 * scale;
  const auto value_at = [&](double t) {
    Tensors moved;
    for (size_t i = 0; i < n; ++i) moved.push_back(from_vector(std::vector<double>{r.point[i] + t * r.direction[i]}));
    return f(moved).item();
  };
  const double bend = std::isfinite(r.curvature_along) ? r.curvature_along * h / 2 : 0;
  r.forward = (value_at(h) - r.value) / h - bend;
  r.backward = (r.value - value_at(-h)) / h + bend;
  const double allowed = 1e-3 * std::max({1.0, std::abs(r.along), std::abs(r.curvature_along) * scale});
  r.smooth = std::abs(r.forward - r.along) <= allowed && std::abs(r.backward - r.along) <= allowed;
  return r;
}

}  // namespace gradus
